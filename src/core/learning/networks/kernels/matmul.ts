// Matrix products on 128-bit SIMD. Row-major float32; a leading dimension counts floats. Every element of C is one sum
// over k in rising order (multiply, then add), so its bits do not depend on the block it falls in or on the number of rows.

/**
 * C[m × n] = start + A[m × k] · B[k × n]; n is a multiple of 8.
 * Start is C itself for `mode` 1, the row vector at `bias` for `mode` 2, and 0 for `mode` 0.
 */
export function matmul(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  c: usize,
  ldc: i32,
  bias: usize,
  mode: i32,
): void {
  const sa: usize = (<usize>lda) << 2;
  const sb: usize = (<usize>ldb) << 2;
  const sc: usize = (<usize>ldc) << 2;
  for (let j: i32 = 0; j < n; j += 8) {
    const bj: usize = b + ((<usize>j) << 2);
    let ai: usize = a;
    let ci: usize = c + ((<usize>j) << 2);
    let x: v128 = f32x4.splat(0);
    let y: v128 = f32x4.splat(0);
    if (mode === 2) {
      x = v128.load(bias + ((<usize>j) << 2));
      y = v128.load(bias + ((<usize>j) << 2), 16);
    }
    let i: i32 = 0;
    for (; i + 4 <= m; i += 4) {
      const c1: usize = ci + sc;
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
        s0 = v128.load(ci);
        t0 = v128.load(ci, 16);
        s1 = v128.load(c1);
        t1 = v128.load(c1, 16);
        s2 = v128.load(c2);
        t2 = v128.load(c2, 16);
        s3 = v128.load(c3);
        t3 = v128.load(c3, 16);
      }
      let p0: usize = ai;
      let p1: usize = ai + sa;
      let p2: usize = p1 + sa;
      let p3: usize = p2 + sa;
      const end: usize = p0 + ((<usize>k) << 2);
      let q: usize = bj;
      while (p0 < end) {
        const u: v128 = v128.load(q);
        const v: v128 = v128.load(q, 16);
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
        p0 += 4;
        p1 += 4;
        p2 += 4;
        p3 += 4;
        q += sb;
      }
      v128.store(ci, s0);
      v128.store(ci, t0, 16);
      v128.store(c1, s1);
      v128.store(c1, t1, 16);
      v128.store(c2, s2);
      v128.store(c2, t2, 16);
      v128.store(c3, s3);
      v128.store(c3, t3, 16);
      ai += sa << 2;
      ci += sc << 2;
    }
    for (; i < m; i++) {
      let s: v128 = x;
      let t: v128 = y;
      if (mode === 1) {
        s = v128.load(ci);
        t = v128.load(ci, 16);
      }
      let p: usize = ai;
      const end: usize = p + ((<usize>k) << 2);
      let q: usize = bj;
      while (p < end) {
        const w: v128 = v128.load_splat<f32>(p);
        s = f32x4.add(s, f32x4.mul(w, v128.load(q)));
        t = f32x4.add(t, f32x4.mul(w, v128.load(q, 16)));
        p += 4;
        q += sb;
      }
      v128.store(ci, s);
      v128.store(ci, t, 16);
      ai += sa;
      ci += sc;
    }
  }
}

/** C[k × n] += A[m × k]ᵀ · B[m × n], summed over m in rising order; k is a multiple of 4, n of 8. */
export function matmulTransposedA(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  c: usize,
  ldc: i32,
): void {
  const sa: usize = (<usize>lda) << 2;
  const sb: usize = (<usize>ldb) << 2;
  const sc: usize = (<usize>ldc) << 2;
  for (let j: i32 = 0; j < n; j += 8) {
    for (let i: i32 = 0; i < k; i += 4) {
      const c0: usize = c + <usize>i * sc + ((<usize>j) << 2);
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
      let p: usize = a + ((<usize>i) << 2);
      let q: usize = b + ((<usize>j) << 2);
      const end: usize = p + <usize>m * sa;
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

/** out[n × m] = in[m × n]ᵀ; m and n are multiples of 4. */
export function transpose(m: i32, n: i32, input: usize, ldi: i32, output: usize, ldo: i32): void {
  const si: usize = (<usize>ldi) << 2;
  const so: usize = (<usize>ldo) << 2;
  for (let i: i32 = 0; i < m; i += 4) {
    let p: usize = input + <usize>i * si;
    let q: usize = output + ((<usize>i) << 2);
    for (let j: i32 = 0; j < n; j += 4) {
      const a: v128 = v128.load(p);
      const b: v128 = v128.load(p + si);
      const c: v128 = v128.load(p + si + si);
      const d: v128 = v128.load(p + si + si + si);
      const ab0: v128 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const ab1: v128 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0: v128 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const cd1: v128 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(q, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
      v128.store(q + so, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
      v128.store(q + so + so, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
      v128.store(q + so + so + so, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
      p += 16;
      q += so << 2;
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
