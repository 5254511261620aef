// exp and log in four lanes of float32: the polynomials of Cephes (`expf`, `logf`), within 2 units in the last place.

import { multiplyAdd } from './arithmetic';

function constant(x: f32): v128 {
  return f32x4.splat(x);
}

/** exp(x), of x cut to ±87, so that no result is infinite or subnormal. */
export function exponential(x: v128): v128 {
  const low: v128 = f32x4.max(f32x4.min(x, constant(87)), constant(-87));
  const n: v128 = f32x4.nearest(f32x4.mul(low, constant(Mathf.LOG2E)));
  const r: v128 = multiplyAdd(n, constant(2.1219444e-4), multiplyAdd(n, constant(-0.693359375), low));
  let p: v128 = constant(1.98756915e-4);
  p = multiplyAdd(p, r, constant(1.3981999507e-3));
  p = multiplyAdd(p, r, constant(8.3334519073e-3));
  p = multiplyAdd(p, r, constant(4.1665795894e-2));
  p = multiplyAdd(p, r, constant(1.6666665459e-1));
  p = multiplyAdd(p, r, constant(5.0000001201e-1));
  p = f32x4.add(multiplyAdd(p, f32x4.mul(r, r), r), constant(1));
  return i32x4.add(p, i32x4.shl(i32x4.trunc_sat_f32x4_s(n), 23));
}

/** log(x) of positive x that is not subnormal. */
export function logarithm(x: v128): v128 {
  let m: v128 = v128.or(v128.and(x, i32x4.splat(0x7fffff)), i32x4.splat(0x3f800000));
  const large: v128 = f32x4.gt(m, constant(Mathf.SQRT2));
  // A lane of `large` is −1 where it holds.
  const whole: v128 = i32x4.sub(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(127)), large);
  const e: v128 = f32x4.convert_i32x4_s(whole);
  m = v128.bitselect(f32x4.mul(m, constant(0.5)), m, large);
  const f: v128 = f32x4.sub(m, constant(1));
  const square: v128 = f32x4.mul(f, f);
  let p: v128 = constant(7.0376836292e-2);
  p = multiplyAdd(p, f, constant(-1.151461031e-1));
  p = multiplyAdd(p, f, constant(1.167699874e-1));
  p = multiplyAdd(p, f, constant(-1.2420140846e-1));
  p = multiplyAdd(p, f, constant(1.4249322787e-1));
  p = multiplyAdd(p, f, constant(-1.6668057665e-1));
  p = multiplyAdd(p, f, constant(2.0000714765e-1));
  p = multiplyAdd(p, f, constant(-2.4999993993e-1));
  p = multiplyAdd(p, f, constant(3.3333331174e-1));
  p = f32x4.mul(p, f32x4.mul(f, square));
  p = multiplyAdd(e, constant(-2.1219444e-4), p);
  p = multiplyAdd(square, constant(-0.5), p);
  return multiplyAdd(e, constant(0.693359375), f32x4.add(f, p));
}
