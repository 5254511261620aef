// Histograms of integer gradient pairs. An entry is (gradient, hessian) as two int64; entry (bin, feature k of its
// group of eight) lies at bin * 128 + k * 16. Integer sums do not depend on their order, which is what makes every
// number of threads, and building or subtracting, give the same bits.

/** Rows fetched ahead of their updates: loads that miss the cache overlap when no store stands between them. */
const AHEAD: usize = 64;

// @ts-ignore: decorator
@inline
function build(
  width: i32, hist: usize, bins: usize, rows: usize, grads: usize, segments: usize, blocks: i32, buffer: usize,
): void {
  for (let b = 0; b < blocks; b++) {
    let p: usize = load<u32>(segments + (<usize>b << 3));
    const end: usize = load<u32>(segments + (<usize>b << 3), 4);
    while (p < end) {
      const n = min(end - p, AHEAD);
      const row = rows + (p << 2);
      for (let i: usize = 0; i < n; i++)
        store<u64>(buffer + (i << 3), load<u64>(bins + (<usize>load<u32>(row + (i << 2)) << 3)));
      let grad = grads + (p << 3);
      let q = buffer;
      const last = buffer + (n << 3);
      for (; q < last; q += 8) {
        const pair = v128.load_ext<i32>(grad);
        grad += 8;
        const low = load<u32>(q);
        {
          const at = hist + <usize>((low << 7) & 0x7f80);
          v128.store(at, i64x2.add(v128.load(at, 0), pair), 0);
        }
        if (width > 1) {
          const at = hist + <usize>((low >> 1) & 0x7f80);
          v128.store(at, i64x2.add(v128.load(at, 16), pair), 16);
        }
        if (width > 2) {
          const at = hist + <usize>((low >> 9) & 0x7f80);
          v128.store(at, i64x2.add(v128.load(at, 32), pair), 32);
        }
        if (width > 3) {
          const at = hist + <usize>((low >> 17) & 0x7f80);
          v128.store(at, i64x2.add(v128.load(at, 48), pair), 48);
        }
        const high: u32 = width > 4 ? load<u32>(q, 4) : 0;
        if (width > 4) {
          const at = hist + <usize>((high << 7) & 0x7f80);
          v128.store(at, i64x2.add(v128.load(at, 64), pair), 64);
        }
        if (width > 5) {
          const at = hist + <usize>((high >> 1) & 0x7f80);
          v128.store(at, i64x2.add(v128.load(at, 80), pair), 80);
        }
        if (width > 6) {
          const at = hist + <usize>((high >> 9) & 0x7f80);
          v128.store(at, i64x2.add(v128.load(at, 96), pair), 96);
        }
        if (width > 7) {
          const at = hist + <usize>((high >> 17) & 0x7f80);
          v128.store(at, i64x2.add(v128.load(at, 112), pair), 112);
        }
      }
      p += n;
    }
  }
}

/** Adds the rows of all segments (pairs of positions, one per row block) to `hist`, whose memory is cleared first. buffer: 512 bytes. */
export function buildHistogram(
  width: i32, hist: usize, entries: i32, bins: usize, rows: usize, grads: usize, segments: usize, blocks: i32, buffer: usize,
): void {
  memory.fill(hist, 0, <usize>entries << 7);
  switch (width) {
    case 1: { build(1, hist, bins, rows, grads, segments, blocks, buffer); break; }
    case 2: { build(2, hist, bins, rows, grads, segments, blocks, buffer); break; }
    case 3: { build(3, hist, bins, rows, grads, segments, blocks, buffer); break; }
    case 4: { build(4, hist, bins, rows, grads, segments, blocks, buffer); break; }
    case 5: { build(5, hist, bins, rows, grads, segments, blocks, buffer); break; }
    case 6: { build(6, hist, bins, rows, grads, segments, blocks, buffer); break; }
    case 7: { build(7, hist, bins, rows, grads, segments, blocks, buffer); break; }
    default: { build(8, hist, bins, rows, grads, segments, blocks, buffer); }
  }
}

/** parent -= child, entry by entry: the histogram of the other child. */
export function subtractHistogram(parent: usize, child: usize, entries: i32): void {
  const end = parent + (<usize>entries << 7);
  while (parent < end) {
    v128.store(parent, i64x2.sub(v128.load(parent), v128.load(child)));
    v128.store(parent, i64x2.sub(v128.load(parent, 16), v128.load(child, 16)), 16);
    parent += 32;
    child += 32;
  }
}
