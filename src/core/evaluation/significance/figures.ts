import type { ResamplingJob } from '../resampling/jobs.js';
import { standardDeviation } from '../stats.js';
import { blockLength } from './bootstrap.js';
import { entriesResult } from './entries.js';
import { equityFan, type Fan, fanCheckpoints } from './fan.js';
import { distribution, type PathsJob, pathSimulation } from './montecarlo.js';
import type { SIGNIFICANCE } from './names.js';
import {
  autocorrelations,
  deflatedSharpe,
  expectedMaximum,
  loEta,
  minimumBacktestLength,
  minimumTrackRecord,
  probabilisticSharpe,
  sharpeSample,
} from './sharpe.js';

export type SignificanceName = keyof typeof SIGNIFICANCE;
export type SignificanceValues = Partial<Record<SignificanceName, number | null>>;
export type SignificanceReasons = Partial<Record<SignificanceName, string>>;

export interface TrialCount {
  readonly count: number;
  /** Trials in the variance, and their variance per session. */
  readonly comparable: number;
  readonly sharpeVariance: number;
}

export interface SignificanceInput {
  readonly returns: Float64Array;
  readonly periodsPerYear: number;
  readonly riskFreePerPeriod: number;
  readonly tradePnl: Float64Array;
  readonly initialEquity: number;
  readonly trials: TrialCount | null;
  readonly held: { readonly weights: readonly Float64Array[]; readonly returns: readonly Float64Array[] };
  readonly seed: number;
  /** Computes a job's table: on threads, or where the caller is. */
  resample(job: ResamplingJob): Promise<Float64Array>;
}

export interface SignificanceFigures {
  readonly values: SignificanceValues;
  readonly reasons: SignificanceReasons;
  /** Mean block length of the bootstrap. */
  readonly block: number;
  /** Equity over the resampled paths; absent where nothing could be inferred. */
  readonly fan?: Fan;
}

/** Fewest sessions from which anything is inferred. */
const LEAST = 20;
const SAMPLES = 1000;
/** Work of the rotation test, in weights touched. */
const BUDGET = 2e8;

export async function significanceFigures(input: SignificanceInput): Promise<SignificanceFigures> {
  const { returns, periodsPerYear: P, seed } = input;
  const values: SignificanceValues = {};
  const reasons: SignificanceReasons = {};
  const set = (name: SignificanceName, value: number, why: string) => {
    if (Number.isFinite(value)) values[name] = value;
    else {
      values[name] = null;
      reasons[name] = why;
    }
  };
  const none = (why: string, ...names: SignificanceName[]) => {
    for (const name of names) set(name, Number.NaN, why);
  };
  if (returns.length < LEAST || !(standardDeviation(returns) > 1e-12)) {
    const why = returns.length < LEAST ? `needs at least ${LEAST} sessions` : 'returns do not vary';
    none(why, 'probabilistic_sharpe', 'deflated_sharpe', 'deflated_sharpe_hurdle', 'minimum_track_record');
    none(why, 'minimum_backtest_years', 'sharpe_autocorrelated', 'sharpe_q05', 'max_drawdown_q05', 'random_entry_p');
    none(why, 'shuffled_drawdown_q05');
    return { values, reasons, block: 1 };
  }
  const sample = sharpeSample(returns, input.riskFreePerPeriod);
  set('probabilistic_sharpe', probabilisticSharpe(sample), 'the moments do not allow it');
  set('minimum_track_record', minimumTrackRecord(sample), 'the Sharpe ratio is not positive');
  const { trials } = input;
  if (trials === null) {
    none('no trial ledger', 'deflated_sharpe', 'deflated_sharpe_hurdle', 'minimum_backtest_years', 'trials_counted');
  } else {
    // Too few comparable trials for a variance: what chance alone would give Sharpe ratios of this many sessions.
    const variance = trials.comparable >= 2 ? trials.sharpeVariance : 1 / (returns.length - 1);
    const deflated = deflatedSharpe(sample, variance, trials.count);
    set('deflated_sharpe', deflated.probability, 'the moments do not allow it');
    set('deflated_sharpe_hurdle', deflated.hurdle * Math.sqrt(P), '');
    set('trials_counted', trials.count, '');
    set(
      'minimum_backtest_years',
      expectedMaximum(trials.count) === 0 ? 0 : minimumBacktestLength(trials.count, sample.sharpe * Math.sqrt(P)),
      'the Sharpe ratio is not positive',
    );
  }
  const lags = Math.min(20, Math.floor(returns.length / 4));
  set(
    'sharpe_autocorrelated',
    sample.sharpe * loEta(P, autocorrelations(returns, lags)),
    'serial correlation is too strong',
  );
  const block = blockLength(returns).stationary;
  const job: PathsJob = {
    kind: 'paths',
    returns,
    periodsPerYear: P,
    block,
    samples: SAMPLES,
    seed,
    checkpoints: fanCheckpoints(returns.length),
  };
  const table = await input.resample(job);
  const paths = pathSimulation(job, table);
  set('sharpe_q05', paths.sharpe.q05, '');
  set('max_drawdown_q05', paths.maxDrawdown.q05, '');
  const { tradePnl: pnl, initialEquity } = input;
  if (pnl.length < 2) none('needs at least two trades', 'shuffled_drawdown_q05');
  else {
    const depths = await input.resample({ kind: 'trades', pnl, initialEquity, samples: SAMPLES, seed });
    set('shuffled_drawdown_q05', distribution(depths).q05, '');
  }
  const { weights, returns: market } = input.held;
  const steps = market[0]?.length ?? 0;
  if (!weights.some((w) => w.some((v) => v !== 0))) none('nothing was held', 'random_entry_p');
  else {
    const samples = Math.max(50, Math.min(SAMPLES, Math.floor(BUDGET / (steps * market.length))));
    const periodsPerYear = (P * steps) / returns.length;
    const entries = { kind: 'entries', weights, market, periodsPerYear, samples, seed, stepsPerBar: 2 } as const;
    set('random_entry_p', entriesResult(await input.resample(entries)).pValue, '');
  }
  return { values, reasons, block, fan: equityFan(job, table, initialEquity) };
}
