import { type BarColumns, type CorporateAction, countsVolumeFrom, type QuoteColumns } from '../domain/bars.js';
import type { Session, TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';
import { type FillModel, SpreadScorer } from '../market/index.js';
import { type FeedAction, layActions } from './actions.js';
import type { InStep } from './aim.js';
import type { DetailColumns } from './detail.js';

/** Per instrument and bar: the model's score, and the sizing's measure where it needs one. */
export interface Signals {
  readonly scores: readonly Float64Array[];
  readonly measures: readonly Float64Array[] | undefined;
  /** Of a model that sees its own position: its score in the step. `scores` then are those of one that holds nothing. */
  readonly inStep?: InStep;
}

/** Bars of several instruments laid on one clock: the union of their `knownAt` instants. */
export interface MarketFeed {
  readonly instruments: readonly Instrument[];
  readonly bars: readonly BarColumns[];
  /** Per instrument: from this bar on one without volume is a halt (`countsVolumeFrom`). */
  readonly halts: readonly number[];
  /** Per instrument: best bid and ask, where the data has them. */
  readonly quotes?: readonly (QuoteColumns | undefined)[];
  /** Per instrument: finer bars that tell the path inside its bars, where fills are to follow it. */
  readonly detail?: readonly (DetailColumns | undefined)[] | undefined;
  /** Clock instants, epoch ms, ascending. */
  readonly clock: Float64Array;
  /** Per instrument and tick: index of the bar that became known then, −1 = none. */
  readonly barAt: readonly Int32Array[];
  /** Per tick: index into `sessions`. */
  readonly sessionAt: Int32Array;
  readonly sessions: readonly Session[];
  /** Per session: its first tick. */
  readonly firstTick: Int32Array;
  /** Corporate actions in the order in which they come into force. */
  readonly actions: readonly FeedAction[];
  /** Calendar of the returns: the instruments' own, or every day where they differ. */
  readonly calendar: TradingCalendar;
}

/**
 * @param knownAt per instrument, ascending, same length as its bars
 * @param calendar the calendar whose sessions group the ticks for returns
 * @param actions those that change what a holder of raw prices has
 * @param quotes per instrument, where there are any
 */
export function buildFeed(
  instruments: readonly Instrument[],
  bars: readonly BarColumns[],
  knownAt: readonly Float64Array[],
  calendar: TradingCalendar,
  actions: readonly CorporateAction[] = [],
  quotes: readonly (QuoteColumns | undefined)[] = [],
): MarketFeed {
  const { clock, barAt } = mergeClocks(knownAt);
  const { sessions, sessionAt, firstTick } = groupBySession(clock, calendar);
  const laid = layActions(instruments, bars, clock, barAt, actions);
  const halts = bars.map(countsVolumeFrom);
  return {
    ...{ instruments, bars, halts, quotes, clock, barAt, sessionAt, sessions, firstTick },
    ...{ actions: laid, calendar },
  };
}

function mergeClocks(knownAt: readonly Float64Array[]): { clock: Float64Array; barAt: Int32Array[] } {
  const first = knownAt[0] ?? new Float64Array(0);
  if (knownAt.every((times) => sameTimes(times, first))) {
    const identity = Int32Array.from({ length: first.length }, (_, i) => i);
    return { clock: first, barAt: knownAt.map(() => identity) };
  }
  const cursor = new Int32Array(knownAt.length);
  const total = knownAt.reduce((n, times) => n + times.length, 0);
  const clock = new Float64Array(total);
  const barAt = knownAt.map(() => new Int32Array(total).fill(-1));
  let ticks = 0;
  for (;;) {
    let now = Number.POSITIVE_INFINITY;
    for (let j = 0; j < knownAt.length; j++) {
      const at = cursor[j]!;
      if (at < knownAt[j]!.length && knownAt[j]![at]! < now) now = knownAt[j]![at]!;
    }
    if (now === Number.POSITIVE_INFINITY) break;
    for (let j = 0; j < knownAt.length; j++) {
      const at = cursor[j]!;
      if (at < knownAt[j]!.length && knownAt[j]![at] === now) {
        barAt[j]![ticks] = at;
        cursor[j] = at + 1;
      }
    }
    clock[ticks++] = now;
  }
  return { clock: clock.slice(0, ticks), barAt: barAt.map((column) => column.slice(0, ticks)) };
}

function sameTimes(a: Float64Array, b: Float64Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A tick belongs to the last session that opened before it: a bar that is published late stays in its own session. */
function groupBySession(
  clock: Float64Array,
  calendar: TradingCalendar,
): { sessions: Session[]; sessionAt: Int32Array; firstTick: Int32Array } {
  const sessionAt = new Int32Array(clock.length);
  if (clock.length === 0) return { sessions: [], sessionAt, firstTick: new Int32Array(0) };
  const sessions: Session[] = [];
  const first: number[] = [];
  let until = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < clock.length; k++) {
    const t = clock[k]!;
    if (t > until) {
      const next = calendar.nextSession(t - 1);
      const session = next.open < t ? next : calendar.previousSession(t);
      until = calendar.nextSession(session.close).open;
      sessions.push(session);
      first.push(k);
    }
    sessionAt[k] = sessions.length - 1;
  }
  return { sessions, sessionAt, firstTick: Int32Array.from(first) };
}

const spreads = new WeakMap<BarColumns, Map<string, Float64Array>>();

/** Per instrument and bar the spread that this fill model meets, computed once a series; undefined where it asks for none. */
export function spreadsOf(feed: MarketFeed, { spread }: FillModel): readonly Float64Array[] | undefined {
  if (spread === undefined) return undefined;
  const key = JSON.stringify(spread);
  return feed.bars.map((bars, j) => {
    const known = spreads.get(bars) ?? new Map<string, Float64Array>();
    spreads.set(bars, known);
    let column = known.get(key);
    if (column === undefined) {
      column = new Float64Array(bars.time.length);
      new SpreadScorer(spread, feed.quotes?.[j]).consume(bars, 0, column.length, column);
      known.set(key, column);
    }
    return column;
  });
}

/** First tick at or after t. */
export function firstTickAt(feed: MarketFeed, t: number): number {
  let lo = 0;
  let hi = feed.clock.length;
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (feed.clock[mid]! < t) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}
