// Activations as rational functions, eight lanes at a time.

import { multiplyAdd } from './arithmetic';

// tanh as x·P(x²)/Q(x²) with P of degree 6 and Q of degree 3: the minimax coefficients in common use for float32 (Eigen's
// `ptanh`). Beyond ±7.9053 the result no longer changes in float32. Largest error 2 units in the last place.
// In memory because splatting a constant costs several instructions and loading one does not.
const TABLE: usize = memory.data<f32>(
  [
    7.905311107635498, -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8,
    1.48572235717979e-5, 6.37261928875436e-4, 4.89352455891786e-3, 1.19825839466702e-6, 1.18534705686654e-4,
    2.268434632439e-3, 4.89352518554385e-3, -7.905311107635498, 1,
  ],
  16,
);
const ONE: usize = 52;

/**
 * In place over n floats from p, n a multiple of 8: tanh(x) for scale 1, the logistic function ½ + ½·tanh(x/2) for scale ½
 * (absolute error below 1.2e-7). Sixteen floats at a time, so that each constant is loaded half as often; of an odd eight
 * both halves are the same.
 */
export function tanhRow(start: usize, n: i32, scale: f32): void {
  const end: usize = start + ((<usize>n) << 2);
  const factor: v128 = f32x4.splat(scale);
  const offset: v128 = f32x4.splat(1 - scale);
  for (let at: usize = start; at < end; at += 64) {
    const to: usize = at + 32 < end ? at + 32 : at;
    let c: v128 = v128.load_splat<f32>(TABLE);
    let d: v128 = v128.load_splat<f32>(TABLE, 48);
    const x: v128 = f32x4.pmin(f32x4.pmax(f32x4.mul(v128.load(at), factor), d), c);
    const y: v128 = f32x4.pmin(f32x4.pmax(f32x4.mul(v128.load(at, 16), factor), d), c);
    const g: v128 = f32x4.pmin(f32x4.pmax(f32x4.mul(v128.load(to), factor), d), c);
    const h: v128 = f32x4.pmin(f32x4.pmax(f32x4.mul(v128.load(to, 16), factor), d), c);
    const x2: v128 = f32x4.mul(x, x);
    const y2: v128 = f32x4.mul(y, y);
    const g2: v128 = f32x4.mul(g, g);
    const h2: v128 = f32x4.mul(h, h);
    c = v128.load_splat<f32>(TABLE, 4);
    d = v128.load_splat<f32>(TABLE, 8);
    let xp: v128 = multiplyAdd(c, x2, d);
    let yp: v128 = multiplyAdd(c, y2, d);
    let gp: v128 = multiplyAdd(c, g2, d);
    let hp: v128 = multiplyAdd(c, h2, d);
    c = v128.load_splat<f32>(TABLE, 12);
    xp = multiplyAdd(xp, x2, c);
    yp = multiplyAdd(yp, y2, c);
    gp = multiplyAdd(gp, g2, c);
    hp = multiplyAdd(hp, h2, c);
    c = v128.load_splat<f32>(TABLE, 16);
    xp = multiplyAdd(xp, x2, c);
    yp = multiplyAdd(yp, y2, c);
    gp = multiplyAdd(gp, g2, c);
    hp = multiplyAdd(hp, h2, c);
    c = v128.load_splat<f32>(TABLE, 20);
    xp = multiplyAdd(xp, x2, c);
    yp = multiplyAdd(yp, y2, c);
    gp = multiplyAdd(gp, g2, c);
    hp = multiplyAdd(hp, h2, c);
    c = v128.load_splat<f32>(TABLE, 24);
    xp = multiplyAdd(xp, x2, c);
    yp = multiplyAdd(yp, y2, c);
    gp = multiplyAdd(gp, g2, c);
    hp = multiplyAdd(hp, h2, c);
    c = v128.load_splat<f32>(TABLE, 28);
    xp = multiplyAdd(xp, x2, c);
    yp = multiplyAdd(yp, y2, c);
    gp = multiplyAdd(gp, g2, c);
    hp = multiplyAdd(hp, h2, c);
    c = v128.load_splat<f32>(TABLE, 32);
    d = v128.load_splat<f32>(TABLE, 36);
    let xq: v128 = multiplyAdd(c, x2, d);
    let yq: v128 = multiplyAdd(c, y2, d);
    let gq: v128 = multiplyAdd(c, g2, d);
    let hq: v128 = multiplyAdd(c, h2, d);
    c = v128.load_splat<f32>(TABLE, 40);
    xq = multiplyAdd(xq, x2, c);
    yq = multiplyAdd(yq, y2, c);
    gq = multiplyAdd(gq, g2, c);
    hq = multiplyAdd(hq, h2, c);
    c = v128.load_splat<f32>(TABLE, 44);
    xq = multiplyAdd(xq, x2, c);
    yq = multiplyAdd(yq, y2, c);
    gq = multiplyAdd(gq, g2, c);
    hq = multiplyAdd(hq, h2, c);
    v128.store(at, multiplyAdd(factor, f32x4.div(f32x4.mul(xp, x), xq), offset));
    v128.store(at, multiplyAdd(factor, f32x4.div(f32x4.mul(yp, y), yq), offset), 16);
    v128.store(to, multiplyAdd(factor, f32x4.div(f32x4.mul(gp, g), gq), offset));
    v128.store(to, multiplyAdd(factor, f32x4.div(f32x4.mul(hp, h), hq), offset), 16);
  }
}

/** In place over rows: tanh for `kind` 1, max(0, x) for 2; n is a multiple of 8. */
export function activate(m: i32, n: i32, x: usize, ldx: i32, kind: i32): void {
  const zero: v128 = f32x4.splat(0);
  // Rows that follow one another are one.
  if (ldx === n) {
    n *= m;
    m = 1;
  }
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
  if (ldy === n && ldd === n) {
    n *= m;
    m = 1;
  }
  for (let i: i32 = 0; i < m; i++) {
    let p: usize = y + ((<usize>i * <usize>ldy) << 2);
    let q: usize = d + ((<usize>i * <usize>ldd) << 2);
    const end: usize = p + ((<usize>n) << 2);
    if (kind === 1)
      for (; p < end; p += 32, q += 32) {
        const a: v128 = v128.load(p);
        const b: v128 = v128.load(p, 16);
        const c: v128 = v128.load(q);
        const e: v128 = v128.load(q, 16);
        const one: v128 = v128.load_splat<f32>(TABLE, ONE);
        v128.store(q, f32x4.mul(c, f32x4.sub(one, f32x4.mul(a, a))));
        v128.store(q, f32x4.mul(e, f32x4.sub(one, f32x4.mul(b, b))), 16);
      }
    else for (; p < end; p += 16, q += 16) v128.store(q, v128.and(v128.load(q), f32x4.gt(v128.load(p), zero)));
  }
}
