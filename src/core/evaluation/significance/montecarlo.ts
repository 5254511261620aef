import { childSeed, type Random, seededRandom } from '../../domain/random.js';
import { drawdowns, maxDrawdown } from '../metrics/drawdown.js';
import { sharpe } from '../metrics/returns.js';
import { columnOf, fillHere, type Kernel } from '../resampling/kernel.js';
import { quantileSorted } from '../stats.js';
import { stationary } from './bootstrap.js';

/** Where simulated values lie: 5, 25, 50, 75 and 95 % quantiles, and the share below zero. */
export interface Distribution {
  readonly q05: number;
  readonly q25: number;
  readonly median: number;
  readonly q75: number;
  readonly q95: number;
  readonly belowZero: number;
}

export function distribution(values: Float64Array): Distribution {
  const ascending = values.slice().sort();
  let below = 0;
  while (below < ascending.length && ascending[below]! < 0) below++;
  const q = (p: number) => quantileSorted(ascending, p);
  return { q05: q(0.05), q25: q(0.25), median: q(0.5), q75: q(0.75), q95: q(0.95), belowZero: below / values.length };
}

export interface PathSimulation {
  readonly samples: number;
  readonly totalReturn: Distribution;
  readonly sharpe: Distribution;
  readonly maxDrawdown: Distribution;
}

/** Resampled paths of session returns. A row: total return, Sharpe ratio, maximum drawdown, growth at each checkpoint. */
export interface PathsJob {
  readonly kind: 'paths';
  readonly returns: Float64Array;
  readonly periodsPerYear: number;
  /** Mean length of a block. */
  readonly block: number;
  readonly samples: number;
  readonly seed: number;
  /** Sessions, ascending, at whose end a path's growth is kept. */
  readonly checkpoints: Int32Array;
}

/** Figures of a path before its checkpoints. */
export const PATH_FIGURES = 3;

export function pathsKernel(job: PathsJob): Kernel {
  const { returns, checkpoints, samples } = job;
  const n = returns.length;
  const width = PATH_FIGURES + checkpoints.length;
  const resample = stationary(job.block);
  const index = new Int32Array(n);
  const path = new Float64Array(n);
  const equity = new Float64Array(n);
  return {
    rows: samples,
    width,
    cost: 10 * n,
    fill(from, to, out) {
      for (let s = from; s < to; s++) {
        resample(index, n, seededRandom(childSeed(job.seed, 'path', s)));
        let value = 1;
        let point = 0;
        const at = s * width;
        for (let i = 0; i < n; i++) {
          path[i] = returns[index[i]!]!;
          value *= 1 + path[i]!;
          equity[i] = value;
          if (i === checkpoints[point]) out[at + PATH_FIGURES + point++] = value;
        }
        const ratio = sharpe(path, job.periodsPerYear);
        out[at] = value - 1;
        out[at + 1] = Number.isNaN(ratio) ? 0 : ratio;
        out[at + 2] = maxDrawdown(drawdowns(equity, 1))?.depth ?? 0;
      }
    },
  };
}

/** Other paths that the same session returns could have taken, from the table of a job. */
export function pathSimulation({ samples, checkpoints }: PathsJob, table: Float64Array): PathSimulation {
  const column = (k: number) => distribution(columnOf(table, PATH_FIGURES + checkpoints.length, k));
  return { samples, totalReturn: column(0), sharpe: column(1), maxDrawdown: column(2) };
}

/** The same on the calling thread. */
export function simulateReturns(
  returns: Float64Array,
  periodsPerYear: number,
  options: { readonly block: number; readonly samples: number; readonly seed: number },
): PathSimulation {
  const job: PathsJob = { kind: 'paths', returns, periodsPerYear, ...options, checkpoints: new Int32Array(0) };
  return pathSimulation(job, fillHere(pathsKernel(job)));
}

/** Fisher-Yates. */
export function shuffle(x: Float64Array, random: Random): void {
  for (let i = x.length - 1; i > 0; i--) {
    const k = Math.floor(random.next() * (i + 1));
    const t = x[i]!;
    x[i] = x[k]!;
    x[k] = t;
  }
}

/** The same trades in random order. A row: the maximum drawdown of closed profits, as a fraction of the peak. */
export interface TradesJob {
  readonly kind: 'trades';
  readonly pnl: Float64Array;
  readonly initialEquity: number;
  readonly samples: number;
  readonly seed: number;
}

export function tradesKernel({ pnl, initialEquity, samples, seed }: TradesJob): Kernel {
  const order = new Float64Array(pnl.length);
  const equity = new Float64Array(pnl.length);
  return {
    rows: samples,
    width: 1,
    cost: 10 * pnl.length,
    fill(from, to, out) {
      for (let s = from; s < to; s++) {
        order.set(pnl);
        shuffle(order, seededRandom(childSeed(seed, 'trades', s)));
        let value = initialEquity;
        for (let i = 0; i < order.length; i++) equity[i] = value += order[i]!;
        out[s] = maxDrawdown(drawdowns(equity, initialEquity))?.depth ?? 0;
      }
    },
  };
}

/** The same on the calling thread; `ruined` is the share of orders that lose everything on their way. */
export function shuffleTrades(
  pnl: Float64Array,
  initialEquity: number,
  options: { readonly samples: number; readonly seed: number },
): { readonly samples: number; readonly maxDrawdown: Distribution; readonly ruined: number } {
  const depth = fillHere(tradesKernel({ kind: 'trades', pnl, initialEquity, ...options }));
  return {
    samples: options.samples,
    maxDrawdown: distribution(depth),
    ruined: depth.filter((d) => d <= -1).length / options.samples,
  };
}
