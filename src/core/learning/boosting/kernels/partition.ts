// Rows of a tree under construction. Each block of rows is partitioned on its own, so that a node is one segment per
// block and blocks need no agreement. The right part is written from the end backwards: order is free, as sums are
// integers, and access stays monotone.

/** Bins fetched ahead of the stores that depend on them; see histogram.ts. */
const AHEAD: usize = 256;

/** Per node, 48 bytes: i32 kind (0 leaf, 1 split, 2 split into leaves), left slot, right slot, split bin, missing bin that goes left or -1;
 * f32 left (or own) value, right value; u32 address of the group's bins plus feature's byte. */
export function partitionBlock(
  block: i32, blocks: i32, nodes: i32, table: usize, segmentsIn: usize, segmentsOut: usize,
  rowsIn: usize, gradsIn: usize, rowsOut: usize, gradsOut: usize, margins: usize, update: i32, buffer: usize,
): void {
  for (let node = 0; node < nodes; node++) {
    const record = table + <usize>node * 48;
    const segment = segmentsIn + ((<usize>node * <usize>blocks + <usize>block) << 3);
    let p: usize = load<u32>(segment);
    const end: usize = load<u32>(segment, 4);
    const kind = load<i32>(record);
    const leftValue = load<f32>(record, 20);
    const rightValue = load<f32>(record, 24);
    if (kind == 0) {
      if (!update) continue;
      for (; p < end; p++) {
        const at = margins + (<usize>load<u32>(rowsIn + (p << 2)) << 2);
        store<f32>(at, load<f32>(at) + leftValue);
      }
      continue;
    }
    const splitBin = load<i32>(record, 12);
    const missing = load<i32>(record, 16);
    const column: usize = load<u32>(record, 28);
    if (kind == 2) {
      if (!update) continue;
      while (p < end) {
        const n = min<usize>(end - p, AHEAD);
        for (let i: usize = 0; i < n; i++)
          store<u8>(buffer + i, load<u8>(column + (<usize>load<u32>(rowsIn + ((p + i) << 2)) << 3)));
        for (let i: usize = 0; i < n; i++) {
          const bin = <i32>load<u8>(buffer + i);
          const at = margins + (<usize>load<u32>(rowsIn + ((p + i) << 2)) << 2);
          store<f32>(at, load<f32>(at) + select<f32>(leftValue, rightValue, (bin <= splitBin) | (bin == missing)));
        }
        p += n;
      }
      continue;
    }
    const start = p;
    let low = p;
    let high = end - 1;
    while (p < end) {
      const n = min<usize>(end - p, AHEAD);
      for (let i: usize = 0; i < n; i++)
        store<u8>(buffer + i, load<u8>(column + (<usize>load<u32>(rowsIn + ((p + i) << 2)) << 3)));
      for (let i: usize = 0; i < n; i++) {
        const row = load<u32>(rowsIn + ((p + i) << 2));
        const pair = load<u64>(gradsIn + ((p + i) << 3));
        const bin = <i32>load<u8>(buffer + i);
        const left = <usize>((bin <= splitBin) | (bin == missing));
        const to = select<usize>(low, high, left != 0);
        store<u32>(rowsOut + (to << 2), row);
        store<u64>(gradsOut + (to << 3), pair);
        low += left;
        high -= 1 - left;
      }
      p += n;
    }
    const leftSegment = segmentsOut + ((<usize>load<i32>(record, 4) * <usize>blocks + <usize>block) << 3);
    const rightSegment = segmentsOut + ((<usize>load<i32>(record, 8) * <usize>blocks + <usize>block) << 3);
    store<u32>(leftSegment, <u32>start);
    store<u32>(leftSegment, <u32>low, 4);
    store<u32>(rightSegment, <u32>low);
    store<u32>(rightSegment, <u32>end, 4);
  }
}

/** Gathers the rows of a tree: their float32 pairs become scaled int32 pairs in the order of `rows`. */
export function gatherPairs(
  rows: usize, from: i32, to: i32, pairs: usize, scaleG: f32, scaleH: f32, grads: usize,
): void {
  const scale = f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(scaleG), 1, scaleH), 3, scaleH);
  for (let p: usize = from; p < <usize>to; p++) {
    const pair = v128.load64_zero(pairs + (<usize>load<u32>(rows + (p << 2)) << 3));
    const scaled = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(pair, scale)));
    v128.store64_lane(grads + (p << 3), scaled, 0);
  }
}

/** Writes 0, 1, … into rows [from, to), or only those drawn with probability threshold / 2^32; returns the end. */
export function sampleRows(rows: usize, from: i32, to: i32, seed: u32, threshold: f64): i32 {
  let at = from;
  for (let i = from; i < to; i++) {
    let t: u32 = seed + <u32>(i + 1) * 0x6d2b79f5;
    t = (t ^ (t >>> 15)) * (t | 1);
    t ^= t + (t ^ (t >>> 7)) * (t | 61);
    store<u32>(rows + (<usize>at << 2), <u32>i);
    at += <i32>(<f64>(t ^ (t >>> 14)) < threshold);
  }
  return at;
}

/**
 * Adds a tree's leaf values to margins of rows [from, to) by their bins. Tree nodes, 32 bytes each: i32 left child
 * (right follows it; -1 leaf), split bin, missing bin that goes left or -1, f32 value, u32 address of the column's bins.
 */
export function addTreeByBins(tree: usize, from: i32, to: i32, margins: usize): void {
  for (let row: usize = from; row < <usize>to; row++) {
    let node = tree;
    let left = load<i32>(node);
    while (left >= 0) {
      const bin = <i32>load<u8>(<usize>load<u32>(node, 16) + (row << 3));
      const goLeft = (bin <= load<i32>(node, 4)) | (bin == load<i32>(node, 8));
      node = tree + (<usize>(left + 1 - <i32>goLeft) << 5);
      left = load<i32>(node);
    }
    const at = margins + (row << 2);
    store<f32>(at, load<f32>(at) + load<f32>(node, 12));
  }
}
