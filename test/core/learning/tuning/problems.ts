import type { ParameterValues, SearchSpace } from '../../../../src/core/learning/tuning/index.js';

/** A function to minimise; the same ones as in fixtures/truth/tuning/record-optuna.py. */
export interface Problem {
  readonly space: SearchSpace;
  readonly minimum: number;
  value(p: ParameterValues): number;
}

const A = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
];
const P = [
  [1312, 1696, 5569, 124, 8283, 5886],
  [2329, 4135, 8307, 3736, 1004, 9991],
  [2348, 1451, 3522, 2883, 3047, 6650],
  [4047, 8828, 8732, 5743, 1091, 381],
];
const C = [1, 1.2, 3, 3.2];
const OFFSET: Readonly<Record<string, number>> = { a: 0.3, b: 0, c: 0.15 };
const DEPTH: Readonly<Record<string, number>> = { a: 4, b: 7, c: 9 };

export const PROBLEMS: Readonly<Record<'branin' | 'hartmann6' | 'mixed', Problem>> = {
  branin: {
    space: { x: { type: 'float', low: -5, high: 10 }, y: { type: 'float', low: 0, high: 15 } },
    minimum: 0.397887,
    value: (p) => {
      const x = p['x'] as number;
      const y = p['y'] as number;
      const a = y - (5.1 / (4 * Math.PI * Math.PI)) * x * x + (5 / Math.PI) * x - 6;
      return a * a + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
    },
  },
  hartmann6: {
    space: Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`x${i}`, { type: 'float', low: 0, high: 1 }])),
    minimum: -3.32237,
    value: (p) => {
      let total = 0;
      for (let i = 0; i < 4; i++) {
        let inner = 0;
        for (let j = 0; j < 6; j++) {
          const d = (p[`x${j}`] as number) - P[i]![j]! / 10000;
          inner += A[i]![j]! * d * d;
        }
        total -= C[i]! * Math.exp(-inner);
      }
      return total;
    },
  },
  mixed: {
    space: {
      rate: { type: 'float', low: 1e-5, high: 1e-1, log: true },
      depth: { type: 'int', low: 1, high: 12 },
      units: { type: 'int', low: 8, high: 512, log: true },
      share: { type: 'float', low: 0.1, high: 1, step: 0.05 },
      kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
    },
    minimum: 0,
    value: (p) => {
      const kind = p['kind'] as string;
      const depth = (p['depth'] as number) - DEPTH[kind]!;
      const rate = Math.log10(p['rate'] as number) + 3 + 0.1 * depth;
      const units = Math.log2(p['units'] as number) - 6;
      const share = (p['share'] as number) - 0.7;
      return rate * rate + 0.1 * depth * depth + 0.5 * units * units + 2 * share * share + OFFSET[kind]!;
    },
  },
};
