import type { Call, TrainOptions } from '../../config/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { timeRange } from '../../data/range.js';
import { firstTickAt, type MarketFeed } from '../../engine/feed.js';
import { QuantlineError } from '../../errors/index.js';
import type { Label } from '../../features/index.js';
import type { PlattScaling } from '../../learning/boosting/calibration.js';
import { calibrated, logit } from '../../models/calibrate.js';
import { rowsBetween, scoreRows, selectRows } from '../../models/rows.js';
import { type ScoreMetrics, scoreMetrics } from '../../models/score-metrics.js';
import { planSegments, type Segment, type SegmentPlan, type SegmentScheme } from '../../models/segments.js';
import { chooseColumns, narrow, widened } from '../../models/select.js';
import { purgedKFold } from '../../models/splits/index.js';
import type { FitContext, FittedModel, Learner, SavedFiles, TrainingRows } from '../../models/trainer.js';
import { weighRows } from '../../models/weights.js';
import { isoTime } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';
import type { FoldPool } from './fold-pool.js';
import { returnCalendar } from './market.js';
import { type FoldMarket, moneyOf } from './money.js';
import type { ComposedTrainer } from './trainer.js';

/** What of the options says where training ranges end. */
export type SplitOptions = Pick<TrainOptions, 'split' | 'cv' | 'embargo'>;

/** What of the options decides how a training range is fitted. */
export type FitOptions = Pick<TrainOptions, 'cv' | 'embargo' | 'weights' | 'balance' | 'select' | 'seed' | 'rounds'> & {
  readonly calibrate?: 'none' | 'platt' | undefined;
  /** Ctrl-C keeps what is fitted so far, where the learner can. */
  readonly keepBest?: boolean;
};

/** What one fit needs besides its rows; plain enough for a worker, but for `learner` and `runtime`. */
export interface FitJob {
  readonly learner: Learner;
  readonly label: Pick<Label, 'name' | 'scoreKind' | 'uneven'>;
  readonly engine: FitContext['engine'];
  readonly options: FitOptions;
  readonly runtime: Pick<Runtime, 'threads' | 'libraries' | 'signal' | 'progress'>;
}

export interface TrainingJob extends FitJob {
  /** What a worker makes the learner of again. */
  readonly trainer: Pick<ComposedTrainer, 'name' | 'settings'>;
  readonly rows: TrainingRows;
  /** Workers that hold these rows and fit folds side by side; absent: this thread fits them. */
  readonly pool?: FoldPool | undefined;
  /** Where scores of folds are traded, for their money metrics (not an agent's, which has its own); undefined: there are none. */
  readonly market?: FoldMarket | undefined;
}

export interface SegmentReport {
  readonly rows: number;
  readonly trainFrom: string;
  readonly trainTo: string;
  readonly validFrom: string;
  readonly validTo: string | null;
  /** Of the scores on the bars that the segment is valid for: out of sample. */
  readonly metrics: ScoreMetrics;
  /** Learning curve, by round. */
  readonly history: readonly Readonly<Record<string, number>>[];
}

export interface FittedSegment {
  readonly segment: Segment;
  readonly files: SavedFiles;
  readonly report: SegmentReport;
  /** Rows that it is valid for, and what it asks for there. */
  readonly valid: Int32Array;
  readonly asked: Float64Array;
}

export interface SegmentSchedule {
  readonly scheme: SegmentScheme;
  readonly plans: readonly SegmentPlan[];
}

const DEFAULT_SPLIT = 0.7;

/** Segments that the options ask for: one split, or walk-forward. */
export function schemeOf(options: SplitOptions, feed: MarketFeed, dataset: OpenDataset): SegmentSchedule {
  const ticks = feed.clock.length;
  const { split, cv } = options;
  const first = split === undefined ? undefined : splitTick(split, feed, dataset) / ticks;
  const scheme: SegmentScheme =
    cv?.name === 'walk-forward'
      ? walkForward(cv, first)
      : split === undefined || split.kind === 'fraction'
        ? { kind: 'split', fraction: split?.value ?? DEFAULT_SPLIT }
        : { kind: 'split-at', tick: splitTick(split, feed, dataset) };
  return { scheme, plans: planSegments(scheme, ticks, options.embargo) };
}

function splitTick(split: NonNullable<TrainOptions['split']>, feed: MarketFeed, dataset: OpenDataset): number {
  if (split.kind === 'fraction') return Math.floor(feed.clock.length * split.value);
  // Training ends with the split's session: the first tick after it is the first that may be scored.
  const { to } = timeRange({ to: split }, returnCalendar(dataset), dataset.scope, Number.POSITIVE_INFINITY);
  return firstTickAt(feed, to + 1);
}

/** `walk-forward(5)`, `walk-forward(5,rolling)`; the first training range is --split, or one part of folds + 1. */
function walkForward(cv: Call, first: number | undefined): SegmentScheme {
  const [folds, mode] = cv.args;
  const count = folds === undefined ? 5 : folds.value;
  const kind = mode === undefined ? 'anchored' : mode.value;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) {
    throw new QuantlineError('USAGE', `walk-forward takes a whole number of folds, not "${folds?.text}".`, {
      hint: 'Write walk-forward(5) or walk-forward(5,rolling).',
    });
  }
  if (kind !== 'anchored' && kind !== 'rolling') {
    throw new QuantlineError('USAGE', `walk-forward is anchored or rolling, not "${mode?.text}".`, {
      hint: 'Write walk-forward(5) or walk-forward(5,rolling).',
    });
  }
  return { kind: 'walk-forward', folds: count, first: first ?? 1 / (count + 1), anchored: kind === 'anchored' };
}

/** Trains one model a segment, each on labels that were known when its validity begins. `before` segments come earlier. */
export async function fitSegments(
  job: TrainingJob,
  { plans }: Pick<SegmentSchedule, 'plans'>,
  feed: MarketFeed,
  before = 0,
): Promise<FittedSegment[]> {
  const { rows } = job;
  const out: FittedSegment[] = [];
  for (const [s, plan] of plans.entries()) {
    const trainFrom = feed.clock[plan.from]!;
    const trainTo = feed.clock[plan.to]!;
    const validFrom = feed.clock[plan.start]!;
    const validTo = s === plans.length - 1 ? null : feed.clock[plans[s + 1]!.start]!;
    const chosen = selectRows(rows, rowsBetween(rows, trainFrom, trainTo, trainTo));
    const fitted = await fitOnce(job, chosen, `segment ${s + 1} of ${plans.length}`);
    const valid = rowsBetween(rows, validFrom, validTo ?? Infinity, Infinity);
    const { metrics, asked } = judged(job, fitted, valid);
    out.push({
      segment: {
        trainFrom,
        trainTo,
        labelEnd: chosen.labelEnd.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
        validFrom,
        validTo,
        embargo: job.options.embargo,
        folder: `segment-${before + s}`,
      },
      files: await fitted.save(),
      report: {
        rows: chosen.rows,
        trainFrom: isoTime(trainFrom),
        trainTo: isoTime(trainTo),
        validFrom: isoTime(validFrom),
        validTo: validTo === null ? null : isoTime(validTo),
        metrics,
        history: fitted.history,
      },
      valid,
      asked,
    });
  }
  return out;
}

/** Fits once, with what every learner needs checked first. */
export async function fitOnce(job: FitJob, rows: TrainingRows, what: string): Promise<FittedModel> {
  const { learner, label, engine, options, runtime } = job;
  if (rows.rows < 20) {
    throw new QuantlineError('NO_DATA', `${what}: ${rows.rows} rows are too few to train on.`, {
      hint: 'Ingest a longer range, choose features with a shorter warm-up, or use fewer folds.',
    });
  }
  runtime.signal.throwIfAborted();
  // Weights and columns follow from the rows of this training range alone.
  const unique = options.weights === 'uniqueness' || (options.weights === 'auto' && label.uneven === true);
  const weighed = weighRows(rows, { uniqueness: unique, balance: options.balance }, label.scoreKind);
  const width = rows.columns.length;
  if (!rows.columns.some((_, c) => varies(rows, c))) {
    throw new QuantlineError('QUALITY', `${what}: every column is constant or missing: ${some(rows.columns)}.`, {
      hint: 'Choose features that differ from bar to bar, or train on more rows.',
      details: { columns: rows.columns },
    });
  }
  const chosen =
    options.select === undefined || options.select >= width || learner.agent !== undefined
      ? undefined
      : chooseColumns(weighed, options.select);
  const fitted = await learner.fit(chosen === undefined ? weighed : narrow(weighed, chosen), {
    scoreKind: label.scoreKind,
    seed: options.seed,
    threads: runtime.threads,
    engine,
    libraries: runtime.libraries,
    signal: runtime.signal,
    keepBest: options.keepBest,
    rounds: options.rounds,
    validation: undefined,
    onRound: (done, total) => runtime.progress.update(`training ${what}`, done, total),
  });
  const scores = chosen === undefined ? fitted : widened(fitted, chosen, width);
  if (options.calibrate !== 'platt' || label.scoreKind !== 'probability' || learner.agent !== undefined) return scores;
  return calibrated(scores, await scalingOf(job, rows, what));
}

/** Purged folds of a training range whose held-out scores calibrate the model of the whole range. */
const CALIBRATION_FOLDS = 5;

/** Platt scaling from scores of rows that were held out, on purged folds of these training rows. */
async function scalingOf(job: FitJob, rows: TrainingRows, what: string): Promise<PlattScaling> {
  const { fitPlatt } = await import('../../learning/boosting/index.js');
  const plain: FitJob = { ...job, options: { ...job.options, calibrate: 'none', keepBest: false } };
  const margins: number[] = [];
  const labels: number[] = [];
  for (const [f, fold] of purgedKFold(rows, CALIBRATION_FOLDS, job.options.embargo).entries()) {
    const fitted = await fitOnce(plain, selectRows(rows, fold.train), `${what}, calibration ${f + 1}`);
    const test = selectRows(rows, fold.test);
    scoreRows(fitted, test).forEach((p, r) => {
      if (Number.isNaN(p)) return;
      margins.push(logit(p));
      labels.push(test.y[r]!);
    });
  }
  return fitPlatt(margins, labels);
}

/** Whether a column holds two different numbers. */
function varies({ x, rows, columns }: TrainingRows, c: number): boolean {
  let first = Number.NaN;
  for (let r = 0; r < rows; r++) {
    const value = x[r * columns.length + c]!;
    if (Number.isNaN(first)) first = value;
    else if (!Number.isNaN(value) && value !== first) return true;
  }
  return false;
}

const some = (names: readonly string[]): string =>
  names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');

/** How a fitted model did on some rows. */
export interface Judged {
  readonly metrics: ScoreMetrics;
  /** None of an agent. */
  readonly scores: Float64Array | undefined;
  /** What it asks for at each row: the scores, or an agent's targets. NaN: nothing. */
  readonly asked: Float64Array;
}

/** Metrics of a fitted model's scores on some rows, and what they would have earned. */
export function judged(job: TrainingJob, fitted: FittedModel, keep: Int32Array): Judged {
  if (keep.length === 0) return { metrics: { rows: 0 }, scores: undefined, asked: new Float64Array(0) };
  return metricsOf(job, keep, outcomeOf(fitted, selectRows(job.rows, keep)));
}

/** What a fitted model makes of rows: their scores, or of an agent how it did and its targets. */
export type Outcome =
  | { readonly scores: Float64Array }
  | { readonly judged: Readonly<Record<string, number>>; readonly targets: Float64Array };

export const outcomeOf = (fitted: FittedModel, test: TrainingRows): Outcome =>
  fitted.judge === undefined
    ? { scores: scoreRows(fitted, test) }
    : { judged: fitted.judge(test), targets: fitted.targets?.(test) ?? new Float64Array(test.rows).fill(Number.NaN) };

export function metricsOf(job: TrainingJob, keep: Int32Array, outcome: Outcome): Judged {
  const { rows, label, market } = job;
  if ('judged' in outcome) {
    return { metrics: { rows: keep.length, ...outcome.judged }, scores: undefined, asked: outcome.targets };
  }
  const test = selectRows(rows, keep);
  const { scores } = outcome;
  if (scores.every(Number.isNaN)) {
    throw new QuantlineError('QUALITY', `The model gives no score on any of ${keep.length} later bars.`, {
      hint: 'Look for features that are missing there, or at what the learner predicts.',
    });
  }
  const money = market && moneyOf(market, test, scores);
  return { metrics: { ...scoreMetrics(label.scoreKind, scores, test.y), ...money }, scores, asked: scores };
}
