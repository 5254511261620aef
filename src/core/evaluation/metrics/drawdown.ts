/** One fall from a peak until the peak is reached again. Indices of marks; −1 is the start, before the first mark. */
export interface Drawdown {
  /** Fraction of the peak, negative. */
  readonly depth: number;
  readonly peak: number;
  readonly trough: number;
  /** First mark back at the peak; undefined while it lasts. */
  readonly recovery: number | undefined;
}

/** Equity against its running maximum, as negative fractions. The initial equity is the first peak. */
export function underwater(equity: Float64Array, initial: number): Float64Array {
  const out = new Float64Array(equity.length);
  let peak = initial;
  for (let i = 0; i < equity.length; i++) {
    if (equity[i]! > peak) peak = equity[i]!;
    out[i] = equity[i]! / peak - 1;
  }
  return out;
}

/** All drawdowns, in order of time. */
export function drawdowns(equity: Float64Array, initial: number): readonly Drawdown[] {
  const out: Drawdown[] = [];
  let peak = initial;
  let peakAt = -1;
  let trough = -1;
  let depth = 0;
  for (let i = 0; i < equity.length; i++) {
    const value = equity[i]!;
    if (value >= peak) {
      if (depth < 0) out.push({ depth, peak: peakAt, trough, recovery: i });
      peak = value;
      peakAt = i;
      depth = 0;
    } else if (value / peak - 1 < depth) {
      depth = value / peak - 1;
      trough = i;
    }
  }
  if (depth < 0) out.push({ depth, peak: peakAt, trough, recovery: undefined });
  return out;
}

/** The deepest drawdown, the earlier of equals; undefined where equity never fell. */
export function maxDrawdown(list: readonly Drawdown[]): Drawdown | undefined {
  let worst: Drawdown | undefined;
  for (const one of list) if (worst === undefined || one.depth < worst.depth) worst = one;
  return worst;
}
