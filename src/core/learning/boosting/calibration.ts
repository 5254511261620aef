import { QuantlineError } from '../../errors/index.js';

/** Platt scaling: P(label 1) = 1 / (1 + exp(slope * margin + intercept)); slope is negative for a useful model. */
export interface PlattScaling {
  readonly slope: number;
  readonly intercept: number;
}

const MAX_ITERATIONS = 100;
const MIN_STEP = 1e-10;
/** Keeps the Hessian positive definite. */
const RIDGE = 1e-12;

/**
 * Fits Platt scaling to margins of rows that the model was not trained on (Platt 1999, with the Newton method and the
 * stable sums of Lin, Lin, Weng 2007: targets (N+ + 1) / (N+ + 2) and 1 / (N- + 2)). Weighted counts where weights are
 * given. Throws NO_DATA when a class is missing, INPUT for values that are no numbers.
 */
export function fitPlatt(
  margins: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number>,
): PlattScaling {
  const n = margins.length;
  if (labels.length !== n || (weights !== undefined && weights.length !== n))
    throw new QuantlineError('INPUT', `Calibration: ${n} margins, ${labels.length} labels.`);
  let positive = 0;
  let negative = 0;
  for (let i = 0; i < n; i++) {
    const w = weights === undefined ? 1 : weights[i]!;
    if (!Number.isFinite(margins[i]!) || (labels[i] !== 0 && labels[i] !== 1) || !(w >= 0 && w < Infinity))
      throw new QuantlineError('INPUT', `Calibration: row ${i} has margin ${margins[i]}, label ${labels[i]}.`);
    if (labels[i] === 1) positive += w;
    else negative += w;
  }
  if (!(positive > 0 && negative > 0))
    throw new QuantlineError('NO_DATA', 'Calibration needs rows of both classes.', {
      hint: 'Use more folds or a longer range.',
    });
  const high = (positive + 1) / (positive + 2);
  const low = 1 / (negative + 2);
  const weight = (i: number): number => (weights === undefined ? 1 : weights[i]!);
  const loss = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const t = labels[i] === 1 ? high : low;
      const z = a * margins[i]! + b;
      sum += weight(i) * (z >= 0 ? t * z + Math.log1p(Math.exp(-z)) : (t - 1) * z + Math.log1p(Math.exp(z)));
    }
    return sum;
  };
  let a = 0;
  let b = Math.log((negative + 1) / (positive + 1));
  let value = loss(a, b);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    let [haa, hbb, hab, ga, gb] = [RIDGE, RIDGE, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const f = margins[i]!;
      const p = plattProbability({ slope: a, intercept: b }, f);
      const d2 = weight(i) * p * (1 - p);
      const d1 = weight(i) * ((labels[i] === 1 ? high : low) - p);
      haa += f * f * d2;
      hbb += d2;
      hab += f * d2;
      ga += f * d1;
      gb += d1;
    }
    if (Math.abs(ga) < 1e-9 && Math.abs(gb) < 1e-9) break;
    const determinant = haa * hbb - hab * hab;
    const da = -(hbb * ga - hab * gb) / determinant;
    const db = -(-hab * ga + haa * gb) / determinant;
    const slope = ga * da + gb * db;
    let step = 1;
    for (; step >= MIN_STEP; step /= 2) {
      const next = loss(a + step * da, b + step * db);
      if (next < value + 1e-4 * step * slope) {
        a += step * da;
        b += step * db;
        value = next;
        break;
      }
    }
    if (step < MIN_STEP) break;
  }
  return { slope: a, intercept: b };
}

/** The calibrated probability of label 1. */
export function plattProbability({ slope, intercept }: PlattScaling, margin: number): number {
  const z = slope * margin + intercept;
  // Both forms are the same number; each is stable on its side.
  return z >= 0 ? Math.exp(-z) / (1 + Math.exp(-z)) : 1 / (1 + Math.exp(z));
}
