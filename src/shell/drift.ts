import type { TradedOrder } from '../core/evaluation/index.js';
import { isoTime } from '../core/platform/index.js';
import type { DriftResult } from '../core/stages/drift.js';
import type { Outcome } from './base.js';
import { decimalsOf } from './columns.js';
import { render } from './output.js';
import { count, rowsTable } from './series.js';

const COLUMNS = [
  ...['time', 'instrument', 'leg', 'side', 'outcome', 'expected_quantity', 'quantity', 'expected_price', 'price'],
  ...['slippage', 'cost'],
];

/** What `evaluate --live` prints: the trades that differ for people, all of them for machines. */
export async function driftOutcome(result: DriftResult): Promise<Outcome> {
  const { scope, sources, slots, figures, verdict, exit } = result;
  const trades = result.trades.map(({ instrument, leg, side, expected, actual, slippage, cost }) => ({
    time: isoTime((actual ?? expected)!.time),
    ...{ instrument, leg, side: side > 0 ? 'buy' : 'sell' },
    outcome: actual === undefined ? 'missing' : expected === undefined ? 'extra' : 'matched',
    ...numbers('expected_', expected),
    ...numbers('', actual),
    slippage: orNull(slippage),
    cost: orNull(cost),
  }));
  const document = {
    ...{ strategy: scope.strategy, venue: scope.venue, account: scope.account, sources },
    ...{ from: isoTime(result.from), to: isoTime(result.to), slots },
    missed_slots: result.missed.map(isoTime),
    ...{ figures, verdict, trades },
  };
  const differ = trades.filter((_, i) => differs(result.trades[i]!));
  const lines = [
    `${count(slots, 'slot')} from ${document.from} to ${document.to}, ${trades.length} trades, ${differ.length} of them differ`,
    ...Object.entries(figures).map(([name, value]) => `${name} ${value === null ? '-' : Number(value.toFixed(6))}`),
    ...(result.missed.length > 0 ? [`missed: ${document.missed_slots.slice(0, 10).join(', ')}`] : []),
    `${verdict.gate}: ${verdict.pass ? 'pass' : `fail (${verdict.failed.join(', ')})`}`,
  ];
  const decimals = Object.fromEntries(
    COLUMNS.map((name) => [name, decimalsOf(differ.map((row) => row[name as never]))]),
  );
  const text = differ.length === 0 ? '' : await render({ ...rowsTable(COLUMNS, differ), decimals }, 'table');
  return { text, json: document, summary: lines.join('\n'), exit };
}

/** Sums of the two in another order differ in their last digits: that is no difference. */
const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

const differs = ({ expected, actual }: DriftResult['trades'][number]): boolean =>
  expected === undefined ||
  actual === undefined ||
  !(['quantity', 'price', 'costs'] as const).every((name) => isNear(expected[name], actual[name]));

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

const numbers = (prefix: string, order: TradedOrder | undefined) => ({
  [`${prefix}quantity`]: order?.quantity ?? null,
  [`${prefix}price`]: order?.price ?? null,
  [`${prefix}costs`]: order?.costs ?? null,
});
