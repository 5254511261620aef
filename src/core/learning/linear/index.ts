/** Linear baselines: logistic and linear regression with the elastic net. Knows no market. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { QuantlineError } from '../../errors/index.js';
import { checkMatrix, type FloatMatrix, strides } from '../boosting/matrix.js';
import { designOf } from './design.js';
import { type Family, solve } from './solver.js';

export type { Family } from './solver.js';

export interface LinearOptions {
  readonly x: FloatMatrix;
  /** 0 and 1 (or probabilities) for binomial; any finite numbers for gaussian. */
  readonly y: ArrayLike<number>;
  readonly weights?: ArrayLike<number> | undefined;
  /** Default binomial: logistic regression. */
  readonly family?: Family;
  /** Strength of the penalty on the mean loss; scikit-learn's C is 1 / (rows × lambda). Default 0.001. */
  readonly lambda?: number;
  /** Share of L1 in the penalty, 0 (ridge) to 1 (lasso). Default 0.5. */
  readonly l1Ratio?: number;
  /** Penalise coefficients of standardised columns. Default true. */
  readonly standardize?: boolean;
  /** Missing cells: refused, or replaced by the column's training mean. Default `refuse`. */
  readonly missing?: 'refuse' | 'mean';
  /** Largest violation of the optimality conditions. Default 1e-8. */
  readonly tolerance?: number;
  readonly maxIterations?: number;
  readonly featureNames?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface LinearParts {
  readonly family: Family;
  readonly intercept: number;
  /** Of the columns as given, not standardised. */
  readonly coefficients: readonly number[];
  /** What stands in for a missing cell, per column; null: a missing cell gives no score. */
  readonly means: readonly number[] | null;
  readonly featureNames: readonly string[];
}

/** A trained linear model. Scores are float64 sums in column order: the same bits for every batch. */
export class LinearModel {
  private readonly beta: Float64Array;

  constructor(readonly parts: LinearParts) {
    this.beta = Float64Array.from(parts.coefficients);
  }

  get features(): number {
    return this.beta.length;
  }

  /** Linear predictors into `out` or a new array; NaN where a cell is missing and has no stand-in. */
  predictMargin(x: FloatMatrix, out: Float64Array = new Float64Array(x.rows)): Float64Array {
    checkMatrix(x, 'Matrix to score');
    if (x.cols !== this.features)
      throw new QuantlineError('MISMATCH', `The model has ${this.features} features, the matrix ${x.cols} columns.`, {
        hint: 'Score with the feature set the model was trained on.',
      });
    const { row, column } = strides(x);
    for (let i = 0; i < x.rows; i++) out[i] = this.sum(x.data, i * row, column);
    return out;
  }

  /** Probabilities of label 1 (binomial) or values (gaussian). */
  predict(x: FloatMatrix, out?: Float64Array): Float64Array {
    const margins = this.predictMargin(x, out);
    if (this.parts.family === 'binomial')
      for (let i = 0; i < x.rows; i++) margins[i] = 1 / (1 + Math.exp(-margins[i]!));
    return margins;
  }

  /**
   * Shapley values of every column on the linear predictor: coefficient × (value − training mean), rows × (columns + 1),
   * row-major; the last column is the predictor at the means. INPUT where the means were not saved.
   */
  contributions(x: FloatMatrix): Float64Array {
    const { means, intercept } = this.parts;
    if (means === null)
      throw new QuantlineError('INPUT', 'The linear model was saved without the means of its columns.');
    const { row, column } = strides(x);
    const width = this.features + 1;
    const out = new Float64Array(x.rows * width);
    const expected = this.beta.reduce((sum, b, j) => sum + b * means[j]!, intercept);
    for (let i = 0; i < x.rows; i++) {
      for (let j = 0; j < this.features; j++) {
        const cell = x.data[i * row + j * column]!;
        out[i * width + j] = Number.isNaN(cell) ? 0 : this.beta[j]! * (cell - means[j]!);
      }
      out[i * width + width - 1] = expected;
    }
    return out;
  }

  /** Linear predictor of one row at cells[offset …]. */
  marginOfRow(cells: Float32Array, offset = 0): number {
    return this.sum(cells, offset, 1);
  }

  private sum(cells: Float32Array, at: number, stride: number): number {
    const { means, intercept } = this.parts;
    let z = intercept;
    for (let j = 0; j < this.beta.length; j++) {
      const cell = cells[at + j * stride]!;
      z += this.beta[j]! * (means !== null && Number.isNaN(cell) ? means[j]! : cell);
    }
    return z;
  }

  toJson(): string {
    return JSON.stringify({ kind: 'linear', version: 1, ...this.parts });
  }

  /** Reads what toJson wrote. Throws INPUT naming the field. */
  static fromJson(text: string): LinearModel {
    let value: Partial<LinearParts & { kind: string; version: number }>;
    try {
      value = JSON.parse(text) as typeof value;
    } catch (cause) {
      throw new QuantlineError('INPUT', 'The linear model is not JSON, or it was cut off.', { cause });
    }
    const fail = (field: string): never => {
      throw new QuantlineError('INPUT', `Linear model: ${field} is missing or damaged.`, { details: { path: field } });
    };
    const numbers = (list: unknown): list is number[] => Array.isArray(list) && list.every(Number.isFinite);
    if (value?.kind !== 'linear' || value.version !== 1) fail('kind or version');
    const { family, intercept, coefficients, means, featureNames } = value;
    if (family !== 'binomial' && family !== 'gaussian') return fail('family');
    if (typeof intercept !== 'number') return fail('intercept');
    if (!numbers(coefficients) || coefficients.length === 0) return fail('coefficients');
    if (means !== null && (!numbers(means) || means.length !== coefficients.length)) return fail('means');
    if (!Array.isArray(featureNames) || featureNames.some((name) => typeof name !== 'string'))
      return fail('featureNames');
    return new LinearModel({ family, intercept, coefficients, means: means ?? null, featureNames });
  }
}

export interface LinearResult {
  readonly model: LinearModel;
  readonly iterations: number;
  /** Penalised mean loss at the solution. */
  readonly objective: number;
}

/**
 * Trains a logistic (or linear) regression with the elastic net; deterministic. Throws CONFIG for settings, INPUT,
 * NO_DATA (one class, too few rows) and QUALITY (constant columns, no convergence) for data, INTERRUPTED on abort.
 */
export async function trainLinear(o: LinearOptions): Promise<LinearResult> {
  const family = o.family ?? 'binomial';
  const penalty = { lambda: o.lambda ?? 0.001, l1Ratio: o.l1Ratio ?? 0.5 };
  const refuse = (message: string): never => {
    throw new QuantlineError('CONFIG', message);
  };
  if (!(penalty.lambda >= 0 && penalty.lambda < Infinity)) refuse(`lambda is ${penalty.lambda}; it must be 0 or more.`);
  if (!(penalty.l1Ratio >= 0 && penalty.l1Ratio <= 1)) refuse(`l1Ratio is ${penalty.l1Ratio}; it must be from 0 to 1.`);
  if (!(o.tolerance === undefined || o.tolerance > 0)) refuse(`tolerance is ${o.tolerance}; it must be above 0.`);
  const columnName = (j: number): string => o.featureNames?.[j] ?? `f${j}`;
  const missing = o.missing ?? 'refuse';
  const design = designOf({ ...o, standardize: o.standardize ?? true, missing, columnName });
  checkTargets(o, family);
  // Lets a pending abort through before the work starts; between iterations the signal is only read.
  await nextTurn();
  const checkpoint = (): void => {
    if (o.signal?.aborted) throw new QuantlineError('INTERRUPTED', 'Training was stopped.', { cause: o.signal.reason });
  };
  const s = solve(design, family, penalty, o.tolerance ?? 1e-8, o.maxIterations ?? 100, checkpoint);
  const coefficients = Array.from(s.coefficients, (b, j) => b / design.scales[j]!);
  const intercept = coefficients.reduce((sum, b, j) => sum - b * design.means[j]!, s.intercept);
  const parts: LinearParts = {
    family,
    intercept,
    coefficients,
    means: missing === 'mean' ? Array.from(design.means) : null,
    featureNames: o.featureNames ?? [],
  };
  return { model: new LinearModel(parts), iterations: s.iterations, objective: s.objective };
}

function checkTargets(o: LinearOptions, family: Family): void {
  let first: number | undefined;
  let varied = false;
  for (let i = 0; i < o.y.length; i++) {
    const y = o.y[i]!;
    if (!Number.isFinite(y) || (family === 'binomial' && (y < 0 || y > 1)))
      throw new QuantlineError('INPUT', `The label of row ${i} is ${y}.`, {
        hint: family === 'binomial' ? 'Labels are 0 or 1.' : 'Drop rows whose label is not known.',
      });
    if (o.weights !== undefined && o.weights[i] === 0) continue;
    first ??= y;
    if (y !== first) varied = true;
  }
  if (family === 'binomial' && !varied && o.y.length > 1)
    throw new QuantlineError('NO_DATA', `Every label is ${first}, there is one class only.`, {
      hint: 'Use a longer range or another label.',
    });
}
