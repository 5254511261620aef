import type { ScoreKind } from './model.js';

/**
 * How good scores were against labels. For probabilities: logloss, auc, accuracy, information coefficient. For returns:
 * rmse, direction accuracy, information coefficient. NaN scores are left out; `rows` counts the rest.
 */
export interface ScoreMetrics {
  readonly rows: number;
  readonly [metric: string]: number;
}

export function scoreMetrics(kind: ScoreKind, scores: Float64Array, labels: Float64Array): ScoreMetrics {
  const keep: number[] = [];
  for (let i = 0; i < scores.length; i++) if (!Number.isNaN(scores[i]!)) keep.push(i);
  const s = Float64Array.from(keep, (i) => scores[i]!);
  const y = Float64Array.from(keep, (i) => labels[i]!);
  const rows = keep.length;
  if (rows === 0) return { rows };
  const mean = (f: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += f(i);
    return sum / rows;
  };
  const information_coefficient = rankCorrelation(s, y);
  if (kind === 'probability') {
    const clip = (p: number) => Math.min(1 - 1e-15, Math.max(1e-15, p));
    return {
      rows,
      logloss: mean((i) => -(y[i] === 1 ? Math.log(clip(s[i]!)) : Math.log(1 - clip(s[i]!)))),
      auc: auc(s, y),
      accuracy: mean((i) => (s[i]! > 0.5 === (y[i] === 1) ? 1 : 0)),
      information_coefficient,
    };
  }
  return {
    rows,
    rmse: Math.sqrt(mean((i) => (s[i]! - y[i]!) * (s[i]! - y[i]!))),
    accuracy: mean((i) => (s[i]! > 0 === y[i]! > 0 ? 1 : 0)),
    information_coefficient,
  };
}

/** Ranks from 1, ties averaged. */
function ranks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const out = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let end = i + 1;
    while (end < order.length && values[order[end]!] === values[order[i]!]) end++;
    for (let k = i; k < end; k++) out[order[k]!] = (i + end + 1) / 2;
    i = end;
  }
  return out;
}

/** Spearman's rank correlation; NaN where one side does not vary. */
export function rankCorrelation(a: Float64Array, b: Float64Array): number {
  const x = ranks(a);
  const y = ranks(b);
  const middle = (a.length + 1) / 2;
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    xy += (x[i]! - middle) * (y[i]! - middle);
    xx += (x[i]! - middle) * (x[i]! - middle);
    yy += (y[i]! - middle) * (y[i]! - middle);
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : Number.NaN;
}

/** Area under the ROC curve by ranks; NaN where there is one class only. */
export function auc(scores: Float64Array, labels: Float64Array): number {
  const r = ranks(scores);
  let positives = 0;
  let sum = 0;
  for (let i = 0; i < r.length; i++) {
    if (labels[i] !== 1) continue;
    positives++;
    sum += r[i]!;
  }
  const negatives = r.length - positives;
  return positives > 0 && negatives > 0
    ? (sum - (positives * (positives + 1)) / 2) / (positives * negatives)
    : Number.NaN;
}
