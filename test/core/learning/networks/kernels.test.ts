import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import {
  instantiateKernels,
  KERNEL_BYTES,
  type Kernels,
  kernelModule,
  MemoryPlan,
} from '../../../../src/core/learning/networks/kernels.js';
import { multiplyAdd, VARIANTS } from './variants.js';

describe.each(VARIANTS)('%s kernels', (variant) => {
  function setup(floats: number): { kernels: Kernels; at: number; view: Float32Array } {
    const plan = new MemoryPlan();
    const at = plan.floats(floats);
    const memory = plan.allocate();
    return {
      kernels: instantiateKernels(memory, kernelModule(variant)),
      at,
      view: new Float32Array(memory.buffer, at, floats),
    };
  }

  const random = (n: number, seed: number): Float32Array => {
    const u = seededRandom(seed);
    return Float32Array.from({ length: n }, () => 2 * u.next() - 1);
  };

  /** Offset of element (r, c) of a matrix in panels of 8 columns. */
  const panelled = (r: number, c: number, panel: number): number => Math.floor(c / 8) * panel + r * 8 + (c % 8);

  describe('matmul', () => {
    it.each([
      [1, 8, 8, 0],
      [3, 16, 8, 1],
      [4, 8, 24, 2],
      [6, 8, 8, 2],
      [7, 24, 16, 2],
      [14, 8, 12, 1],
      [20, 16, 4, 0],
      [32, 64, 40, 1],
      [5, 40, 12, 2],
    ])('%i × %i × %i with start %i is the sum over k in rising order', (m, n, k, mode) => {
      const [lda, panel, ldc] = [k + 3, k * 8 + 16, n + 2];
      const { kernels, at, view } = setup(m * lda + (n / 8) * panel + m * ldc + n);
      view.set(random(view.length, m * 100 + n));
      const b = m * lda;
      const c = b + (n / 8) * panel;
      const bias = c + m * ldc;
      const before = view.slice();
      kernels.matmul(m, n, k, at, lda, at + b * 4, panel, at + c * 4, ldc, at + bias * 4, mode as 0 | 1 | 2);
      for (let i = 0; i < m; i++)
        for (let j = 0; j < ldc; j++) {
          let s = mode === 1 ? before[c + i * ldc + j]! : mode === 2 ? before[bias + j]! : 0;
          for (let p = 0; p < k; p++)
            s = multiplyAdd(variant, before[i * lda + p]!, before[b + panelled(p, j, panel)]!, s);
          expect(view[c + i * ldc + j]).toBe(j < n ? s : before[c + i * ldc + j]);
        }
    });

    it('gives a row the same bits alone and among others', () => {
      const { kernels, at, view } = setup(9 * 16 + 16 * 8 + 9 * 8 + 8);
      view.set(random(view.length, 5));
      const [b, c] = [9 * 16, 9 * 16 + 16 * 8];
      kernels.matmul(9, 8, 16, at, 16, at + b * 4, 128, at + c * 4, 8, 0, 0);
      const together = view.slice(c, c + 72);
      for (let i = 0; i < 9; i++) {
        kernels.matmul(1, 8, 16, at + i * 64, 16, at + b * 4, 128, at + c * 4, 8, 0, 0);
        expect(view.slice(c, c + 8)).toEqual(together.slice(i * 8, i * 8 + 8));
      }
    });
  });

  describe('matmulTransposedA, transpose, addColumnSums', () => {
    it.each([4, 8, 12, 20])('agree with plain loops, %i columns', (k) => {
      const [m, n] = [37, 40];
      const panel = k * 8;
      const { kernels, at, view } = setup(m * k + m * n + k * n + n);
      view.set(random(view.length, 9));
      const before = view.slice();
      const [b, c, s] = [m * k, m * k + m * n, m * k + m * n + k * n];
      kernels.matmulTransposedA(m, n, k, at, k, at + b * 4, n, at + c * 4, panel);
      kernels.addColumnSums(m, n, at + b * 4, n, at + s * 4);
      for (let j = 0; j < n; j++) {
        let column = before[s + j]!;
        for (let r = 0; r < m; r++) column = Math.fround(column + before[b + r * n + j]!);
        expect(view[s + j]).toBe(column);
        for (let i = 0; i < k; i++) {
          let sum = before[c + panelled(i, j, panel)]!;
          for (let r = 0; r < m; r++) sum = multiplyAdd(variant, before[r * k + i]!, before[b + r * n + j]!, sum);
          expect(view[c + panelled(i, j, panel)]).toBe(sum);
        }
      }
      const square = setup(12 * 16 + 16 * 16);
      square.view.set(random(192, 3));
      square.kernels.transpose(12, 16, square.at, 96, square.at + 192 * 4, 128);
      for (let r = 0; r < 12; r++)
        for (let q = 0; q < 16; q++)
          expect(square.view[192 + panelled(q, r, 128)]).toBe(square.view[panelled(r, q, 96)]);
    });
  });

  describe('products that skip zeros', () => {
    it.each([64, 56, 48, 8])('give what the dense ones give, to the bit, %i columns', (n) => {
      const [m, k] = [9, 40];
      const panel = k * 8;
      const plan = new MemoryPlan();
      const a = plan.floats(m * k);
      const b = plan.floats(k * n);
      const g = plan.floats(m * n);
      const bias = plan.floats(n);
      const [dense, sparse] = [plan.floats(k * n), plan.floats(k * n)];
      const list = plan.bytes(m * (k + 1) * 2);
      const scratch = plan.bytes(k * (m + 1) * 2);
      const memory = plan.allocate();
      const kernels = instantiateKernels(memory, kernelModule(variant));
      const view = new Float32Array(memory.buffer);
      const at = (p: number, count: number) => view.subarray(p / 4, p / 4 + count);
      for (const [i, p] of [b, g, bias].entries()) at(p, k * n).set(random(p === bias ? n : Math.min(k, m) * n, i));
      at(a, m * k).set(random(m * k, 7).map((v) => Math.max(0, v)));
      at(a, k).fill(0);
      kernels.listActive(m, k, a, k, list);
      kernels.matmul(m, n, k, a, k, b, panel, dense, n, bias, 2);
      kernels.matmulActive(m, n, k, a, k, list, b, panel, sparse, n, bias);
      expect(at(sparse, m * n)).toEqual(at(dense, m * n));
      kernels.matmul(m, n, k, a, k, b, panel, dense, n, 0, 0);
      kernels.matmulActive(m, n, k, a, k, list, b, panel, sparse, n, 0);
      expect(at(sparse, m * n)).toEqual(at(dense, m * n));
      for (const p of [dense, sparse]) at(p, k * n).set(random(k * n, 11));
      kernels.matmulTransposedA(m, n, k, a, k, g, n, dense, panel);
      kernels.matmulTransposedActive(m, n, k, a, k, list, g, n, sparse, panel, scratch);
      expect(at(sparse, k * n)).toEqual(at(dense, k * n));
    });
  });

  describe('activations', () => {
    it('tanh is within 4 units in the last place of float64 tanh', () => {
      const { kernels, at, view } = setup(40000);
      const x = Float32Array.from({ length: 40000 }, (_, i) => (i - 20000) / 1600);
      view.set(x);
      kernels.activate(1, 40000, at, 40000, 1);
      let worst = 0;
      for (let i = 0; i < x.length; i++) {
        const exact = Math.tanh(x[i]!);
        worst = Math.max(worst, Math.abs(view[i]! - exact) / Math.max(Math.abs(exact), 1e-30));
      }
      expect(worst).toBeLessThan(4 * 2 ** -23);
      expect(view[0]).toBeGreaterThanOrEqual(-1);
    });

    it('the LSTM step agrees with float64 formulas', () => {
      const units = 8;
      const { kernels, at, view } = setup(units * 4 + units * 4);
      view.set(random(units * 8, 2).map((v) => v * 6));
      const before = view.slice();
      const [previous, c, tc, h] = [32, 40, 48, 56].map((o) => at + o * 4) as [number, number, number, number];
      kernels.lstmForward(1, units, at, 32, previous, c, tc, h, units);
      const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
      for (let u = 0; u < units; u++) {
        const [i, f, g, o] = [0, 8, 16, 24].map((k) => before[k + u]!) as [number, number, number, number];
        const cell = sigmoid(f) * before[32 + u]! + sigmoid(i) * Math.tanh(g);
        expect(Math.abs(view[40 + u]! - cell)).toBeLessThan(1e-6);
        expect(Math.abs(view[56 + u]! - sigmoid(o) * Math.tanh(cell))).toBeLessThan(1e-6);
      }
    });
  });

  describe('dropout', () => {
    it('drops the stated share, scales the rest, and repeats by seed', () => {
      const { kernels, at, view } = setup(40000);
      const run = (seed: number): Float32Array => {
        view.fill(1, 0, 20000);
        const threshold = Math.floor(0.3 * 2 ** 32) | 0;
        kernels.dropout(200, 100, at, 100, at + 80000, 100, seed, threshold, 1 / 0.7);
        return view.slice(20000);
      };
      const a = run(1);
      const dropped = a.filter((v) => v === 0).length / a.length;
      expect(Math.abs(dropped - 0.3)).toBeLessThan(0.015);
      expect(new Set(a)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
      expect(run(1)).toEqual(a);
      const b = run(2);
      const both = a.filter((v, i) => v === 0 && b[i] === 0).length / a.length;
      expect(Math.abs(both - 0.09)).toBeLessThan(0.01);
    });
  });

  describe('Adam', () => {
    it('agrees with the published recursion', () => {
      const { kernels, at, view } = setup(32);
      const [p, g, m, v] = [0.5, -0.3, 0.01, 0.002];
      view.fill(p, 0, 8).fill(g, 8, 16).fill(m, 16, 24).fill(v, 24, 32);
      const args = [0.5, 0.9, 0.999, 0.01, 1.5, 1e-7, 0.001] as const;
      kernels.adam(8, at, at + 32, at + 64, at + 96, ...args);
      const grad = g * 0.5;
      const m2 = 0.9 * m + 0.1 * grad;
      const v2 = 0.999 * v + 0.001 * grad * grad;
      for (let i = 0; i < 8; i++) {
        expect(view[16 + i]).toBeCloseTo(m2, 7);
        expect(view[24 + i]).toBeCloseTo(v2, 7);
        expect(view[i]).toBeCloseTo(p * 0.999 - (0.01 * m2) / (Math.sqrt(v2) * 1.5 + 1e-7), 6);
      }
      view.set([3, 4, 0, 0, 0, 0, 0, 12]);
      expect(kernels.sumSquares(8, at)).toBe(169);
    });

    it('lets the moments of a dead unit end at a number that is not subnormal', () => {
      const { kernels, at, view } = setup(32);
      view.fill(0.5, 0, 8).fill(0, 8, 16).fill(1e-3, 16, 24).fill(1e-38, 24, 32);
      const args = [1, 0.9, 0.999, 0.01, 1, 1e-7, 0] as const;
      for (let i = 0; i < 2000; i++) kernels.adam(8, at, at + 32, at + 64, at + 96, ...args);
      for (const moment of view.subarray(16)) {
        expect(moment === 0 || moment > 1e-37).toBe(true);
        expect(moment).toBeLessThan(1e-26);
      }
    });
  });

  describe('memory', () => {
    it('holds the constants of the kernels below the first planned address', () => {
      const plan = new MemoryPlan();
      const first = plan.floats(1);
      expect(first).toBeGreaterThanOrEqual(KERNEL_BYTES);
      const memory = plan.allocate();
      instantiateKernels(memory, kernelModule(variant));
      expect(new Uint8Array(memory.buffer, 0, KERNEL_BYTES).some((byte) => byte !== 0)).toBe(true);
      expect(new Uint8Array(memory.buffer, KERNEL_BYTES).every((byte) => byte === 0)).toBe(true);
    });
  });
});
