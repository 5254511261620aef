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

/** Turns n rows of `cols` floats into columns of `stride` floats. */
export function transposeRows(rows: usize, n: i32, cols: i32, columns: usize, stride: i32): void {
  const rowBytes = <usize>cols << 2;
  const columnBytes = <usize>stride << 2;
  let r = 0;
  for (; r + 4 <= n; r += 4) {
    const from = rows + <usize>r * rowBytes;
    const to = columns + (<usize>r << 2);
    let c = 0;
    for (; c + 4 <= cols; c += 4) {
      const at = from + (<usize>c << 2);
      const a = v128.load(at);
      const b = v128.load(at + rowBytes);
      const d = v128.load(at + rowBytes * 2);
      const e = v128.load(at + rowBytes * 3);
      const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const de0 = v128.shuffle<i32>(d, e, 0, 4, 1, 5);
      const de1 = v128.shuffle<i32>(d, e, 2, 6, 3, 7);
      const out = to + <usize>c * columnBytes;
      v128.store(out, v128.shuffle<i64>(ab0, de0, 0, 2));
      v128.store(out + columnBytes, v128.shuffle<i64>(ab0, de0, 1, 3));
      v128.store(out + columnBytes * 2, v128.shuffle<i64>(ab1, de1, 0, 2));
      v128.store(out + columnBytes * 3, v128.shuffle<i64>(ab1, de1, 1, 3));
    }
    for (; c < cols; c++)
      for (let i: usize = 0; i < 4; i++)
        store<f32>(to + <usize>c * columnBytes + (i << 2), load<f32>(from + i * rowBytes + (<usize>c << 2)));
  }
  for (; r < n; r++)
    for (let c = 0; c < cols; c++)
      store<f32>(
        columns + <usize>c * columnBytes + (<usize>r << 2), load<f32>(rows + <usize>r * rowBytes + (<usize>c << 2)),
      );
}

// @ts-ignore: decorator
@inline
function step(nodes: usize, j: usize, cell: usize, lane: usize): usize {
  const at = nodes + j;
  // Without missing cells >= is the contrary of <, in one instruction less.
  return (j << 1) + (<usize>(load<f32>(cell + <usize>load<u32>(at) + (lane << 2)) >= load<f32>(at, 4)) << 3);
}

// @ts-ignore: decorator
@inline
function stepMissing(nodes: usize, defaults: usize, j: usize, cell: usize, lane: usize): usize {
  const at = nodes + j;
  const x = load<f32>(cell + <usize>load<u32>(at) + (lane << 2));
  const left = <usize>(x < load<f32>(at, 4)) | (<usize>(x != x) & <usize>load<u8>(defaults + (j >> 3)));
  return (j << 1) + ((1 - left) << 3);
}

/** All ones in the lanes of four rows that go right at node j. */
// @ts-ignore: decorator
@inline
function right(nodes: usize, j: usize, cell: usize): v128 {
  const at = nodes + (j << 3);
  return f32x4.ge(v128.load(cell + <usize>load<u32>(at)), v128.load32_splat(at + 4));
}

/** Byte offsets, among the nodes of the fourth level, that four rows reach from the root. */
// @ts-ignore: decorator
@inline
function topLevels(nodes: usize, cell: usize): v128 {
  const c0 = right(nodes, 1, cell);
  const c1 = v128.bitselect(right(nodes, 3, cell), right(nodes, 2, cell), c0);
  const low = v128.bitselect(right(nodes, 5, cell), right(nodes, 4, cell), c1);
  const high = v128.bitselect(right(nodes, 7, cell), right(nodes, 6, cell), c1);
  const c2 = v128.bitselect(high, low, c0);
  const bits = v128.or(v128.and(c0, i32x4.splat(32)), v128.and(c1, i32x4.splat(16)));
  return v128.or(v128.or(bits, v128.and(c2, i32x4.splat(8))), i32x4.splat(64));
}

// @ts-ignore: decorator
@inline
function add(out: usize, leaves: usize, j: usize): void {
  store<f32>(out, load<f32>(out) + load<f32>(leaves + (j >> 1)));
}

/**
 * A complete binary tree: node i of 1 … 2^depth - 1 at nodes + 8 i (u32 byte offset of the feature's column, f32
 * threshold). Rows are taken eight at a time; the buffers hold a multiple of eight.
 */
function complete(
  depth: i32, nodes: usize, defaults: usize, leaves: usize, cells: usize, n: i32, missing: i32, out: usize,
  outBytes: usize,
): void {
  // Leaves follow at index 2^depth, reached with j = 8 * (2^depth + leaf).
  const base = leaves - (<usize>4 << depth);
  for (let r = 0; r < n; r += 8) {
    let a: usize = 8;
    let b: usize = 8;
    let c: usize = 8;
    let d: usize = 8;
    let e: usize = 8;
    let f: usize = 8;
    let g: usize = 8;
    let h: usize = 8;
    if (missing) {
      for (let l = 0; l < depth; l++) {
        a = stepMissing(nodes, defaults, a, cells, 0);
        b = stepMissing(nodes, defaults, b, cells, 1);
        c = stepMissing(nodes, defaults, c, cells, 2);
        d = stepMissing(nodes, defaults, d, cells, 3);
        e = stepMissing(nodes, defaults, e, cells, 4);
        f = stepMissing(nodes, defaults, f, cells, 5);
        g = stepMissing(nodes, defaults, g, cells, 6);
        h = stepMissing(nodes, defaults, h, cells, 7);
      }
    } else {
      let l = 0;
      if (depth >= 3) {
        const first = topLevels(nodes, cells);
        const second = topLevels(nodes, cells + 16);
        a = i32x4.extract_lane(first, 0);
        b = i32x4.extract_lane(first, 1);
        c = i32x4.extract_lane(first, 2);
        d = i32x4.extract_lane(first, 3);
        e = i32x4.extract_lane(second, 0);
        f = i32x4.extract_lane(second, 1);
        g = i32x4.extract_lane(second, 2);
        h = i32x4.extract_lane(second, 3);
        l = 3;
      }
      for (; l < depth; l++) {
        a = step(nodes, a, cells, 0);
        b = step(nodes, b, cells, 1);
        c = step(nodes, c, cells, 2);
        d = step(nodes, d, cells, 3);
        e = step(nodes, e, cells, 4);
        f = step(nodes, f, cells, 5);
        g = step(nodes, g, cells, 6);
        h = step(nodes, h, cells, 7);
      }
    }
    add(out, base, a);
    add(out + outBytes, base, b);
    add(out + outBytes * 2, base, c);
    add(out + outBytes * 3, base, d);
    add(out + outBytes * 4, base, e);
    add(out + outBytes * 5, base, f);
    add(out + outBytes * 6, base, g);
    add(out + outBytes * 7, base, h);
    cells += 32;
    out += outBytes * 8;
  }
}

/** Any tree: node i at nodes + 16 i (i32 left or -1, i32 right, u32 byte offset of the feature's column, f32 threshold or leaf). */
function linked(
  nodes: usize, defaults: usize, cells: usize, n: i32, out: usize, outBytes: usize,
): void {
  for (let r = 0; r < n; r++) {
    let i: usize = 0;
    let left = load<i32>(nodes);
    while (left >= 0) {
      const at = nodes + (i << 4);
      const x = load<f32>(cells + <usize>load<u32>(at, 8));
      const goLeft = x != x ? load<u8>(defaults + i) != 0 : x < load<f32>(at, 12);
      i = <usize>(goLeft ? left : load<i32>(at, 4));
      left = load<i32>(nodes + (i << 4));
    }
    store<f32>(out, load<f32>(out) + load<f32>(nodes + (i << 4), 12));
    cells += 4;
    out += outBytes;
  }
}

/**
 * Adds trees [first, last) to out. cells: the rows as columns. trees: 32 bytes each: i32 depth (-1 = linked), u32 nodes,
 * defaults, leaves, i32 output class. out: classes floats per row.
 */
export function predictTrees(
  trees: usize, first: i32, last: i32, cells: usize, n: i32, missing: i32, out: usize, classes: i32,
): void {
  for (let t = first; t < last; t++) {
    const at = trees + (<usize>t << 5);
    const depth = load<i32>(at);
    const nodes: usize = load<u32>(at, 4);
    const defaults: usize = load<u32>(at, 8);
    const to = out + (<usize>load<i32>(at, 16) << 2);
    if (depth < 0) linked(nodes, defaults, cells, n, to, <usize>classes << 2);
    else complete(depth, nodes, defaults, load<u32>(at, 12), cells, n, missing, to, <usize>classes << 2);
  }
}
