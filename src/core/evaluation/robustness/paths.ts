import type { TradingCalendar } from '../../domain/calendar.js';
import { type PathStatistics, pathStatistics } from '../../models/splits/index.js';
import { sessionAxis, sessionOfMarks, sessionReturns, sharpe } from '../metrics/index.js';
import { type Replay, rerun } from './replay.js';

/** Scores along one path of combinatorial folds: by instrument and bar, traded over ticks [from, to). */
export interface ScoredPath {
  readonly scores: readonly Float64Array[];
  readonly from: number;
  readonly to: number;
}

/** Growth of one unit of money along each path, at up to 240 sessions. */
export interface PathCurves {
  readonly dates: readonly string[];
  readonly growth: readonly (readonly number[])[];
}

export interface TradedPaths {
  readonly statistics: Readonly<Record<'total_return' | 'sharpe', PathStatistics>>;
  readonly curves: PathCurves;
}

const CURVE_POINTS = 240;

/**
 * Trades every path by the run's own strategy, fills and costs. `pause` is awaited before each.
 * @returns undefined where no path has a score
 */
export async function tradePaths(
  replay: Replay,
  all: readonly ScoredPath[],
  { calendar, cash, riskFree }: { calendar: TradingCalendar; cash: number; riskFree: number },
  pause: (done: number, total: number) => Promise<void>,
): Promise<TradedPaths | undefined> {
  const paths = all.filter(({ from, to }) => to - from > 1);
  if (paths.length === 0) return undefined;
  const traded: { readonly dates: readonly string[]; readonly growth: Float64Array; readonly sharpe: number }[] = [];
  for (const [p, { scores, from, to }] of paths.entries()) {
    await pause(p, paths.length);
    const { equity } = rerun({ ...replay, from, to }, { signals: { scores, measures: replay.signals.measures } });
    const axis = sessionAxis(calendar, equity.time);
    const sessions = sessionReturns(equity.equity, sessionOfMarks(equity.time, axis), axis.dates.length, cash);
    traded.push({
      dates: axis.dates,
      growth: sessions.equity.map((v) => v / cash),
      // A path that never trades has no ratio, and earns nothing.
      sharpe: sharpe(sessions.returns, axis.periodsPerYear, riskFree / axis.periodsPerYear) || 0,
    });
  }
  const { dates } = traded[0]!;
  const every = Math.max(1, Math.ceil(dates.length / CURVE_POINTS));
  const kept = (_: unknown, i: number) => i % every === 0 || i === dates.length - 1;
  // Paths whose first or last group has no scores cover other sessions: they cannot be drawn beside the others.
  const alike = traded.filter((one) => one.dates.length === dates.length && one.dates[0] === dates[0]);
  const over = (value: (one: (typeof traded)[number]) => number) => pathStatistics(Float64Array.from(traded, value));
  return {
    statistics: { total_return: over(({ growth }) => growth.at(-1)! - 1), sharpe: over((one) => one.sharpe) },
    curves: { dates: dates.filter(kept), growth: alike.map(({ growth }) => Array.from(growth.filter(kept))) },
  };
}
