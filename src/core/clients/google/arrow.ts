import { QuantlineError } from '../../errors/index.js';

interface Column {
  readonly data: readonly {
    readonly values: ArrayLike<number> | BigInt64Array;
    readonly length: number;
    readonly offset: number;
  }[];
  readonly nullCount: number;
}

/** One batch of a column as doubles; microseconds become milliseconds. */
export function arrowNumbers(column: unknown, n: number): Float64Array {
  const { data, nullCount } = column as Column;
  if (nullCount > 0) throw new QuantlineError('ARTIFACT_CORRUPT', 'The warehouse holds bars with missing values.');
  const out = new Float64Array(n);
  let at = 0;
  for (const { values, length } of data) {
    if (values instanceof BigInt64Array) for (let i = 0; i < length; i++) out[at + i] = Number(values[i]!) / 1000;
    else out.set((values as Float64Array).subarray(0, length), at);
    at += length;
  }
  return out;
}
