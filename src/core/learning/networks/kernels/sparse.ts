// Products for activations of which many are zero: max(0, x) leaves about half, and the gradient behind it has the same
// zeros. Only what is not zero is multiplied, rows and columns in the order of the dense products, so that the sums are
// the same: a product with zero would have added nothing.

import { multiplyAdd } from './arithmetic';

/** Bytes of one row's list of places: a count and up to k numbers of columns. */
function listBytes(k: i32): usize {
  return (<usize>(k + 1)) << 1;
}

/** Lists row by row, from `list` on, the columns of x[m × k] that are not zero. */
export function listActive(m: i32, k: i32, x: usize, ldx: i32, list: usize): void {
  for (let i: i32 = 0; i < m; i++) {
    const row: usize = x + ((<usize>i * <usize>ldx) << 2);
    const counter: usize = list + <usize>i * listBytes(k);
    let at: usize = counter + 2;
    for (let c: i32 = 0; c < k; c++) {
      store<u16>(at, <u16>c);
      // Both zeros shift to 0; anything else, NaN too, is kept.
      at += (<usize>(load<u32>(row + ((<usize>c) << 2)) << 1 !== 0)) << 1;
    }
    store<u16>(counter, <u16>((at - counter - 2) >> 1));
  }
}

/**
 * C[m × n] = bias + A[m × k] · B[k × n]; `list` as `listActive` made it of A, or of what A is zero with; B in panels;
 * n is a multiple of 32; a bias of 0 is none.
 */
export function matmulActive(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  list: usize,
  b: usize,
  panel: i32,
  c: usize,
  ldc: i32,
  bias: usize,
): void {
  const sb: usize = (<usize>panel) << 2;
  for (let j: i32 = 0; j < n; j += 32) {
    const b0: usize = b + <usize>(j >> 3) * sb;
    const b1: usize = b0 + sb;
    const b2: usize = b1 + sb;
    const b3: usize = b2 + sb;
    const start: usize = bias + ((<usize>j) << 2);
    for (let i: i32 = 0; i < m; i++) {
      let s0: v128 = f32x4.splat(0);
      let t0: v128 = s0;
      let s1: v128 = s0;
      let t1: v128 = s0;
      let s2: v128 = s0;
      let t2: v128 = s0;
      let s3: v128 = s0;
      let t3: v128 = s0;
      if (bias !== 0) {
        s0 = v128.load(start);
        t0 = v128.load(start, 16);
        s1 = v128.load(start, 32);
        t1 = v128.load(start, 48);
        s2 = v128.load(start, 64);
        t2 = v128.load(start, 80);
        s3 = v128.load(start, 96);
        t3 = v128.load(start, 112);
      }
      const row: usize = a + ((<usize>i * <usize>lda) << 2);
      let p: usize = list + <usize>i * listBytes(k);
      const end: usize = p + 2 + ((<usize>load<u16>(p)) << 1);
      for (p += 2; p < end; p += 2) {
        const at: usize = <usize>load<u16>(p);
        const w: v128 = v128.load_splat<f32>(row + (at << 2));
        const o: usize = at << 5;
        s0 = multiplyAdd(w, v128.load(b0 + o), s0);
        t0 = multiplyAdd(w, v128.load(b0 + o, 16), t0);
        s1 = multiplyAdd(w, v128.load(b1 + o), s1);
        t1 = multiplyAdd(w, v128.load(b1 + o, 16), t1);
        s2 = multiplyAdd(w, v128.load(b2 + o), s2);
        t2 = multiplyAdd(w, v128.load(b2 + o, 16), t2);
        s3 = multiplyAdd(w, v128.load(b3 + o), s3);
        t3 = multiplyAdd(w, v128.load(b3 + o, 16), t3);
      }
      const to: usize = c + ((<usize>i * <usize>ldc + <usize>j) << 2);
      v128.store(to, s0);
      v128.store(to, t0, 16);
      v128.store(to, s1, 32);
      v128.store(to, t1, 48);
      v128.store(to, s2, 64);
      v128.store(to, t2, 80);
      v128.store(to, s3, 96);
      v128.store(to, t3, 112);
    }
  }
}

/**
 * C[k × n] += A[m × k]ᵀ · B[m × n], summed over m in rising order; `list` of A; C in panels; n is a multiple of 32.
 * `scratch` has room for k·(m + 1) numbers of two bytes.
 */
export function matmulTransposedActive(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  list: usize,
  b: usize,
  ldb: i32,
  c: usize,
  panel: i32,
  scratch: usize,
): void {
  const sa: usize = (<usize>lda) << 2;
  const sb: usize = (<usize>ldb) << 2;
  const sc: usize = (<usize>panel) << 2;
  const stride: usize = listBytes(m);
  // The lists by column: which rows are not zero there.
  for (let i: i32 = 0; i < k; i++) store<u16>(scratch + <usize>i * stride, 0);
  for (let r: i32 = 0; r < m; r++) {
    let p: usize = list + <usize>r * listBytes(k);
    const end: usize = p + 2 + ((<usize>load<u16>(p)) << 1);
    for (p += 2; p < end; p += 2) {
      const rows: usize = scratch + <usize>load<u16>(p) * stride;
      const count: u16 = load<u16>(rows) + 1;
      store<u16>(rows, count);
      store<u16>(rows + ((<usize>count) << 1), <u16>r);
    }
  }
  for (let j: i32 = 0; j < n; j += 32) {
    const column: usize = b + ((<usize>j) << 2);
    let c0: usize = c + <usize>(j >> 3) * sc;
    for (let i: i32 = 0; i < k; i++, c0 += 32) {
      let p: usize = scratch + <usize>i * stride;
      const end: usize = p + 2 + ((<usize>load<u16>(p)) << 1);
      const c1: usize = c0 + sc;
      const c2: usize = c1 + sc;
      const c3: usize = c2 + sc;
      let s0: v128 = v128.load(c0);
      let t0: v128 = v128.load(c0, 16);
      let s1: v128 = v128.load(c1);
      let t1: v128 = v128.load(c1, 16);
      let s2: v128 = v128.load(c2);
      let t2: v128 = v128.load(c2, 16);
      let s3: v128 = v128.load(c3);
      let t3: v128 = v128.load(c3, 16);
      const cell: usize = a + ((<usize>i) << 2);
      for (p += 2; p < end; p += 2) {
        const r: usize = <usize>load<u16>(p);
        const w: v128 = v128.load_splat<f32>(cell + r * sa);
        const q: usize = column + r * sb;
        s0 = multiplyAdd(w, v128.load(q), s0);
        t0 = multiplyAdd(w, v128.load(q, 16), t0);
        s1 = multiplyAdd(w, v128.load(q, 32), s1);
        t1 = multiplyAdd(w, v128.load(q, 48), t1);
        s2 = multiplyAdd(w, v128.load(q, 64), s2);
        t2 = multiplyAdd(w, v128.load(q, 80), t2);
        s3 = multiplyAdd(w, v128.load(q, 96), s3);
        t3 = multiplyAdd(w, v128.load(q, 112), t3);
      }
      v128.store(c0, s0);
      v128.store(c0, t0, 16);
      v128.store(c1, s1);
      v128.store(c1, t1, 16);
      v128.store(c2, s2);
      v128.store(c2, t2, 16);
      v128.store(c3, s3);
      v128.store(c3, t3, 16);
    }
  }
}
