// The blocks of matmul.ts for registers of 256 bits: V8 joins two neighbouring 128-bit operations where it is told to
// (platform/wide.ts), so a block has 16 columns, two panels, and again 12 sums in as many registers. V8 joins what starts
// from neighbouring loads and ends in neighbouring stores; where it does not, these blocks spill and are many times slower.

import { multiplyAdd } from './arithmetic';

/** `sixRows` for two panels, the second `sb` bytes after the first. */
export function sixRowsWide(
  m: i32,
  bytes: usize,
  a: usize,
  sa: usize,
  b: usize,
  sb: usize,
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
    let x0: v128 = v128.load(f0, 32);
    let y0: v128 = v128.load(f0, 48);
    let s1: v128 = v128.load(f1);
    let t1: v128 = v128.load(f1, 16);
    let x1: v128 = v128.load(f1, 32);
    let y1: v128 = v128.load(f1, 48);
    let s2: v128 = v128.load(f2);
    let t2: v128 = v128.load(f2, 16);
    let x2: v128 = v128.load(f2, 32);
    let y2: v128 = v128.load(f2, 48);
    let s3: v128 = v128.load(f3);
    let t3: v128 = v128.load(f3, 16);
    let x3: v128 = v128.load(f3, 32);
    let y3: v128 = v128.load(f3, 48);
    let s4: v128 = v128.load(f4);
    let t4: v128 = v128.load(f4, 16);
    let x4: v128 = v128.load(f4, 32);
    let y4: v128 = v128.load(f4, 48);
    let s5: v128 = v128.load(f5);
    let t5: v128 = v128.load(f5, 16);
    let x5: v128 = v128.load(f5, 32);
    let y5: v128 = v128.load(f5, 48);
    let p0: usize = a;
    let p1: usize = p0 + sa;
    let p2: usize = p1 + sa;
    let p3: usize = p2 + sa;
    let p4: usize = p3 + sa;
    let p5: usize = p4 + sa;
    const end: usize = p0 + bytes;
    let e: usize = b + sb;
    for (let q: usize = b; p0 < end; q += 32) {
      const u: v128 = v128.load(q);
      const v: v128 = v128.load(q, 16);
      const g: v128 = v128.load(e);
      const h: v128 = v128.load(e, 16);
      let w: v128 = v128.load_splat<f32>(p0);
      s0 = multiplyAdd(w, u, s0);
      t0 = multiplyAdd(w, v, t0);
      x0 = multiplyAdd(w, g, x0);
      y0 = multiplyAdd(w, h, y0);
      w = v128.load_splat<f32>(p1);
      s1 = multiplyAdd(w, u, s1);
      t1 = multiplyAdd(w, v, t1);
      x1 = multiplyAdd(w, g, x1);
      y1 = multiplyAdd(w, h, y1);
      w = v128.load_splat<f32>(p2);
      s2 = multiplyAdd(w, u, s2);
      t2 = multiplyAdd(w, v, t2);
      x2 = multiplyAdd(w, g, x2);
      y2 = multiplyAdd(w, h, y2);
      w = v128.load_splat<f32>(p3);
      s3 = multiplyAdd(w, u, s3);
      t3 = multiplyAdd(w, v, t3);
      x3 = multiplyAdd(w, g, x3);
      y3 = multiplyAdd(w, h, y3);
      w = v128.load_splat<f32>(p4);
      s4 = multiplyAdd(w, u, s4);
      t4 = multiplyAdd(w, v, t4);
      x4 = multiplyAdd(w, g, x4);
      y4 = multiplyAdd(w, h, y4);
      w = v128.load_splat<f32>(p5);
      s5 = multiplyAdd(w, u, s5);
      t5 = multiplyAdd(w, v, t5);
      x5 = multiplyAdd(w, g, x5);
      y5 = multiplyAdd(w, h, y5);
      p0 += 4;
      p1 += 4;
      p2 += 4;
      p3 += 4;
      p4 += 4;
      p5 += 4;
      e += 32;
    }
    v128.store(c0, s0);
    v128.store(c0, t0, 16);
    v128.store(c0, x0, 32);
    v128.store(c0, y0, 48);
    v128.store(c1, s1);
    v128.store(c1, t1, 16);
    v128.store(c1, x1, 32);
    v128.store(c1, y1, 48);
    v128.store(c2, s2);
    v128.store(c2, t2, 16);
    v128.store(c2, x2, 32);
    v128.store(c2, y2, 48);
    v128.store(c3, s3);
    v128.store(c3, t3, 16);
    v128.store(c3, x3, 32);
    v128.store(c3, y3, 48);
    v128.store(c4, s4);
    v128.store(c4, t4, 16);
    v128.store(c4, x4, 32);
    v128.store(c4, y4, 48);
    v128.store(c5, s5);
    v128.store(c5, t5, 16);
    v128.store(c5, x5, 32);
    v128.store(c5, y5, 48);
    a += sa * 6;
    c0 += sc * 6;
    f0 += ss * 6;
  }
}

/** `fourRows` for two panels. */
export function fourRowsWide(
  m: i32,
  bytes: usize,
  a: usize,
  sa: usize,
  b: usize,
  sb: usize,
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
    let x0: v128 = v128.load(f0, 32);
    let y0: v128 = v128.load(f0, 48);
    let s1: v128 = v128.load(f1);
    let t1: v128 = v128.load(f1, 16);
    let x1: v128 = v128.load(f1, 32);
    let y1: v128 = v128.load(f1, 48);
    let s2: v128 = v128.load(f2);
    let t2: v128 = v128.load(f2, 16);
    let x2: v128 = v128.load(f2, 32);
    let y2: v128 = v128.load(f2, 48);
    let s3: v128 = v128.load(f3);
    let t3: v128 = v128.load(f3, 16);
    let x3: v128 = v128.load(f3, 32);
    let y3: v128 = v128.load(f3, 48);
    let p0: usize = a;
    let p1: usize = p0 + sa;
    let p2: usize = p1 + sa;
    let p3: usize = p2 + sa;
    const end: usize = p0 + bytes;
    let e: usize = b + sb;
    for (let q: usize = b; p0 < end; q += 32) {
      const u: v128 = v128.load(q);
      const v: v128 = v128.load(q, 16);
      const g: v128 = v128.load(e);
      const h: v128 = v128.load(e, 16);
      let w: v128 = v128.load_splat<f32>(p0);
      s0 = multiplyAdd(w, u, s0);
      t0 = multiplyAdd(w, v, t0);
      x0 = multiplyAdd(w, g, x0);
      y0 = multiplyAdd(w, h, y0);
      w = v128.load_splat<f32>(p1);
      s1 = multiplyAdd(w, u, s1);
      t1 = multiplyAdd(w, v, t1);
      x1 = multiplyAdd(w, g, x1);
      y1 = multiplyAdd(w, h, y1);
      w = v128.load_splat<f32>(p2);
      s2 = multiplyAdd(w, u, s2);
      t2 = multiplyAdd(w, v, t2);
      x2 = multiplyAdd(w, g, x2);
      y2 = multiplyAdd(w, h, y2);
      w = v128.load_splat<f32>(p3);
      s3 = multiplyAdd(w, u, s3);
      t3 = multiplyAdd(w, v, t3);
      x3 = multiplyAdd(w, g, x3);
      y3 = multiplyAdd(w, h, y3);
      p0 += 4;
      p1 += 4;
      p2 += 4;
      p3 += 4;
      e += 32;
    }
    v128.store(c0, s0);
    v128.store(c0, t0, 16);
    v128.store(c0, x0, 32);
    v128.store(c0, y0, 48);
    v128.store(c1, s1);
    v128.store(c1, t1, 16);
    v128.store(c1, x1, 32);
    v128.store(c1, y1, 48);
    v128.store(c2, s2);
    v128.store(c2, t2, 16);
    v128.store(c2, x2, 32);
    v128.store(c2, y2, 48);
    v128.store(c3, s3);
    v128.store(c3, t3, 16);
    v128.store(c3, x3, 32);
    v128.store(c3, y3, 48);
    a += sa * 4;
    c0 += sc * 4;
    f0 += ss * 4;
  }
}
