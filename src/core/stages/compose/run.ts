import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Artifact } from '../../artifacts/index.js';
import { INTERVALS } from '../../domain/interval.js';
import { ORDER_STATUSES } from '../../domain/orders.js';
import { accountColumns } from '../../engine/account.js';
import type { BacktestResult, EquityColumns } from '../../engine/backtest.js';
import type { MarketFeed } from '../../engine/feed.js';
import { LEGS, ORDER_TYPES } from '../../engine/order-log.js';
import type { FillColumns, FlowColumns } from '../../engine/recorder.js';
import { QuantlineError } from '../../errors/index.js';
import { EXIT_REASONS, FLOW_KINDS, type TradeColumns } from '../../market/index.js';
import { type ParquetColumns, readParquet, writeParquet } from '../../platform/parquet.js';
import { detailSchema } from './detail.js';
import { strategySettingsSchema } from './strategy.js';

export const RUN_FILE = 'run.json';

/** Payload `run.json`: what was run, and the totals. The columns are Parquet files beside it. */
export const runFileSchema = z.strictObject({
  schema: z.literal(1),
  strategy: strategySettingsSchema,
  scoreKind: z.enum(['position', 'target', 'probability', 'return']),
  interval: z.enum(INTERVALS),
  scope: z.enum(['regular', 'extended']),
  instruments: z.array(z.string()),
  /** Calendar of the session returns. */
  calendar: z.enum(['XNYS', '24/7']),
  /** Clock instants of the first and the last tick that was traded. */
  from: z.number(),
  to: z.number(),
  inSample: z.boolean(),
  seed: z.number(),
  initialEquity: z.number(),
  finalEquity: z.number(),
  costs: z.number(),
  tradedValue: z.number(),
  largestShare: z.number(),
  /** Finer bars that told the path inside bars: bars in which something could fill, and how many of them had it. */
  detail: detailSchema.extend({ bars: z.number(), detailed: z.number() }).nullable().default(null),
  halted: z.boolean(),
  /** The live order that realises the fill model; null: there is none. */
  liveOrder: z.string().nullable(),
});
export type RunFile = z.output<typeof runFileSchema>;

/** One order as it ended. Prices and quantities are null where it had none. */
export interface OrderRow {
  readonly sequence: number;
  readonly instrument: string;
  readonly time: number;
  readonly side: 'buy' | 'sell';
  readonly leg: string;
  readonly type: string;
  readonly status: string;
  readonly quantity: number;
  readonly notional: number;
  readonly limitPrice: number;
  readonly stopPrice: number;
  readonly filled: number;
  readonly averagePrice: number;
  readonly costs: number;
  readonly note: string;
}

/** A run without its columns: what it takes to run it again or to trade it. */
export interface RunHead {
  readonly artifact: Artifact;
  readonly run: RunFile;
}

export interface OpenRun extends RunHead {
  readonly equity: EquityColumns & { readonly cash: Float64Array; readonly gross: Float64Array };
  readonly trades: TradeColumns;
  readonly fills: FillColumns;
  readonly flows: FlowColumns;
  readonly orders: readonly OrderRow[];
}

/** Writes the payload of a run into `folder`. */
export async function writeRun(
  folder: string,
  file: RunFile,
  feed: MarketFeed,
  result: BacktestResult,
  ticks: { readonly from: number; readonly to: number },
): Promise<void> {
  const { time, equity } = result.equity;
  const { flows } = result;
  const account = accountColumns(feed, result.fills, flows, file.initialEquity, ticks.from, ticks.to);
  const write = (name: string, columns: ParquetColumns) => writeParquet(join(folder, name), columns);
  await write('equity.parquet', { time, equity, ...account });
  const names = file.instruments;
  const text = (column: Float64Array, f: (x: number) => string) => Array.from(column, f);
  const { trades, fills } = result;
  await write('trades.parquet', {
    instrument: text(trades.instrument, (j) => names[j]!),
    side: text(trades.side, (side) => (side > 0 ? 'long' : 'short')),
    quantity: trades.quantity,
    entry_time: trades.entryTime,
    entry_price: trades.entryPrice,
    exit_time: trades.exitTime,
    exit_price: trades.exitPrice,
    gross_pnl: trades.grossPnl,
    costs: trades.costs,
    carry: trades.carry,
    pnl: trades.pnl,
    return: trades.return,
    bars_held: trades.barsHeld,
    exit_reason: text(trades.exitReason, (code) => EXIT_REASONS[code]!),
  });
  await write('fills.parquet', {
    order: fills.order,
    instrument: text(fills.instrument, (j) => names[j]!),
    time: fills.time,
    known: fills.known,
    side: text(fills.side, (side) => (side > 0 ? 'buy' : 'sell')),
    leg: text(fills.leg, (leg) => LEGS[leg]!),
    price: fills.price,
    quantity: fills.quantity,
    costs: fills.costs,
    share: fills.share,
  });
  await write('flows.parquet', {
    // Interest belongs to no instrument.
    instrument: text(flows.instrument, (j) => names[j] ?? ''),
    known: flows.known,
    kind: text(flows.kind, (kind) => FLOW_KINDS[kind]!),
    cash: flows.cash,
    units: flows.units,
    price_factor: flows.priceFactor,
  });
  const { orders } = result;
  await write('orders.parquet', {
    sequence: orders.side.map((_, i) => i + 1),
    instrument: text(orders.instrument, (j) => names[j]!),
    time: orders.submitted,
    side: text(orders.side, (side) => (side > 0 ? 'buy' : 'sell')),
    leg: text(orders.leg, (leg) => LEGS[leg]!),
    type: text(orders.type, (type) => ORDER_TYPES[type]!),
    status: text(orders.status, (status) => ORDER_STATUSES[status]!),
    quantity: orders.quantity,
    notional: orders.notional,
    limit_price: orders.limitPrice,
    stop_price: orders.stopPrice,
    filled: orders.filled,
    average_price: orders.filled.map((filled, i) => (filled > 0 ? orders.filledValue[i]! / filled : Number.NaN)),
    costs: orders.costs,
    note: text(orders.note, (note) => orders.notes[note]!),
  });
  await writeFile(join(folder, RUN_FILE), `${JSON.stringify(file, null, 1)}\n`);
}

/** What was run and the totals, without the columns. */
export async function readRunFile(artifact: Artifact): Promise<RunFile> {
  const parsed = runFileSchema.safeParse(JSON.parse(await readFile(artifact.file(RUN_FILE), 'utf8')));
  if (!parsed.success) {
    throw new QuantlineError('ARTIFACT_CORRUPT', `The run does not follow its schema: ${artifact.path}`, {
      hint: 'Run the backtest again.',
      cause: parsed.error,
    });
  }
  return parsed.data;
}

export const openRunHead = async (artifact: Artifact): Promise<RunHead> => ({
  artifact,
  run: await readRunFile(artifact),
});

/** Reads a verified run artefact back. */
export async function openRun(artifact: Artifact): Promise<OpenRun> {
  const run = await readRunFile(artifact);
  const index = new Map(run.instruments.map((name, j) => [name, j]));
  const [equity, trades, fills, flows, orders] = await Promise.all(
    ['equity', 'trades', 'fills', 'flows', 'orders'].map((name) => readParquet(artifact.file(`${name}.parquet`))),
  );
  const numbers = (table: ParquetColumns, name: string) => table[name] as Float64Array;
  const codes = (table: ParquetColumns, name: string, code: (text: string) => number) =>
    Float64Array.from(table[name] as readonly string[], code);
  const instrument = (text: string) => index.get(text)!;
  const t = trades!;
  const f = fills!;
  const w = flows!;
  return {
    artifact,
    run,
    equity: {
      time: numbers(equity!, 'time'),
      equity: numbers(equity!, 'equity'),
      cash: numbers(equity!, 'cash'),
      gross: numbers(equity!, 'gross'),
    },
    trades: {
      instrument: codes(t, 'instrument', instrument),
      side: codes(t, 'side', (text) => (text === 'long' ? 1 : -1)),
      quantity: numbers(t, 'quantity'),
      entryTime: numbers(t, 'entry_time'),
      entryPrice: numbers(t, 'entry_price'),
      exitTime: numbers(t, 'exit_time'),
      exitPrice: numbers(t, 'exit_price'),
      grossPnl: numbers(t, 'gross_pnl'),
      costs: numbers(t, 'costs'),
      carry: numbers(t, 'carry'),
      pnl: numbers(t, 'pnl'),
      return: numbers(t, 'return'),
      barsHeld: numbers(t, 'bars_held'),
      exitReason: codes(t, 'exit_reason', (text) => EXIT_REASONS.indexOf(text as (typeof EXIT_REASONS)[number])),
    },
    fills: {
      order: numbers(f, 'order'),
      instrument: codes(f, 'instrument', instrument),
      time: numbers(f, 'time'),
      known: numbers(f, 'known'),
      side: codes(f, 'side', (text) => (text === 'buy' ? 1 : -1)),
      leg: codes(f, 'leg', (text) => LEGS.indexOf(text as (typeof LEGS)[number])),
      price: numbers(f, 'price'),
      quantity: numbers(f, 'quantity'),
      costs: numbers(f, 'costs'),
      share: numbers(f, 'share'),
    },
    flows: {
      instrument: codes(w, 'instrument', (text) => index.get(text) ?? -1),
      known: numbers(w, 'known'),
      kind: codes(w, 'kind', (text) => FLOW_KINDS.indexOf(text as (typeof FLOW_KINDS)[number])),
      cash: numbers(w, 'cash'),
      units: numbers(w, 'units'),
      priceFactor: numbers(w, 'price_factor'),
    },
    orders: orderRows(orders!),
  };
}

function orderRows(table: ParquetColumns): OrderRow[] {
  const n = (name: string, i: number) => (table[name] as Float64Array)[i]!;
  const s = (name: string, i: number) => (table[name] as readonly string[])[i]!;
  return Array.from({ length: (table['sequence'] as Float64Array).length }, (_, i) => ({
    sequence: n('sequence', i),
    instrument: s('instrument', i),
    time: n('time', i),
    side: s('side', i) as 'buy' | 'sell',
    leg: s('leg', i),
    type: s('type', i),
    status: s('status', i),
    quantity: n('quantity', i),
    notional: n('notional', i),
    limitPrice: n('limit_price', i),
    stopPrice: n('stop_price', i),
    filled: n('filled', i),
    averagePrice: n('average_price', i),
    costs: n('costs', i),
    note: s('note', i),
  }));
}
