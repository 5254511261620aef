import { childSeed, seededRandom } from '../../domain/random.js';
import { sharpe } from '../metrics/returns.js';
import { fillHere, type Kernel } from '../resampling/kernel.js';
import { type Distribution, distribution } from './montecarlo.js';

/**
 * The same exposure placed at random: each instrument's position path is rotated on a circle by its own random shift,
 * which keeps its time in the market, holding times and direction, and breaks only when it was held.
 */
export interface EntriesJob {
  readonly kind: 'entries';
  /** Per instrument, the fraction of equity held over each step (signed). */
  readonly weights: readonly Float64Array[];
  /** Per instrument, the returns of the steps. */
  readonly market: readonly Float64Array[];
  readonly periodsPerYear: number;
  readonly samples: number;
  readonly seed: number;
  /** Shifts are whole bars where a bar has several steps. */
  readonly stepsPerBar: number;
}

export interface RandomEntries {
  readonly samples: number;
  /** Share of random placements whose Sharpe ratio reaches the strategy's: a one-sided p-value, (k + 1) / (n + 1). */
  readonly pValue: number;
  readonly sharpe: Distribution;
  /** The unshifted Sharpe ratio by the same arithmetic. */
  readonly observed: number;
}

/** A row: the Sharpe ratio of one placement; the first is the strategy's own. */
export function entriesKernel(job: EntriesJob): Kernel {
  const { weights, market, samples, stepsPerBar } = job;
  const n = market[0]?.length ?? 0;
  const path = new Float64Array(n);
  const ratioAt = (shiftOf: (j: number) => number): number => {
    path.fill(0);
    for (let j = 0; j < market.length; j++) {
      const w = weights[j]!;
      const r = market[j]!;
      let k = shiftOf(j);
      for (let i = 0; i < n; i++) {
        path[i] = path[i]! + w[k]! * r[i]!;
        if (++k === n) k = 0;
      }
    }
    const value = sharpe(path, job.periodsPerYear);
    return Number.isNaN(value) ? 0 : value;
  };
  return {
    rows: samples + 1,
    width: 1,
    cost: n * (2 * market.length + 4),
    fill(from, to, out) {
      for (let s = from; s < to; s++) {
        const random = seededRandom(childSeed(job.seed, 'entries', s));
        out[s] = ratioAt(s === 0 ? () => 0 : () => stepsPerBar * Math.floor((random.next() * n) / stepsPerBar));
      }
    },
  };
}

export function entriesResult(table: Float64Array): RandomEntries {
  const observed = table[0]!;
  const values = table.slice(1);
  const reached = values.filter((v) => v >= observed).length;
  return {
    samples: values.length,
    observed,
    pValue: (reached + 1) / (values.length + 1),
    sharpe: distribution(values),
  };
}

/** The test on the calling thread. */
export const randomEntries = (
  weights: readonly Float64Array[],
  market: readonly Float64Array[],
  periodsPerYear: number,
  options: { readonly samples: number; readonly seed: number; readonly stepsPerBar?: number },
): RandomEntries =>
  entriesResult(
    fillHere(entriesKernel({ kind: 'entries', weights, market, periodsPerYear, stepsPerBar: 1, ...options })),
  );
