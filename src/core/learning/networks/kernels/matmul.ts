// Matrix products on 128-bit SIMD, float32. Matrices of activations are row-major; a leading dimension counts floats.
// Matrices of weights lie in panels of 8 columns: element (r, c) at (c div 8)·panel + 8·r + (c mod 8), where `panel` counts
// the floats between two panels. A panel is one stream through memory, which no cache maps onto itself.
// Every element of C is one sum over k in rising order (multiply, then add), so its bits do not depend on the block it
// falls in or on the number of rows.

/** Rows of A and B that one pass of `matmulTransposedA` reads: what a first-level cache holds of both. */
const PASS: i32 = 32;

/**
 * C[m × n] = start + A[m × k] · B[k × n]; B in panels; n is a multiple of 8, k of 4.
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
  const blocks: i32 = m & ~3;
  const bytes: usize = (<usize>k) << 2;
  if (blocks > 0)
    for (let j: i32 = 0; j < n; j += 8) {
      const at: usize = (<usize>j) << 2;
      panelRows(blocks, bytes, a, sa, b + <usize>(j >> 3) * sb, c + at, sc, bias + at, mode);
    }
  for (let i: i32 = blocks; i < m; i++) singleRow(n, bytes, a + <usize>i * sa, b, sb, c + <usize>i * sc, bias, mode);
}

/** The columns of one panel for m rows, m a multiple of 4. */
function panelRows(
  m: i32,
  bytes: usize,
  a: usize,
  sa: usize,
  b: usize,
  c: usize,
  sc: usize,
  bias: usize,
  mode: i32,
): void {
  let x: v128 = f32x4.splat(0);
  let y: v128 = f32x4.splat(0);
  if (mode === 2) {
    x = v128.load(bias);
    y = v128.load(bias, 16);
  }
  let c0: usize = c;
  for (let i: i32 = 0; i < m; i += 4) {
    const c1: usize = c0 + sc;
    const c2: usize = c1 + sc;
    const c3: usize = c2 + sc;
    let s0: v128 = x;
    let t0: v128 = y;
    let s1: v128 = x;
    let t1: v128 = y;
    let s2: v128 = x;
    let t2: v128 = y;
    let s3: v128 = x;
    let t3: v128 = y;
    if (mode === 1) {
      s0 = v128.load(c0);
      t0 = v128.load(c0, 16);
      s1 = v128.load(c1);
      t1 = v128.load(c1, 16);
      s2 = v128.load(c2);
      t2 = v128.load(c2, 16);
      s3 = v128.load(c3);
      t3 = v128.load(c3, 16);
    }
    let p0: usize = a;
    let p1: usize = p0 + sa;
    let p2: usize = p1 + sa;
    let p3: usize = p2 + sa;
    let q: usize = b;
    const end: usize = p0 + bytes;
    while (p0 < end) {
      let u: v128 = v128.load(q);
      let v: v128 = v128.load(q, 16);
      let w: v128 = v128.load_splat<f32>(p0);
      s0 = f32x4.add(s0, f32x4.mul(w, u));
      t0 = f32x4.add(t0, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p1);
      s1 = f32x4.add(s1, f32x4.mul(w, u));
      t1 = f32x4.add(t1, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p2);
      s2 = f32x4.add(s2, f32x4.mul(w, u));
      t2 = f32x4.add(t2, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p3);
      s3 = f32x4.add(s3, f32x4.mul(w, u));
      t3 = f32x4.add(t3, f32x4.mul(w, v));
      u = v128.load(q, 32);
      v = v128.load(q, 48);
      w = v128.load_splat<f32>(p0, 4);
      s0 = f32x4.add(s0, f32x4.mul(w, u));
      t0 = f32x4.add(t0, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p1, 4);
      s1 = f32x4.add(s1, f32x4.mul(w, u));
      t1 = f32x4.add(t1, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p2, 4);
      s2 = f32x4.add(s2, f32x4.mul(w, u));
      t2 = f32x4.add(t2, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p3, 4);
      s3 = f32x4.add(s3, f32x4.mul(w, u));
      t3 = f32x4.add(t3, f32x4.mul(w, v));
      u = v128.load(q, 64);
      v = v128.load(q, 80);
      w = v128.load_splat<f32>(p0, 8);
      s0 = f32x4.add(s0, f32x4.mul(w, u));
      t0 = f32x4.add(t0, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p1, 8);
      s1 = f32x4.add(s1, f32x4.mul(w, u));
      t1 = f32x4.add(t1, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p2, 8);
      s2 = f32x4.add(s2, f32x4.mul(w, u));
      t2 = f32x4.add(t2, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p3, 8);
      s3 = f32x4.add(s3, f32x4.mul(w, u));
      t3 = f32x4.add(t3, f32x4.mul(w, v));
      u = v128.load(q, 96);
      v = v128.load(q, 112);
      w = v128.load_splat<f32>(p0, 12);
      s0 = f32x4.add(s0, f32x4.mul(w, u));
      t0 = f32x4.add(t0, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p1, 12);
      s1 = f32x4.add(s1, f32x4.mul(w, u));
      t1 = f32x4.add(t1, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p2, 12);
      s2 = f32x4.add(s2, f32x4.mul(w, u));
      t2 = f32x4.add(t2, f32x4.mul(w, v));
      w = v128.load_splat<f32>(p3, 12);
      s3 = f32x4.add(s3, f32x4.mul(w, u));
      t3 = f32x4.add(t3, f32x4.mul(w, v));
      p0 += 16;
      p1 += 16;
      p2 += 16;
      p3 += 16;
      q += 128;
    }
    v128.store(c0, s0);
    v128.store(c0, t0, 16);
    v128.store(c1, s1);
    v128.store(c1, t1, 16);
    v128.store(c2, s2);
    v128.store(c2, t2, 16);
    v128.store(c3, s3);
    v128.store(c3, t3, 16);
    a += sa << 2;
    c0 += sc << 2;
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
      s0 = f32x4.add(s0, f32x4.mul(w, v128.load(q0)));
      t0 = f32x4.add(t0, f32x4.mul(w, v128.load(q0, 16)));
      s1 = f32x4.add(s1, f32x4.mul(w, v128.load(q1)));
      t1 = f32x4.add(t1, f32x4.mul(w, v128.load(q1, 16)));
      s2 = f32x4.add(s2, f32x4.mul(w, v128.load(q2)));
      t2 = f32x4.add(t2, f32x4.mul(w, v128.load(q2, 16)));
      s3 = f32x4.add(s3, f32x4.mul(w, v128.load(q3)));
      t3 = f32x4.add(t3, f32x4.mul(w, v128.load(q3, 16)));
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
      s = f32x4.add(s, f32x4.mul(w, v128.load(q)));
      t = f32x4.add(t, f32x4.mul(w, v128.load(q, 16)));
      q += 32;
    }
    v128.store(c + at, s);
    v128.store(c + at, t, 16);
  }
}

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
  for (let from: i32 = 0; from < m; from += PASS) {
    const rows: usize = <usize>min(PASS, m - from);
    const a0: usize = a + <usize>from * sa;
    const b0: usize = b + <usize>from * sb;
    for (let j: i32 = 0; j < n; j += 8)
      for (let i: i32 = 0; i < k; i += 4) {
        const at: usize = c + <usize>(j >> 3) * sc + ((<usize>i) << 5);
        let s0: v128 = v128.load(at);
        let t0: v128 = v128.load(at, 16);
        let s1: v128 = v128.load(at, 32);
        let t1: v128 = v128.load(at, 48);
        let s2: v128 = v128.load(at, 64);
        let t2: v128 = v128.load(at, 80);
        let s3: v128 = v128.load(at, 96);
        let t3: v128 = v128.load(at, 112);
        let p: usize = a0 + ((<usize>i) << 2);
        let q: usize = b0 + ((<usize>j) << 2);
        const end: usize = p + rows * sa;
        while (p < end) {
          const u: v128 = v128.load(q);
          const v: v128 = v128.load(q, 16);
          let w: v128 = v128.load_splat<f32>(p);
          s0 = f32x4.add(s0, f32x4.mul(w, u));
          t0 = f32x4.add(t0, f32x4.mul(w, v));
          w = v128.load_splat<f32>(p, 4);
          s1 = f32x4.add(s1, f32x4.mul(w, u));
          t1 = f32x4.add(t1, f32x4.mul(w, v));
          w = v128.load_splat<f32>(p, 8);
          s2 = f32x4.add(s2, f32x4.mul(w, u));
          t2 = f32x4.add(t2, f32x4.mul(w, v));
          w = v128.load_splat<f32>(p, 12);
          s3 = f32x4.add(s3, f32x4.mul(w, u));
          t3 = f32x4.add(t3, f32x4.mul(w, v));
          p += sa;
          q += sb;
        }
        v128.store(at, s0);
        v128.store(at, t0, 16);
        v128.store(at, s1, 32);
        v128.store(at, t1, 48);
        v128.store(at, s2, 64);
        v128.store(at, t2, 80);
        v128.store(at, s3, 96);
        v128.store(at, t3, 112);
      }
  }
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

/** out[j] += Σ over rows of in[i, j], rows in rising order; n is a multiple of 4. */
export function addColumnSums(m: i32, n: i32, input: usize, ldi: i32, output: usize): void {
  const si: usize = (<usize>ldi) << 2;
  for (let j: i32 = 0; j < n; j += 4) {
    let s: v128 = v128.load(output + ((<usize>j) << 2));
    let p: usize = input + ((<usize>j) << 2);
    for (let i: i32 = 0; i < m; i++) {
      s = f32x4.add(s, v128.load(p));
      p += si;
    }
    v128.store(output + ((<usize>j) << 2), s);
  }
}
