// Cut points and bins. Cut points are order statistics of the sorted column; bin = number of cuts <= value.

// @ts-ignore: decorator
@inline
function keyOf(bits: u32): u32 {
  return bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
}

// @ts-ignore: decorator
@inline
function valueOf(key: u32): f32 {
  return reinterpret<f32>(key >> 31 ? key ^ 0x80000000 : ~key);
}

/** Copies the numbers of a column as sortable keys (and their rows, when asked). Returns the count, or -1 - row at an infinity. */
export function columnKeys(column: usize, stride: i32, n: i32, keys: usize, rows: usize): i32 {
  let count: usize = 0;
  for (let i = 0; i < n; i++) {
    const value = load<f32>(column + <usize>i * (<usize>stride << 2));
    if (value != value) continue;
    if (abs(value) == Infinity) return -1 - i;
    // -0 and 0 are one value.
    store<u32>(keys + (count << 2), keyOf(reinterpret<u32>(value + <f32>0)));
    if (rows) store<u32>(rows + (count << 2), <u32>i);
    count++;
  }
  return <i32>count;
}

/** Radix sort of keys (with rows when given), three passes of eleven bits; returns where the result lies: 1 = in the scratch. */
export function sortKeys(keys: usize, rows: usize, n: i32, scratch: usize, scratchRows: usize, counts: usize): i32 {
  let from = keys;
  let fromRows = rows;
  let to = scratch;
  let toRows = scratchRows;
  for (let pass = 0; pass < 3; pass++) {
    const shift: u32 = <u32>pass * 11;
    memory.fill(counts, 0, 2048 * 4);
    for (let i = 0; i < n; i++) {
      const c = counts + (<usize>((load<u32>(from + (<usize>i << 2)) >> shift) & 2047) << 2);
      store<u32>(c, load<u32>(c) + 1);
    }
    let sum: u32 = 0;
    for (let b = 0; b < 2048; b++) {
      const c = counts + (<usize>b << 2);
      const v = load<u32>(c);
      store<u32>(c, sum);
      sum += v;
    }
    for (let i = 0; i < n; i++) {
      const key = load<u32>(from + (<usize>i << 2));
      const c = counts + (<usize>((key >> shift) & 2047) << 2);
      const at: usize = load<u32>(c);
      store<u32>(c, <u32>at + 1);
      store<u32>(to + (at << 2), key);
      if (rows) store<u32>(toRows + (at << 2), load<u32>(fromRows + (<usize>i << 2)));
    }
    let t = from;
    from = to;
    to = t;
    t = fromRows;
    fromRows = toRows;
    toRows = t;
  }
  return 1;
}

/**
 * At most maxBins - 1 interior cuts from n sorted keys, then one above every float. All distinct values become bins
 * where they fit; otherwise cuts lie at equal shares of weight. Returns the number of bins (0: no number at all).
 */
export function chooseCuts(keys: usize, rows: usize, weights: usize, n: i32, maxBins: i32, cuts: usize): i32 {
  if (n == 0) return 0;
  let distinct = 1;
  for (let i = 1; i < n && distinct <= maxBins; i++)
    if (load<u32>(keys + (<usize>i << 2)) != load<u32>(keys + (<usize>(i - 1) << 2))) distinct++;
  let previous = load<u32>(keys);
  let bins = 0;
  if (distinct <= maxBins) {
    for (let i = 1; i < n; i++) {
      const key = load<u32>(keys + (<usize>i << 2));
      if (key == previous) continue;
      store<f32>(cuts + (<usize>(bins++) << 2), valueOf(key));
      previous = key;
    }
  } else {
    let total: f64 = <f64>n;
    if (weights) {
      total = 0;
      for (let i = 0; i < n; i++) total += <f64>load<f32>(weights + (<usize>load<u32>(rows + (<usize>i << 2)) << 2));
    }
    let sum: f64 = 0;
    let next = 1;
    for (let i = 0; i < n && next < maxBins; i++) {
      // Weight before row i has reached the share: row i starts a bin.
      while (next < maxBins && sum >= (total * <f64>next) / <f64>maxBins) {
        const key = load<u32>(keys + (<usize>i << 2));
        if (key > previous) {
          store<f32>(cuts + (<usize>(bins++) << 2), valueOf(key));
          previous = key;
        }
        next++;
      }
      sum += weights ? <f64>load<f32>(weights + (<usize>load<u32>(rows + (<usize>i << 2)) << 2)) : 1;
    }
  }
  store<f32>(cuts + (<usize>(bins++) << 2), f32.MAX_VALUE);
  for (let i = bins; i < 256; i++) store<f32>(cuts + (<usize>i << 2), Infinity);
  return bins;
}

/** Bins of rows [from, to) of up to eight columns; cuts: 256 floats per feature, table as in evaluateGroup. */
export function assignBins(
  matrix: usize, rowStride: i32, columnStride: i32, from: i32, to: i32, width: i32, cuts: usize, table: usize, out: usize,
): void {
  // A few rows at a time, so that the cache lines of a row serve all its columns.
  for (let start = from; start < to; start += 512) {
    const end = min(start + 512, to);
    for (let k = 0; k < width; k++) {
      const c = cuts + (<usize>k << 10);
      const last = max(load<i32>(table + (<usize>k << 3)) - 1, 0);
      const missing = load<i32>(table + (<usize>k << 3), 4);
      const column = matrix + ((<usize>k * <usize>columnStride) << 2);
      for (let i = start; i < end; i++) {
        const value = load<f32>(column + ((<usize>i * <usize>rowStride) << 2));
        let at: usize = 0;
        for (let step: usize = 128; step > 0; step >>= 1)
          at += select<usize>(step, 0, load<f32>(c + ((at + step - 1) << 2)) <= value);
        const bin = value != value ? missing : min(<i32>at, last);
        store<u8>(out + (<usize>i << 3) + k, <u8>bin);
      }
    }
  }
}
