// First and second derivatives of the losses with respect to the margin, as float32 pairs, from float32 margins.

const LOG2E: f64 = 1.4426950408889634;
const LN2_HIGH: f64 = 6.93147180369123816490e-1;
const LN2_LOW: f64 = 1.90821492927058770002e-10;
/** 1.5 * 2^52: adding it rounds to an integer that can be read from the low bits. */
const MAGIC: f64 = 6755399441055744.0;

// @ts-ignore: decorator
@inline
function exp2lanes(x: v128): v128 {
  x = f64x2.max(f64x2.min(x, f64x2.splat(700)), f64x2.splat(-700));
  const t = f64x2.add(f64x2.mul(x, f64x2.splat(LOG2E)), f64x2.splat(MAGIC));
  const n = f64x2.sub(t, f64x2.splat(MAGIC));
  let r = f64x2.sub(x, f64x2.mul(n, f64x2.splat(LN2_HIGH)));
  r = f64x2.sub(r, f64x2.mul(n, f64x2.splat(LN2_LOW)));
  // Taylor series to r^11 / 11!: within 1e-14 relative for |r| <= ln 2 / 2, where float32 margins need 1e-8.
  let p = f64x2.splat(1.0 / 39916800.0);
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 3628800.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 362880.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 40320.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 5040.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 720.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 120.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 24.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 6.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.5));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0));
  return i64x2.add(p, i64x2.shl(t, 52));
}

/** exp of one number, the same bits as the lanes above; exported for the tests. */
export function exponential(x: f64): f64 {
  return f64x2.extract_lane(exp2lanes(f64x2.splat(x)), 0);
}

// @ts-ignore: decorator
@inline
function pairOf(y: f32, p: f32, weight: f32, at: usize): void {
  store<f32>(at, (p - y) * weight);
  store<f32>(at, max(p * (1 - p), <f32>1e-16) * weight, 4);
}

/** binary:logistic. weights may be 0 (all one). positiveWeight multiplies the weight of rows with label 1. */
export function logisticPairs(
  from: i32, to: i32, margins: usize, labels: usize, weights: usize, positiveWeight: f32, pairs: usize,
): void {
  for (let i: usize = from; i < <usize>to; i += 2) {
    const two = i + 1 < <usize>to;
    const m0 = <f64>load<f32>(margins + (i << 2));
    const m1 = two ? <f64>load<f32>(margins + (i << 2), 4) : 0;
    const e = exp2lanes(f64x2.neg(f64x2.replace_lane(f64x2.splat(m0), 1, m1)));
    const p = f64x2.div(f64x2.splat(1), f64x2.add(f64x2.splat(1), e));
    const lanes: usize = two ? 2 : 1;
    for (let lane: usize = 0; lane < lanes; lane++) {
      const row = i + lane;
      const y = load<f32>(labels + (row << 2));
      let w: f32 = weights ? load<f32>(weights + (row << 2)) : 1;
      if (y == 1) w *= positiveWeight;
      pairOf(y, <f32>(lane ? f64x2.extract_lane(p, 1) : f64x2.extract_lane(p, 0)), w, pairs + (row << 3));
    }
  }
}

/** reg:squarederror. */
export function squaredPairs(from: i32, to: i32, margins: usize, labels: usize, weights: usize, pairs: usize): void {
  for (let i: usize = from; i < <usize>to; i++) {
    const w: f32 = weights ? load<f32>(weights + (i << 2)) : 1;
    store<f32>(pairs + (i << 3), (load<f32>(margins + (i << 2)) - load<f32>(labels + (i << 2))) * w);
    store<f32>(pairs + (i << 3), w, 4);
  }
}

/** multi:softprob. margins and pairs are class-major: class k of row i at k * n + i. scratch: classes f64. */
export function softmaxPairs(
  from: i32, to: i32, n: i32, classes: i32, margins: usize, labels: usize, weights: usize, pairs: usize, scratch: usize,
): void {
  for (let i: usize = from; i < <usize>to; i++) {
    let top: f32 = -Infinity;
    for (let k = 0; k < classes; k++) top = max(top, load<f32>(margins + ((<usize>k * <usize>n + i) << 2)));
    let sum: f64 = 0;
    for (let k = 0; k < classes; k++) {
      const e = exponential(<f64>(load<f32>(margins + ((<usize>k * <usize>n + i) << 2)) - top));
      store<f64>(scratch + (<usize>k << 3), e);
      sum += e;
    }
    const w: f32 = weights ? load<f32>(weights + (i << 2)) : 1;
    const label = <i32>load<f32>(labels + (i << 2));
    for (let k = 0; k < classes; k++) {
      const p = <f32>(load<f64>(scratch + (<usize>k << 3)) / sum);
      const at = pairs + ((<usize>k * <usize>n + i) << 3);
      store<f32>(at, (k == label ? p - 1 : p) * w);
      const h: f32 = <f32>2 * p * (<f32>1 - p);
      store<f32>(at, max<f32>(h, <f32>1e-16) * w, 4);
    }
  }
}

/** Largest |gradient| and hessian of pairs [from, to) into out (two f32). */
export function largestPair(pairs: usize, from: i32, to: i32, out: usize): void {
  let top = f32x4.splat(0);
  for (let i: usize = from; i < <usize>to; i++) top = f32x4.max(top, f32x4.abs(v128.load64_zero(pairs + (i << 3))));
  v128.store64_lane(out, top, 0);
}
