import type { BarColumns, CorporateAction } from '../../domain/bars.js';
import type { TradingCalendar } from '../../domain/calendar.js';
import { intervalMs, isSessionInterval } from '../../domain/interval.js';
import type { QuantlineError } from '../../errors/index.js';
import type { MarketTick } from '../../execution/index.js';
import type { BarPath } from '../../market/index.js';
import type { InStep } from '../aim.js';

/** One bar of one instrument as it became known. */
export interface TickBar {
  /** Index in the instrument's series. */
  readonly index: number;
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** As in `Candle`, where the fills of the run depend on it. */
  readonly spread?: number;
  /** Nothing was traded in it, although the series counts volume. */
  readonly halted?: true;
  /** As in `MarketTick`. */
  readonly path?: BarPath;
}

/** One clock instant of the market with everything decide needs; arrays are parallel to the instruments. */
export interface LiveTick {
  /** The slot: the instant at which its newest bars became known. */
  readonly time: number;
  /** Grows with each session. */
  readonly session: number;
  /** Corporate actions that come into force before its bars. */
  readonly actions?: readonly CorporateAction[];
  /** undefined: the instrument has no bar at this instant. */
  readonly bars: readonly (TickBar | undefined)[];
  readonly scores: readonly number[];
  readonly measures: readonly number[];
  /** Wall-clock instant after which its decision is stale. */
  readonly validUntil: number;
  /** Why nothing may be decided on these bars: one is late or not whole. */
  readonly problem?: QuantlineError;
  /** Slots before this one that nobody asked for in time. */
  readonly missed?: { readonly count: number; readonly first: number; readonly last: number };
}

/** The tick as a simulated venue is told it. */
export const marketTick = ({ time, actions, bars }: LiveTick, instruments: readonly string[]): MarketTick => ({
  time,
  ...(actions !== undefined && { actions }),
  bars: bars.flatMap((bar, j) => (bar === undefined ? [] : [{ instrument: instruments[j]!, ...bar }])),
});

/** Where ticks come from: a replayed dataset, or bars as they arrive. */
export interface TickSource {
  /** Instruments, in the order of every array. */
  readonly instruments: readonly string[];
  /** Of a model that sees its own position: its score in the step. */
  readonly inStep?: InStep;
  /** The first tick after `time` (−Infinity: the first of all); undefined at the end. */
  next(time: number, signal: AbortSignal): Promise<LiveTick | undefined>;
  /** Ticks with after < time <= to that can be told now, ascending. */
  past(after: number, to: number): Iterable<LiveTick>;
  /** Index of the bar of instrument j that contains t: the last one that opened at or before it; −1 before the first. */
  barAt(j: number, t: number): number;
  /**
   * Highest high and lowest low of instrument j in the bar that contains t and in later ones, in the shares of `bought`
   * (default: t) where it was split since; undefined without one.
   */
  extremes(j: number, t: number, bought?: number): { readonly high: number; readonly low: number } | undefined;
  /** Opening instant of the newest bar of instrument j that can be told now. */
  newest(j: number): number | undefined;
}

/** A split, in force from the open of its session on. */
export interface DatedSplit {
  readonly open: number;
  readonly ratio: number;
}

/**
 * Highest high and lowest low of the bar that contains t, where i is it, and of those that open later; prices of bars
 * after `splits` are turned back into earlier shares.
 */
export function extremesOf(
  bars: BarColumns,
  i: number,
  t: number,
  calendar: TradingCalendar,
  splits: readonly DatedSplit[] = [],
): { readonly high: number; readonly low: number } | undefined {
  const { time, high, low, interval } = bars;
  const open = time[i];
  const contains =
    open !== undefined &&
    (isSessionInterval(interval) ? calendar.sessionAt(t)?.open === open : t < open + intervalMs(interval));
  let [top, bottom] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let k = contains ? i : i + 1; k < time.length; k++) {
    const ratio = splits.reduce((all, split) => (split.open <= time[k]! ? all * split.ratio : all), 1);
    top = Math.max(top, high[k]! * ratio);
    bottom = Math.min(bottom, low[k]! * ratio);
  }
  return top < bottom ? undefined : { high: top, low: bottom };
}
