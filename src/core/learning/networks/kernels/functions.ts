// Activations as rational functions, four lanes at a time.

/**
 * tanh as x·P(x²)/Q(x²) with P of degree 6 and Q of degree 3: the minimax coefficients in common use for float32
 * (Eigen's `ptanh`). Beyond ±7.9053 the result no longer changes in float32. Largest error 2 units in the last place.
 */
export function tanh4(v: v128): v128 {
  const x: v128 = f32x4.min(f32x4.max(v, f32x4.splat(-7.905311107635498)), f32x4.splat(7.905311107635498));
  const s: v128 = f32x4.mul(x, x);
  let p: v128 = f32x4.splat(-2.76076847742355e-16);
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(2.00018790482477e-13));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(-8.60467152213735e-11));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(5.12229709037114e-8));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(1.48572235717979e-5));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(6.37261928875436e-4));
  p = f32x4.add(f32x4.mul(p, s), f32x4.splat(4.89352455891786e-3));
  let q: v128 = f32x4.splat(1.19825839466702e-6);
  q = f32x4.add(f32x4.mul(q, s), f32x4.splat(1.18534705686654e-4));
  q = f32x4.add(f32x4.mul(q, s), f32x4.splat(2.268434632439e-3));
  q = f32x4.add(f32x4.mul(q, s), f32x4.splat(4.89352518554385e-3));
  return f32x4.div(f32x4.mul(x, p), q);
}

/** 1/(1 + e⁻ˣ) = ½ + ½·tanh(x/2); absolute error below 1.2e-7. */
export function sigmoid4(v: v128): v128 {
  const half: v128 = f32x4.splat(0.5);
  return f32x4.add(half, f32x4.mul(half, tanh4(f32x4.mul(half, v))));
}

/** In place over rows: tanh for `kind` 1, max(0, x) for 2; n is a multiple of 4. */
export function activate(m: i32, n: i32, x: usize, ldx: i32, kind: i32): void {
  const zero: v128 = f32x4.splat(0);
  for (let i: i32 = 0; i < m; i++) {
    let p: usize = x + ((<usize>i * <usize>ldx) << 2);
    const end: usize = p + ((<usize>n) << 2);
    if (kind === 1) for (; p < end; p += 16) v128.store(p, tanh4(v128.load(p)));
    else for (; p < end; p += 16) v128.store(p, f32x4.max(v128.load(p), zero));
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
    for (; p < end; p += 16, q += 16) {
      const a: v128 = v128.load(p);
      const g: v128 = v128.load(q);
      if (kind === 1) v128.store(q, f32x4.mul(g, f32x4.sub(one, f32x4.mul(a, a))));
      else v128.store(q, v128.and(g, f32x4.gt(a, zero)));
    }
  }
}
