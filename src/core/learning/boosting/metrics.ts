import type { Metric } from './params.js';

/** Larger is better for these; for all others smaller. */
export const isMaximised = (metric: Metric): boolean => metric === 'auc';

/**
 * Weighted mean metrics as XGBoost defines them, of predictions (class-major for several classes: class k of row i at
 * k * n + i). Probabilities are clipped to [1e-16, 1 - 1e-16] inside logarithms.
 */
export function evaluateMetric(
  metric: Metric,
  predictions: Float32Array,
  labels: Float32Array,
  weights: Float32Array | undefined,
): number {
  const n = labels.length;
  if (metric === 'auc') return auc(predictions, labels, weights);
  const classes = predictions.length / n;
  let sum = 0;
  let total = 0;
  for (let i = 0; i < n; i++) {
    const w = weights === undefined ? 1 : weights[i]!;
    total += w;
    sum += w * rowLoss(metric, predictions, labels[i]!, i, n, classes);
  }
  return metric === 'rmse' ? Math.sqrt(sum / total) : sum / total;
}

const EPSILON = 1e-16;

function rowLoss(metric: Metric, p: Float32Array, y: number, i: number, n: number, classes: number): number {
  switch (metric) {
    case 'logloss': {
      const q = p[i]!;
      return -(y * Math.log(Math.max(q, EPSILON)) + (1 - y) * Math.log(Math.max(1 - q, EPSILON)));
    }
    case 'error':
      return p[i]! > 0.5 ? 1 - y : y;
    case 'rmse':
      return (p[i]! - y) * (p[i]! - y);
    case 'mlogloss':
      return -Math.log(Math.max(p[y * n + i]!, EPSILON));
    default: {
      let best = 0;
      for (let k = 1; k < classes; k++) if (p[k * n + i]! > p[best * n + i]!) best = k;
      return best === y ? 0 : 1;
    }
  }
}

/** Area under the ROC curve by weighted ranks, ties counted half. NaN when only one class has weight. */
export function auc(scores: Float32Array, labels: Float32Array, weights?: Float32Array): number {
  const n = scores.length;
  // Float32 bits as sortable integers, with the row in the low half: numbers sort faster than a comparator.
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, n);
  const keys = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    // -0 and 0 are one score.
    const b = bits[i] === 0x80000000 ? 0 : bits[i]!;
    keys[i] = (b >>> 31 ? ~b >>> 0 : (b | 0x80000000) >>> 0) * 2097152 + (i % 2097152);
  }
  if (n > 2097152) return aucOfLarge(scores, labels, weights);
  keys.sort();
  let below = 0;
  let area = 0;
  let positives = 0;
  let i = 0;
  while (i < n) {
    const key = Math.floor(keys[i]! / 2097152);
    let pos = 0;
    let neg = 0;
    for (; i < n && Math.floor(keys[i]! / 2097152) === key; i++) {
      const row = keys[i]! % 2097152;
      const w = weights === undefined ? 1 : weights[row]!;
      pos += w * labels[row]!;
      neg += w * (1 - labels[row]!);
    }
    area += pos * (below + neg / 2);
    below += neg;
    positives += pos;
  }
  return area / (positives * below);
}

function aucOfLarge(scores: Float32Array, labels: Float32Array, weights: Float32Array | undefined): number {
  const order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  order.sort((a, b) => scores[a]! - scores[b]!);
  let below = 0;
  let area = 0;
  let positives = 0;
  for (let i = 0; i < order.length; ) {
    const score = scores[order[i]!]!;
    let pos = 0;
    let neg = 0;
    for (; i < order.length && scores[order[i]!] === score; i++) {
      const w = weights === undefined ? 1 : weights[order[i]!]!;
      pos += w * labels[order[i]!]!;
      neg += w * (1 - labels[order[i]!]!);
    }
    area += pos * (below + neg / 2);
    below += neg;
    positives += pos;
  }
  return area / (positives * below);
}
