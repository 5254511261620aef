import { normalCdf, normalQuantile } from '../../domain/special.js';
import { autocorrelation, kurtosis, mean, skewness, standardDeviation } from '../stats.js';

/** What Sharpe inference needs of returns; per observation, never annualised. */
export interface SharpeSample {
  /** Observations. */
  readonly n: number;
  /** Mean over standard deviation (n − 1), per observation. */
  readonly sharpe: number;
  /** Biased moments; kurtosis of a normal distribution is 3. */
  readonly skew: number;
  readonly kurtosis: number;
}

export const sharpeSample = (returns: Float64Array, riskFreePerPeriod = 0): SharpeSample => ({
  n: returns.length,
  sharpe: (mean(returns) - riskFreePerPeriod) / standardDeviation(returns),
  skew: skewness(returns),
  kurtosis: kurtosis(returns),
});

const spread = (s: SharpeSample): number => 1 - s.skew * s.sharpe + ((s.kurtosis - 1) / 4) * s.sharpe * s.sharpe;

/** Standard deviation of the estimated Sharpe ratio (Mertens 2002; Bailey and López de Prado 2012). */
export const sharpeDeviation = (s: SharpeSample): number => Math.sqrt(spread(s) / (s.n - 1));

/** Probability that the true Sharpe ratio exceeds `target`, both per observation (Bailey and López de Prado 2012). */
export const probabilisticSharpe = (s: SharpeSample, target = 0): number =>
  normalCdf((s.sharpe - target) / sharpeDeviation(s));

/**
 * Observations after which a Sharpe ratio like this exceeds `target` with the given confidence. Infinity where it does
 * not exceed it at all.
 */
export function minimumTrackRecord(s: SharpeSample, target = 0, confidence = 0.95): number {
  if (s.sharpe <= target) return Number.POSITIVE_INFINITY;
  const z = normalQuantile(confidence) / (s.sharpe - target);
  return 1 + spread(s) * z * z;
}

const EULER_GAMMA = 0.5772156649015329;

/** Expected maximum of n independent standard normal variables (Bailey and López de Prado 2014); 0 for one. */
export function expectedMaximum(n: number): number {
  if (n <= 1) return 0;
  return (1 - EULER_GAMMA) * normalQuantile(1 - 1 / n) + EULER_GAMMA * normalQuantile(1 - Math.exp(-1) / n);
}

export interface DeflatedSharpe {
  /** Probability that the true Sharpe ratio exceeds what the best of `trials` would show by luck. */
  readonly probability: number;
  /** That luck: the expected maximum Sharpe ratio over the trials, per observation. */
  readonly hurdle: number;
}

/**
 * Deflated Sharpe ratio (Bailey and López de Prado, JPM 2014).
 * @param variance variance of the trials' Sharpe ratios, per observation
 */
export function deflatedSharpe(s: SharpeSample, variance: number, trials: number): DeflatedSharpe {
  const hurdle = Math.sqrt(variance) * expectedMaximum(trials);
  return { probability: probabilisticSharpe(s, hurdle), hurdle };
}

/**
 * Years below which the best of `trials` strategies without any edge is expected to show this annual Sharpe ratio in
 * sample (Bailey, Borwein, López de Prado and Zhu 2014).
 */
export function minimumBacktestLength(trials: number, annualSharpe: number): number {
  if (annualSharpe <= 0) return Number.POSITIVE_INFINITY;
  const z = expectedMaximum(trials) / annualSharpe;
  return z * z;
}

/** Trials that count, of `trials` whose returns correlate by `correlation` on average: rho + (1 − rho)·M, rounded up. */
export const effectiveTrials = (trials: number, correlation: number): number =>
  Math.ceil(correlation + (1 - correlation) * trials);

/**
 * Factor from one-period to q-period Sharpe ratio under serial correlation (Lo 2002): q / √(q + 2 Σ (q − k) ρ_k).
 * @param rho ρ_1, ρ_2, …; missing ones count zero
 */
export function loEta(q: number, rho: ArrayLike<number>): number {
  let total = q;
  for (let k = 1; k < q; k++) total += 2 * (q - k) * (rho[k - 1] ?? 0);
  return q / Math.sqrt(total);
}

/** The first `lags` autocorrelations of returns. */
export const autocorrelations = (returns: Float64Array, lags: number): Float64Array =>
  Float64Array.from({ length: lags }, (_, k) => autocorrelation(returns, k + 1));
