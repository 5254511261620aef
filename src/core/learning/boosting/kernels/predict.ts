// Margins of a block of rows, tree after tree in float32, so that a row's sum does not depend on its block.

/** 1 when any of n floats is NaN. */
export function anyMissing(at: usize, n: i32): i32 {
  const end = at + (<usize>n << 2);
  let seen = i32x4.splat(0);
  for (; at + 16 <= end; at += 16) {
    const v = v128.load(at);
    seen = v128.or(seen, f32x4.ne(v, v));
  }
  for (; at < end; at += 4) {
    const v = load<f32>(at);
    if (v != v) return 1;
  }
  return v128.any_true(seen);
}

// @ts-ignore: decorator
@inline
function step(nodes: usize, j: usize, row: usize): usize {
  const at = nodes + j;
  // Without missing cells >= is the contrary of <, in one instruction less.
  return (j << 1) + (<usize>(load<f32>(row + <usize>load<u32>(at)) >= load<f32>(at, 4)) << 3);
}

// @ts-ignore: decorator
@inline
function stepMissing(nodes: usize, defaults: usize, j: usize, row: usize): usize {
  const at = nodes + j;
  const x = load<f32>(row + <usize>load<u32>(at));
  const left = <usize>(x < load<f32>(at, 4)) | (<usize>(x != x) & <usize>load<u8>(defaults + (j >> 3)));
  return (j << 1) + ((1 - left) << 3);
}

// @ts-ignore: decorator
@inline
function add(out: usize, leaves: usize, j: usize): void {
  store<f32>(out, load<f32>(out) + load<f32>(leaves + (j >> 1)));
}

/** A complete binary tree: node i of 1 … 2^depth - 1 at nodes + 8 i (u32 byte offset of the feature, f32 threshold). */
function complete(
  depth: i32, nodes: usize, defaults: usize, leaves: usize, rows: usize, n: i32, rowBytes: usize, missing: i32,
  out: usize, outBytes: usize,
): void {
  // Leaves follow at index 2^depth, reached with j = 8 * (2^depth + leaf).
  const base = leaves - (<usize>4 << depth);
  let r = 0;
  if (missing) {
    for (; r + 4 <= n; r += 4) {
      const r1 = rows + rowBytes;
      const r2 = r1 + rowBytes;
      const r3 = r2 + rowBytes;
      let a: usize = 8;
      let b: usize = 8;
      let c: usize = 8;
      let d: usize = 8;
      for (let l = 0; l < depth; l++) {
        a = stepMissing(nodes, defaults, a, rows);
        b = stepMissing(nodes, defaults, b, r1);
        c = stepMissing(nodes, defaults, c, r2);
        d = stepMissing(nodes, defaults, d, r3);
      }
      add(out, base, a);
      add(out + outBytes, base, b);
      add(out + outBytes * 2, base, c);
      add(out + outBytes * 3, base, d);
      rows = r3 + rowBytes;
      out += outBytes * 4;
    }
  } else {
    for (; r + 8 <= n; r += 8) {
      const r1 = rows + rowBytes;
      const r2 = r1 + rowBytes;
      const r3 = r2 + rowBytes;
      const r4 = r3 + rowBytes;
      const r5 = r4 + rowBytes;
      const r6 = r5 + rowBytes;
      const r7 = r6 + rowBytes;
      let a: usize = 8;
      let b: usize = 8;
      let c: usize = 8;
      let d: usize = 8;
      let e: usize = 8;
      let f: usize = 8;
      let g: usize = 8;
      let h: usize = 8;
      for (let l = 0; l < depth; l++) {
        a = step(nodes, a, rows);
        b = step(nodes, b, r1);
        c = step(nodes, c, r2);
        d = step(nodes, d, r3);
        e = step(nodes, e, r4);
        f = step(nodes, f, r5);
        g = step(nodes, g, r6);
        h = step(nodes, h, r7);
      }
      add(out, base, a);
      add(out + outBytes, base, b);
      add(out + outBytes * 2, base, c);
      add(out + outBytes * 3, base, d);
      add(out + outBytes * 4, base, e);
      add(out + outBytes * 5, base, f);
      add(out + outBytes * 6, base, g);
      add(out + outBytes * 7, base, h);
      rows = r7 + rowBytes;
      out += outBytes * 8;
    }
  }
  for (; r < n; r++) {
    let j: usize = 8;
    for (let l = 0; l < depth; l++) j = stepMissing(nodes, defaults, j, rows);
    add(out, base, j);
    rows += rowBytes;
    out += outBytes;
  }
}

/** Any tree: node i at nodes + 16 i (i32 left or -1, i32 right, u32 byte offset of the feature, f32 threshold or leaf). */
function linked(
  nodes: usize, defaults: usize, rows: usize, n: i32, rowBytes: usize, out: usize, outBytes: usize,
): void {
  for (let r = 0; r < n; r++) {
    let i: usize = 0;
    let left = load<i32>(nodes);
    while (left >= 0) {
      const at = nodes + (i << 4);
      const x = load<f32>(rows + <usize>load<u32>(at, 8));
      const goLeft = x != x ? load<u8>(defaults + i) != 0 : x < load<f32>(at, 12);
      i = <usize>(goLeft ? left : load<i32>(at, 4));
      left = load<i32>(nodes + (i << 4));
    }
    store<f32>(out, load<f32>(out) + load<f32>(nodes + (i << 4), 12));
    rows += rowBytes;
    out += outBytes;
  }
}

/**
 * Adds trees [first, last) to out. trees: 32 bytes each: i32 depth (-1 = linked), u32 nodes, defaults, leaves, i32
 * output class. out: classes floats per row.
 */
export function predictTrees(
  trees: usize, first: i32, last: i32, rows: usize, n: i32, cols: i32, missing: i32, out: usize, classes: i32,
): void {
  for (let t = first; t < last; t++) {
    const at = trees + (<usize>t << 5);
    const depth = load<i32>(at);
    const nodes: usize = load<u32>(at, 4);
    const defaults: usize = load<u32>(at, 8);
    const to = out + (<usize>load<i32>(at, 16) << 2);
    if (depth < 0) linked(nodes, defaults, rows, n, <usize>cols << 2, to, <usize>classes << 2);
    else complete(depth, nodes, defaults, load<u32>(at, 12), rows, n, <usize>cols << 2, missing, to, <usize>classes << 2);
  }
}
