import { Sma, ZScore } from '../../indicators/index.js';
import { asFill, type Feature, type Fill } from '../feature.js';

/** A feature of another feature's column and a number of bars. */
export interface Combinator {
  readonly name: string;
  readonly summary: string;
  readonly fallback: number;
  readonly min: number;
  create(inner: Feature, n: number): Feature;
}

/** Runs the inner feature into the column and lets `step` change it in place, oldest first. */
function over(inner: Feature, extra: number, step: () => (column: Float64Array, rows: number) => void): Feature {
  return {
    ...inner,
    warmup: inner.warmup + extra,
    memory: inner.memory + extra,
    state(context): Fill {
      const fill = asFill(inner.state(context));
      const change = step();
      return (frame, from, to, out) => {
        fill(frame, from, to, out);
        change(out, to - from);
      };
    },
  };
}

export const COMBINATORS: readonly Combinator[] = [
  {
    name: 'lag',
    summary: 'The value n bars ago.',
    fallback: 1,
    min: 1,
    create: (inner, n) =>
      over(inner, n, () => {
        const ring = new Float64Array(n).fill(Number.NaN);
        let at = 0;
        return (column, rows) => {
          for (let k = 0; k < rows; k++) {
            const then = ring[at]!;
            ring[at] = column[k]!;
            at = at + 1 === n ? 0 : at + 1;
            column[k] = then;
          }
        };
      }),
  },
  {
    name: 'change',
    summary: 'The value less that of n bars ago.',
    fallback: 1,
    min: 1,
    create: (inner, n) =>
      over(inner, n, () => {
        const ring = new Float64Array(n).fill(Number.NaN);
        let at = 0;
        return (column, rows) => {
          for (let k = 0; k < rows; k++) {
            const now = column[k]!;
            column[k] = now - ring[at]!;
            ring[at] = now;
            at = at + 1 === n ? 0 : at + 1;
          }
        };
      }),
  },
  {
    name: 'mean',
    summary: 'Mean over the last n bars.',
    fallback: 5,
    min: 1,
    create: (inner, n) =>
      over(inner, n - 1, () => {
        const sma = new Sma(n);
        return (column, rows) => {
          for (let k = 0; k < rows; k++) column[k] = sma.update(column[k]!);
        };
      }),
  },
  {
    name: 'standardize',
    summary: 'z-score over the last n bars.',
    fallback: 50,
    min: 2,
    create: (inner, n) =>
      over(inner, n - 1, () => {
        const z = new ZScore(n);
        return (column, rows) => {
          for (let k = 0; k < rows; k++) column[k] = z.update(column[k]!);
        };
      }),
  },
];
