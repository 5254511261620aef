import { childSeed, seededRandom } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import { dense, type FloatMatrix, type Matrix, strides } from './matrix.js';
import { evaluateMetric, isMaximised } from './metrics.js';
import type { BoostedModel } from './model.js';
import type { Metric } from './params.js';

export type ImportanceType = 'gain' | 'cover' | 'weight' | 'total_gain' | 'total_cover';

/**
 * Importance of each feature as XGBoost's `get_score` counts it: `weight` the number of its splits, `gain` and `cover`
 * the mean over them, `total_…` the sum. 0 for features without a split.
 */
export function featureImportance(model: BoostedModel, type: ImportanceType): Float64Array {
  const sum = new Float64Array(model.features);
  const count = new Float64Array(model.features);
  for (const tree of model.trees) {
    for (let i = 0; i < tree.left.length; i++) {
      if (tree.left[i]! < 0) continue;
      const j = tree.feature[i]!;
      count[j] = count[j]! + 1;
      sum[j] = sum[j]! + (type.endsWith('gain') ? tree.gain[i]! : tree.cover[i]!);
    }
  }
  if (type === 'weight') return count;
  return type.startsWith('total') ? sum : sum.map((value, j) => (count[j]! > 0 ? value / count[j]! : 0));
}

export interface PermutationOptions {
  readonly model: BoostedModel;
  readonly x: Matrix;
  readonly y: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
  readonly metric: Metric;
  /** Shuffles per feature, default 5. */
  readonly repeats?: number;
  readonly seed?: number;
}

export interface PermutationImportance {
  /** The metric on the rows as they are. */
  readonly score: number;
  /** Per feature: how much worse the metric gets when its column is shuffled, mean over the repeats. */
  readonly mean: Float64Array;
  /** Standard deviation over the repeats (n - 1); 0 for one repeat. */
  readonly deviation: Float64Array;
}

/** Permutation importance (Breiman 2001) on rows that the model was not trained on. Positive = the feature helps. */
export function permutationImportance(o: PermutationOptions): PermutationImportance {
  const { model, metric } = o;
  const repeats = o.repeats ?? 5;
  const source = dense(o.x);
  const y = Float32Array.from(o.y);
  const weights = o.weights === undefined ? undefined : Float32Array.from(o.weights);
  if (y.length !== source.rows || source.rows === 0)
    throw new QuantlineError('INPUT', `${y.length} labels for ${source.rows} rows.`);
  const work: FloatMatrix = { ...source, data: source.data.slice() };
  const { row, column } = strides(source);
  const measure = (): number => evaluateMetric(metric, classMajor(model, model.predict(work)), y, weights);
  const score = measure();
  const mean = new Float64Array(source.cols);
  const deviation = new Float64Array(source.cols);
  const order = new Uint32Array(source.rows);
  for (let j = 0; j < source.cols; j++) {
    const drops: number[] = [];
    for (let r = 0; r < repeats; r++) {
      shuffle(order, childSeed(o.seed ?? 0, 'permutation', j, r));
      for (let i = 0; i < source.rows; i++)
        work.data[i * row + j * column] = source.data[order[i]! * row + j * column]!;
      drops.push(isMaximised(metric) ? score - measure() : measure() - score);
    }
    for (let i = 0; i < source.rows; i++) work.data[i * row + j * column] = source.data[i * row + j * column]!;
    const average = drops.reduce((a, b) => a + b, 0) / repeats;
    mean[j] = average;
    const squares = drops.reduce((a, b) => a + (b - average) * (b - average), 0);
    deviation[j] = repeats > 1 ? Math.sqrt(squares / (repeats - 1)) : 0;
  }
  return { score, mean, deviation };
}

function shuffle(order: Uint32Array, seed: number): void {
  const random = seededRandom(seed);
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
}

/** Rows × classes as the metrics take them. */
function classMajor(model: BoostedModel, predictions: Float32Array): Float32Array {
  const k = model.classes;
  if (k === 1) return predictions;
  const n = predictions.length / k;
  const out = new Float32Array(predictions.length);
  for (let i = 0; i < n; i++) for (let c = 0; c < k; c++) out[c * n + i] = predictions[i * k + c]!;
  return out;
}
