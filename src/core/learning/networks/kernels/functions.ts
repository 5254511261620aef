// Activations as rational functions, eight lanes at a time.

import { multiplyAdd } from './arithmetic';

// tanh as x·P(x²)/Q(x²) with P of degree 6 and Q of degree 3: the minimax coefficients in common use for float32 (Eigen's
// `ptanh`). Beyond ±7.9053 the result no longer changes in float32. Largest error 2 units in the last place.
// In memory because splatting a constant costs several instructions and loading one does not.
const TABLE: usize = memory.data<f32>(
  [
    7.905311107635498, -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8,
    1.48572235717979e-5, 6.37261928875436e-4, 4.89352455891786e-3, 1.19825839466702e-6, 1.18534705686654e-4,
    2.268434632439e-3, 4.89352518554385e-3,
  ],
  16,
);

/**
 * In place over n floats from p, n a multiple of 8: tanh(x) for scale 1, the logistic function ½ + ½·tanh(x/2) for scale ½
 * (absolute error below 1.2e-7).
 */
export function tanhRow(start: usize, n: i32, scale: f32): void {
  const end: usize = start + ((<usize>n) << 2);
  const factor: v128 = f32x4.splat(scale);
  const offset: v128 = f32x4.splat(1 - scale);
  for (let at: usize = start; at < end; at += 32) {
    const high: v128 = v128.load_splat<f32>(TABLE);
    const low: v128 = f32x4.neg(high);
    const x: v128 = f32x4.pmin(f32x4.pmax(f32x4.mul(v128.load(at), factor), low), high);
    const y: v128 = f32x4.pmin(f32x4.pmax(f32x4.mul(v128.load(at, 16), factor), low), high);
    const s: v128 = f32x4.mul(x, x);
    const t: v128 = f32x4.mul(y, y);
    let c: v128 = v128.load_splat<f32>(TABLE, 4);
    let d: v128 = v128.load_splat<f32>(TABLE, 8);
    let p: v128 = multiplyAdd(c, s, d);
    let q: v128 = multiplyAdd(c, t, d);
    c = v128.load_splat<f32>(TABLE, 12);
    p = multiplyAdd(p, s, c);
    q = multiplyAdd(q, t, c);
    c = v128.load_splat<f32>(TABLE, 16);
    p = multiplyAdd(p, s, c);
    q = multiplyAdd(q, t, c);
    c = v128.load_splat<f32>(TABLE, 20);
    p = multiplyAdd(p, s, c);
    q = multiplyAdd(q, t, c);
    c = v128.load_splat<f32>(TABLE, 24);
    p = multiplyAdd(p, s, c);
    q = multiplyAdd(q, t, c);
    c = v128.load_splat<f32>(TABLE, 28);
    p = multiplyAdd(p, s, c);
    q = multiplyAdd(q, t, c);
    p = f32x4.mul(p, x);
    q = f32x4.mul(q, y);
    c = v128.load_splat<f32>(TABLE, 32);
    d = v128.load_splat<f32>(TABLE, 36);
    let u: v128 = multiplyAdd(c, s, d);
    let v: v128 = multiplyAdd(c, t, d);
    c = v128.load_splat<f32>(TABLE, 40);
    u = multiplyAdd(u, s, c);
    v = multiplyAdd(v, t, c);
    c = v128.load_splat<f32>(TABLE, 44);
    u = multiplyAdd(u, s, c);
    v = multiplyAdd(v, t, c);
    v128.store(at, multiplyAdd(factor, f32x4.div(p, u), offset));
    v128.store(at, multiplyAdd(factor, f32x4.div(q, v), offset), 16);
  }
}

/** In place over rows: tanh for `kind` 1, max(0, x) for 2; n is a multiple of 8. */
export function activate(m: i32, n: i32, x: usize, ldx: i32, kind: i32): void {
  const zero: v128 = f32x4.splat(0);
  for (let i: i32 = 0; i < m; i++) {
    let p: usize = x + ((<usize>i * <usize>ldx) << 2);
    const end: usize = p + ((<usize>n) << 2);
    if (kind === 1) tanhRow(p, n, 1);
    else for (; p < end; p += 16) v128.store(p, f32x4.pmax(v128.load(p), zero));
  }
}

/** d ← d·f′ where y = f(x) is the activation's output: 1 − y² for tanh (`kind` 1), y > 0 for max(0, x) (2). */
export function activateBackward(m: i32, n: i32, y: usize, ldy: i32, d: usize, ldd: i32, kind: i32): void {
  const zero: v128 = f32x4.splat(0);
  const one: v128 = f32x4.splat(1);
  for (let i: i32 = 0; i < m; i++) {
    let p: usize = y + ((<usize>i * <usize>ldy) << 2);
    let q: usize = d + ((<usize>i * <usize>ldd) << 2);
    const end: usize = p + ((<usize>n) << 2);
    if (kind === 1)
      for (; p < end; p += 32, q += 32) {
        const a: v128 = v128.load(p);
        const b: v128 = v128.load(p, 16);
        v128.store(q, f32x4.mul(v128.load(q), f32x4.sub(one, f32x4.mul(a, a))));
        v128.store(q, f32x4.mul(v128.load(q, 16), f32x4.sub(one, f32x4.mul(b, b))), 16);
      }
    else for (; p < end; p += 16, q += 16) v128.store(q, v128.and(v128.load(q), f32x4.gt(v128.load(p), zero)));
  }
}
