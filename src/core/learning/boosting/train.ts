import { setImmediate as nextTurn } from 'node:timers/promises';
import { QuantlineError } from '../../errors/index.js';
import type { Tree } from './forest.js';
import { addTree, growTree } from './grow.js';
import { checkMatrix, dense, type Matrix, strides } from './matrix.js';
import { evaluateMetric, isMaximised } from './metrics.js';
import { BoostedModel } from './model.js';
import { baseMargin, baseScores, checkLabels, checkLearnable, transformMargins } from './objectives.js';
import { type BoostingParams, type Metric, type ResolvedParams, resolveParams } from './params.js';
import { quantize, refuseInfinities, refuseUnusable } from './quantize.js';
import { Task } from './tasks.js';
import { type LabelledMatrix, Workspace } from './workspace.js';

export const EMBEDDED_VERSION = '1';

/** Rows with labels whose metrics are followed while training. */
export interface EvaluationSet {
  readonly name?: string;
  readonly x: Matrix;
  readonly y: ArrayLike<number>;
  readonly weights?: ArrayLike<number> | undefined;
}

/** Metrics after a round, per set and metric: `metrics.eval.logloss`. */
export interface RoundReport {
  /** Rounds done, from 1. */
  readonly round: number;
  readonly metrics: Readonly<Record<string, Readonly<Partial<Record<Metric, number>>>>>;
}

export interface EmbeddedOptions {
  readonly x: Matrix;
  readonly y: ArrayLike<number>;
  readonly weights?: ArrayLike<number> | undefined;
  readonly params: BoostingParams;
  readonly rounds: number;
  /** One set, or several; early stopping follows the last. */
  readonly evaluation?: EvaluationSet | readonly EvaluationSet[];
  /** Stop when the last metric of the last set has not improved for this many rounds; the best round is kept. */
  readonly earlyStopping?: number;
  /** Also report the metrics of the training rows, as set `train`. */
  readonly trainMetrics?: boolean;
  /** Threads to use; the result does not depend on it. Default 1. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** An abort after the first round ends training with the rounds so far. Default: it throws INTERRUPTED. */
  readonly keepOnAbort?: boolean;
  readonly onRound?: (report: RoundReport) => void;
  readonly featureNames?: readonly string[];
  /** What to do with constant or all-missing columns. Default `refuse`. */
  readonly unusableColumns?: 'refuse' | 'ignore';
}

export interface BoostingResult {
  readonly model: BoostedModel;
  /** One report per round that ran, also those after the best. */
  readonly history: readonly RoundReport[];
  /** Index of the best round (from 0); the last where early stopping is off. */
  readonly bestIteration: number;
  readonly engine: 'embedded' | 'native';
  readonly engineVersion: string;
}

const floats = (values: ArrayLike<number>): Float32Array =>
  values instanceof Float32Array ? values : Float32Array.from(values);

/** Checks all inputs and brings them into one form. */
export function prepareSets(
  o: Pick<EmbeddedOptions, 'x' | 'y' | 'weights' | 'evaluation' | 'featureNames'>,
  p: Pick<ResolvedParams, 'objective' | 'num_class'>,
): { train: LabelledMatrix; evaluation: (LabelledMatrix & { name: string })[] } {
  const set = (e: EvaluationSet, what: string): LabelledMatrix => {
    checkMatrix(e.x, what);
    const y = floats(e.y);
    const weights = e.weights === undefined ? undefined : floats(e.weights);
    checkLabels(p, y, weights, e.x.rows, what);
    return { x: e.x, y, weights };
  };
  const train = set(o, 'Training set');
  checkLearnable(p.objective, train.y, train.weights, 'Training set');
  const names = o.featureNames;
  if (names !== undefined && names.length !== o.x.cols)
    throw new QuantlineError('INPUT', `${names.length} feature names for ${o.x.cols} columns.`);
  const evaluation = [o.evaluation ?? []].flat().map((e, i) => {
    const name = e.name ?? (i === 0 ? 'eval' : `eval${i + 1}`);
    if (e.x.cols !== o.x.cols)
      throw new QuantlineError('MISMATCH', `Evaluation set ${name} has ${e.x.cols} columns, training ${o.x.cols}.`);
    if (e.x.rows === 0) throw new QuantlineError('NO_DATA', `Evaluation set ${name} has no rows.`);
    return { ...set(e, `Evaluation set ${name}`), name };
  });
  return { train, evaluation };
}

/** Follows the last metric of the last set and says when to stop. */
export class EarlyStopper {
  best = -1;
  score = Number.NaN;
  constructor(
    private readonly patience: number | undefined,
    private readonly maximise: boolean,
  ) {}

  /** Records the score of a round (from 0); true = stop. */
  update(round: number, score: number): boolean {
    if (this.patience !== undefined && Number.isNaN(score))
      throw new QuantlineError('NO_DATA', 'The metric that early stopping follows is not defined on its rows.', {
        hint: 'auc needs rows of both classes: use more rows, or follow logloss.',
      });
    const better = this.best < 0 || (this.maximise ? score > this.score : score < this.score);
    if (better) {
      this.best = round;
      this.score = score;
    }
    return this.patience !== undefined && round - this.best >= this.patience;
  }
}

/** Checks what both engines share beyond the data. */
export function checkRun(o: Pick<EmbeddedOptions, 'rounds' | 'earlyStopping' | 'threads'>, sets: number): void {
  const whole = (x: number | undefined): boolean => x === undefined || (Number.isInteger(x) && x >= 1);
  if (!whole(o.rounds)) throw new QuantlineError('CONFIG', `rounds is ${o.rounds}; it must be a positive integer.`);
  if (!whole(o.threads)) throw new QuantlineError('CONFIG', `threads is ${o.threads}; it must be a positive integer.`);
  if (!whole(o.earlyStopping))
    throw new QuantlineError('CONFIG', `earlyStopping is ${o.earlyStopping}; it must be a positive integer.`);
  if (o.earlyStopping !== undefined && sets === 0)
    throw new QuantlineError('CONFIG', 'Early stopping needs an evaluation set.', {
      hint: 'Give evaluation rows that are not in the training range.',
    });
}

/** The checks of quantize for an engine that does not report them: infinite cells, unusable columns. */
export function checkColumns(
  o: Pick<EmbeddedOptions, 'x' | 'featureNames' | 'unusableColumns'>,
  evaluation: readonly LabelledMatrix[],
): void {
  const columnName = (j: number): string => o.featureNames?.[j] ?? `f${j}`;
  const x = dense(o.x);
  refuseInfinities(x, columnName);
  const { row, column } = strides(x);
  const unusable: string[] = [];
  for (let j = 0; j < x.cols; j++) {
    let first = Number.NaN;
    let missing = false;
    let usable = false;
    // A column is usable with its second value, or with one beside a missing cell: mostly after a few rows.
    for (let i = 0; i < x.rows && !usable; i++) {
      const value = x.data[i * row + j * column]!;
      if (Number.isNaN(value)) missing = true;
      else if (Number.isNaN(first)) first = value;
      else if (value !== first) usable = true;
      if (missing && !Number.isNaN(first)) usable = true;
    }
    if (usable) continue;
    unusable.push(`${columnName(j)} (${Number.isNaN(first) ? 'all missing' : 'constant'})`);
  }
  refuseUnusable(unusable, x.cols, o.unusableColumns ?? 'refuse');
  for (const set of evaluation) refuseInfinities(dense(set.x), (j) => `${columnName(j)} of the evaluation set`);
}

/** An interruption between rounds. */
export function throwIfAborted(signal: AbortSignal | undefined, rounds: number): void {
  if (signal?.aborted)
    throw new QuantlineError('INTERRUPTED', `Training was stopped after ${rounds} rounds.`, { cause: signal.reason });
}

/**
 * Trains gradient-boosted trees with the histogram method (XGBoost's `tree_method=hist`, depth-wise). Equal inputs
 * give equal bits for every number of threads. Throws CONFIG for parameters, INPUT, QUALITY and NO_DATA for data,
 * INTERRUPTED when the signal aborts.
 */
export async function trainEmbedded(o: EmbeddedOptions): Promise<BoostingResult> {
  const p = resolveParams(o.params);
  const { train, evaluation } = prepareSets(o, p);
  checkRun(o, evaluation.length);
  throwIfAborted(o.signal, 0);
  const threads = o.threads ?? 1;
  const w = new Workspace(train, evaluation, p, threads);
  try {
    await w.pool.start(threads);
    const columnName = (j: number): string => o.featureNames?.[j] ?? `f${j}`;
    quantize(w, train, evaluation, { columnName, unusableColumns: o.unusableColumns ?? 'refuse' });
    const scores = baseScores(p, train.y, train.weights);
    initialise(w, scores);
    return await boost(w, o, p, scores, train, evaluation);
  } finally {
    await w.pool.close();
  }
}

function initialise(w: Workspace, scores: readonly number[]): void {
  const p = w.params;
  const s = w.shared.settings;
  w.f64.set([p.lambda, p.alpha, p.max_delta_step, p.min_child_weight], s / 8);
  w.f32[s / 4 + 16] = p.scale_pos_weight;
  scores.forEach((score, k) => {
    for (const set of [w.train, ...w.evaluation]) {
      const at = set.margins / 4 + k * set.rows;
      w.f32.fill(baseMargin(p.objective, score), at, at + set.rows);
    }
  });
}

async function boost(
  w: Workspace,
  o: EmbeddedOptions,
  p: ResolvedParams,
  scores: readonly number[],
  train: LabelledMatrix,
  evaluation: readonly (LabelledMatrix & { name: string })[],
): Promise<BoostingResult> {
  const trees: Tree[] = [];
  const history: RoundReport[] = [];
  const metric = p.eval_metric[p.eval_metric.length - 1]!;
  const stopper = new EarlyStopper(o.earlyStopping, isMaximised(metric));
  const follow = [
    ...(o.trainMetrics === true ? [{ name: 'train', set: w.train, data: train }] : []),
    ...evaluation.map((data, i) => ({ name: data.name, set: w.evaluation[i]!, data })),
  ];
  let ran = 0;
  for (let round = 0; round < o.rounds; round++) {
    boostRound(w, round, trees);
    ran = round + 1;
    const metrics: Record<string, Partial<Record<Metric, number>>> = {};
    for (const { name, set, data } of follow) metrics[name] = measure(w, p, set, data);
    const report: RoundReport = { round: ran, metrics };
    history.push(report);
    o.onRound?.(report);
    const last = evaluation[evaluation.length - 1];
    if (last !== undefined && stopper.update(round, metrics[last.name]![metric]!)) break;
    // Lets signals and the caller's timers in.
    await nextTurn();
    if (o.keepOnAbort === true && o.signal?.aborted === true) break;
    throwIfAborted(o.signal, ran);
  }
  const early = o.earlyStopping !== undefined;
  const bestIteration = early ? stopper.best : ran - 1;
  const attributes: Record<string, string> = early
    ? { best_iteration: String(bestIteration), best_score: String(stopper.score) }
    : {};
  const model = new BoostedModel({
    objective: p.objective,
    classes: p.num_class,
    features: w.cols,
    baseScores: scores,
    trees: trees.slice(0, (bestIteration + 1) * p.num_class),
    attributes,
    ...(o.featureNames === undefined ? {} : { featureNames: o.featureNames }),
    scalePosWeight: p.scale_pos_weight,
  });
  return { model, history, bestIteration, engine: 'embedded', engineVersion: EMBEDDED_VERSION };
}

function boostRound(w: Workspace, round: number, trees: Tree[]): void {
  const { rows, blocks } = w.shared;
  for (let b = 0; b < blocks; b++)
    w.pool.add(Task.pairs, b * w.block, Math.min((b + 1) * w.block, rows), w.pairMaxima + b * 8);
  w.pool.flush();
  for (let k = 0; k < w.params.num_class; k++) {
    const tree = growTree(w, k, round);
    w.evaluation.forEach((set) => {
      addTree(w, tree.builder, set, set.margins + k * set.rows * 4);
    });
    trees.push(tree.build());
  }
}

function measure(
  w: Workspace,
  p: ResolvedParams,
  set: { readonly rows: number; readonly margins: number },
  data: LabelledMatrix,
): Partial<Record<Metric, number>> {
  const at = set.margins / 4;
  const predictions = new Float32Array(w.f32.subarray(at, at + set.rows * p.num_class));
  transformMargins(p.objective, predictions, set.rows, p.num_class, 1, set.rows);
  const result: Partial<Record<Metric, number>> = {};
  for (const metric of p.eval_metric) result[metric] = evaluateMetric(metric, predictions, data.y, data.weights);
  return result;
}
