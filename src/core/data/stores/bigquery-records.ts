import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Field, Instant, type TableLayout, type Warehouse } from '../../clients/google/index.js';
import { isoTime, sha256 } from '../../platform/index.js';
import { type ParquetColumns, writeParquet } from '../../platform/parquet.js';

/**
 * Tables of records beside bars: news, trades of runs, executions and events of the journal, reports. A record has an id that
 * follows from what it is, and never changes: putting it again changes nothing.
 */
export interface RecordTable {
  readonly name: string;
  readonly layout: TableLayout;
}

const texts = (...names: string[]): Field[] => names.map((name) => ({ name, type: 'STRING' }));
const numbers = (...names: string[]): Field[] => names.map((name) => ({ name, type: 'FLOAT64' }));
const times = (...names: string[]): Field[] => names.map((name) => ({ name, type: 'TIMESTAMP' }));
const key: Field[] = [
  { name: 'id', type: 'STRING', required: true },
  { name: 'time', type: 'TIMESTAMP', required: true },
];
export const recordTable = (name: string, fields: readonly Field[], clusterBy: readonly string[]): RecordTable => ({
  name,
  layout: { fields: [...key, ...fields], partitionBy: 'time', clusterBy },
});

/**
 * News, a row an article and instrument; `time` is when it says that it was published, `known_at` from when on a decision
 * may use it, `value` the score of `scorer`.
 */
export const NEWS = recordTable(
  'news',
  [...times('known_at'), ...texts('source', 'instrument', 'headline', 'body', 'url', 'scorer'), ...numbers('value')],
  ['instrument', 'known_at'],
);

/** Trades of backtests; `time` is the exit's. */
export const TRADES = recordTable(
  'trades',
  [
    ...texts('run', 'instrument', 'side', 'exit_reason'),
    ...times('entry_time'),
    ...numbers('quantity', 'entry_price', 'exit_price', 'gross_pnl', 'costs', 'pnl', 'return', 'bars_held'),
  ],
  ['run', 'instrument'],
);

/** Executions at venues. Quantities and prices are the venue's own text. */
export const EXECUTIONS = recordTable(
  'executions',
  texts('venue', 'account', 'strategy', 'instrument', 'side', 'kind', 'client_order_id', 'quantity', 'price', 'costs'),
  ['strategy', 'instrument'],
);

/** The journal's events; the truth from which everything else in it follows. */
export const EVENTS = recordTable(
  'journal_events',
  [...texts('stream', 'type', 'body'), ...numbers('sequence')],
  ['stream'],
);

/** Reports; `time` is the last session that their run traded. */
export const REPORTS = recordTable('reports', texts('run', 'strategy', 'gate', 'verdict', 'body'), ['strategy']);

/** All of them; `store init` makes them. */
export const RECORD_TABLES = [NEWS, TRADES, EXECUTIONS, EVENTS, REPORTS] as const;

const mergeStatement = ({ name, layout }: RecordTable, staging: string): string => {
  const columns = layout.fields.map((field) => `\`${field.name}\``).join(', ');
  const values = layout.fields.map((field) => `S.\`${field.name}\``).join(', ');
  return `
MERGE ${name} T USING ${staging} S
ON T.id = S.id AND T.time BETWEEN @lo AND @hi
WHEN NOT MATCHED THEN INSERT (${columns}) VALUES (${values})`;
};

/** Label of a table that names what was put last. */
const LABEL = 'quantline_content';

/**
 * Puts records (one array a column; times as epoch ms) that the table does not have yet: a free load and one MERGE. The
 * same records once more cost nothing. Returns whether anything had to be done.
 */
export async function putRecords(
  warehouse: Warehouse,
  now: number,
  target: RecordTable,
  columns: ParquetColumns,
): Promise<boolean> {
  await warehouse.ensureTable(target.name, target.layout, now);
  const time = columns['time'] as Float64Array;
  if (time.length === 0) return false;
  const content = sha256((columns['id'] as readonly string[]).join('\n')).slice(0, 16);
  if ((await warehouse.label(target.name, LABEL)) === content) return false;
  const id = `${content}_${isoTime(now).slice(0, 10).replaceAll('-', '')}`;
  const staging = `staging_${target.name}_${id}`;
  const folder = await mkdtemp(join(tmpdir(), 'quantline-load-'));
  try {
    const path = join(folder, 'records.parquet');
    const timestamps = target.layout.fields.filter(({ type }) => type === 'TIMESTAMP').map(({ name }) => name);
    await writeParquet(path, columns, { timestamps });
    await warehouse.ensureTable(staging, { fields: target.layout.fields, expiresInDays: 1 }, now);
    await warehouse.loadParquet(staging, path, `quantline_${target.name}_${id}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  let [lo, hi] = [time[0]!, time[0]!];
  for (const t of time) {
    lo = Math.min(lo, t);
    hi = Math.max(hi, t);
  }
  await warehouse.query(mergeStatement(target, staging), { lo: new Instant(lo), hi: new Instant(hi) });
  await warehouse.setLabel(target.name, LABEL, content);
  return true;
}
