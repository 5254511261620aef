import type { OpenDataset } from '../../data/dataset.js';
import { runBacktest } from '../../engine/backtest.js';
import { firstTickAt, type MarketFeed } from '../../engine/feed.js';
import { defaultThresholds } from '../../engine/strategy.js';
import { sessionAxis, sessionOfMarks, sessionReturns, sharpe } from '../../evaluation/index.js';
import { create as nextOpen } from '../../market/fills/next-open.js';
import { NO_COSTS, NO_SLIPPAGE } from '../../market/index.js';
import type { ScoreKind } from '../../models/model.js';
import type { TrainingRows } from '../../models/trainer.js';
import { returnCalendar } from './market.js';

const CASH = 100_000;

/** The score that asks for no position. */
export const neutral = (kind: ScoreKind): number => (kind === 'probability' ? 0.5 : 0);

/** Where a fold's scores can be traded. */
export interface FoldMarket {
  readonly dataset: OpenDataset;
  readonly feed: MarketFeed;
}

/** What a backtest of scores earns. */
export interface Money {
  readonly total_return: number;
  readonly sharpe: number;
}

/**
 * What scores of these rows (one a row, NaN = none) would have earned: a backtest over the bars from the first of them to
 * the last, long or flat by the default thresholds, equal parts, next-open fills, without costs. Flat on bars of no row.
 */
export function moneyOf(
  { dataset, feed }: FoldMarket,
  kind: ScoreKind,
  rows: TrainingRows,
  values: Float64Array,
): Money | undefined {
  const scores = feed.bars.map(({ time }) => new Float64Array(time.length).fill(neutral(kind)));
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (let r = 0; r < rows.rows; r++) {
    if (Number.isNaN(values[r]!)) continue;
    const j = rows.instrument[r]!;
    scores[j]![rows.at[r]! - rows.series.starts[j]!] = values[r]!;
    first = Math.min(first, rows.decided[r]!);
    last = Math.max(last, rows.decided[r]!);
  }
  if (!(last > first)) return undefined;
  const from = firstTickAt(feed, first);
  // One bar more: what was decided last fills there.
  const to = Math.min(feed.clock.length, firstTickAt(feed, last) + 2);
  const { equity } = runBacktest(
    feed,
    { scores, measures: undefined },
    {
      strategy: {
        thresholds: defaultThresholds(kind, false),
        sizing: { kind: 'equal', fraction: 1 },
        protection: undefined,
        timeStop: Number.POSITIVE_INFINITY,
        reentry: 'new-signal',
        policies: [],
      },
      venue: {
        ...{ cash: CASH, costs: NO_COSTS, slippage: NO_SLIPPAGE, fill: nextOpen({}), leverage: 1, allowShort: false },
      },
      rounding: { quantity: (_, quantity) => quantity, price: (_, price) => price },
      ...{ from, to, closeAtEnd: true },
    },
  );
  const axis = sessionAxis(returnCalendar(dataset), equity.time);
  const sessions = sessionReturns(equity.equity, sessionOfMarks(equity.time, axis), axis.dates.length, CASH);
  return {
    total_return: equity.equity.at(-1)! / CASH - 1,
    // A model that never trades has no ratio, and earns nothing.
    sharpe: sharpe(sessions.returns, axis.periodsPerYear) || 0,
  };
}
