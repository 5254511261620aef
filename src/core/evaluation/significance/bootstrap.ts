import { pow } from '../../domain/math.js';
import type { Random } from '../../domain/random.js';
import { mean } from '../stats.js';

/** Indices of a resample that keeps serial dependence: fills `out` with positions in 0..n−1. */
export type Resampler = (out: Int32Array, n: number, random: Random) => void;

/** Stationary bootstrap (Politis and Romano 1994): blocks of geometric length, mean `block`, on a circle. */
export const stationary = (block: number): Resampler => {
  const stop = 1 / Math.max(1, block);
  return (out, n, random) => {
    let at = 0;
    for (let i = 0; i < out.length; i++) {
      at = i === 0 || random.next() < stop ? Math.floor(random.next() * n) : at + 1 === n ? 0 : at + 1;
      out[i] = at;
    }
  };
};

/** Circular block bootstrap (Politis and Romano 1992): blocks of one length on a circle. */
export const circular = (block: number): Resampler => {
  const size = Math.max(1, Math.round(block));
  return (out, n, random) => {
    for (let i = 0; i < out.length; i += size) {
      const start = Math.floor(random.next() * n);
      for (let k = 0; k < size && i + k < out.length; k++) out[i + k] = (start + k) % n;
    }
  };
};

export interface BlockLength {
  readonly stationary: number;
  readonly circular: number;
}

/** Automatic block length (Politis and White 2004, corrected by Patton, Politis and White 2009). At least 1. */
export function blockLength(x: Float64Array): BlockLength {
  const n = x.length;
  const centre = mean(x);
  const eps = x.map((v) => v - centre);
  const longest = Math.ceil(Math.min(3 * Math.sqrt(n), n / 3));
  const window = Math.max(5, Math.floor(Math.log10(n)));
  const most = Math.ceil(Math.sqrt(n)) + window;
  const critical = 2 * Math.sqrt(Math.log10(n) / n);
  const covariance = new Float64Array(most + 1);
  const correlation = new Float64Array(most + 1);
  // The first lag after which `window` correlations in a row are insignificant.
  let found: number | undefined;
  let quiet = 0;
  for (let lag = 0; lag <= most && lag + 1 < n; lag++) {
    covariance[lag] = product(eps, lag) / n;
    correlation[lag] = Math.abs(product(eps, lag)) / Math.sqrt(tail(eps, lag + 1, n) * tail(eps, 0, n - lag - 1));
    if (lag > 0) {
      if (found === undefined && quiet >= window) found = lag - window;
      quiet = correlation[lag]! < critical ? quiet + 1 : 0;
    }
  }
  const m = Math.min(found === undefined ? most : 2 * Math.max(found, 1), most);
  let g = 0;
  let spectrum = covariance[0]!;
  for (let k = 1; k <= m; k++) {
    const weight = k / m <= 0.5 ? 1 : 2 * (1 - k / m);
    g += 2 * weight * k * covariance[k]!;
    spectrum += 2 * weight * covariance[k]!;
  }
  const size = (d: number) => {
    const b = pow((2 * g * g) / d, 1 / 3) * pow(n, 1 / 3);
    return Number.isFinite(b) ? Math.max(1, Math.min(b, longest)) : 1;
  };
  return { stationary: size(2 * spectrum * spectrum), circular: size((4 / 3) * spectrum * spectrum) };
}

function product(x: Float64Array, lag: number): number {
  let total = 0;
  for (let i = lag; i < x.length; i++) total += x[i]! * x[i - lag]!;
  return total;
}

function tail(x: Float64Array, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) total += x[i]! * x[i]!;
  return total;
}
