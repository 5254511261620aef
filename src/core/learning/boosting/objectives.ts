import { QuantlineError } from '../../errors/index.js';
import type { Objective, ResolvedParams } from './params.js';

/** Logistic function in float32, as XGBoost transforms margins. */
export const sigmoid = (margin: number): number => Math.fround(1 / (1 + Math.exp(-margin)));

/**
 * Margins to predictions, in place: probabilities for binary:logistic, class probabilities for multi:softprob (class k
 * of row i at i * rowStride + k * classStride), unchanged for reg:squarederror.
 */
export function transformMargins(
  objective: Objective,
  margins: Float32Array | Float64Array,
  rows: number,
  classes: number,
  rowStride: number = classes,
  classStride = 1,
): void {
  if (objective === 'reg:squarederror') return;
  if (objective === 'binary:logistic') {
    for (let i = 0; i < rows; i++) margins[i] = sigmoid(margins[i]!);
    return;
  }
  for (let i = 0; i < rows; i++) {
    const at = i * rowStride;
    let top = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) top = Math.max(top, margins[at + k * classStride]!);
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const e = Math.exp(margins[at + k * classStride]! - top);
      margins[at + k * classStride] = e;
      sum += e;
    }
    for (let k = 0; k < classes; k++) margins[at + k * classStride] = Math.fround(margins[at + k * classStride]! / sum);
  }
}

/** Score of base_score in margin space, in XGBoost's float32 steps: its margins must come out to the last bit. */
export const baseMargin = (objective: Objective, score: number): number =>
  objective === 'binary:logistic' ? Math.fround(-Math.log(Math.fround(Math.fround(1 / score) - 1))) : score;

/**
 * base_score per class, given or estimated as XGBoost 3.4 does: the weighted mean label; one Newton step from 0 where
 * scale_pos_weight differs from 1; centred logarithms of the class shares for several classes.
 */
export function baseScores(p: ResolvedParams, y: Float32Array, weights: Float32Array | undefined): number[] {
  if (p.base_score !== undefined) return new Array<number>(p.num_class).fill(Math.fround(p.base_score));
  const shares = new Float64Array(p.num_class);
  let total = 0;
  let sum = 0;
  for (let i = 0; i < y.length; i++) {
    let w = weights === undefined ? 1 : weights[i]!;
    if (p.objective === 'binary:logistic' && y[i] === 1) w *= p.scale_pos_weight;
    total += w;
    sum += w * y[i]!;
    if (p.objective === 'multi:softprob') shares[y[i]!] = shares[y[i]!]! + w;
  }
  const mean = sum / total;
  if (p.objective === 'reg:squarederror') return [Math.fround(mean)];
  if (p.objective === 'binary:logistic')
    return [p.scale_pos_weight === 1 ? Math.fround(mean) : sigmoid((mean - 0.5) * 4)];
  const logs = Array.from(shares, (share) => Math.log(Math.max(share / total, 1e-6)));
  const centre = logs.reduce((a, b) => a + b, 0) / logs.length;
  return logs.map((value) => Math.fround(value - centre));
}

/** Checks labels and weights of one set. Throws INPUT or NO_DATA saying which row. */
export function checkLabels(
  p: Pick<ResolvedParams, 'objective' | 'num_class'>,
  y: Float32Array,
  weights: Float32Array | undefined,
  rows: number,
  what: string,
): void {
  const fail = (message: string, hint: string): never => {
    throw new QuantlineError('INPUT', `${what}: ${message}`, { hint });
  };
  if (y.length !== rows) fail(`${y.length} labels for ${rows} rows.`, 'Give one label per row.');
  if (weights !== undefined && weights.length !== rows)
    fail(`${weights.length} weights for ${rows} rows.`, 'Give one weight per row.');
  let weight = 0;
  for (let i = 0; i < rows; i++) {
    const value = y[i]!;
    if (!Number.isFinite(value)) fail(`the label of row ${i} is ${value}.`, 'Drop rows whose label is not known.');
    if (p.objective === 'binary:logistic' && (value < 0 || value > 1))
      fail(`the label of row ${i} is ${value}.`, 'binary:logistic takes labels from 0 to 1.');
    if (p.objective === 'multi:softprob' && (!Number.isInteger(value) || value < 0 || value >= p.num_class))
      fail(`the label of row ${i} is ${value}.`, `Labels are the integers 0 to ${p.num_class - 1}.`);
    if (weights === undefined) continue;
    const w = weights[i]!;
    if (!Number.isFinite(w) || w < 0) fail(`the weight of row ${i} is ${w}.`, 'Weights are finite and not negative.');
    weight += w;
  }
  if (weights !== undefined && !(weight > 0)) fail('all weights are 0.', 'Give weight to some rows.');
}

/** Throws NO_DATA when the training labels cannot teach anything: too few rows, or one class only. */
export function checkLearnable(
  objective: Objective,
  y: Float32Array,
  weights: Float32Array | undefined,
  what: string,
): void {
  if (y.length < 2)
    throw new QuantlineError('NO_DATA', `${what}: ${y.length} rows are too few to train on.`, {
      hint: 'Use a longer range, a shorter warm-up or fewer folds.',
    });
  if (objective === 'reg:squarederror') return;
  let first: number | undefined;
  for (let i = 0; i < y.length; i++) {
    if (weights !== undefined && weights[i] === 0) continue;
    if (first === undefined) first = y[i]!;
    else if (y[i] !== first) return;
  }
  throw new QuantlineError('NO_DATA', `${what}: every label is ${first}, there is one class only.`, {
    hint: 'Use a longer range or another label.',
  });
}
