import type { Call } from '../../config/index.js';
import { QuantlineError } from '../../errors/index.js';
import { selectRows } from '../../models/rows.js';
import type { ScoreMetrics } from '../../models/score-metrics.js';
import {
  type CombinatorialSplit,
  combinatorialPurged,
  type Fold,
  type PathStatistics,
  pathReturns,
  pathStatistics,
  purgedKFold,
  purgedWalkForward,
} from '../../models/splits/index.js';
import type { TrainingRows } from '../../models/trainer.js';
import { FoldPool } from './fold-pool.js';
import { moneyOf } from './money.js';
import { fitOnce, metricsOf, type Outcome, outcomeOf, type TrainingJob } from './segments.js';

export interface FoldReport {
  readonly trainRows: number;
  readonly testRows: number;
  readonly metrics: ScoreMetrics;
}

/** Figures of a backtest along each path of combinatorial folds, summed up over the paths. */
export type PathReport = Readonly<Record<'total_return' | 'sharpe', PathStatistics>>;

export interface CrossValidation {
  readonly folds: readonly FoldReport[];
  /** null for folds that make no paths. */
  readonly paths: PathReport | null;
  /** Scores of every row along each path; empty for folds that make none. */
  readonly pathScores: readonly Float64Array[];
  /** What the first fold that tested it asks for at each row (its score, or an agent's target); NaN: nothing. */
  readonly outOfFold: Float64Array;
}

/** Hears of each fold as it is done; `outOfFold` as it is by then. */
export type OnFold = (report: FoldReport, done: number, total: number, outOfFold: Float64Array) => Promise<void>;

/** Rows of each fold, and the split that makes paths of them where there is one. */
export interface FoldPlan {
  readonly folds: readonly Fold[];
  readonly combinatorial?: CombinatorialSplit;
}

/** `purged(5)` and `cpcv(6,2)`: metrics of purged folds. They give no segments: a fold has seen the future. */
export async function crossValidate(job: TrainingJob, onFold?: OnFold): Promise<CrossValidation> {
  const { cv, embargo } = job.options;
  if (cv === undefined || cv.name === 'walk-forward') {
    return { folds: [], paths: null, pathScores: [], outOfFold: nothing(job.rows) };
  }
  return validateOn(job, foldsOf(cv, job.rows, embargo), onFold);
}

/** Every fold's outcome in their order, fitted by the pool's workers side by side or here one by one. */
async function* outcomesOf(job: TrainingJob, folds: readonly Fold[]): AsyncGenerator<[fold: number, outcome: Outcome]> {
  const what = (f: number) => `fold ${f + 1} of ${folds.length}`;
  if (job.pool !== undefined) {
    yield* job.pool.run(job, folds, what);
    return;
  }
  for (const [f, fold] of folds.entries()) {
    const fitted = await fitOnce(job, selectRows(job.rows, fold.train), what(f));
    yield [f, outcomeOf(fitted, selectRows(job.rows, fold.test))];
  }
}

/** Fits and judges every fold of a plan. */
export async function validateOn(
  job: TrainingJob,
  { folds, combinatorial }: FoldPlan,
  onFold?: OnFold,
): Promise<CrossValidation> {
  const own = job.pool === undefined ? FoldPool.for(job, folds.length) : undefined;
  try {
    return await collect({ ...job, pool: job.pool ?? own }, { folds, combinatorial }, onFold);
  } finally {
    await own?.close();
  }
}

async function collect(
  job: TrainingJob,
  { folds, combinatorial }: { folds: readonly Fold[]; combinatorial: CombinatorialSplit | undefined },
  onFold: OnFold | undefined,
): Promise<CrossValidation> {
  const reports: FoldReport[] = [];
  const scored: Float64Array[] = [];
  const outOfFold = nothing(job.rows);
  for await (const [f, outcome] of outcomesOf(job, folds)) {
    const fold = folds[f]!;
    const { metrics, scores, asked } = metricsOf(job, fold.test, outcome);
    fold.test.forEach((r, k) => {
      if (Number.isNaN(outOfFold[r]!)) outOfFold[r] = asked[k]!;
    });
    if (combinatorial !== undefined && scores !== undefined) scored.push(onAllRows(job.rows, fold.test, scores));
    const report = { trainRows: fold.train.length, testRows: fold.test.length, metrics };
    reports.push(report);
    await onFold?.(report, f + 1, folds.length, outOfFold);
  }
  const complete = combinatorial !== undefined && scored.length === folds.length;
  const none = { paths: null, pathScores: [] };
  return { folds: reports, outOfFold, ...(complete ? pathsOf(job, combinatorial, scored) : none) };
}

const nothing = ({ rows }: TrainingRows): Float64Array => new Float64Array(rows).fill(Number.NaN);

function onAllRows(rows: TrainingRows, test: Int32Array, scores: Float64Array): Float64Array {
  const out = nothing(rows);
  for (let k = 0; k < test.length; k++) out[test[k]!] = scores[k]!;
  return out;
}

/** Each path scores every row once, by the fold that tested it there. */
function pathsOf(
  { market, rows }: TrainingJob,
  split: CombinatorialSplit,
  scored: readonly Float64Array[],
): Pick<CrossValidation, 'paths' | 'pathScores'> {
  if (market === undefined) return { paths: null, pathScores: [] };
  const pathScores = split.paths.map((_, path) => pathReturns(split, path, scored));
  const money = pathScores.map((scores) => moneyOf(market, rows, scores));
  const statistics = (name: 'total_return' | 'sharpe') =>
    pathStatistics(Float64Array.from(money, (one) => one?.[name] ?? 0));
  return { paths: { total_return: statistics('total_return'), sharpe: statistics('sharpe') }, pathScores };
}

/** Rows below which the metrics of a fold say nothing. */
const LEAST_TESTED = 10;

/** The folds that a validation asks for. NO_DATA where one would test too few rows to say anything. */
export function foldsOf(cv: Call, rows: TrainingRows, embargo: number): FoldPlan {
  const plan = planOf(cv, rows, embargo);
  const least = Math.min(...plan.folds.map(({ test }) => test.length));
  if (least >= LEAST_TESTED) return plan;
  throw new QuantlineError('NO_DATA', `${rows.rows} rows are too few for ${cv.text}: a fold would test ${least}.`, {
    hint: `Use fewer folds (each tests ${LEAST_TESTED} rows or more), a longer range, or features with a shorter warm-up.`,
    details: { rows: rows.rows, folds: plan.folds.length, least },
  });
}

function planOf(cv: Call, rows: TrainingRows, embargo: number): FoldPlan {
  const whole = (at: number, fallback: number, least = 1): number => {
    const value = cv.args[at]?.value ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value;
    throw new QuantlineError('USAGE', `${cv.name} takes whole numbers from ${least} on, not "${cv.args[at]?.text}".`, {
      hint: 'Write purged(5) or cpcv(6,2): of 6 groups, each fold tests 2.',
    });
  };
  if (cv.name === 'purged') return { folds: purgedKFold(rows, whole(0, 5, 2), embargo) };
  if (cv.name === 'combinatorial' || cv.name === 'cpcv') {
    const split = combinatorialPurged(rows, { groups: whole(0, 6, 2), tested: whole(1, 2), embargo });
    return { folds: split.folds, combinatorial: split };
  }
  if (cv.name === 'walk-forward') {
    const folds = whole(0, 5);
    const window = cv.args[1]?.value === 'rolling' ? { window: 1 } : {};
    return { folds: purgedWalkForward(rows, { groups: folds + 1, first: 1, ...window }) };
  }
  throw new QuantlineError('USAGE', `There is no validation "${cv.name}".`, {
    hint: 'There are walk-forward(5), walk-forward(5,rolling), purged(5) and cpcv(6,2), also written purged:5.',
  });
}
