import { allocateBars, BAR_FIELDS, type BarColumns, sliceBars } from '../../domain/index.js';
import { joinBars } from './memory.js';

export interface Merged {
  readonly bars: BarColumns;
  readonly inserted: number;
  readonly updated: number;
}

const VALUES = ['open', 'high', 'low', 'close', 'volume'] as const;

/** Union by time of two ascending series in which `next` counts where both have a bar. Linear, two passes. */
export function mergeBars(old: BarColumns, next: BarColumns): Merged {
  const a = old.time;
  const b = next.time;
  let inserted = 0;
  let updated = 0;
  for (let i = 0, j = 0; j < b.length; ) {
    if (i === a.length || b[j]! < a[i]!) {
      inserted++;
      j++;
    } else if (a[i]! < b[j]!) i++;
    else {
      if (VALUES.some((field) => old[field][i] !== next[field][j])) updated++;
      i++;
      j++;
    }
  }
  if (inserted === 0 && updated === 0) return { bars: old, inserted, updated };
  const n = a.length + inserted;
  const out = allocateBars(next.instrument, next.interval, n);
  for (let i = 0, j = 0, k = 0; k < n; k++) {
    const fromNext = j < b.length && (i === a.length || b[j]! <= a[i]!);
    const source = fromNext ? next : old;
    const row = fromNext ? j : i;
    if (fromNext && i < a.length && a[i] === b[j]) i++;
    if (fromNext) j++;
    else i++;
    for (const field of BAR_FIELDS) out[field][k] = source[field][row]!;
  }
  return { bars: out, inserted, updated };
}

/** Union by time of ascending parts, of which later ones count. */
export function unionBars(parts: readonly BarColumns[]): BarColumns {
  // Runs of parts that follow one another are joined first: merging is for what overlaps.
  const runs: BarColumns[][] = [];
  for (const part of parts) {
    if (part.time.length === 0) continue;
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1)!.time.at(-1)! < part.time[0]!) run.push(part);
    else runs.push([part]);
  }
  const [first, ...others] = runs.map((run) => joinBars(run[0]!.instrument, run[0]!.interval, run));
  if (first === undefined) return parts[0]!;
  return others.reduce((all, next) => mergeBars(all, next).bars, first);
}

/** Cuts ascending bars where the partition of their time changes. */
export function partitions(bars: BarColumns, nameOf: (time: number) => { name: string; end: number }) {
  const out: { readonly name: string; readonly bars: BarColumns }[] = [];
  const { time } = bars;
  for (let from = 0; from < time.length; ) {
    const { name, end } = nameOf(time[from]!);
    let lo = from;
    let hi = time.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (time[mid]! < end) lo = mid + 1;
      else hi = mid;
    }
    out.push({ name, bars: sliceBars(bars, from, lo) });
    from = lo;
  }
  return out;
}
