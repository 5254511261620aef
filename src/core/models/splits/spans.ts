import { QuantlineError } from '../../errors/index.js';

/** When each row was decided and when its label was known; epoch ms, any order (several instruments). */
export interface LabelSpans {
  readonly decided: Float64Array;
  readonly labelEnd: Float64Array;
}

/** Row numbers, ascending. */
export interface Fold {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/** Rows in blocks by time: rows decided at one instant are never parted. */
export interface Groups {
  /** Group of each row. */
  readonly groupOf: Int32Array;
  /** Per group: first decision and latest label end. */
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Distinct decision instants, ascending: embargo counts in them. */
  readonly instants: Float64Array;
}

/** Cuts rows into `count` groups of nearly equal size, ascending in time. */
export function groupByTime(spans: LabelSpans, count: number): Groups {
  const n = spans.decided.length;
  const instants = Float64Array.from(new Set(spans.decided.slice().sort()));
  if (!(count >= 2) || instants.length < count)
    throw new QuantlineError('NO_DATA', `${instants.length} decision times cannot be cut into ${count} groups.`, {
      hint: 'Ingest a longer range, or use fewer folds.',
    });
  const sortedTimes = spans.decided.slice().sort();
  // Group g begins at the decision of its first row, g·n/count, moved to an instant of its own.
  const starts = new Float64Array(count);
  let last = -1;
  for (let g = 0; g < count; g++) {
    const wanted = position(instants, sortedTimes[Math.floor((g * n) / count)]!);
    last = Math.min(Math.max(wanted, last + 1), instants.length - (count - g));
    starts[g] = instants[last]!;
  }
  const groupOf = new Int32Array(n);
  const from = starts.slice();
  const to = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < n; i++) {
    let g = count - 1;
    while (g > 0 && spans.decided[i]! < starts[g]!) g--;
    groupOf[i] = g;
    if (spans.labelEnd[i]! > to[g]!) to[g] = spans.labelEnd[i]!;
  }
  return { groupOf, from, to, instants };
}

/** Index of the first value >= t. */
function position(ascending: Float64Array, t: number): number {
  let lo = 0;
  let hi = ascending.length;
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (ascending[mid]! < t) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

/**
 * Rows of `candidates` whose label overlaps no test block and that do not lie within the embargo after one. A label
 * that ends at the very instant a test block begins counts as overlapping (López de Prado 2018, ch. 7).
 * @param embargo decision instants left out after the last label end of each block
 */
export function purge(
  spans: LabelSpans,
  candidates: (row: number) => boolean,
  blocks: readonly { readonly from: number; readonly to: number }[],
  instants: Float64Array,
  embargo: number,
): Int32Array {
  const closed = blocks.map(({ from, to }) => {
    let at = position(instants, to);
    if (instants[at] === to) at++;
    // Decisions up to and including this instant are out.
    const until = embargo === 0 ? to : (instants[Math.min(at + embargo, instants.length) - 1] ?? to);
    return { from, to, until: Math.max(until, to) };
  });
  const rows: number[] = [];
  for (let i = 0; i < spans.decided.length; i++) {
    if (!candidates(i)) continue;
    const start = spans.decided[i]!;
    const end = spans.labelEnd[i]!;
    if (closed.every((block) => end < block.from || start > block.until)) rows.push(i);
  }
  return Int32Array.from(rows);
}

export function rowsWhere(n: number, keep: (row: number) => boolean): Int32Array {
  const rows: number[] = [];
  for (let i = 0; i < n; i++) if (keep(i)) rows.push(i);
  return Int32Array.from(rows);
}
