import { existsSync } from 'node:fs';
import { copyFile, open, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { storageError } from '../platform/files.js';
import type { Database, Sql } from './database.js';
import { type EventRow, verifyChain } from './events.js';
import { isServer, openDatabase, openJournal } from './open.js';
import { rebuildTables } from './rebuild.js';
import { PROJECTIONS } from './sql/journal-schema.js';

/** What can be exported: the events, which are the truth, and the tables that follow from them. */
export const JOURNAL_TABLES = ['events', ...PROJECTIONS] as const;
export type JournalTable = (typeof JOURNAL_TABLES)[number];
export type JournalRow = Readonly<Record<string, string | number | null>>;

/** Order in which rows are told, so that two exports of one journal are equal. */
const ORDER: Readonly<Record<JournalTable, string>> = {
  events: 'position',
  decisions: 'venue, account, strategy, slot',
  orders: 'position, ordinal',
  fills: 'position',
  positions: 'venue, account, strategy, instrument',
  corporate_actions: 'position',
  states: 'venue, account, strategy',
  cursors: 'venue, account, strategy',
  sessions: 'venue, account, strategy, session',
};

async function withDatabase<T>(location: string, use: (db: Database) => Promise<T>): Promise<T> {
  // Opened as a journal first: created never, migrated where it is older, refused where it is newer or damaged.
  await (await openJournal(location)).close();
  const db = await openDatabase(location);
  try {
    return await use(db);
  } finally {
    await db.close();
  }
}

/** All rows of a table, in a fixed order. */
export const readTable = (location: string, table: JournalTable): Promise<readonly JournalRow[]> =>
  withDatabase(location, (db) =>
    db.read((sql) => sql.all<JournalRow>(`SELECT * FROM ${table} ORDER BY ${ORDER[table]}`)),
  );

/**
 * Copies a journal to a new file while it is in use: a SQLite file as such, a server's events as lines of JSON. Either can
 * be restored. Returns the number of events; STORAGE where the file exists.
 */
export async function backupJournal(location: string, file: string): Promise<number> {
  if (existsSync(file)) {
    throw new QuantlineError('STORAGE', `The copy is not written over what is there: ${resolve(file)}`, {
      hint: 'Name a file that does not exist yet.',
    });
  }
  if (isServer(location)) {
    const events = await readTable(location, 'events');
    await written(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    return events.length;
  }
  const journal = await openJournal(location);
  try {
    await journal.backup(file);
  } finally {
    await journal.close();
  }
  return verified(file);
}

async function written(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw storageError(error, file);
  }
}

/** Checks every event of a journal and that its tables follow from them. */
async function verified(location: string): Promise<number> {
  const journal = await openJournal(location);
  try {
    return (await journal.verify()).events;
  } finally {
    await journal.close();
  }
}

/**
 * Puts a copy in a journal's place, checked whole before anything is moved. A journal file that is there is kept beside it
 * under the name that is returned; a server has to be empty.
 */
export async function restoreJournal(
  copy: string,
  location: string,
  suffix: string,
): Promise<{ readonly events: number; readonly kept: string | undefined }> {
  if (isServer(location)) {
    await withDatabase(location, (db) => importEvents(db, copy));
    return { events: await verified(location), kept: undefined };
  }
  const temporary = `${location}.restore-${suffix}`;
  try {
    if (await isSqlite(copy)) await copyFile(copy, temporary);
    else await withDatabase(temporary, (db) => importEvents(db, copy));
    const events = await verified(temporary);
    const kept = existsSync(location) ? `${location}.replaced-${suffix}` : undefined;
    if (kept !== undefined) {
      // The log beside the file belongs to it.
      for (const end of ['', '-wal', '-shm']) if (existsSync(location + end)) await rename(location + end, kept + end);
    }
    await rename(temporary, location);
    return { events, kept };
  } catch (error) {
    if (!isQuantlineError(error) || error.code !== 'STATE') throw storageError(error, location);
    throw new QuantlineError('STATE', error.message.replaceAll(temporary, copy), {
      hint: 'Name another copy; the journal is as it was.',
      details: { path: copy },
      cause: error,
    });
  } finally {
    for (const end of ['', '-wal', '-shm']) await unlink(temporary + end).catch(() => {});
  }
}

async function isSqlite(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(15), 0, 15, 0);
      return buffer.toString('latin1', 0, bytesRead) === 'SQLite format 3';
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw storageError(error, file);
  }
}

/** Events from lines of JSON into an empty journal; their chain is checked, and the tables are computed from them. */
async function importEvents(db: Database, file: string): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  // Every journal that has traded has events: a copy without any was cut off.
  if (lines.length === 0) throw new QuantlineError('INPUT', `${file} holds no events.`, { hint: 'Name another copy.' });
  await db.write(async (sql) => {
    const known = await sql.get<{ n: number }>('SELECT COUNT(*) AS n FROM events');
    if ((known?.n ?? 0) > 0) {
      throw new QuantlineError('STATE', `The journal at ${db.location} is not empty.`, {
        hint: 'Restore into an empty database, and point QUANTLINE_JOURNAL to it.',
      });
    }
    for (const [i, line] of lines.entries()) await insertEvent(sql, parseLine(line, file, i + 1));
    await verifyChain(sql, file);
    await rebuildTables(sql);
  });
}

function parseLine(line: string, file: string, number: number): EventRow {
  try {
    const row = JSON.parse(line) as EventRow;
    if (typeof row.position === 'number' && typeof row.checksum === 'string') return row;
  } catch {}
  throw new QuantlineError('INPUT', `${file}, line ${number}: this is no event of a journal.`, {
    hint: 'Name a file that `quantline journal backup` wrote.',
  });
}

async function insertEvent(sql: Sql, row: EventRow): Promise<void> {
  const { position, stream, sequence, type, time, body, checksum } = row;
  await sql.run(
    'INSERT INTO events (position, stream, sequence, type, time, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)',
    [position, stream, sequence, type, time, body, checksum],
  );
}
