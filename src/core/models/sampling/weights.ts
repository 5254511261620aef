import type { Random } from '../../domain/random.js';

/** Bars [start, end] over which each label looks, both inclusive. */
export interface LabelBars {
  readonly start: Int32Array;
  readonly end: Int32Array;
}

/** Number of labels alive at each of `bars` bars (López de Prado 2018, ch. 4). */
export function concurrency(labels: LabelBars, bars: number): Int32Array {
  const steps = new Int32Array(bars + 1);
  for (let i = 0; i < labels.start.length; i++) {
    steps[labels.start[i]!] = steps[labels.start[i]!]! + 1;
    steps[labels.end[i]! + 1] = steps[labels.end[i]! + 1]! - 1;
  }
  let alive = 0;
  return Int32Array.from({ length: bars }, (_, t) => (alive += steps[t]!));
}

/** Average uniqueness of each label: mean of 1 / concurrency over its life. */
export function uniqueness(labels: LabelBars, bars: number): Float64Array {
  const count = concurrency(labels, bars);
  const sums = new Float64Array(bars + 1);
  for (let t = 0; t < bars; t++) sums[t + 1] = sums[t]! + (count[t]! > 0 ? 1 / count[t]! : 0);
  return Float64Array.from(labels.start, (start, i) => {
    const end = labels.end[i]!;
    return (sums[end + 1]! - sums[start]!) / (end - start + 1);
  });
}

/** Weights by attributed return, |Σ r_t / c_t| over the label's life, scaled to sum to the number of labels. */
export function returnWeights(labels: LabelBars, logReturns: Float64Array): Float64Array {
  const count = concurrency(labels, logReturns.length);
  const sums = new Float64Array(logReturns.length + 1);
  for (let t = 0; t < logReturns.length; t++) sums[t + 1] = sums[t]! + (count[t]! > 0 ? logReturns[t]! / count[t]! : 0);
  const raw = Float64Array.from(labels.start, (start, i) => Math.abs(sums[labels.end[i]! + 1]! - sums[start]!));
  return scaleToCount(raw);
}

const scaleToCount = (raw: Float64Array): Float64Array => {
  const total = raw.reduce((a, b) => a + b, 0);
  return total > 0 ? raw.map((w) => (w * raw.length) / total) : raw.fill(1);
};

/**
 * Linear decay over cumulative uniqueness: the newest label weighs 1. `oldest` in [0, 1] is the weight at the start;
 * negative: that share of the oldest uniqueness weighs nothing.
 */
export function timeDecay(unique: Float64Array, oldest: number): Float64Array {
  const cumulative = new Float64Array(unique.length);
  let total = 0;
  for (let i = 0; i < unique.length; i++) cumulative[i] = total += unique[i]!;
  const slope = oldest >= 0 ? (1 - oldest) / total : 1 / ((oldest + 1) * total);
  const constant = 1 - slope * total;
  return cumulative.map((c) => Math.max(0, constant + slope * c));
}

/** Probability of drawing each label next, given those drawn: proportional to its uniqueness among them. */
export function drawProbabilities(labels: LabelBars, bars: number, drawn: readonly number[]): Float64Array {
  const count = new Float64Array(bars);
  for (const i of drawn) for (let t = labels.start[i]!; t <= labels.end[i]!; t++) count[t] = count[t]! + 1;
  const unique = Float64Array.from(labels.start, (start, i) => {
    let total = 0;
    for (let t = start; t <= labels.end[i]!; t++) total += 1 / (count[t]! + 1);
    return total / (labels.end[i]! - start + 1);
  });
  const total = unique.reduce((a, b) => a + b, 0);
  return unique.map((u) => u / total);
}

/** Sequential bootstrap: `size` draws with replacement, each by `drawProbabilities` of those before. */
export function sequentialBootstrap(labels: LabelBars, bars: number, size: number, random: Random): Int32Array {
  const drawn: number[] = [];
  while (drawn.length < size) {
    const probability = drawProbabilities(labels, bars, drawn);
    let rest = random.next();
    let pick = 0;
    while (pick < probability.length - 1 && rest >= probability[pick]!) rest -= probability[pick++]!;
    drawn.push(pick);
  }
  return Int32Array.from(drawn);
}
