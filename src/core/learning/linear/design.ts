import { QuantlineError } from '../../errors/index.js';
import { checkMatrix, type FloatMatrix, strides } from '../boosting/matrix.js';

/** A table with its column means and scales, read as standardised rows. */
export interface Design {
  readonly x: FloatMatrix;
  readonly y: ArrayLike<number>;
  /** Normalised to sum 1. */
  readonly weights: Float64Array;
  readonly means: Float64Array;
  readonly scales: Float64Array;
}

export interface DesignOptions {
  readonly x: FloatMatrix;
  readonly y: ArrayLike<number>;
  readonly weights?: ArrayLike<number> | undefined;
  readonly standardize: boolean;
  readonly missing: 'refuse' | 'mean';
  readonly columnName: (column: number) => string;
}

/** Checks rows, labels and weights and measures the columns. Throws INPUT, NO_DATA or QUALITY naming the cell. */
export function designOf(o: DesignOptions): Design {
  checkMatrix(o.x, 'Training set');
  const { rows, cols } = o.x;
  if (o.y.length !== rows) throw new QuantlineError('INPUT', `${o.y.length} labels for ${rows} rows.`);
  if (rows < 2)
    throw new QuantlineError('NO_DATA', `${rows} rows are too few to train on.`, {
      hint: 'Use a longer range, a shorter warm-up or fewer folds.',
    });
  const weights = normalised(o.weights, rows);
  const means = new Float64Array(cols);
  const scales = new Float64Array(cols);
  const { row, column } = strides(o.x);
  const constant: string[] = [];
  for (let j = 0; j < cols; j++) {
    const at = j * column;
    const { mean, scale } = measure(o, weights, at, row, j);
    means[j] = o.standardize || o.missing === 'mean' ? mean : 0;
    scales[j] = o.standardize ? scale : 1;
    // A mean of equal numbers may differ from them in its last digit.
    if (!(scale > 1e-12 * Math.abs(mean))) constant.push(o.columnName(j));
  }
  if (constant.length > 0)
    throw new QuantlineError('QUALITY', `Columns without two different values: ${constant.slice(0, 5).join(', ')}.`, {
      hint: 'Leave these features out, or train on more rows.',
      details: { columns: constant },
    });
  return { x: o.x, y: o.y, weights, means, scales };
}

function normalised(given: ArrayLike<number> | undefined, rows: number): Float64Array {
  const weights = new Float64Array(rows).fill(1 / rows);
  if (given === undefined) return weights;
  if (given.length !== rows) throw new QuantlineError('INPUT', `${given.length} weights for ${rows} rows.`);
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const w = given[i]!;
    if (!Number.isFinite(w) || w < 0)
      throw new QuantlineError('INPUT', `The weight of row ${i} is ${w}.`, {
        hint: 'Weights are finite and not negative.',
      });
    sum += w;
  }
  if (!(sum > 0)) throw new QuantlineError('INPUT', 'All weights are 0.');
  for (let i = 0; i < rows; i++) weights[i] = given[i]! / sum;
  return weights;
}

/** Weighted mean and population standard deviation of the numbers of a column, in two passes. */
function measure(
  o: DesignOptions,
  weights: Float64Array,
  at: number,
  stride: number,
  j: number,
): { mean: number; scale: number } {
  const { data, rows } = o.x;
  let total = 0;
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const value = data[at + i * stride]!;
    if (!Number.isFinite(value)) {
      const missing = Number.isNaN(value);
      if (missing && o.missing === 'mean') continue;
      throw new QuantlineError('INPUT', `Row ${i}, column ${o.columnName(j)} is ${missing ? 'missing' : 'infinite'}.`, {
        hint: missing
          ? 'Drop the rows of the warm-up, or choose missing: mean.'
          : 'Infinite values are feature errors.',
        details: { row: i, column: o.columnName(j) },
      });
    }
    total += weights[i]!;
    sum += weights[i]! * value;
  }
  const mean = sum / total;
  let squares = 0;
  for (let i = 0; i < rows; i++) {
    const value = data[at + i * stride]!;
    if (!Number.isNaN(value)) squares += weights[i]! * (value - mean) * (value - mean);
  }
  return { mean, scale: Math.sqrt(squares / total) };
}

/** Writes row `i`, standardised, into `out`; a missing cell becomes the mean, which is 0 there. */
export function readRow(d: Pick<Design, 'x' | 'means' | 'scales'>, i: number, out: Float64Array): void {
  const { data, cols } = d.x;
  const { row, column } = strides(d.x);
  for (let j = 0; j < cols; j++) {
    const value = data[i * row + j * column]!;
    // Without standardising the mean is kept only to stand in for missing cells.
    out[j] = Number.isNaN(value) ? 0 : (value - d.means[j]!) / d.scales[j]!;
  }
}
