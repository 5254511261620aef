import { type Call, parseCall, type TrainOptions } from '../config/index.js';
import { openDataset } from '../data/open.js';
import { QuantlineError } from '../errors/index.js';
import type { FeatureSet, Label } from '../features/index.js';
import { rowsBetween, selectRows } from '../models/rows.js';
import { type ScoreMetrics, scoreMetrics } from '../models/score-metrics.js';
import { ruleModel } from '../models/segmented.js';
import type { SegmentScheme } from '../models/segments.js';
import type { TrainingRows } from '../models/trainer.js';
import { isoTime } from '../platform/index.js';
import { rowsOf } from './compose/as-of.js';
import { composeFeatures, DEFAULT_FEATURES } from './compose/features.js';
import { type FoldPlan, foldsOf, validateOn } from './compose/folds.js';
import { composeLabel, DEFAULT_LABEL } from './compose/labels.js';
import { feedOf, signalsOf } from './compose/market.js';
import { type FoldMarket, foldMarket, learnerMarket, moneyOf } from './compose/money.js';
import { learnerSettings, trainerIdentity } from './compose/recipe.js';
import { schemeOf } from './compose/segments.js';
import { type ComposedTrainer, composeTrading, sayHow } from './compose/trainer.js';
import { type TriedModel, triedOf } from './compose/trial-identity.js';
import { countScores } from './compose/trials.js';
import type { Runtime } from './runtime.js';

/** One trainer's metrics: their means over the folds (null where a fold has none), and those of each fold. */
export interface ComparedTrainer {
  readonly trainer: string;
  /** null for a rule. */
  readonly engine: string | null;
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly folds: readonly ScoreMetrics[];
}

export interface Comparison {
  readonly cv: string;
  readonly folds: number;
  readonly rows: number;
  readonly from: string;
  readonly to: string;
  readonly trainers: readonly ComparedTrainer[];
}

const DEFAULT_CV = 'purged(5)';

/**
 * `quantline train --compare`: trainers on the same rows and folds inside the training range; nothing is written. Bars
 * after the range stay unseen, for the backtest of whichever is chosen.
 */
export async function compareTrainers(options: TrainOptions, runtime: Runtime): Promise<Comparison> {
  if (options.data === undefined) throw usage('Which dataset?', 'Add --data; quantline ingest makes one.');
  for (const option of ['study', 'tag'] as const) {
    if (options[option] !== undefined) throw usage(`--${option} does not apply to --compare.`, 'Leave it out.');
  }
  if (Object.keys(options.param).length > 0) {
    throw usage(
      '--param does not apply to --compare.',
      'Write settings as arguments: --compare "logistic,lstm(epochs=5)".',
    );
  }
  const dataset = await openDataset(runtime, await runtime.artifacts.open('dataset', options.data));
  const calls = [
    ...(options.trainer === undefined ? [] : [options.trainer]),
    ...(options.compare ?? []).map(parseCall),
  ];
  const features = await composeFeatures(options.features ?? DEFAULT_FEATURES, dataset.interval);
  const label = await composeLabel(options.label?.text ?? DEFAULT_LABEL, dataset);
  const market = { dataset, feed: feedOf(dataset) };
  const { scheme, plans } = schemeOf({ ...options, cv: undefined }, market.feed, dataset);
  const plan = plans[0]!;
  const [from, to] = [market.feed.clock[plan.from]!, market.feed.clock[plan.to]!];
  runtime.progress.update('computing features');
  const all = rowsOf(dataset, features, label);
  const rows = selectRows(all, rowsBetween(all, from, to, to));
  const cv = options.cv ?? parseCall(DEFAULT_CV);
  const folds = foldsOf(cv, rows, options.embargo);
  const trainers: ComparedTrainer[] = [];
  for (const call of calls) {
    trainers.push(await judge(call, { options, runtime, rows, folds, features, label, scheme, market }));
  }
  runtime.progress.end();
  return {
    cv: cv.text,
    folds: folds.folds.length,
    rows: rows.rows,
    from: isoTime(from),
    to: isoTime(to),
    trainers,
  };
}

interface CompareJob {
  readonly options: TrainOptions;
  readonly runtime: Runtime;
  readonly rows: TrainingRows;
  readonly folds: FoldPlan;
  readonly features: FeatureSet;
  readonly label: Label;
  readonly scheme: SegmentScheme;
  readonly market: Pick<FoldMarket, 'dataset' | 'feed'>;
}

async function judge(call: Call, job: CompareJob): Promise<ComparedTrainer> {
  const { options, runtime, rows, folds, features, label, scheme, market } = job;
  const composed = await composeTrading(call, options);
  if (composed.trainer.kind === 'rule') return ruleOn(composed, job);
  const learner = composed.trainer;
  const engine = await learner.engineFor(options.engine, runtime.libraries);
  sayHow(composed, engine, runtime);
  const traded = await learnerMarket(options, learner, label, market);
  const money = learner.agent === undefined ? traded : undefined;
  const one = { learner, trainer: composed, rows, label, engine: engine.name, options, runtime, market: money };
  const { folds: reports, outOfFold } = await validateOn(one, folds);
  const settings = learnerSettings({ ...options, cv: undefined }, composed, { features, label, scheme });
  await count(composed, { settings, seed: options.seed }, traded, job, outOfFold);
  return summed(
    composed.text,
    `${engine.name} ${engine.version}`,
    reports.map(({ metrics }) => metrics),
  );
}

/** A rule is not trained: its scores on the test rows of each fold. */
async function ruleOn(composed: ComposedTrainer, job: CompareJob): Promise<ComparedTrainer> {
  const { options, rows, folds, label } = job;
  const rule = composed.trainer;
  if (rule.kind !== 'rule') throw new QuantlineError('BUG', 'not a rule');
  const market = await foldMarket(options, { kind: 'position', short: rule.short === true }, job.market);
  const { scores } = signalsOf(market.dataset, ruleModel(rule), options.sizing);
  const asked = new Float64Array(rows.rows).fill(Number.NaN);
  const metrics = folds.folds.map((fold) => {
    const test = selectRows(rows, fold.test);
    const own = Float64Array.from({ length: test.rows }, (_, r) => {
      const j = test.instrument[r]!;
      return scores[j]![test.at[r]! - test.series.starts[j]!]!;
    });
    const { information_coefficient, accuracy } = scoreMetrics('return', own, signed(test.y, label));
    const money = moneyOf(market, test, own);
    fold.test.forEach((r, k) => void (asked[r] = own[k]!));
    return { rows: test.rows, accuracy: accuracy!, information_coefficient: information_coefficient!, ...money };
  });
  await count(composed, { settings: { trainer: trainerIdentity(composed) }, seed: undefined }, market, job, asked);
  return summed(composed.text, null, metrics);
}

/** Each compared trainer has returns out of sample: the trial that its own backtest would be. */
function count(
  { text }: ComposedTrainer,
  model: Omit<TriedModel, 'text'>,
  market: FoldMarket,
  { runtime, rows }: CompareJob,
  asked: Float64Array,
): Promise<void> {
  const { dataset, settings } = market;
  const ids = dataset.instruments.map(({ id }) => id);
  return countScores(runtime, triedOf(dataset, ids, { text, ...model }, settings), market, rows, asked);
}

/** Labels of 0 and 1 as −1 and 1, against which a direction can be right. */
const signed = (y: Float64Array, { scoreKind }: Label): Float64Array =>
  scoreKind === 'probability' ? y.map((v) => 2 * v - 1) : y;

function summed(trainer: string, engine: string | null, folds: readonly ScoreMetrics[]): ComparedTrainer {
  const names = [...new Set(folds.flatMap((fold) => Object.keys(fold)))].filter((name) => name !== 'rows');
  const metrics = Object.fromEntries(
    names.map((name) => {
      const mean = folds.reduce((sum, fold) => sum + (fold[name] ?? Number.NaN), 0) / folds.length;
      return [name, Number.isFinite(mean) ? mean : null];
    }),
  );
  return { trainer, engine, metrics, folds };
}

const usage = (message: string, hint: string): QuantlineError => new QuantlineError('USAGE', message, { hint });
