import { stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { QuantlineError } from '../errors/index.js';
import { systemClock } from '../platform/clock.js';
import type { Database } from './database.js';
import { verifyChain } from './events.js';
import type { Journal } from './journal.js';
import { migrate } from './migrate.js';
import { JOURNAL_MIGRATIONS } from './sql/journal-schema.js';
import { openSqlite } from './sqlite.js';
import { SqlJournal } from './sqlJournal.js';

/** Newest events whose checksums are verified at every opening; `verify` checks all. */
const TAIL = 2000;

export const isServer = (location: string): boolean => /^postgres(?:ql)?:\/\//.test(location);

/** A file path, or a `postgres://` address. */
export async function openDatabase(location: string): Promise<Database> {
  if (!isServer(location)) return openSqlite(location);
  const { openPostgres } = await import('./postgres.js');
  return openPostgres(location);
}

/**
 * Opens a journal, creates it where there is none, migrates an older one. STATE where it is damaged or newer, STORAGE
 * where the disk does not allow it, UNAVAILABLE where a server does not answer.
 */
export async function openJournal(location: string): Promise<Journal> {
  if (!isServer(location)) await refuseEmptied(location);
  const db = await openDatabase(location);
  try {
    await db.check();
    await migrate(db, 'journal', JOURNAL_MIGRATIONS);
    await db.read(async (sql) => {
      const head = await sql.get<{ position: number }>('SELECT position FROM events ORDER BY position DESC LIMIT 1');
      await verifyChain(sql, db.location, Math.max(0, (head?.position ?? 0) - TAIL));
    });
  } catch (error) {
    await db.close();
    throw error;
  }
  return new SqlJournal(db);
}

/** Another process that makes the journal right now leaves it empty for some milliseconds. */
const MAKING_MS = 500;
const LOOK_MS = 10;

/** SQLite takes a file without a byte for a new database; ours are never left so: a disk or a person emptied it. */
async function refuseEmptied(location: string): Promise<void> {
  const size = async () => (await stat(location).catch(() => undefined))?.size;
  for (let waited = 0; (await size()) === 0; waited += LOOK_MS) {
    if (waited >= MAKING_MS)
      throw new QuantlineError('STATE', `The journal is an empty file: ${location}`, {
        hint: 'Restore a copy with `quantline journal restore`; remove the file only if nothing was ever traded here.',
        details: { path: location },
      });
    await systemClock.sleep(LOOK_MS);
  }
}

export type DiskKind = 'local' | 'memory' | 'network' | 'overlay' | 'server';

/** Magic numbers of Linux file systems, from statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, DiskKind>> = {
  16914836: 'memory',
  2240043254: 'memory',
  26985: 'network',
  20859: 'network',
  4283649346: 'network',
  4266872130: 'network',
  1702057286: 'network',
  16914839: 'network',
  1196443219: 'network',
  12805120: 'network',
  2035054128: 'overlay',
};

/** What a journal would lie on. FUSE counts as network, a container's own layers as overlay. */
export async function diskOf(location: string): Promise<DiskKind> {
  if (isServer(location)) return 'server';
  if (process.platform !== 'linux') return 'local';
  for (let folder = dirname(resolve(location)); ; folder = dirname(folder)) {
    try {
      return FILE_SYSTEMS[(await statfs(folder)).type] ?? 'local';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || folder === dirname(folder)) throw error;
    }
  }
}

/** Refuses a journal that a restart or a second machine would lose; for real venues. */
export async function requireDurableDisk(location: string): Promise<void> {
  const kind = await diskOf(location);
  if (kind === 'local' || kind === 'server') return;
  const where = { memory: 'in memory', network: 'on a network disk', overlay: "on a container's own layer" }[kind];
  throw new QuantlineError('STATE', `The journal lies ${where}, which a real venue does not allow: ${location}`, {
    hint: 'Name a local disk that survives restarts, or a PostgreSQL server (QUANTLINE_JOURNAL=postgres://…).',
    details: { path: location, disk: kind },
  });
}
