import { randomBytes } from 'node:crypto';
import { link, unlink } from 'node:fs/promises';
import { QuantlineError } from '../errors/index.js';
import { storageError } from '../platform/files.js';
import type { Database, Sql } from './database.js';

/** One step forward. Versions are 1, 2, 3 …; a released step is never edited. */
export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

interface MetaRow {
  readonly value: string;
}

const META = 'CREATE TABLE IF NOT EXISTS quantline_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)';

/** Values of the `quantline_meta` table: kind and schema version of the database, and what its owner keeps there. */
export async function readMeta(sql: Sql, name: string): Promise<string | undefined> {
  return (await sql.get<MetaRow>('SELECT value FROM quantline_meta WHERE name = ?', [name]))?.value;
}

export async function writeMeta(sql: Sql, name: string, value: string): Promise<void> {
  await sql.run(
    'INSERT INTO quantline_meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    [name, value],
  );
}

/**
 * Brings a database to the newest version: all steps in one transaction that excludes other writers, after a copy
 * beside the file (`<file>.v<old>.backup`). A newer one, or one of another kind, is refused (STATE).
 */
export async function migrate(db: Database, kind: string, migrations: readonly Migration[]): Promise<void> {
  const newest = migrations.at(-1)?.version ?? 0;
  const current = await version(db, kind, newest);
  if (current === newest) return;
  if (current > 0) await keepCopy(db, current);
  await db.write(async (sql) => {
    await sql.run(META);
    const from = Number((await readMeta(sql, `${kind}_schema`)) ?? 0);
    for (const step of migrations) {
      if (step.version <= from) continue;
      for (const statement of step.statements) await sql.run(statement);
    }
    if (from < newest) await writeMeta(sql, `${kind}_schema`, String(newest));
  });
}

async function version(db: Database, kind: string, newest: number): Promise<number> {
  const rows = await db.write(async (sql) => {
    await sql.run(META);
    return sql.all<{ name: string; value: string }>(
      "SELECT name, value FROM quantline_meta WHERE name LIKE '%_schema'",
    );
  });
  const mine = rows.find((row) => row.name === `${kind}_schema`);
  // A server may hold both kinds; a file holds one.
  if (mine === undefined && rows[0] !== undefined && db.dialect === 'sqlite') {
    throw new QuantlineError('STATE', `${db.location} is a ${rows[0].name.replace('_schema', '')}, not a ${kind}.`, {
      hint: 'Name another file.',
    });
  }
  const current = Number(mine?.value ?? 0);
  if (current > newest) {
    throw new QuantlineError(
      'STATE',
      `The ${kind} was written by a newer version of Quantline (schema ${current}; this one knows ${newest}): ${db.location}`,
      { hint: 'Update Quantline, or name another file. Nothing was changed.' },
    );
  }
  return current;
}

async function keepCopy(db: Database, from: number): Promise<void> {
  if (db.backup === undefined) return;
  const final = `${db.location}.v${from}.backup`;
  const temporary = `${final}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  await db.backup(temporary);
  try {
    await link(temporary, final);
  } catch (error) {
    // Another process, or an earlier try, has kept the same state already.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw storageError(error, final);
  } finally {
    await unlink(temporary).catch(() => {});
  }
}
