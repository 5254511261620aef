import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { JournalExportOptions } from '../config/index.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { isoTime, writeFileAtomic } from '../platform/index.js';
import { writeParquet } from '../platform/parquet.js';
import {
  backupJournal,
  isServer,
  type JournalRow,
  openJournal,
  readTable,
  restoreJournal,
  streamOf,
} from '../state/index.js';
import { hasJournal } from './compose/journal.js';
import type { Runtime } from './runtime.js';

/** `2026-11-28T03-00-00Z`: for file names. */
const stamp = (time: number): string =>
  isoTime(time)
    .replaceAll(':', '-')
    .replace(/\..*Z$/, 'Z');

function requireJournal(runtime: Runtime): void {
  if (hasJournal(runtime)) return;
  throw new QuantlineError('NO_DATA', `There is no journal at ${runtime.journal}.`, {
    hint: 'Nothing has traded in this workspace; check --workspace and --journal.',
  });
}

/** `quantline journal backup`: a consistent copy while others write. Returns its path. */
export async function journalBackup(
  out: string | undefined,
  runtime: Runtime,
): Promise<{ path: string; events: number }> {
  requireJournal(runtime);
  const ending = isServer(runtime.journal) ? 'ndjson' : 'sqlite';
  const name = `journal-${stamp(runtime.clock.now())}.${ending}`;
  const path = resolve(out ?? join(runtime.workspace, 'journal', 'backups', name));
  await mkdir(dirname(path), { recursive: true });
  return { path, events: await backupJournal(runtime.journal, path) };
}

/** `quantline journal restore`: refused while somebody has the right to trade, and over a journal without `overwrite`; a server's is never replaced. */
export async function journalRestore(
  copy: string,
  overwrite: boolean,
  runtime: Runtime,
): Promise<{ path: string; events: number; kept: string | undefined }> {
  if (!existsSync(copy))
    throw new QuantlineError('INPUT', `There is no file ${resolve(copy)}.`, { hint: 'Name a backup.' });
  if (overwrite && isServer(runtime.journal)) {
    throw new QuantlineError('USAGE', '--overwrite replaces a journal that is a file; this one is on a server.', {
      hint: 'Create an empty database, restore into it with --journal postgres://…/<its name> and without --overwrite, then trade with that; what is there stays as it is.',
    });
  }
  if (hasJournal(runtime)) {
    await refuseWhileTrading(runtime);
    if (!overwrite && !isServer(runtime.journal)) {
      throw new QuantlineError('STATE', `A journal is there: ${runtime.journal}`, {
        hint: 'Add --overwrite to put the copy in its place; what is there is kept beside it.',
      });
    }
  }
  if (!isServer(runtime.journal)) await mkdir(dirname(runtime.journal), { recursive: true });
  const { events, kept } = await restoreJournal(copy, runtime.journal, stamp(runtime.clock.now()));
  return { path: runtime.journal, events, kept };
}

async function refuseWhileTrading(runtime: Runtime): Promise<void> {
  let journal: Awaited<ReturnType<typeof openJournal>>;
  try {
    journal = await openJournal(runtime.journal);
  } catch (error) {
    // A damaged journal is what a copy is for; nobody can trade with it.
    if (isQuantlineError(error) && error.code === 'STATE') return;
    throw error;
  }
  try {
    for (const scope of await journal.scopes()) {
      const holder = await journal.leaseHolder(streamOf(scope), runtime.clock.now());
      if (holder === undefined) continue;
      throw new QuantlineError('STATE', `${scope.strategy} at ${scope.venue} is being traded by ${holder.owner}.`, {
        hint: 'Stop it first; `quantline status` shows who runs.',
        details: { reason: 'lease_held', strategy: scope.strategy },
      });
    }
  } finally {
    await journal.close();
  }
}

/** `quantline journal verify`: every event, and that the tables follow from them; `rebuild` computes these anew first. */
export async function journalVerify(rebuild: boolean, runtime: Runtime): Promise<number> {
  requireJournal(runtime);
  if (rebuild) await refuseWhileTrading(runtime);
  const journal = await openJournal(runtime.journal);
  try {
    if (rebuild) await journal.rebuild();
    return (await journal.verify()).events;
  } finally {
    await journal.close();
  }
}

export interface JournalExport {
  readonly rows: readonly JournalRow[];
  /** The file that was written, with --out. */
  readonly path: string | undefined;
}

/** `quantline journal export`: events or a table, as lines of JSON, CSV or Parquet. */
export async function journalExport(options: JournalExportOptions, runtime: Runtime): Promise<JournalExport> {
  requireJournal(runtime);
  const rows = await readTable(runtime.journal, options.table);
  if (options.out === undefined) {
    if (options.as !== 'parquet') return { rows, path: undefined };
    throw new QuantlineError('USAGE', 'Parquet goes into a file.', { hint: 'Add --out file.parquet.' });
  }
  const path = resolve(options.out);
  await mkdir(dirname(path), { recursive: true });
  if (options.as === 'parquet') await writeParquet(path, columnsOf(rows));
  else await writeFileAtomic(path, exportText(rows, options.as), { mode: 0o600 });
  return { rows, path };
}

/** Lines of JSON, or CSV (RFC 4180) with a header line. Ends with a newline unless it is empty. */
export function exportText(rows: readonly JournalRow[], format: 'ndjson' | 'csv'): string {
  if (format === 'ndjson') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  if (rows.length === 0) return '';
  const names = Object.keys(rows[0]!);
  const quote = (value: string | number | null) => {
    const text = value === null ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [names, ...rows.map((row) => names.map((name) => row[name]!))]
    .map((cells) => `${cells.map(quote).join(',')}\n`)
    .join('');
}

/** Numbers as doubles (NaN where there is none), everything else as text ('' where there is none). */
function columnsOf(rows: readonly JournalRow[]): Record<string, Float64Array | string[]> {
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const values = rows.map((row) => row[name] ?? null);
      const numeric = values.some((value) => typeof value === 'number') && values.every((v) => typeof v !== 'string');
      return [
        name,
        numeric
          ? Float64Array.from(values, (v) => (v === null ? Number.NaN : Number(v)))
          : values.map((v) => String(v ?? '')),
      ];
    }),
  );
}
