// Products for activations of which many are zero: max(0, x) leaves about half, and the gradient behind it has the same
// zeros. Only what is not zero is multiplied, rows and columns in the order of the dense products, so that the sums are
// the same: a product with zero would have added nothing. 24 columns at a time, then 16 or 8: V8 loads what one number of A
// is multiplied with before it multiplies, and six vectors beside six sums are what registers hold.

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
 * n is a multiple of 8; a bias of 0 is none.
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
  const sa: usize = (<usize>lda) << 2;
  const sb: usize = (<usize>panel) << 2;
  const sc: usize = (<usize>ldc) << 2;
  let j: i32 = 0;
  for (; j + 24 <= n; j += 24) {
    const at: usize = (<usize>j) << 2;
    active24(m, k, a, sa, list, b + <usize>(j >> 3) * sb, sb, c + at, sc, bias === 0 ? 0 : bias + at);
  }
  const at: usize = (<usize>j) << 2;
  const rest: usize = b + <usize>(j >> 3) * sb;
  const start: usize = bias === 0 ? 0 : bias + at;
  if (n - j === 16) active16(m, k, a, sa, list, rest, sb, c + at, sc, start);
  else if (n - j === 8) active8(m, k, a, sa, list, rest, c + at, sc, start);
}

/** 24 columns of `matmulActive`. */
function active24(
  m: i32,
  k: i32,
  a: usize,
  sa: usize,
  list: usize,
  b: usize,
  sb: usize,
  c: usize,
  sc: usize,
  bias: usize,
): void {
  let x0: v128 = f32x4.splat(0);
  let y0: v128 = f32x4.splat(0);
  let x1: v128 = f32x4.splat(0);
  let y1: v128 = f32x4.splat(0);
  let x2: v128 = f32x4.splat(0);
  let y2: v128 = f32x4.splat(0);
  if (bias !== 0) {
    x0 = v128.load(bias);
    y0 = v128.load(bias, 16);
    x1 = v128.load(bias, 32);
    y1 = v128.load(bias, 48);
    x2 = v128.load(bias, 64);
    y2 = v128.load(bias, 80);
  }
  for (let i: i32 = 0; i < m; i++, a += sa, c += sc, list += listBytes(k)) {
    let s0: v128 = x0;
    let t0: v128 = y0;
    let s1: v128 = x1;
    let t1: v128 = y1;
    let s2: v128 = x2;
    let t2: v128 = y2;
    const end: usize = list + 2 + ((<usize>load<u16>(list)) << 1);
    for (let p: usize = list + 2; p < end; p += 2) {
      const at: usize = <usize>load<u16>(p);
      const w: v128 = v128.load_splat<f32>(a + (at << 2));
      const q0: usize = b + (at << 5);
      const q1: usize = q0 + sb;
      const q2: usize = q1 + sb;
      s0 = multiplyAdd(w, v128.load(q0), s0);
      t0 = multiplyAdd(w, v128.load(q0, 16), t0);
      s1 = multiplyAdd(w, v128.load(q1), s1);
      t1 = multiplyAdd(w, v128.load(q1, 16), t1);
      s2 = multiplyAdd(w, v128.load(q2), s2);
      t2 = multiplyAdd(w, v128.load(q2, 16), t2);
    }
    v128.store(c, s0);
    v128.store(c, t0, 16);
    v128.store(c, s1, 32);
    v128.store(c, t1, 48);
    v128.store(c, s2, 64);
    v128.store(c, t2, 80);
  }
}

/** 16 columns of `matmulActive`. */
function active16(
  m: i32,
  k: i32,
  a: usize,
  sa: usize,
  list: usize,
  b: usize,
  sb: usize,
  c: usize,
  sc: usize,
  bias: usize,
): void {
  let x0: v128 = f32x4.splat(0);
  let y0: v128 = f32x4.splat(0);
  let x1: v128 = f32x4.splat(0);
  let y1: v128 = f32x4.splat(0);
  if (bias !== 0) {
    x0 = v128.load(bias);
    y0 = v128.load(bias, 16);
    x1 = v128.load(bias, 32);
    y1 = v128.load(bias, 48);
  }
  for (let i: i32 = 0; i < m; i++, a += sa, c += sc, list += listBytes(k)) {
    let s0: v128 = x0;
    let t0: v128 = y0;
    let s1: v128 = x1;
    let t1: v128 = y1;
    const end: usize = list + 2 + ((<usize>load<u16>(list)) << 1);
    for (let p: usize = list + 2; p < end; p += 2) {
      const at: usize = <usize>load<u16>(p);
      const w: v128 = v128.load_splat<f32>(a + (at << 2));
      const q0: usize = b + (at << 5);
      const q1: usize = q0 + sb;
      s0 = multiplyAdd(w, v128.load(q0), s0);
      t0 = multiplyAdd(w, v128.load(q0, 16), t0);
      s1 = multiplyAdd(w, v128.load(q1), s1);
      t1 = multiplyAdd(w, v128.load(q1, 16), t1);
    }
    v128.store(c, s0);
    v128.store(c, t0, 16);
    v128.store(c, s1, 32);
    v128.store(c, t1, 48);
  }
}

/** 8 columns of `matmulActive`. */
function active8(m: i32, k: i32, a: usize, sa: usize, list: usize, b: usize, c: usize, sc: usize, bias: usize): void {
  let x0: v128 = f32x4.splat(0);
  let y0: v128 = f32x4.splat(0);
  if (bias !== 0) {
    x0 = v128.load(bias);
    y0 = v128.load(bias, 16);
  }
  for (let i: i32 = 0; i < m; i++, a += sa, c += sc, list += listBytes(k)) {
    let s0: v128 = x0;
    let t0: v128 = y0;
    const end: usize = list + 2 + ((<usize>load<u16>(list)) << 1);
    for (let p: usize = list + 2; p < end; p += 2) {
      const at: usize = <usize>load<u16>(p);
      const w: v128 = v128.load_splat<f32>(a + (at << 2));
      const q0: usize = b + (at << 5);
      s0 = multiplyAdd(w, v128.load(q0), s0);
      t0 = multiplyAdd(w, v128.load(q0, 16), t0);
    }
    v128.store(c, s0);
    v128.store(c, t0, 16);
  }
}

/**
 * C[k × n] += A[m × k]ᵀ · B[m × n], summed over m in rising order; `list` of A; C in panels; n is a multiple of 8.
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
  let j: i32 = 0;
  for (; j + 24 <= n; j += 24)
    transposedActive24(m, k, a, sa, scratch, b + ((<usize>j) << 2), sb, c + <usize>(j >> 3) * sc, sc);
  const column: usize = b + ((<usize>j) << 2);
  const to: usize = c + <usize>(j >> 3) * sc;
  if (n - j === 16) transposedActive16(m, k, a, sa, scratch, column, sb, to, sc);
  else if (n - j === 8) transposedActive8(m, k, a, sa, scratch, column, sb, to);
}

/** 24 columns of `matmulTransposedActive`; `lists` as the lists by column. */
function transposedActive24(
  m: i32,
  k: i32,
  a: usize,
  sa: usize,
  lists: usize,
  b: usize,
  sb: usize,
  c0: usize,
  sc: usize,
): void {
  for (let i: i32 = 0; i < k; i++, a += 4, c0 += 32, lists += listBytes(m)) {
    const c1: usize = c0 + sc;
    const c2: usize = c1 + sc;
    let s0: v128 = v128.load(c0);
    let t0: v128 = v128.load(c0, 16);
    let s1: v128 = v128.load(c1);
    let t1: v128 = v128.load(c1, 16);
    let s2: v128 = v128.load(c2);
    let t2: v128 = v128.load(c2, 16);
    const end: usize = lists + 2 + ((<usize>load<u16>(lists)) << 1);
    for (let p: usize = lists + 2; p < end; p += 2) {
      const r: usize = <usize>load<u16>(p);
      const w: v128 = v128.load_splat<f32>(a + r * sa);
      const q: usize = b + r * sb;
      s0 = multiplyAdd(w, v128.load(q), s0);
      t0 = multiplyAdd(w, v128.load(q, 16), t0);
      s1 = multiplyAdd(w, v128.load(q, 32), s1);
      t1 = multiplyAdd(w, v128.load(q, 48), t1);
      s2 = multiplyAdd(w, v128.load(q, 64), s2);
      t2 = multiplyAdd(w, v128.load(q, 80), t2);
    }
    v128.store(c0, s0);
    v128.store(c0, t0, 16);
    v128.store(c1, s1);
    v128.store(c1, t1, 16);
    v128.store(c2, s2);
    v128.store(c2, t2, 16);
  }
}

/** 16 columns of `matmulTransposedActive`; `lists` as the lists by column. */
function transposedActive16(
  m: i32,
  k: i32,
  a: usize,
  sa: usize,
  lists: usize,
  b: usize,
  sb: usize,
  c0: usize,
  sc: usize,
): void {
  for (let i: i32 = 0; i < k; i++, a += 4, c0 += 32, lists += listBytes(m)) {
    const c1: usize = c0 + sc;
    let s0: v128 = v128.load(c0);
    let t0: v128 = v128.load(c0, 16);
    let s1: v128 = v128.load(c1);
    let t1: v128 = v128.load(c1, 16);
    const end: usize = lists + 2 + ((<usize>load<u16>(lists)) << 1);
    for (let p: usize = lists + 2; p < end; p += 2) {
      const r: usize = <usize>load<u16>(p);
      const w: v128 = v128.load_splat<f32>(a + r * sa);
      const q: usize = b + r * sb;
      s0 = multiplyAdd(w, v128.load(q), s0);
      t0 = multiplyAdd(w, v128.load(q, 16), t0);
      s1 = multiplyAdd(w, v128.load(q, 32), s1);
      t1 = multiplyAdd(w, v128.load(q, 48), t1);
    }
    v128.store(c0, s0);
    v128.store(c0, t0, 16);
    v128.store(c1, s1);
    v128.store(c1, t1, 16);
  }
}

/** 8 columns of `matmulTransposedActive`; `lists` as the lists by column. */
function transposedActive8(m: i32, k: i32, a: usize, sa: usize, lists: usize, b: usize, sb: usize, c0: usize): void {
  for (let i: i32 = 0; i < k; i++, a += 4, c0 += 32, lists += listBytes(m)) {
    let s0: v128 = v128.load(c0);
    let t0: v128 = v128.load(c0, 16);
    const end: usize = lists + 2 + ((<usize>load<u16>(lists)) << 1);
    for (let p: usize = lists + 2; p < end; p += 2) {
      const r: usize = <usize>load<u16>(p);
      const w: v128 = v128.load_splat<f32>(a + r * sa);
      const q: usize = b + r * sb;
      s0 = multiplyAdd(w, v128.load(q), s0);
      t0 = multiplyAdd(w, v128.load(q, 16), t0);
    }
    v128.store(c0, s0);
    v128.store(c0, t0, 16);
  }
}
