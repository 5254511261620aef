// Matrix products on 128-bit SIMD, float32. Matrices of activations are row-major; a leading dimension counts floats.
// Matrices of weights lie in panels of 8 columns: element (r, c) at (c div 8)·panel + 8·r + (c mod 8), where `panel` counts
// the floats between two panels. A panel is one stream through memory, which no cache maps onto itself.
// Every element of C is one sum over k in rising order, so its bits do not depend on the block it falls in or on the
// number of rows.
// A block of 6 rows × 8 columns has 12 sums; with 2 vectors of B and one number of A that is every register there is, and
// enough independent sums to keep both multipliers busy. Larger blocks spill, unrolled loops too.

import { multiplyAdd, WIDE } from './arithmetic';
import { fourRowsWide, sixRowsWide } from './wide-rows';

/** How many blocks of 4 rows to take so that blocks of 6 fill the rest but for one row or two. */
export function foursOf(m: i32): i32 {
  const fours: i32 = ((6 - (m % 6)) >> 1) % 3;
  return min(fours, m >> 2);
}

/** A row of zeros to start sums from. */
const ZEROS: usize = memory.data(64, 16);

/**
 * C[m × n] = start + A[m × k] · B[k × n]; B in panels; n is a multiple of 8.
 * Start is C itself for `mode` 1, the row vector at `bias` for `mode` 2, and 0 for `mode` 0.
 */
export function matmul(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  b: usize,
  panel: i32,
  c: usize,
  ldc: i32,
  bias: usize,
  mode: i32,
): void {
  const sa: usize = (<usize>lda) << 2;
  const sc: usize = (<usize>ldc) << 2;
  const sb: usize = (<usize>panel) << 2;
  const bytes: usize = (<usize>k) << 2;
  const fours: i32 = foursOf(m) << 2;
  const sixes: i32 = ((m - fours) / 6) * 6;
  const blocks: i32 = sixes + fours;
  const a4: usize = a + <usize>sixes * sa;
  const c4: usize = c + <usize>sixes * sc;
  // Where the sums of row 0 start, and the way to those of the next row.
  const ss: usize = mode === 1 ? sc : 0;
  const start: usize = mode === 0 ? ZEROS : mode === 1 ? c : bias;
  if (blocks > 0) {
    let j: i32 = 0;
    if (WIDE !== 0)
      for (; j + 16 <= n; j += 16) {
        const at: usize = (<usize>j) << 2;
        const q: usize = b + <usize>(j >> 3) * sb;
        const from: usize = mode === 0 ? start : start + at;
        if (sixes > 0) sixRowsWide(sixes, bytes, a, sa, q, sb, c + at, sc, from, ss);
        if (fours > 0) fourRowsWide(fours, bytes, a4, sa, q, sb, c4 + at, sc, from + <usize>sixes * ss, ss);
      }
    for (; j < n; j += 8) {
      const at: usize = (<usize>j) << 2;
      const q: usize = b + <usize>(j >> 3) * sb;
      const from: usize = mode === 0 ? start : start + at;
      if (sixes > 0) sixRows(sixes, bytes, a, sa, q, c + at, sc, from, ss);
      if (fours > 0) fourRows(fours, bytes, a4, sa, q, c4 + at, sc, from + <usize>sixes * ss, ss);
    }
  }
  for (let i: i32 = blocks; i < m; i++) singleRow(n, bytes, a + <usize>i * sa, b, sb, c + <usize>i * sc, bias, mode);
}

/** The columns of one panel for m rows, m a multiple of 6; row i of C starts from the numbers at start + i · ss. */
function sixRows(
  m: i32,
  bytes: usize,
  a: usize,
  sa: usize,
  b: usize,
  c: usize,
  sc: usize,
  start: usize,
  ss: usize,
): void {
  let c0: usize = c;
  let f0: usize = start;
  for (let i: i32 = 0; i < m; i += 6) {
    const c1: usize = c0 + sc;
    const c2: usize = c1 + sc;
    const c3: usize = c2 + sc;
    const c4: usize = c3 + sc;
    const c5: usize = c4 + sc;
    const f1: usize = f0 + ss;
    const f2: usize = f1 + ss;
    const f3: usize = f2 + ss;
    const f4: usize = f3 + ss;
    const f5: usize = f4 + ss;
    let s0: v128 = v128.load(f0);
    let t0: v128 = v128.load(f0, 16);
    let s1: v128 = v128.load(f1);
    let t1: v128 = v128.load(f1, 16);
    let s2: v128 = v128.load(f2);
    let t2: v128 = v128.load(f2, 16);
    let s3: v128 = v128.load(f3);
    let t3: v128 = v128.load(f3, 16);
    let s4: v128 = v128.load(f4);
    let t4: v128 = v128.load(f4, 16);
    let s5: v128 = v128.load(f5);
    let t5: v128 = v128.load(f5, 16);
    let p0: usize = a;
    let p1: usize = p0 + sa;
    let p2: usize = p1 + sa;
    let p3: usize = p2 + sa;
    let p4: usize = p3 + sa;
    let p5: usize = p4 + sa;
    const end: usize = p0 + bytes;
    for (let q: usize = b; p0 < end; q += 32) {
      const u: v128 = v128.load(q);
      const v: v128 = v128.load(q, 16);
      let w: v128 = v128.load_splat<f32>(p0);
      s0 = multiplyAdd(w, u, s0);
      t0 = multiplyAdd(w, v, t0);
      w = v128.load_splat<f32>(p1);
      s1 = multiplyAdd(w, u, s1);
      t1 = multiplyAdd(w, v, t1);
      w = v128.load_splat<f32>(p2);
      s2 = multiplyAdd(w, u, s2);
      t2 = multiplyAdd(w, v, t2);
      w = v128.load_splat<f32>(p3);
      s3 = multiplyAdd(w, u, s3);
      t3 = multiplyAdd(w, v, t3);
      w = v128.load_splat<f32>(p4);
      s4 = multiplyAdd(w, u, s4);
      t4 = multiplyAdd(w, v, t4);
      w = v128.load_splat<f32>(p5);
      s5 = multiplyAdd(w, u, s5);
      t5 = multiplyAdd(w, v, t5);
      p0 += 4;
      p1 += 4;
      p2 += 4;
      p3 += 4;
      p4 += 4;
      p5 += 4;
    }
    v128.store(c0, s0);
    v128.store(c0, t0, 16);
    v128.store(c1, s1);
    v128.store(c1, t1, 16);
    v128.store(c2, s2);
    v128.store(c2, t2, 16);
    v128.store(c3, s3);
    v128.store(c3, t3, 16);
    v128.store(c4, s4);
    v128.store(c4, t4, 16);
    v128.store(c5, s5);
    v128.store(c5, t5, 16);
    a += sa * 6;
    c0 += sc * 6;
    f0 += ss * 6;
  }
}

/** The columns of one panel for m rows, m a multiple of 4. */
function fourRows(
  m: i32,
  bytes: usize,
  a: usize,
  sa: usize,
  b: usize,
  c: usize,
  sc: usize,
  start: usize,
  ss: usize,
): void {
  let c0: usize = c;
  let f0: usize = start;
  for (let i: i32 = 0; i < m; i += 4) {
    const c1: usize = c0 + sc;
    const c2: usize = c1 + sc;
    const c3: usize = c2 + sc;
    const f1: usize = f0 + ss;
    const f2: usize = f1 + ss;
    const f3: usize = f2 + ss;
    let s0: v128 = v128.load(f0);
    let t0: v128 = v128.load(f0, 16);
    let s1: v128 = v128.load(f1);
    let t1: v128 = v128.load(f1, 16);
    let s2: v128 = v128.load(f2);
    let t2: v128 = v128.load(f2, 16);
    let s3: v128 = v128.load(f3);
    let t3: v128 = v128.load(f3, 16);
    let p0: usize = a;
    let p1: usize = p0 + sa;
    let p2: usize = p1 + sa;
    let p3: usize = p2 + sa;
    const end: usize = p0 + bytes;
    for (let q: usize = b; p0 < end; q += 32) {
      const u: v128 = v128.load(q);
      const v: v128 = v128.load(q, 16);
      let w: v128 = v128.load_splat<f32>(p0);
      s0 = multiplyAdd(w, u, s0);
      t0 = multiplyAdd(w, v, t0);
      w = v128.load_splat<f32>(p1);
      s1 = multiplyAdd(w, u, s1);
      t1 = multiplyAdd(w, v, t1);
      w = v128.load_splat<f32>(p2);
      s2 = multiplyAdd(w, u, s2);
      t2 = multiplyAdd(w, v, t2);
      w = v128.load_splat<f32>(p3);
      s3 = multiplyAdd(w, u, s3);
      t3 = multiplyAdd(w, v, t3);
      p0 += 4;
      p1 += 4;
      p2 += 4;
      p3 += 4;
    }
    v128.store(c0, s0);
    v128.store(c0, t0, 16);
    v128.store(c1, s1);
    v128.store(c1, t1, 16);
    v128.store(c2, s2);
    v128.store(c2, t2, 16);
    v128.store(c3, s3);
    v128.store(c3, t3, 16);
    a += sa * 4;
    c0 += sc * 4;
    f0 += ss * 4;
  }
}

/** One row: four panels at a time, so that additions do not wait for each other. */
function singleRow(n: i32, bytes: usize, a: usize, b: usize, sb: usize, c: usize, bias: usize, mode: i32): void {
  const end: usize = a + bytes;
  const start: usize = mode === 1 ? c : bias;
  let j: i32 = 0;
  for (; j + 32 <= n; j += 32) {
    const at: usize = (<usize>j) << 2;
    let s0: v128 = f32x4.splat(0);
    let t0: v128 = s0;
    let s1: v128 = s0;
    let t1: v128 = s0;
    let s2: v128 = s0;
    let t2: v128 = s0;
    let s3: v128 = s0;
    let t3: v128 = s0;
    if (mode !== 0) {
      s0 = v128.load(start + at);
      t0 = v128.load(start + at, 16);
      s1 = v128.load(start + at, 32);
      t1 = v128.load(start + at, 48);
      s2 = v128.load(start + at, 64);
      t2 = v128.load(start + at, 80);
      s3 = v128.load(start + at, 96);
      t3 = v128.load(start + at, 112);
    }
    let q0: usize = b + <usize>(j >> 3) * sb;
    let q1: usize = q0 + sb;
    let q2: usize = q1 + sb;
    let q3: usize = q2 + sb;
    for (let p: usize = a; p < end; p += 4) {
      const w: v128 = v128.load_splat<f32>(p);
      s0 = multiplyAdd(w, v128.load(q0), s0);
      t0 = multiplyAdd(w, v128.load(q0, 16), t0);
      s1 = multiplyAdd(w, v128.load(q1), s1);
      t1 = multiplyAdd(w, v128.load(q1, 16), t1);
      s2 = multiplyAdd(w, v128.load(q2), s2);
      t2 = multiplyAdd(w, v128.load(q2, 16), t2);
      s3 = multiplyAdd(w, v128.load(q3), s3);
      t3 = multiplyAdd(w, v128.load(q3, 16), t3);
      q0 += 32;
      q1 += 32;
      q2 += 32;
      q3 += 32;
    }
    v128.store(c + at, s0);
    v128.store(c + at, t0, 16);
    v128.store(c + at, s1, 32);
    v128.store(c + at, t1, 48);
    v128.store(c + at, s2, 64);
    v128.store(c + at, t2, 80);
    v128.store(c + at, s3, 96);
    v128.store(c + at, t3, 112);
  }
  for (; j < n; j += 8) {
    const at: usize = (<usize>j) << 2;
    let s: v128 = f32x4.splat(0);
    let t: v128 = s;
    if (mode !== 0) {
      s = v128.load(start + at);
      t = v128.load(start + at, 16);
    }
    let q: usize = b + <usize>(j >> 3) * sb;
    for (let p: usize = a; p < end; p += 4) {
      const w: v128 = v128.load_splat<f32>(p);
      s = multiplyAdd(w, v128.load(q), s);
      t = multiplyAdd(w, v128.load(q, 16), t);
      q += 32;
    }
    v128.store(c + at, s);
    v128.store(c + at, t, 16);
  }
}
