// Gradients of weights and what else the backward pass needs. Layouts and blocks as in matmul.ts.

import { multiplyAdd, WIDE } from './arithmetic';
import { foursOf } from './matmul';
import { fourColumnsWide, sixColumnsWide } from './wide-columns';

/** Bytes of A that one pass of `matmulTransposedA` reads again and again: what a first-level cache holds beside B. */
const PASS: i32 = 24576;

/** C[k × n] += A[m × k]ᵀ · B[m × n], summed over m in rising order; C in panels; k is a multiple of 4, n of 8. */
export function matmulTransposedA(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  c: usize,
  panel: i32,
): void {
  const sa: usize = (<usize>lda) << 2;
  const sb: usize = (<usize>ldb) << 2;
  const sc: usize = (<usize>panel) << 2;
  const pass: i32 = max(16, PASS / (k << 2));
  const sixes: i32 = k - (foursOf(k) << 2);
  for (let from: i32 = 0; from < m; from += pass) {
    const bytes: usize = <usize>min(pass, m - from) * sa;
    const a0: usize = a + <usize>from * sa;
    const b0: usize = b + <usize>from * sb;
    let j: i32 = 0;
    if (WIDE !== 0)
      for (; j + 16 <= n; j += 16) {
        const q: usize = b0 + ((<usize>j) << 2);
        const c0: usize = c + <usize>(j >> 3) * sc;
        let i: i32 = 0;
        for (; i < sixes; i += 6) sixColumnsWide(a0 + ((<usize>i) << 2), bytes, sa, q, sb, c0 + ((<usize>i) << 5), sc);
        for (; i < k; i += 4) fourColumnsWide(a0 + ((<usize>i) << 2), bytes, sa, q, sb, c0 + ((<usize>i) << 5), sc);
      }
    for (; j < n; j += 8) {
      const q: usize = b0 + ((<usize>j) << 2);
      const c0: usize = c + <usize>(j >> 3) * sc;
      let i: i32 = 0;
      for (; i < sixes; i += 6) sixColumns(a0 + ((<usize>i) << 2), bytes, sa, q, sb, c0 + ((<usize>i) << 5));
      for (; i < k; i += 4) fourColumns(a0 + ((<usize>i) << 2), bytes, sa, q, sb, c0 + ((<usize>i) << 5));
    }
  }
}

/** 6 columns of A against 8 of B, over rows that take `bytes` in A. A pointer a column: with one for all, V8 loads them all first and spills. */
function sixColumns(a: usize, bytes: usize, sa: usize, b: usize, sb: usize, c: usize): void {
  let s0: v128 = v128.load(c);
  let t0: v128 = v128.load(c, 16);
  let s1: v128 = v128.load(c, 32);
  let t1: v128 = v128.load(c, 48);
  let s2: v128 = v128.load(c, 64);
  let t2: v128 = v128.load(c, 80);
  let s3: v128 = v128.load(c, 96);
  let t3: v128 = v128.load(c, 112);
  let s4: v128 = v128.load(c, 128);
  let t4: v128 = v128.load(c, 144);
  let s5: v128 = v128.load(c, 160);
  let t5: v128 = v128.load(c, 176);
  let p0: usize = a;
  let p1: usize = a + 4;
  let p2: usize = a + 8;
  let p3: usize = a + 12;
  let p4: usize = a + 16;
  let p5: usize = a + 20;
  const end: usize = a + bytes;
  for (let q: usize = b; p0 < end; q += sb) {
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
    p0 += sa;
    p1 += sa;
    p2 += sa;
    p3 += sa;
    p4 += sa;
    p5 += sa;
  }
  v128.store(c, s0);
  v128.store(c, t0, 16);
  v128.store(c, s1, 32);
  v128.store(c, t1, 48);
  v128.store(c, s2, 64);
  v128.store(c, t2, 80);
  v128.store(c, s3, 96);
  v128.store(c, t3, 112);
  v128.store(c, s4, 128);
  v128.store(c, t4, 144);
  v128.store(c, s5, 160);
  v128.store(c, t5, 176);
}

/** 4 columns of A against 8 of B, over rows that take `bytes` in A. */
function fourColumns(a: usize, bytes: usize, sa: usize, b: usize, sb: usize, c: usize): void {
  let s0: v128 = v128.load(c);
  let t0: v128 = v128.load(c, 16);
  let s1: v128 = v128.load(c, 32);
  let t1: v128 = v128.load(c, 48);
  let s2: v128 = v128.load(c, 64);
  let t2: v128 = v128.load(c, 80);
  let s3: v128 = v128.load(c, 96);
  let t3: v128 = v128.load(c, 112);
  let p0: usize = a;
  let p1: usize = a + 4;
  let p2: usize = a + 8;
  let p3: usize = a + 12;
  const end: usize = a + bytes;
  for (let q: usize = b; p0 < end; q += sb) {
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
    p0 += sa;
    p1 += sa;
    p2 += sa;
    p3 += sa;
  }
  v128.store(c, s0);
  v128.store(c, t0, 16);
  v128.store(c, s1, 32);
  v128.store(c, t1, 48);
  v128.store(c, s2, 64);
  v128.store(c, t2, 80);
  v128.store(c, s3, 96);
  v128.store(c, t3, 112);
}

/** out[n × m] = in[m × n]ᵀ, both in panels; m is a multiple of 4, n of 8. */
export function transpose(m: i32, n: i32, input: usize, panelIn: i32, output: usize, panelOut: i32): void {
  for (let j: i32 = 0; j < n; j += 4) {
    let p: usize = input + ((<usize>(j >> 3) * <usize>panelIn) << 2) + ((<usize>(j & 7)) << 2);
    for (let i: i32 = 0; i < m; i += 4) {
      const q: usize = output + ((<usize>(i >> 3) * <usize>panelOut + <usize>(j << 3) + <usize>(i & 7)) << 2);
      const a: v128 = v128.load(p);
      const b: v128 = v128.load(p, 32);
      const c: v128 = v128.load(p, 64);
      const d: v128 = v128.load(p, 96);
      const ab0: v128 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const ab1: v128 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0: v128 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const cd1: v128 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(q, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
      v128.store(q, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7), 32);
      v128.store(q, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5), 64);
      v128.store(q, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7), 96);
      p += 128;
    }
  }
}

/** out[j] += Σ over rows of in[i, j], rows in rising order; n is a multiple of 8. */
export function addColumnSums(m: i32, n: i32, input: usize, ldi: i32, output: usize): void {
  const si: usize = (<usize>ldi) << 2;
  let j: i32 = 0;
  for (; j + 32 <= n; j += 32) {
    const to: usize = output + ((<usize>j) << 2);
    let s0: v128 = v128.load(to);
    let s1: v128 = v128.load(to, 16);
    let s2: v128 = v128.load(to, 32);
    let s3: v128 = v128.load(to, 48);
    let s4: v128 = v128.load(to, 64);
    let s5: v128 = v128.load(to, 80);
    let s6: v128 = v128.load(to, 96);
    let s7: v128 = v128.load(to, 112);
    let p: usize = input + ((<usize>j) << 2);
    for (let i: i32 = 0; i < m; i++, p += si) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
      s4 = f32x4.add(s4, v128.load(p, 64));
      s5 = f32x4.add(s5, v128.load(p, 80));
      s6 = f32x4.add(s6, v128.load(p, 96));
      s7 = f32x4.add(s7, v128.load(p, 112));
    }
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
    v128.store(to, s4, 64);
    v128.store(to, s5, 80);
    v128.store(to, s6, 96);
    v128.store(to, s7, 112);
  }
  for (; j < n; j += 4) {
    const to: usize = output + ((<usize>j) << 2);
    let s: v128 = v128.load(to);
    let p: usize = input + ((<usize>j) << 2);
    for (let i: i32 = 0; i < m; i++, p += si) s = f32x4.add(s, v128.load(p));
    v128.store(to, s);
  }
}
