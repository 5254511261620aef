import { setImmediate as breathe } from 'node:timers/promises';
import type { Artifact } from '../artifacts/index.js';
import type { ModelsExplainOptions, ModelsImportanceOptions } from '../config/index.js';
import type { OpenDataset } from '../data/dataset.js';
import { timeRange } from '../data/range.js';
import { QuantlineError } from '../errors/index.js';
import { importanceMeasure } from '../models/importance.js';
import { segmentAt } from '../models/segments.js';
import { isoTime } from '../platform/index.js';
import { adjustingOf, asOfModel } from './compose/as-of.js';
import { importanceOf } from './compose/importance.js';
import { type Learned, learnedOf } from './compose/learned.js';
import { returnCalendar } from './compose/market.js';
import { type OpenModel, openModelAndData } from './compose/model.js';
import type { Runtime } from './runtime.js';

/** A learned model with its rows over the bars that are asked about. */
interface Opened {
  readonly model: OpenModel;
  readonly data: Artifact;
  readonly dataset: OpenDataset;
  readonly learned: Learned;
}

type Asked = Pick<ModelsExplainOptions, 'data' | 'from' | 'to'>;

async function open(reference: string, { data }: Asked, runtime: Runtime): Promise<Opened> {
  const opened = await openModelAndData(runtime, reference, { data, inSample: false });
  const { model, dataset } = opened;
  const learned = await learnedOf(model.file, model.artifact, dataset);
  if (learned !== undefined) return { ...opened, learned };
  throw new QuantlineError('USAGE', `${model.file.trainer.text} is a rule: its scores follow from its arguments.`, {
    hint: 'Name a model that was trained; quantline models lists them.',
  });
}

/** Opening instants [from, to) of what was asked; without bounds the ends are open. */
const rangeOf = (asked: Asked, dataset: OpenDataset, runtime: Runtime) =>
  timeRange(asked, returnCalendar(dataset), dataset.scope, runtime.clock.now());

export interface FeatureWorth {
  readonly feature: string;
  /** What training says, by measure: XGBoost's gain, cover and weight, or the coefficient of a linear model. */
  readonly training: Readonly<Record<string, number>>;
  /** How much worse the measure gets on later bars when the feature is shuffled; null without enough of these. */
  readonly permutation: number | null;
  readonly permutation_deviation: number | null;
}

/** An artefact as documents name it. */
interface Named {
  readonly id: string;
  readonly path: string;
}
const named = ({ id, path }: Artifact): Named => ({ id, path });

export interface ModelImportance {
  readonly model: Named;
  readonly data: Named;
  readonly trainer: string;
  /** Of the segment that is described, the last: its training range ends here, and from here on it is valid. */
  readonly train_to: string;
  readonly valid_from: string;
  readonly measure: 'logloss' | 'rmse' | 'position';
  /** What is worth most first: by permutation, otherwise by gain or the size of the coefficient. */
  readonly features: readonly FeatureWorth[];
}

/** `quantline models importance`: what each feature is worth to the model's last segment. */
export async function modelImportance(
  reference: string,
  options: ModelsImportanceOptions,
  runtime: Runtime,
): Promise<ModelImportance> {
  const { model, data, dataset, learned } = await open(reference, options, runtime);
  const { file } = model;
  const fitted = model.fitted.at(-1)!;
  const segment = file.segments.at(-1)!;
  const step = async (done: number, total: number) => {
    runtime.progress.update('importance of features', done, total);
    // Lets a signal arrive between two shuffles.
    await breathe();
    runtime.signal.throwIfAborted();
  };
  const range = rangeOf(options, dataset, runtime);
  const found = await importanceOf(learned, fitted, file, range, options.seed, step);
  runtime.progress.end();
  const shuffled = new Map(found.map((one) => [one.feature, one]));
  const training = Object.entries(fitted.importance?.() ?? {});
  const features = file.columns.map((feature, c): FeatureWorth => {
    const { mean = null, deviation = null } = shuffled.get(feature) ?? {};
    return {
      feature,
      training: Object.fromEntries(training.map(([measure, values]) => [measure, values[c]!])),
      permutation: mean,
      permutation_deviation: deviation,
    };
  });
  const rank = ({ permutation, training }: FeatureWorth) =>
    permutation ?? training['gain'] ?? Math.abs(training['coefficient'] ?? 0);
  return {
    ...{ model: named(model.artifact), data: named(data), trainer: file.trainer.text },
    ...{ train_to: isoTime(segment.trainTo), valid_from: isoTime(segment.validFrom) },
    measure: importanceMeasure(file.scoreKind),
    features: features.sort((a, b) => rank(b) - rank(a)),
  };
}

export interface Explanation {
  /** Opening instant of the bar, and when its score could be acted on. */
  readonly time: string;
  readonly known_at: string;
  readonly instrument: string;
  /** Which segment scored it. */
  readonly segment: number;
  /** As the backtest sees it: calibrated, and on the rule's side where the model trusts a rule. */
  readonly score: number;
  /** Sum of the expected margin and all contributions: the learner's own margin. */
  readonly margin: number;
  readonly expected: number;
  readonly features: readonly {
    readonly feature: string;
    /** null: missing. */
    readonly value: number | null;
    readonly contribution: number;
  }[];
}

export interface ModelExplanations {
  readonly model: Named;
  readonly data: Named;
  readonly trainer: string;
  readonly scale: 'log_odds' | 'return';
  readonly predictions: readonly Explanation[];
}

/**
 * `quantline models explain`: exact Shapley values (TreeSHAP) of every feature for single predictions, by default for the
 * newest bar of each instrument. USAGE for models that have none, NO_DATA where the model scores no bar of the range.
 */
export async function explainModel(
  reference: string,
  options: ModelsExplainOptions,
  runtime: Runtime,
): Promise<ModelExplanations> {
  const { model, data, dataset, learned } = await open(reference, options, runtime);
  const { file, fitted } = model;
  if (fitted.some(({ contributions }) => contributions === undefined)) {
    throw new QuantlineError('USAGE', `${file.trainer.text} has no exact contributions to a prediction.`, {
      hint: 'quantline models importance shuffles the features of any model; xgboost and logistic can be explained.',
    });
  }
  const { series } = learned.rows;
  const range = rangeOf(options, dataset, runtime);
  const asOf = asOfModel(model.model, adjustingOf(dataset));
  const predictions: Explanation[] = [];
  for (const [j, bars] of dataset.bars.entries()) {
    const instrument = dataset.instruments[j]!;
    if (options.symbols !== undefined && !options.symbols.includes(instrument.id)) continue;
    const known = dataset.knownAt[j]!;
    const scores = new Float64Array(bars.time.length);
    asOf.scorer(instrument, dataset.calendars[j]!).consume(bars, 0, scores.length, scores);
    for (const i of wantedBars(bars.time, scores, range, options)) {
      const segment = segmentAt(file.segments, known[i]!);
      const at = (series.starts[j]! + i) * series.columns;
      const x = series.x.subarray(at, at + series.columns);
      const shares = fitted[segment]!.contributions!(x, 1);
      const times = { time: isoTime(bars.time[i]!), known_at: isoTime(known[i]!) };
      predictions.push({
        ...{ ...times, instrument: instrument.id, segment, score: scores[i]! },
        margin: shares.reduce((a, b) => a + b, 0),
        expected: shares.at(-1)!,
        features: file.columns
          .map((feature, c) => ({ feature, value: Number.isNaN(x[c]!) ? null : x[c]!, contribution: shares[c]! }))
          .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)),
      });
      runtime.signal.throwIfAborted();
    }
  }
  if (predictions.length === 0) throw nothingScored(model, options, dataset);
  predictions.sort((a, b) => (a.known_at < b.known_at ? -1 : a.known_at > b.known_at ? 1 : 0));
  const scale = file.scoreKind === 'return' ? 'return' : 'log_odds';
  return { model: named(model.artifact), data: named(data), trainer: file.trainer.text, scale, predictions };
}

/** Bars of the range that have a score: of all of them the newest alone where no range was asked for. */
function wantedBars(
  time: Float64Array,
  scores: Float64Array,
  range: { readonly from: number; readonly to: number },
  asked: Asked,
): number[] {
  const found: number[] = [];
  for (let i = time.length - 1; i >= 0; i--) {
    if (Number.isNaN(scores[i]!) || time[i]! < range.from || time[i]! >= range.to) continue;
    found.push(i);
    if (asked.from === undefined) break;
  }
  return found.reverse();
}

function nothingScored({ file, artifact }: OpenModel, { symbols }: ModelsExplainOptions, dataset: OpenDataset) {
  const unknown = symbols?.filter((symbol) => !dataset.instruments.some(({ id }) => id === symbol)) ?? [];
  if (unknown.length > 0) {
    return new QuantlineError('NO_DATA', `The dataset has no ${unknown.join(', ')}.`, {
      hint: `It has ${dataset.instruments.map(({ id }) => id).join(', ')}.`,
    });
  }
  return new QuantlineError('NO_DATA', `The model ${artifact.id} scores no bar of this range.`, {
    hint: `It is valid from ${isoTime(file.segments[0]!.validFrom)} on: move --from and --to, or name newer bars by --data.`,
  });
}
