import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import { auc, evaluateMetric } from '../../../../src/core/learning/boosting/index.js';
import { instantiate, kernelModule, sharedMemory } from '../../../../src/core/learning/boosting/kernels.js';

const memory = sharedMemory(1 << 20, 'Test');
const k = instantiate(kernelModule(), memory);
const f32 = new Float32Array(memory.buffer);
const u32 = new Uint32Array(memory.buffer);

/** Cut points of a column, through the three kernels that make them. */
function cutsOf(values: readonly number[], maxBins: number, weights?: readonly number[]): number[] {
  const n = values.length;
  const [column, keys, rows, scratch, scratchRows, counts, cuts, w] = [
    1024, 65536, 131072, 196608, 262144, 327680, 393216, 458752,
  ] as const;
  f32.set(values, column / 4);
  if (weights !== undefined) f32.set(weights, w / 4);
  const weighted = weights !== undefined;
  const count = k.columnKeys(column, 1, n, keys, weighted ? rows : 0);
  k.sortKeys(keys, weighted ? rows : 0, count, scratch, scratchRows, counts);
  const bins = k.chooseCuts(scratch, scratchRows, weighted ? w : 0, count, maxBins, cuts);
  return Array.from(f32.subarray(cuts / 4, cuts / 4 + bins));
}

describe('cut points', () => {
  const top = Math.fround(3.4028234663852886e38);

  it('are the distinct values where they fit, negative numbers and zeros in order', () => {
    expect(cutsOf([3, -1, 0, Number.NaN, -0, 3, -7.5], 256)).toEqual([-1, 0, 3, top]);
    expect(cutsOf([2, 2], 256)).toEqual([top]);
    expect(cutsOf([Number.NaN], 256)).toEqual([]);
  });

  it('lie at equal shares of rows or of weight otherwise', () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i * 389) % 1000);
    expect(cutsOf(values, 4)).toEqual([250, 500, 750, top]);
    const weights = values.map((value) => (value < 500 ? 3 : 1));
    const [first, second] = cutsOf(values, 2, weights);
    expect(first).toBe(334);
    expect(second).toBe(top);
  });

  it('say which row is infinite', () => {
    f32.set([1, 2, -Infinity], 256);
    expect(k.columnKeys(1024, 1, 3, 65536, 0)).toBe(-3);
  });
});

it('exp agrees with the library to 1e-14, far below float32', () => {
  const random = seededRandom(1);
  for (let i = 0; i < 2000; i++) {
    const x = (random.next() - 0.5) * 400;
    expect(Math.abs(k.exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-14);
  }
});

it('the histogram of every group width is the sum over its rows', () => {
  const random = seededRandom(2);
  const [bins, rows, grads, segments, hist, buffer] = [1024, 65536, 131072, 196608, 262144, 786432] as const;
  const u8 = new Uint8Array(memory.buffer);
  const i32 = new Int32Array(memory.buffer);
  const n = 700;
  for (let i = 0; i < n * 8; i++) u8[bins + i] = random.next() * 256;
  for (let i = 0; i < n; i++) {
    u32[rows / 4 + i] = (i * 13) % n;
    i32[grads / 4 + 2 * i] = (random.next() - 0.5) * 2 ** 31;
    i32[grads / 4 + 2 * i + 1] = random.next() * 2 ** 30;
  }
  i32.set([0, 130, 200, 700], segments / 4);
  const sums = new BigInt64Array(memory.buffer);
  for (let width = 1; width <= 8; width++) {
    k.buildHistogram(width, hist, 256, bins, rows, grads, segments, 2, buffer);
    const want = new BigInt64Array(256 * 16);
    for (let p = 0; p < n; p++) {
      if (p >= 130 && p < 200) continue;
      for (let f = 0; f < width; f++) {
        const at = u8[bins + u32[rows / 4 + p]! * 8 + f]! * 16 + f * 2;
        want[at] = want[at]! + BigInt(i32[grads / 4 + 2 * p]!);
        want[at + 1] = want[at + 1]! + BigInt(i32[grads / 4 + 2 * p + 1]!);
      }
    }
    expect(sums.slice(hist / 8, hist / 8 + 256 * 16)).toEqual(want);
  }
});

describe('metrics', () => {
  const labels = Float32Array.of(1, 0, 1, 0);
  const p = Float32Array.of(0.75, 0.25, 0.5, 0.5);

  it('by hand', () => {
    const loss = -(2 * Math.log(0.75) + 2 * Math.log(0.5)) / 4;
    expect(evaluateMetric('logloss', p, labels, undefined)).toBeCloseTo(loss, 12);
    expect(evaluateMetric('error', p, labels, undefined)).toBe(0.25);
    expect(evaluateMetric('rmse', p, labels, undefined)).toBeCloseTo(Math.sqrt((2 * 0.0625 + 2 * 0.25) / 4), 12);
    // Pairs of a 1 and a 0: three in order, one tied.
    expect(auc(p, labels)).toBe(0.875);
    expect(auc(p, labels, Float32Array.of(1, 1, 0, 5))).toBe(1);
    expect(auc(Float32Array.of(-0, 0), Float32Array.of(1, 0))).toBe(0.5);
    const classes = Float32Array.of(0.5, 0.2, 0.3, 0.5, 0.2, 0.3);
    expect(evaluateMetric('merror', classes, Float32Array.of(0, 2), Float32Array.of(1, 3))).toBe(0.75);
    expect(evaluateMetric('mlogloss', classes, Float32Array.of(0, 1), undefined)).toBeCloseTo(Math.log(2), 6);
  });
});
