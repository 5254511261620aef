// Element-wise work on whole vectors; n is a multiple of 8 throughout, as V8 joins what is written in pairs of vectors, all
// loads before the stores.

import { multiplyAdd } from './arithmetic';

/** What `adam` rounds m with and adds to v; in memory because splatting a constant costs several instructions in a loop. */
const DUST: usize = memory.data<f32>([1e-20, 1e-30], 16);

/** Σ x², summed in four lanes of float64 pairs and in a fixed order. */
export function sumSquares(n: i32, x: usize): f64 {
  let a: v128 = f64x2.splat(0);
  let b: v128 = f64x2.splat(0);
  const end: usize = x + ((<usize>n) << 2);
  for (let p: usize = x; p < end; p += 16) {
    const v: v128 = v128.load(p);
    const low: v128 = f64x2.promote_low_f32x4(v);
    const high: v128 = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
  }
  return f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1) + (f64x2.extract_lane(b, 0) + f64x2.extract_lane(b, 1));
}

export function fillZero(n: i32, x: usize): void {
  memory.fill(x, 0, (<usize>n) << 2);
}

export function copy(n: i32, from: usize, to: usize): void {
  memory.copy(to, from, (<usize>n) << 2);
}

/** y += x */
export function addTo(n: i32, x: usize, y: usize): void {
  const end: usize = x + ((<usize>n) << 2);
  let q: usize = y;
  for (let p: usize = x; p < end; p += 32, q += 32) {
    const a: v128 = f32x4.add(v128.load(q), v128.load(p));
    const b: v128 = f32x4.add(v128.load(q, 16), v128.load(p, 16));
    v128.store(q, a);
    v128.store(q, b, 16);
  }
}

/**
 * Adam (Kingma & Ba 2015, algorithm 1): m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← p − rate·m/(√v·correction + ε) − decay·p,
 * with g = scale · gradient, rate = α/(1−β₁ᵗ), correction = 1/√(1−β₂ᵗ). The moments of a unit that has died would fade into
 * subnormal numbers, which cost a hundred times: m is rounded to multiples of 1e-27, and 1e-30 is added to v, whose root
 * stays far below any ε in use.
 */
export function adam(
  n: i32,
  parameters: usize,
  gradient: usize,
  m: usize,
  v: usize,
  scale: f32,
  beta1: f32,
  beta2: f32,
  rate: f32,
  correction: f32,
  epsilon: f32,
  decay: f32,
): void {
  const b1: v128 = f32x4.splat(beta1);
  const b2: v128 = f32x4.splat(beta2);
  const n1: v128 = f32x4.splat((1 - beta1) * scale);
  const n2: v128 = f32x4.splat((1 - beta2) * scale * scale);
  const lr: v128 = f32x4.splat(-rate);
  const co: v128 = f32x4.splat(correction);
  const ep: v128 = f32x4.splat(epsilon);
  const keep: v128 = f32x4.splat(1 - decay);
  const bytes: usize = (<usize>n) << 2;
  for (let o: usize = 0; o < bytes; o += 32) {
    const g: v128 = v128.load(gradient + o);
    const h: v128 = v128.load(gradient + o, 16);
    let x: v128 = v128.load(m + o);
    let y: v128 = v128.load(m + o, 16);
    let r: v128 = v128.load(v + o);
    let s: v128 = v128.load(v + o, 16);
    const p: v128 = v128.load(parameters + o);
    const q: v128 = v128.load(parameters + o, 16);
    const dust: v128 = v128.load_splat<f32>(DUST);
    const floor: v128 = v128.load_splat<f32>(DUST, 4);
    x = f32x4.sub(f32x4.add(multiplyAdd(n1, g, f32x4.mul(b1, x)), dust), dust);
    y = f32x4.sub(f32x4.add(multiplyAdd(n1, h, f32x4.mul(b1, y)), dust), dust);
    r = multiplyAdd(f32x4.mul(n2, g), g, multiplyAdd(b2, r, floor));
    s = multiplyAdd(f32x4.mul(n2, h), h, multiplyAdd(b2, s, floor));
    v128.store(m + o, x);
    v128.store(m + o, y, 16);
    v128.store(v + o, r);
    v128.store(v + o, s, 16);
    x = f32x4.div(f32x4.mul(lr, x), multiplyAdd(f32x4.sqrt(r), co, ep));
    y = f32x4.div(f32x4.mul(lr, y), multiplyAdd(f32x4.sqrt(s), co, ep));
    v128.store(parameters + o, multiplyAdd(keep, p, x));
    v128.store(parameters + o, multiplyAdd(keep, q, y), 16);
  }
}

/**
 * out[i, j] = x[i, j]/(1 − p) where a hash of (seed, i·n + j) is at or above p, else 0. The mask depends on nothing else,
 * so the backward pass calls this again on the gradient. A threshold of 0 copies. `threshold` = p·2³² and `scale` = 1/(1 − p).
 */
export function dropout(
  m: i32,
  n: i32,
  x: usize,
  ldx: i32,
  out: usize,
  ldo: i32,
  seed: u32,
  threshold: u32,
  scale: f32,
): void {
  const limit: v128 = i32x4.splat(threshold);
  const factor: v128 = f32x4.splat(scale);
  for (let i: i32 = 0; i < m; i++) {
    const p: usize = x + ((<usize>i * <usize>ldx) << 2);
    const q: usize = out + ((<usize>i * <usize>ldo) << 2);
    if (threshold === 0) {
      if (p !== q) memory.copy(q, p, (<usize>n) << 2);
      continue;
    }
    let counter: v128 = i32x4.add(i32x4.splat(i * n), i32x4(0, 1, 2, 3));
    for (let j: i32 = 0; j < n; j += 4) {
      // The finaliser of MurmurHash3 on a Weyl sequence, keyed twice by the seed.
      let h: v128 = v128.xor(i32x4.mul(counter, i32x4.splat(0x9e3779b9)), i32x4.splat(seed));
      h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 16)), i32x4.splat(0x85ebca6b));
      h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 13)), i32x4.splat(0xc2b2ae35));
      h = v128.xor(v128.xor(h, i32x4.shr_u(h, 16)), i32x4.splat(seed));
      h = i32x4.mul(h, i32x4.splat(0x2c1b3c6d));
      h = v128.xor(h, i32x4.shr_u(h, 15));
      const keep: v128 = i32x4.ge_u(h, limit);
      const at: usize = (<usize>j) << 2;
      v128.store(q + at, v128.and(f32x4.mul(v128.load(p + at), factor), keep));
      counter = i32x4.add(counter, i32x4.splat(4));
    }
  }
}
