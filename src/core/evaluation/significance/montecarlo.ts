import { type Random, seededRandom } from '../../domain/random.js';
import { drawdowns, maxDrawdown } from '../metrics/drawdown.js';
import { sharpe } from '../metrics/returns.js';
import { quantileSorted } from '../stats.js';
import { type Resampler, stationary } from './bootstrap.js';

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

/** Other paths that the same session returns could have taken, drawn in blocks of mean length `block`. */
export function simulateReturns(
  returns: Float64Array,
  periodsPerYear: number,
  options: { readonly block: number; readonly samples: number; readonly seed: number; readonly resampler?: Resampler },
): PathSimulation {
  const { samples } = options;
  const random = seededRandom(options.seed);
  const resample = options.resampler ?? stationary(options.block);
  const n = returns.length;
  const index = new Int32Array(n);
  const path = new Float64Array(n);
  const equity = new Float64Array(n);
  const total = new Float64Array(samples);
  const ratio = new Float64Array(samples);
  const depth = new Float64Array(samples);
  for (let s = 0; s < samples; s++) {
    resample(index, n, random);
    let value = 1;
    for (let i = 0; i < n; i++) {
      path[i] = returns[index[i]!]!;
      value *= 1 + path[i]!;
      equity[i] = value;
    }
    total[s] = value - 1;
    const one = sharpe(path, periodsPerYear);
    ratio[s] = Number.isNaN(one) ? 0 : one;
    depth[s] = maxDrawdown(drawdowns(equity, 1))?.depth ?? 0;
  }
  return { samples, totalReturn: distribution(total), sharpe: distribution(ratio), maxDrawdown: distribution(depth) };
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

/** The same trades in random order: the maximum drawdown of closed profits, as a fraction of the peak. */
export function shuffleTrades(
  pnl: Float64Array,
  initialEquity: number,
  options: { readonly samples: number; readonly seed: number },
): { readonly samples: number; readonly maxDrawdown: Distribution; readonly ruined: number } {
  const random = seededRandom(options.seed);
  const order = pnl.slice();
  const equity = new Float64Array(pnl.length);
  const depth = new Float64Array(options.samples);
  let ruined = 0;
  for (let s = 0; s < options.samples; s++) {
    shuffle(order, random);
    let value = initialEquity;
    for (let i = 0; i < order.length; i++) equity[i] = value += order[i]!;
    depth[s] = maxDrawdown(drawdowns(equity, initialEquity))?.depth ?? 0;
    if (depth[s]! <= -1) ruined++;
  }
  return { samples: options.samples, maxDrawdown: distribution(depth), ruined: ruined / options.samples };
}

export interface RandomEntries {
  readonly samples: number;
  /** Share of random placements whose Sharpe ratio reaches the strategy's: a one-sided p-value, (k + 1) / (n + 1). */
  readonly pValue: number;
  readonly sharpe: Distribution;
}

/**
 * The same exposure placed at random: each instrument's position path is rotated on a circle by its own random shift,
 * which keeps its time in the market, holding times and direction, and breaks only when it was held.
 * @param weights per instrument, the fraction of equity held over each step (signed)
 * @param market per instrument, the returns of the steps
 * Shifts are whole bars where a bar has several steps. `observed` is the unshifted Sharpe ratio by the same arithmetic.
 */
export function randomEntries(
  weights: readonly Float64Array[],
  market: readonly Float64Array[],
  periodsPerYear: number,
  options: { readonly samples: number; readonly seed: number; readonly stepsPerBar?: number },
): RandomEntries & { readonly observed: number } {
  const { stepsPerBar = 1 } = options;
  const random = seededRandom(options.seed);
  const n = market[0]?.length ?? 0;
  const path = new Float64Array(n);
  const ratioAt = (shifts: Int32Array): number => {
    path.fill(0);
    for (let j = 0; j < market.length; j++) {
      const w = weights[j]!;
      const r = market[j]!;
      let k = shifts[j]!;
      for (let i = 0; i < n; i++) {
        path[i] = path[i]! + w[k]! * r[i]!;
        if (++k === n) k = 0;
      }
    }
    const value = sharpe(path, periodsPerYear);
    return Number.isNaN(value) ? 0 : value;
  };
  const shifts = new Int32Array(market.length);
  const observed = ratioAt(shifts);
  const values = new Float64Array(options.samples);
  let reached = 0;
  for (let s = 0; s < options.samples; s++) {
    for (let j = 0; j < shifts.length; j++) shifts[j] = stepsPerBar * Math.floor((random.next() * n) / stepsPerBar);
    values[s] = ratioAt(shifts);
    if (values[s]! >= observed) reached++;
  }
  return {
    samples: options.samples,
    observed,
    pValue: (reached + 1) / (options.samples + 1),
    sharpe: distribution(values),
  };
}
