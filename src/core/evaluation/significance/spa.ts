import { pow } from '../../domain/math.js';
import { childSeed, seededRandom } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import { columnOf, fillHere, type Kernel } from '../resampling/kernel.js';
import { mean } from '../stats.js';
import { stationary } from './bootstrap.js';

export interface SuperiorAbility {
  /** max(max_k √n·d̄_k / ω_k, 0). */
  readonly statistic: number;
  /** Hansen's consistent p-value, between the bounds. */
  readonly pValue: number;
  readonly lower: number;
  /** White's reality check, studentised. */
  readonly upper: number;
  /** ω_k², the long-run variance of each trial's advantage. */
  readonly variances: Float64Array;
  readonly blockLength: number;
  readonly samples: number;
}

/**
 * ω² of one series with the stationary bootstrap's kernel (Politis and Romano 1994):
 * γ_0 + 2 Σ w_i γ_i, w_i = (1 − i/n)(1 − p)^i + (i/n)(1 − p)^(n−i), p = 1 / block.
 */
export function kernelVariance(x: Float64Array, block: number): number {
  const n = x.length;
  const centre = mean(x);
  const keep = 1 - 1 / block;
  let total = 0;
  for (let lag = 0; lag < n; lag++) {
    const weight = lag === 0 ? 1 : 2 * ((1 - lag / n) * pow(keep, lag) + (lag / n) * pow(keep, n - lag));
    if (weight < 1e-18) continue;
    let covariance = 0;
    for (let i = lag; i < n; i++) covariance += (x[i]! - centre) * (x[i - lag]! - centre);
    total += (weight * covariance) / n;
  }
  return total;
}

/** Hansen's test over resampled sessions. A row: the largest statistic under the lower, consistent and upper recentring. */
export interface SuperiorJob {
  readonly kind: 'superior';
  /** Per trial, returns minus the benchmark's over the same sessions. */
  readonly advantage: readonly Float64Array[];
  /** Mean length of a block. */
  readonly block: number;
  readonly samples: number;
  readonly seed: number;
  readonly studentize: boolean;
}

/** What all resamples share: the observed statistic, and what each recentring subtracts. */
function observe({ advantage, block, studentize }: SuperiorJob) {
  const n = advantage[0]?.length ?? 0;
  if (n < 10) throw new QuantlineError('NO_DATA', `The SPA test needs ten sessions, not ${n}.`);
  const variances = Float64Array.from(advantage, (d) => kernelVariance(d, block));
  const scale = variances.map((v) => (studentize ? Math.sqrt(v) : 1));
  const means = Float64Array.from(advantage, mean);
  const root = Math.sqrt(n);
  let statistic = 0;
  means.forEach((m, k) => {
    if (scale[k]! > 0) statistic = Math.max(statistic, (root * m) / scale[k]!);
  });
  const bound = Math.sqrt(2 * Math.log(Math.log(n)));
  return {
    n,
    root,
    scale,
    variances,
    statistic,
    // All, those not clearly worse, those not worse.
    upper: means,
    consistent: means.map((m, k) => (m >= (-Math.sqrt(variances[k]!) / root) * bound ? m : 0)),
    lower: means.map((m) => Math.max(m, 0)),
  };
}

export function superiorKernel(job: SuperiorJob): Kernel {
  const { advantage, samples, seed } = job;
  const { n, root, scale, upper, consistent, lower } = observe(job);
  const resample = stationary(job.block);
  const index = new Int32Array(n);
  return {
    rows: samples,
    width: 3,
    cost: n * (advantage.length + 5),
    fill(from, to, out) {
      for (let s = from; s < to; s++) {
        resample(index, n, seededRandom(childSeed(seed, 'superior', s)));
        let a = 0;
        let b = 0;
        let c = 0;
        for (let k = 0; k < advantage.length; k++) {
          if (!(scale[k]! > 0)) continue;
          const d = advantage[k]!;
          let total = 0;
          for (let i = 0; i < n; i++) total += d[index[i]!]!;
          const average = total / n;
          const unit = root / scale[k]!;
          a = Math.max(a, unit * (average - lower[k]!));
          b = Math.max(b, unit * (average - consistent[k]!));
          c = Math.max(c, unit * (average - upper[k]!));
        }
        out[3 * s] = a;
        out[3 * s + 1] = b;
        out[3 * s + 2] = c;
      }
    },
  };
}

/**
 * Hansen's test of superior predictive ability (2005) from the table of a job: is the best of these trials better than the
 * benchmark by more than luck? Where none is better at all the p-values are 1.
 */
export function superior(job: SuperiorJob, table: Float64Array): SuperiorAbility {
  const { statistic, variances } = observe(job);
  const beyond = (k: number) => columnOf(table, 3, k).filter((value) => value >= statistic).length / job.samples;
  return {
    statistic,
    lower: beyond(0),
    pValue: beyond(1),
    upper: beyond(2),
    variances,
    blockLength: job.block,
    samples: job.samples,
  };
}

/** The test on the calling thread. */
export function superiorAbility(
  advantage: readonly Float64Array[],
  options: { readonly block: number; readonly samples: number; readonly seed: number; readonly studentize?: boolean },
): SuperiorAbility {
  const job: SuperiorJob = { kind: 'superior', advantage, studentize: true, ...options };
  return superior(job, fillHere(superiorKernel(job)));
}
