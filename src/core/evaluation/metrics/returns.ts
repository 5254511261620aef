import { pow } from '../../domain/math.js';
import { covariance, mean, quantileSorted, sorted, standardDeviation } from '../stats.js';

/** Below this a standard deviation is rounding, not variation. */
export const NO_VARIATION = 1e-12;

/** (final / initial)^(periods per year / n) − 1; −1 where nothing is left. */
export function cagr(initial: number, final: number, n: number, periodsPerYear: number): number {
  return final <= 0 ? -1 : pow(final / initial, periodsPerYear / n) - 1;
}

/** Mean excess return over its standard deviation (n − 1), times √P. NaN where returns do not vary. */
export function sharpe(returns: Float64Array, periodsPerYear: number, riskFreePerPeriod = 0): number {
  const deviation = standardDeviation(returns);
  if (!(deviation > NO_VARIATION)) return Number.NaN;
  return ((mean(returns) - riskFreePerPeriod) / deviation) * Math.sqrt(periodsPerYear);
}

/** √(Σ min(r − target, 0)² / n), over all n observations. */
export function downsideDeviation(returns: Float64Array, target = 0): number {
  let total = 0;
  for (let i = 0; i < returns.length; i++) {
    const below = returns[i]! - target;
    if (below < 0) total += below * below;
  }
  return Math.sqrt(total / returns.length);
}

/** Mean excess return over the downside deviation, times √P. NaN where nothing lies below the target. */
export function sortino(returns: Float64Array, periodsPerYear: number, target = 0): number {
  const downside = downsideDeviation(returns, target);
  if (!(downside > NO_VARIATION)) return Number.NaN;
  return ((mean(returns) - target) / downside) * Math.sqrt(periodsPerYear);
}

/** Σ max(r − t, 0) / Σ max(t − r, 0) (Keating and Shadwick). Infinity without losses, NaN without either. */
export function omega(returns: Float64Array, target = 0): number {
  let gains = 0;
  let losses = 0;
  for (let i = 0; i < returns.length; i++) {
    const excess = returns[i]! - target;
    if (excess > 0) gains += excess;
    else losses -= excess;
  }
  return gains / losses;
}

/** Historical value at risk as a return: the 5 % quantile, linear interpolation. */
export const valueAtRisk = (returns: Float64Array, tail = 0.05): number => quantileSorted(sorted(returns), tail);

/** Expected shortfall: mean of the k smallest returns, k = ⌊(n − 1)·tail⌋ + 1. */
export function conditionalValueAtRisk(returns: Float64Array, tail = 0.05): number {
  const k = Math.floor((returns.length - 1) * tail) + 1;
  return mean(sorted(returns).subarray(0, k));
}

/** |95 % quantile| / |5 % quantile|. */
export function tailRatio(returns: Float64Array): number {
  const ascending = sorted(returns);
  return Math.abs(quantileSorted(ascending, 0.95)) / Math.abs(quantileSorted(ascending, 0.05));
}

export interface BenchmarkFigures {
  readonly alpha: number;
  readonly beta: number;
  readonly correlation: number;
  /** Annualised standard deviation of the difference. */
  readonly trackingError: number;
  readonly informationRatio: number;
}

/**
 * Against a benchmark's returns of the same sessions. beta = cov / var; alpha = (mean excess − beta · benchmark's mean
 * excess)·P, arithmetic like the Sharpe ratio (Jensen). NaN where the denominator does not vary.
 */
export function againstBenchmark(
  returns: Float64Array,
  benchmark: Float64Array,
  periodsPerYear: number,
  riskFreePerPeriod = 0,
): BenchmarkFigures {
  const own = standardDeviation(returns);
  const other = standardDeviation(benchmark);
  const shared = covariance(returns, benchmark);
  const beta = other > NO_VARIATION ? shared / (other * other) : Number.NaN;
  const difference = returns.map((r, i) => r - benchmark[i]!);
  const tracking = standardDeviation(difference);
  return {
    alpha: (mean(returns) - riskFreePerPeriod - beta * (mean(benchmark) - riskFreePerPeriod)) * periodsPerYear,
    beta,
    correlation: own > NO_VARIATION && other > NO_VARIATION ? shared / (own * other) : Number.NaN,
    trackingError: tracking * Math.sqrt(periodsPerYear),
    informationRatio: tracking > NO_VARIATION ? (mean(difference) / tracking) * Math.sqrt(periodsPerYear) : Number.NaN,
  };
}
