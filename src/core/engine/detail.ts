import { type BarColumns, countsVolumeFrom, lowerBound } from '../domain/bars.js';
import type { BarPath } from '../market/index.js';

/** Finer bars of one instrument inside its bars: those of bar i are rows [from[i], to[i]); none where the two are equal. */
export interface DetailColumns {
  readonly bars: BarColumns;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** From this row on one without volume is a halt. */
  readonly halts: number;
}

/** Prices of two series that stand for the same trades agree to this part of them. */
const AGREES = 1e-6;

/**
 * Lays finer bars into the bars that they make up. A bar has detail where its finer bars give the same open, high, low and
 * close; anything else (missing minutes, another adjustment) says nothing about its path, so it is taken without.
 */
export function layDetail(bars: BarColumns, knownAt: Float64Array, finer: BarColumns): DetailColumns {
  const n = bars.time.length;
  const from = new Int32Array(n);
  const to = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const first = lowerBound(finer.time, bars.time[i]!);
    const end = lowerBound(finer.time, Math.min(knownAt[i]!, bars.time[i + 1] ?? Number.POSITIVE_INFINITY));
    if (end <= first || !makeUp(bars, i, finer, first, end)) continue;
    from[i] = first;
    to[i] = end;
  }
  return { bars: finer, from, to, halts: countsVolumeFrom(finer) };
}

function makeUp(bars: BarColumns, i: number, finer: BarColumns, from: number, to: number): boolean {
  let high = Number.NEGATIVE_INFINITY;
  let low = Number.POSITIVE_INFINITY;
  for (let d = from; d < to; d++) {
    if (finer.high[d]! > high) high = finer.high[d]!;
    if (finer.low[d]! < low) low = finer.low[d]!;
  }
  const same = (a: number, b: number): boolean => Math.abs(a - b) <= AGREES * b;
  return (
    same(finer.open[from]!, bars.open[i]!) &&
    same(high, bars.high[i]!) &&
    same(low, bars.low[i]!) &&
    same(finer.close[to - 1]!, bars.close[i]!)
  );
}

/** Bars that could fill something, and how many of them had detail. */
export interface DetailCount {
  bars: number;
  detailed: number;
}

/** The path inside bar i; undefined where it has none. */
export function pathOf({ bars, from, to, halts }: DetailColumns, i: number): BarPath | undefined {
  return to[i]! > from[i]! ? { bars, from: from[i]!, to: to[i]!, halts } : undefined;
}
