import type { Interval } from './interval.js';

/**
 * Bars of one instrument as columns, oldest first, all of one length, no NaN.
 * `time` is the bar's opening instant in epoch milliseconds UTC; a session bar's is the session's open.
 */
export interface BarColumns {
  readonly instrument: string;
  readonly interval: Interval;
  readonly time: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
}

/** Best bid and ask as they stood at the close of each bar that has them; `time` is that of the bar, ascending. */
export interface QuoteColumns {
  readonly time: Float64Array;
  readonly bid: Float64Array;
  readonly ask: Float64Array;
}

export const BAR_FIELDS = ['time', 'open', 'high', 'low', 'close', 'volume'] as const;
export type BarField = (typeof BAR_FIELDS)[number];

/** Prices as printed, adjusted for splits, or for splits and dividends. */
export type PriceBasis = 'raw' | 'split' | 'total';
/** Which trading hours an intraday series covers. */
export type SessionScope = 'regular' | 'extended';
/** In a sparse series an absent bar is no gap. */
export type Density = 'dense' | 'sparse';

/** Key of a stored series. `feed` is the vendor's product (`iex`, `sip`), '' where there is one only. */
export interface SeriesKey {
  readonly source: string;
  readonly feed: string;
  readonly scope: SessionScope;
  readonly interval: Interval;
  readonly instrument: string;
}

/**
 * What happens to holders of an instrument on a session (YYYY-MM-DD), before its first trade. `ratio`: new shares per
 * old one. `amount`: cash a share; of a delisting what holders were paid, absent = the last price. `becomes`: the new id.
 */
export type CorporateAction =
  | { readonly type: 'split'; readonly instrument: string; readonly date: string; readonly ratio: number }
  | { readonly type: 'dividend'; readonly instrument: string; readonly date: string; readonly amount: number }
  | { readonly type: 'rename'; readonly instrument: string; readonly date: string; readonly becomes: string }
  | { readonly type: 'delisting'; readonly instrument: string; readonly date: string; readonly amount?: number };

/**
 * Index from which on a bar without volume is a bar without a trade: that of the first with volume. A series that has
 * reported none so far (indices, most currency feeds) does not count it, so there a zero says nothing.
 */
export function countsVolumeFrom({ volume }: Pick<BarColumns, 'volume'>): number {
  for (let i = 0; i < volume.length; i++) if (volume[i]! > 0) return i;
  return volume.length;
}

/** Zero-filled columns of length n. */
export function allocateBars(instrument: string, interval: Interval, n: number): BarColumns {
  const column = () => new Float64Array(n);
  return {
    instrument,
    interval,
    time: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
  };
}

/** Rows [from, to) as views on the same memory. */
export function sliceBars(bars: BarColumns, from: number, to: number = bars.time.length): BarColumns {
  return {
    instrument: bars.instrument,
    interval: bars.interval,
    time: bars.time.subarray(from, to),
    open: bars.open.subarray(from, to),
    high: bars.high.subarray(from, to),
    low: bars.low.subarray(from, to),
    close: bars.close.subarray(from, to),
    volume: bars.volume.subarray(from, to),
  };
}

/** First index whose time is >= t (binary search); `times.length` if none. */
export function lowerBound(times: Float64Array, t: number): number {
  let lo = 0;
  let hi = times.length;
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (times[mid]! < t) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

/** Columns one after another in one fresh set of arrays. */
export function concatBars(parts: readonly BarColumns[]): BarColumns {
  const first = parts[0];
  if (first === undefined) throw new RangeError('concatBars needs at least one part');
  const out = allocateBars(
    first.instrument,
    first.interval,
    parts.reduce((n, part) => n + part.time.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    for (const field of BAR_FIELDS) out[field].set(part[field], at);
    at += part.time.length;
  }
  return out;
}
