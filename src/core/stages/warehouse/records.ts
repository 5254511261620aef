import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { EVENTS, EXECUTIONS, NEWS, REPORTS, type RecordTable, TRADES } from '../../data/stores/bigquery-records.js';
import { REPORT_FILE, type ReportDocument, reportSchema } from '../../evaluation/index.js';
import { EXIT_REASONS } from '../../market/index.js';
import { NewsStore } from '../../news/index.js';
import { canonicalJson, sha256 } from '../../platform/index.js';
import type { ParquetColumn } from '../../platform/parquet.js';
import { withJournal } from '../compose/journal.js';
import { openRun } from '../compose/run.js';
import { newsPath } from '../news.js';
import type { Runtime } from '../runtime.js';

export interface Records {
  readonly table: RecordTable;
  /** One array a column of the table. */
  readonly columns: Readonly<Record<string, ParquetColumn>>;
}

type Row = Readonly<Record<string, string | number>>;

/** Rows as the columns of a table; text that a row lacks is empty. */
function columnsOf(table: RecordTable, rows: readonly Row[]): Records {
  const columns: Record<string, ParquetColumn> = {};
  for (const { name, type } of table.layout.fields)
    columns[name] =
      type === 'STRING'
        ? rows.map((row) => String(row[name] ?? ''))
        : Float64Array.from(rows, (row) => Number(row[name] ?? Number.NaN));
  return { table, columns };
}

const hashed = (value: unknown): string => sha256(canonicalJson(value)).slice(0, 32);

/** None where there never were any: looking makes no file. */
async function storedNews({ workspace }: Runtime): Promise<readonly Row[]> {
  const path = newsPath(workspace);
  if (!existsSync(path)) return [];
  const store = await NewsStore.open(path);
  try {
    return (await store.all()).map(({ published, article, ...row }) => ({
      ...row,
      ...{ id: hashed([row.source, article, row.known_at, row.instrument]), time: published },
    }));
  } finally {
    await store.close();
  }
}

/** The workspace's news, trades and reports of its artefacts, executions and events of its journal. Damaged artefacts are named. */
export async function collectRecords(runtime: Runtime): Promise<readonly Records[]> {
  const { artifacts, logger } = runtime;
  const trades: Row[] = [];
  const ends = new Map<string, number>();
  for (const { id, path, problem } of await artifacts.list('run')) {
    runtime.signal.throwIfAborted();
    if (problem !== undefined) {
      logger.warn(`The run ${id} is left out: ${problem}.`);
      continue;
    }
    const { run, trades: t } = await openRun(await artifacts.open('run', path));
    ends.set(id, run.to);
    t.pnl.forEach((pnl, i) => {
      trades.push({
        ...{ id: `${id}/${i}`, run: id, instrument: run.instruments[t.instrument[i]!]!, pnl },
        ...{ side: t.side[i]! > 0 ? 'long' : 'short', quantity: t.quantity[i]!, bars_held: t.barsHeld[i]! },
        ...{ entry_time: t.entryTime[i]!, entry_price: t.entryPrice[i]!, exit_price: t.exitPrice[i]! },
        ...{ time: t.exitTime[i]!, gross_pnl: t.grossPnl[i]!, costs: t.costs[i]!, return: t.return[i]! },
        exit_reason: EXIT_REASONS[t.exitReason[i]!]!,
      });
    });
  }
  const reports: Row[] = [];
  for (const { id, path, problem } of await artifacts.list('report')) {
    if (problem !== undefined) {
      logger.warn(`The report ${id} is left out: ${problem}.`);
      continue;
    }
    const file = (await artifacts.open('report', path)).file(REPORT_FILE);
    const report: ReportDocument = reportSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    reports.push({
      ...{ id, run: report.run.id, strategy: report.run.strategy, gate: report.verdict.gate },
      ...{ time: ends.get(report.run.id) ?? 0, verdict: report.verdict.pass ? 'pass' : 'fail' },
      body: JSON.stringify(report),
    });
  }
  const journal = await withJournal(runtime, { events: [], executions: [] }, async (opened) => ({
    events: (await opened.events()).map(({ stream, sequence, type, time, body }): Row => {
      const event = { stream, sequence, type, time, body };
      return { id: hashed(event), ...event, body: JSON.stringify(body) };
    }),
    executions: (await opened.fills()).map(
      ({ void: _, clientOrderId, executionId, refersTo: __, ...fill }): Row => ({
        ...fill,
        ...{ id: hashed([fill.venue, fill.account, executionId]), client_order_id: clientOrderId },
      }),
    ),
  }));
  return [
    columnsOf(NEWS, await storedNews(runtime)),
    columnsOf(TRADES, trades),
    columnsOf(EXECUTIONS, journal.executions),
    columnsOf(EVENTS, journal.events),
    columnsOf(REPORTS, reports),
  ];
}
