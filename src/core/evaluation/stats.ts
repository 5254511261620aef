/** Sample statistics on typed arrays; two passes, fixed order of summation. */

export function sum(x: Float64Array): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i]!;
  return total;
}

/** NaN of an empty array. */
export const mean = (x: Float64Array): number => sum(x) / x.length;

/** Σ(x−m)^k / n, the k-th central moment, k = 2, 3 or 4. */
export function centralMoment(x: Float64Array, k: 2 | 3 | 4, m: number = mean(x)): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) {
    const d = x[i]! - m;
    const square = d * d;
    total += k === 2 ? square : k === 3 ? square * d : square * square;
  }
  return total / x.length;
}

/** Standard deviation with n − 1 in the denominator; NaN below two values. */
export function standardDeviation(x: Float64Array): number {
  const n = x.length;
  return n < 2 ? Number.NaN : Math.sqrt((centralMoment(x, 2) * n) / (n - 1));
}

/** Biased skewness m3 / m2^1.5, as scipy.stats.skew by default. */
export function skewness(x: Float64Array): number {
  const m = mean(x);
  const m2 = centralMoment(x, 2, m);
  return centralMoment(x, 3, m) / (m2 * Math.sqrt(m2));
}

/** Biased kurtosis m4 / m2², NOT the excess: 3 for a normal distribution. */
export function kurtosis(x: Float64Array): number {
  const m = mean(x);
  const m2 = centralMoment(x, 2, m);
  return centralMoment(x, 4, m) / (m2 * m2);
}

/** Quantile of ascending values by linear interpolation (numpy's default, Hyndman-Fan type 7). */
export function quantileSorted(sorted: Float64Array, q: number): number {
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const a = sorted[low]!;
  const b = sorted[Math.min(low + 1, sorted.length - 1)]!;
  return a + (b - a) * (at - low);
}

/** Ascending copy. */
export const sorted = (x: Float64Array): Float64Array => x.slice().sort();

/** Sample covariance, n − 1. */
export function covariance(x: Float64Array, y: Float64Array): number {
  const mx = mean(x);
  const my = mean(y);
  let total = 0;
  for (let i = 0; i < x.length; i++) total += (x[i]! - mx) * (y[i]! - my);
  return total / (x.length - 1);
}

/** Correlation of x[0..n−k) with x[k..n) around the common mean, denominator n: the usual autocorrelation. */
export function autocorrelation(x: Float64Array, lag: number): number {
  const m = mean(x);
  let top = 0;
  for (let i = lag; i < x.length; i++) top += (x[i]! - m) * (x[i - lag]! - m);
  return top / x.length / centralMoment(x, 2, m);
}
