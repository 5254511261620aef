import { QuantlineError } from '../../errors/index.js';
import { sharedFloat32 } from '../../platform/workers.js';

/** Row-major numbers, rows × cols; a Float32Array or Float64Array over a SharedArrayBuffer is used without a copy. */
export interface FeatureMatrix {
  readonly values: Float32Array | Float64Array;
  readonly rows: number;
  readonly cols: number;
}

/** Column means and standard deviations (population), as fitted on the training rows. */
export interface Scaler {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/**
 * Last rows of all windows of `steps` rows that lie inside one segment. Segments are [from, to) row ranges, one a series,
 * so that no window reaches from one instrument into another.
 */
export function windowEnds(segments: readonly (readonly [number, number])[], steps: number): Int32Array {
  const counts = segments.map(([from, to]) => Math.max(0, to - from - steps + 1));
  const ends = new Int32Array(counts.reduce((a, b) => a + b, 0));
  let at = 0;
  segments.forEach(([from], i) => {
    for (let k = 0; k < counts[i]!; k++) ends[at++] = from + steps - 1 + k;
  });
  return ends;
}

/** Which rows at least one window reads. Throws INPUT for a window outside the matrix. */
export function rowsOfWindows(matrix: FeatureMatrix, windows: Int32Array, steps: number): Uint8Array {
  const change = new Int32Array(matrix.rows + 1);
  for (let i = 0; i < windows.length; i++) {
    const end = windows[i]!;
    const start = end - steps + 1;
    if (start < 0 || end >= matrix.rows)
      throw new QuantlineError(
        'INPUT',
        `Window ${i} covers rows ${start} to ${end} of a matrix of ${matrix.rows} rows.`,
        {
          hint: 'Pass windows that end inside the matrix and start at row 0 or later (windowEnds makes them).',
          details: { window: i, start, end, rows: matrix.rows },
        },
      );
    change[start]!++;
    change[end + 1]!--;
  }
  const used = new Uint8Array(matrix.rows);
  let open = 0;
  for (let r = 0; r < matrix.rows; r++) {
    open += change[r]!;
    used[r] = open > 0 ? 1 : 0;
  }
  return used;
}

/** Throws INPUT naming the first number of the used rows that is not finite. */
export function requireFinite(matrix: FeatureMatrix, used: Uint8Array): void {
  const { values, cols } = matrix;
  for (let r = 0; r < matrix.rows; r++) {
    if (used[r] === 0) continue;
    for (let c = 0; c < cols; c++)
      if (!Number.isFinite(values[r * cols + c]!))
        throw new QuantlineError('INPUT', `Feature column ${c} is ${values[r * cols + c]} in row ${r}.`, {
          hint: 'Leave out the windows that cover rows with missing features.',
          details: { row: r, column: c },
        });
  }
}

/** Mean and deviation over the used rows, two passes in float64. A constant column gets deviation 1. */
export function fitScaler(matrix: FeatureMatrix, used: Uint8Array): Scaler {
  const { values, cols, rows } = matrix;
  const mean = new Float64Array(cols);
  const deviation = new Float64Array(cols);
  let count = 0;
  for (let r = 0; r < rows; r++) {
    if (used[r] === 0) continue;
    count++;
    for (let c = 0; c < cols; c++) mean[c]! += values[r * cols + c]!;
  }
  for (let c = 0; c < cols; c++) mean[c]! /= Math.max(1, count);
  for (let r = 0; r < rows; r++) {
    if (used[r] === 0) continue;
    for (let c = 0; c < cols; c++) {
      const d = values[r * cols + c]! - mean[c]!;
      deviation[c]! += d * d;
    }
  }
  for (let c = 0; c < cols; c++) {
    const s = Math.sqrt(deviation[c]! / Math.max(1, count));
    deviation[c] = s > 1e-12 * Math.abs(mean[c]!) && s > 0 ? s : 1;
  }
  return { mean, deviation };
}

/** The matrix scaled once, in shared memory: a session reads each row `steps` times an epoch. */
export function scaleMatrix(matrix: FeatureMatrix, { mean, deviation }: Scaler): FeatureMatrix {
  const { values, rows, cols } = matrix;
  const inverse = deviation.map((d) => 1 / d);
  const scaled = sharedFloat32(rows * cols);
  for (let at = 0; at < scaled.length; at += cols)
    for (let c = 0; c < cols; c++) scaled[at + c] = (values[at + c]! - mean[c]!) * inverse[c]!;
  return { values: scaled, rows, cols };
}

/** Copies scaled windows into a batch: step t, row r, column c at `to + t·step + r·width + c`. */
export class WindowReader {
  private readonly inverse: Float64Array | undefined;

  constructor(
    private readonly values: Float32Array | Float64Array,
    private readonly cols: number,
    private readonly steps: number,
    private readonly scaler: Scaler | null,
  ) {
    this.inverse = scaler?.deviation.map((d) => 1 / d);
  }

  /** Writes the window that ends with row `end` as row `r` of the batch. */
  read(end: number, target: Float32Array, r: number, width: number, step: number): void {
    const { values, cols, steps, scaler, inverse } = this;
    let from = (end - steps + 1) * cols;
    for (let t = 0, to = r * width; t < steps; t++, to += step, from += cols)
      if (scaler === null) for (let c = 0; c < cols; c++) target[to + c] = values[from + c]!;
      else for (let c = 0; c < cols; c++) target[to + c] = (values[from + c]! - scaler.mean[c]!) * inverse![c]!;
  }
}
