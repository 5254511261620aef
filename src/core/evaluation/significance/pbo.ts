import { QuantlineError } from '../../errors/index.js';
import { columnOf, fillHere, type Kernel } from '../resampling/kernel.js';
import { mean } from '../stats.js';

export interface OverfittingProbability {
  /** Share of splits whose in-sample best ranks in the lower half out of sample. */
  readonly pbo: number;
  /** Share of splits whose in-sample best loses out of sample (Sharpe ratio below zero). */
  readonly probabilityOfLoss: number;
  /** Regression of the best's out-of-sample on its in-sample Sharpe ratio. */
  readonly slope: number;
  readonly intercept: number;
  /** One logit per split, in lexicographic order of the splits. */
  readonly logits: Float64Array;
  /** In- and out-of-sample Sharpe ratio of the best, per split and observation. */
  readonly inSample: Float64Array;
  readonly outOfSample: Float64Array;
  readonly splits: number;
  readonly blocks: number;
}

/** All ways to choose half of the blocks. A row: logit, and the best's Sharpe ratio in and out of sample, of one split. */
export interface SplitsJob {
  readonly kind: 'splits';
  /** The trials' returns over the same sessions. */
  readonly columns: readonly Float64Array[];
  readonly blocks: number;
}

const SPLIT_FIGURES = 3;

/** Splits in lexicographic order. The first T mod S rows are dropped; ties share their rank; w = rank / (N + 1). */
export function splitsKernel({ columns, blocks }: SplitsJob): Kernel {
  const n = columns.length;
  const length = columns[0]?.length ?? 0;
  const rows = Math.floor(length / blocks);
  if (blocks < 2 || blocks % 2 !== 0 || blocks > 24)
    throw new QuantlineError('USAGE', `CSCV needs an even number of blocks from 2 to 24, not ${blocks}.`);
  if (n < 2 || rows < 2)
    throw new QuantlineError(
      'NO_DATA',
      `CSCV needs two trials and ${2 * blocks} sessions; there are ${n} and ${length}.`,
      {
        hint: 'Record more trials over a longer common range, or use fewer blocks.',
      },
    );
  const { sums, squares } = blockSums(columns, blocks, rows, length - rows * blocks);
  const centre = Float64Array.from(columns, mean);
  const half = (blocks / 2) * rows;
  const inside = new Float64Array(n);
  const outside = new Float64Array(n);
  const member = new Uint8Array(blocks);
  return {
    rows: binomial(blocks, blocks / 2),
    width: SPLIT_FIGURES,
    cost: 4 * n * blocks,
    fill(from, to, out) {
      const chosen = combinationAt(from, blocks, blocks / 2);
      for (let split = from; split < to; split++) {
        member.fill(0);
        for (let i = 0; i < chosen.length; i++) member[chosen[i]!] = 1;
        let best = 0;
        for (let j = 0; j < n; j++) {
          let s1 = 0;
          let q1 = 0;
          let s2 = 0;
          let q2 = 0;
          const at = j * blocks;
          for (let b = 0; b < blocks; b++) {
            if (member[b] === 1) {
              s1 += sums[at + b]!;
              q1 += squares[at + b]!;
            } else {
              s2 += sums[at + b]!;
              q2 += squares[at + b]!;
            }
          }
          inside[j] = ratio(s1, q1, half, centre[j]!);
          outside[j] = ratio(s2, q2, half, centre[j]!);
          if (inside[j]! > inside[best]!) best = j;
        }
        const value = outside[best]!;
        let below = 0;
        let equal = 0;
        for (let j = 0; j < n; j++) {
          if (outside[j]! < value) below++;
          else if (outside[j] === value) equal++;
        }
        const w = (below + (equal + 1) / 2) / (n + 1);
        out[split * SPLIT_FIGURES] = Math.log(w / (1 - w));
        out[split * SPLIT_FIGURES + 1] = inside[best]!;
        out[split * SPLIT_FIGURES + 2] = value;
        nextCombination(chosen, blocks);
      }
    },
  };
}

/** PBO from the table of a job (Bailey, Borwein, López de Prado, Zhu 2017). */
export function overfitting({ blocks }: SplitsJob, table: Float64Array): OverfittingProbability {
  const [logits, inSample, outOfSample] = [0, 1, 2].map((k) => columnOf(table, SPLIT_FIGURES, k)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const splits = logits.length;
  return {
    pbo: logits.filter((logit) => logit <= 0).length / splits,
    probabilityOfLoss: outOfSample.filter((value) => value < 0).length / splits,
    ...line(inSample, outOfSample),
    logits,
    inSample,
    outOfSample,
    splits,
    blocks,
  };
}

/** Probability of backtest overfitting by combinatorially symmetric cross-validation, on the calling thread. */
export function overfittingProbability(columns: readonly Float64Array[], blocks = 16): OverfittingProbability {
  const job: SplitsJob = { kind: 'splits', columns, blocks };
  return overfitting(job, fillHere(splitsKernel(job)));
}

/** Per trial and block: Σ and Σ² of the returns around the trial's mean, so that squares do not cancel. */
function blockSums(columns: readonly Float64Array[], blocks: number, rows: number, skip: number) {
  const sums = new Float64Array(columns.length * blocks);
  const squares = new Float64Array(columns.length * blocks);
  columns.forEach((column, j) => {
    const centre = mean(column);
    for (let b = 0; b < blocks; b++) {
      let s = 0;
      let q = 0;
      const from = skip + b * rows;
      for (let i = from; i < from + rows; i++) {
        const d = column[i]! - centre;
        s += d;
        q += d * d;
      }
      sums[j * blocks + b] = s;
      squares[j * blocks + b] = q;
    }
  });
  return { sums, squares };
}

/** Sharpe ratio of m returns from sums around `centre`; 0 for a series that does not vary. */
function ratio(sum: number, square: number, m: number, centre: number): number {
  const variance = (square - (sum * sum) / m) / (m - 1);
  return variance > 1e-24 ? (centre + sum / m) / Math.sqrt(variance) : 0;
}

function line(x: Float64Array, y: Float64Array): { slope: number; intercept: number } {
  const mx = mean(x);
  const my = mean(y);
  let xy = 0;
  let xx = 0;
  for (let i = 0; i < x.length; i++) {
    xy += (x[i]! - mx) * (y[i]! - my);
    xx += (x[i]! - mx) * (x[i]! - mx);
  }
  const slope = xx > 0 ? xy / xx : 0;
  return { slope, intercept: my - slope * mx };
}

export function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return Math.round(result);
}

/** The k-subset of 0..n−1 with this number in lexicographic order. */
export function combinationAt(rank: number, n: number, k: number): Int32Array {
  const out = new Int32Array(k);
  let value = 0;
  for (let i = 0; i < k; i++, value++) {
    for (;;) {
      const rest = binomial(n - value - 1, k - i - 1);
      if (rank < rest) break;
      rank -= rest;
      value++;
    }
    out[i] = value;
  }
  return out;
}

/** Moves to the next k-subset of 0..n−1 in lexicographic order; the last one stays. */
export function nextCombination(chosen: Int32Array, n: number): void {
  const k = chosen.length;
  let i = k - 1;
  while (i >= 0 && chosen[i] === n - k + i) i--;
  if (i < 0) return;
  chosen[i] = chosen[i]! + 1;
  for (let j = i + 1; j < k; j++) chosen[j] = chosen[j - 1]! + 1;
}
