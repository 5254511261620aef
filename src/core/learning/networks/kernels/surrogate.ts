// The clipped surrogate of PPO (Schulman et al. 2017) and its gradient, four rows at a time. Rows beyond the last up to a
// multiple of 4 are computed too, on whatever stands there, and count for nothing: buffers hold a multiple of 4 rows.
// `sums` are four vectors of four lanes: what is to be minimised, the approximate KL divergence, the entropy, and the mask.

import { exponential, logarithm } from './exponential';

/** The floats at p, p + stride, … of four rows. */
function fourOf(p: usize, stride: usize): v128 {
  let v: v128 = v128.load32_zero(p);
  v = v128.load32_lane(p + stride, v, 1);
  v = v128.load32_lane(p + stride * 2, v, 2);
  return v128.load32_lane(p + stride * 3, v, 3);
}

function storeFour(p: usize, stride: usize, v: v128): void {
  v128.store32_lane(p, v, 0);
  v128.store32_lane(p + stride, v, 1);
  v128.store32_lane(p + stride * 2, v, 2);
  v128.store32_lane(p + stride * 3, v, 3);
}

/** Adds to one of the sums; lanes of rows that do not exist add nothing. */
function sum(sums: usize, index: usize, v: v128): void {
  const at: usize = sums + (index << 4);
  v128.store(at, f32x4.add(v128.load(at), v128.and(v, v128.load(sums, 48))));
}

function maskRows(sums: usize, left: i32): void {
  v128.store(sums, i32x4.gt_s(i32x4.splat(left), i32x4(0, 1, 2, 3)), 48);
}

/** From the new log density of four rows: d(surrogate)/d(log density) times `scale`, 0 where the clipped branch is the smaller. */
function byDensity(log: v128, advantages: usize, old: usize, clip: f32, scale: f32, sums: usize): v128 {
  const advantage: v128 = v128.load(advantages);
  const change: v128 = f32x4.sub(log, v128.load(old));
  const ratio: v128 = exponential(change);
  const one: v128 = f32x4.splat(1);
  const clipped: v128 = f32x4.max(f32x4.min(ratio, f32x4.splat(1 + clip)), f32x4.splat(1 - clip));
  const free: v128 = f32x4.mul(ratio, advantage);
  const bound: v128 = f32x4.mul(clipped, advantage);
  sum(sums, 0, f32x4.neg(f32x4.min(free, bound)));
  sum(sums, 1, f32x4.sub(f32x4.sub(ratio, one), change));
  return v128.and(f32x4.mul(free, f32x4.splat(-scale)), f32x4.le(free, bound));
}

/**
 * Softmax policy over `count` logits a row at z, rows of `ld` floats. Rows hold one action (its number), one advantage and
 * the log probability that the action was drawn with. Writes `scale` times the gradient of surrogate − entropyCoefficient ·
 * entropy with respect to the logits into `gradient`, rows of `ld` floats too, and adds to `sums`.
 */
export function surrogateSoftmax(
  rows: i32,
  count: i32,
  z: usize,
  ld: i32,
  actions: usize,
  advantages: usize,
  old: usize,
  clip: f32,
  entropyCoefficient: f32,
  scale: f32,
  gradient: usize,
  sums: usize,
): void {
  const stride: usize = (<usize>ld) << 2;
  const end: usize = (<usize>count) << 2;
  const weight: v128 = f32x4.splat(entropyCoefficient * scale);
  for (let r: i32 = 0; r < rows; r += 4) {
    maskRows(sums, rows - r);
    const row: usize = (<usize>r) << 2;
    const p: usize = z + row * <usize>ld;
    const q: usize = gradient + row * <usize>ld;
    let largest: v128 = fourOf(p, stride);
    for (let k: usize = 4; k < end; k += 4) largest = f32x4.max(largest, fourOf(p + k, stride));
    const taken: v128 = v128.load(actions + row);
    let total: v128 = f32x4.splat(0);
    let chosen: v128 = total;
    for (let k: usize = 0; k < end; k += 4) {
      const logit: v128 = f32x4.sub(fourOf(p + k, stride), largest);
      const power: v128 = exponential(logit);
      storeFour(q + k, stride, power);
      total = f32x4.add(total, power);
      chosen = v128.bitselect(logit, chosen, f32x4.eq(taken, f32x4.splat(<f32>(k >> 2))));
    }
    const log: v128 = logarithm(total);
    const inverse: v128 = f32x4.div(f32x4.splat(1), total);
    const base: v128 = f32x4.add(largest, log);
    let entropy: v128 = f32x4.splat(0);
    for (let k: usize = 0; k < end; k += 4) {
      const probability: v128 = f32x4.mul(fourOf(q + k, stride), inverse);
      entropy = f32x4.sub(entropy, f32x4.mul(probability, f32x4.sub(fourOf(p + k, stride), base)));
    }
    sum(sums, 2, entropy);
    const slope: v128 = byDensity(f32x4.sub(chosen, log), advantages + row, old + row, clip, scale, sums);
    for (let k: usize = 0; k < end; k += 4) {
      const probability: v128 = f32x4.mul(fourOf(q + k, stride), inverse);
      const density: v128 = f32x4.sub(fourOf(p + k, stride), base);
      const hit: v128 = v128.and(f32x4.eq(taken, f32x4.splat(<f32>(k >> 2))), f32x4.splat(1));
      const byEntropy: v128 = f32x4.mul(f32x4.mul(weight, probability), f32x4.add(density, entropy));
      storeFour(q + k, stride, f32x4.add(f32x4.mul(slope, f32x4.sub(hit, probability)), byEntropy));
    }
  }
}

/**
 * Independent normals with means at z and the given log deviations (`size` floats): as `surrogateSoftmax`, with `size`
 * numbers an action. Adds the gradient of the log deviations to `deviationGradient`, four lanes each.
 */
export function surrogateNormal(
  rows: i32,
  size: i32,
  z: usize,
  ld: i32,
  actions: usize,
  advantages: usize,
  old: usize,
  clip: f32,
  entropyCoefficient: f32,
  scale: f32,
  gradient: usize,
  sums: usize,
  logDeviations: usize,
  deviationGradient: usize,
): void {
  const stride: usize = (<usize>ld) << 2;
  const width: usize = (<usize>size) << 2;
  const half: f32 = 0.9189385332046727;
  for (let r: i32 = 0; r < rows; r += 4) {
    maskRows(sums, rows - r);
    const row: usize = (<usize>r) << 2;
    const p: usize = z + row * <usize>ld;
    const q: usize = gradient + row * <usize>ld;
    const action: usize = actions + row * <usize>size;
    let log: v128 = f32x4.splat(0);
    let entropy: v128 = log;
    for (let k: usize = 0; k < width; k += 4) {
      const deviation: v128 = v128.load_splat<f32>(logDeviations + k);
      const distance: v128 = f32x4.sub(fourOf(action + k, width), fourOf(p + k, stride));
      const x: v128 = f32x4.mul(distance, exponential(f32x4.neg(deviation)));
      const fixed: v128 = f32x4.add(deviation, f32x4.splat(half));
      log = f32x4.sub(log, f32x4.add(f32x4.mul(f32x4.mul(x, x), f32x4.splat(0.5)), fixed));
      entropy = f32x4.add(entropy, f32x4.add(fixed, f32x4.splat(0.5)));
    }
    sum(sums, 2, entropy);
    const slope: v128 = byDensity(log, advantages + row, old + row, clip, scale, sums);
    for (let k: usize = 0; k < width; k += 4) {
      const inverse: v128 = exponential(f32x4.neg(v128.load_splat<f32>(logDeviations + k)));
      const distance: v128 = f32x4.sub(fourOf(action + k, width), fourOf(p + k, stride));
      const x: v128 = f32x4.mul(distance, inverse);
      storeFour(q + k, stride, f32x4.mul(slope, f32x4.mul(x, inverse)));
      const byDeviation: v128 = f32x4.mul(slope, f32x4.sub(f32x4.mul(x, x), f32x4.splat(1)));
      const step: v128 = v128.and(f32x4.sub(byDeviation, f32x4.splat(entropyCoefficient * scale)), v128.load(sums, 48));
      const to: usize = deviationGradient + (k << 2);
      v128.store(to, f32x4.add(v128.load(to), step));
    }
  }
}

/**
 * Values at v, rows of `ld` floats, against `targets`: writes `factor` times the error into `gradient` and returns the
 * summed squared error.
 */
export function squaredError(rows: i32, v: usize, ld: i32, targets: usize, factor: f32, gradient: usize): f64 {
  const stride: usize = (<usize>ld) << 2;
  let loss: f64 = 0;
  for (let r: i32 = 0; r < rows; r++) {
    const at: usize = <usize>r * stride;
    const error: f32 = load<f32>(v + at) - load<f32>(targets + ((<usize>r) << 2));
    loss += <f64>error * <f64>error;
    store<f32>(gradient + at, error * factor);
  }
  return loss;
}
