import { setImmediate as nextTurn } from 'node:timers/promises';
import { QuantlineError } from '../../../errors/index.js';
import { fromXgboostJson } from '../json.js';
import { dense, type Matrix } from '../matrix.js';
import { isMaximised } from '../metrics.js';
import { BoostedModel } from '../model.js';
import { type BoostingParams, METRICS, type Metric } from '../params.js';
import {
  type BoostingResult,
  checkColumns,
  checkRun,
  EarlyStopper,
  type EmbeddedOptions,
  prepareSets,
  type RoundReport,
  throwIfAborted,
} from '../train.js';
import type { LabelledMatrix } from '../workspace.js';
import { openXgboost, type XgboostLibrary } from './library.js';
import { checkedParams, type NativeParams, textOf } from './parameters.js';

export interface NativeOptions extends Omit<EmbeddedOptions, 'params'> {
  readonly params: BoostingParams | NativeParams;
  /** File or folder of the library; see libraryCandidates. */
  readonly library?: string;
  readonly prefixes?: readonly string[];
}

/** Trains with XGBoost's own library; the result is the same kind of model. Throws as trainEmbedded does. */
export async function trainNative(o: NativeOptions): Promise<BoostingResult> {
  const { params, objective } = checkedParams(o.params);
  const classes = objective === 'multi:softprob' ? (params.num_class ?? 0) : 1;
  if (objective === 'multi:softprob' && !(Number.isInteger(classes) && classes >= 2))
    throw new QuantlineError(
      'CONFIG',
      `num_class is ${classes}; it must be an integer of at least 2 for ${objective}.`,
    );
  const { train, evaluation } = prepareSets(o, { objective, num_class: classes });
  checkRun(o, evaluation.length);
  checkColumns(o, evaluation);
  throwIfAborted(o.signal, 0);
  const xgboost = await openXgboost(o);
  const session = new Session(xgboost, o.threads ?? 1);
  try {
    return await run(session, { ...o, params }, train, evaluation);
  } finally {
    session.free();
  }
}

async function run(
  session: Session,
  o: NativeOptions & { readonly params: NativeParams },
  train: LabelledMatrix,
  evaluation: readonly (LabelledMatrix & { name: string })[],
): Promise<BoostingResult> {
  const dtrain = session.matrix(train);
  const sets = evaluation.map((e) => ({ name: e.name, handle: session.matrix(e) }));
  if (o.trainMetrics === true) sets.unshift({ name: 'train', handle: dtrain });
  const booster = session.booster([dtrain, ...sets.map((set) => set.handle)]);
  const { eval_metric, ...rest } = o.params;
  const settings: Record<string, unknown> = { tree_method: 'hist', verbosity: 0, ...rest, nthread: o.threads ?? 1 };
  for (const [name, value] of Object.entries(settings))
    if (value !== undefined) session.set(booster, name, textOf(value));
  for (const metric of [eval_metric ?? []].flat()) session.set(booster, 'eval_metric', metric);
  const history: RoundReport[] = [];
  let stopper: EarlyStopper | undefined;
  // Later rounds of dart change the weight of earlier trees: its best round is a model of its own.
  const dart = o.params['booster'] === 'dart' && o.earlyStopping !== undefined;
  let best: string | undefined;
  let ran = 0;
  for (let round = 0; round < o.rounds; round++) {
    session.call('XGBoosterUpdateOneIter', booster, round, dtrain);
    if (round === 0) checkDevice(session.device(booster), o.params['device']);
    ran = round + 1;
    const { metrics, lastMetric } = sets.length === 0 ? NO_METRICS : session.evaluate(booster, round, sets);
    const report: RoundReport = { round: ran, metrics };
    history.push(report);
    o.onRound?.(report);
    const last = evaluation[evaluation.length - 1];
    if (last !== undefined && lastMetric !== undefined) {
      stopper ??= new EarlyStopper(o.earlyStopping, isMaximisedName(lastMetric));
      const stop = stopper.update(round, metrics[last.name]![lastMetric as Metric]!);
      if (dart && stopper.best === round) best = session.save(booster);
      if (stop) break;
    }
    await nextTurn();
    if (o.keepOnAbort === true && o.signal?.aborted === true) break;
    throwIfAborted(o.signal, ran);
  }
  const model = fromXgboostJson(best ?? session.save(booster));
  const early = o.earlyStopping !== undefined && stopper !== undefined;
  const bestIteration = early ? stopper!.best : ran - 1;
  const trees = model.trees.slice(0, (bestIteration + 1) * model.classes * model.parallelTrees);
  const attributes = early
    ? { ...model.attributes, best_iteration: String(bestIteration), best_score: String(stopper!.score) }
    : model.attributes;
  return {
    model: new BoostedModel({ ...model, trees, attributes, featureNames: o.featureNames ?? [] }),
    history,
    bestIteration,
    engine: 'native',
    engineVersion: session.xgboost.version,
  };
}

const NO_METRICS = { metrics: {}, lastMetric: undefined };

/** CONFIG where the library went back to the processor, with no more than a warning: no CUDA in it, or no such device. */
function checkDevice(used: string | undefined, asked: unknown): void {
  if (asked === undefined || used === asked || (used !== undefined && !used.startsWith('cpu'))) return;
  throw new QuantlineError('CONFIG', `device ${String(asked)} is not to be had: XGBoost computes on the processor.`, {
    hint: 'Leave device out, or install an XGBoost with CUDA and its driver.',
  });
}

/** Metrics of the library beyond METRICS that grow with quality. */
const MAXIMISED = ['aucpr', 'map', 'ndcg', 'pre'];
const isMaximisedName = (name: string): boolean =>
  (METRICS as readonly string[]).includes(name)
    ? isMaximised(name as Metric)
    : MAXIMISED.some((prefix) => name.startsWith(prefix));

/** Handles of one training, freed together. */
class Session {
  private readonly matrices: unknown[] = [];
  private readonly boosters: unknown[] = [];
  constructor(
    readonly xgboost: XgboostLibrary,
    private readonly threads: number,
  ) {}

  call: XgboostLibrary['call'] = (name, ...args) => this.xgboost.call(name, ...args);

  matrix(set: LabelledMatrix): unknown {
    const x = rowMajor(set.x);
    const out: unknown[] = [null];
    this.call('XGDMatrixCreateFromMat_omp', x.data, x.rows, x.cols, Number.NaN, out, this.threads);
    const handle = out[0];
    this.matrices.push(handle);
    this.call('XGDMatrixSetFloatInfo', handle, 'label', set.y, set.y.length);
    if (set.weights !== undefined)
      this.call('XGDMatrixSetFloatInfo', handle, 'weight', set.weights, set.weights.length);
    return handle;
  }

  booster(matrices: readonly unknown[]): unknown {
    const out: unknown[] = [null];
    this.call('XGBoosterCreate', [...matrices], matrices.length, out);
    this.boosters.push(out[0]);
    return out[0];
  }

  set(booster: unknown, name: string, value: string): void {
    this.call('XGBoosterSetParam', booster, name, value);
  }

  /** Parses `[0]\tname-metric:value\t…`. */
  evaluate(
    booster: unknown,
    round: number,
    sets: readonly { readonly name: string; readonly handle: unknown }[],
  ): { metrics: RoundReport['metrics']; lastMetric: string | undefined } {
    const out: unknown[] = [null];
    const handles = sets.map((set) => set.handle);
    // Numbers instead of names: a name may hold the separators.
    const names = sets.map((_, i) => String(i));
    this.call('XGBoosterEvalOneIter', booster, round, handles, names, sets.length, out);
    const metrics: Record<string, Record<string, number>> = Object.fromEntries(sets.map((set) => [set.name, {}]));
    let lastMetric: string | undefined;
    for (const part of String(out[0]).split('\t').slice(1)) {
      const [, index, metric, value] = /^(\d+)-(.+):([^:]+)$/.exec(part) ?? [];
      if (metric === undefined) continue;
      metrics[sets[Number(index)]!.name]![metric] = Number(value);
      lastMetric = metric;
    }
    return { metrics, lastMetric };
  }

  /** The device that the library really uses. */
  device(booster: unknown): string | undefined {
    const [length, out]: unknown[][] = [[0], [null]];
    this.call('XGBoosterSaveJsonConfig', booster, length, out);
    const config = JSON.parse(String(out![0])) as { learner?: { generic_param?: { device?: string } } };
    return config.learner?.generic_param?.device;
  }

  save(booster: unknown): string {
    const length: unknown[] = [0];
    const out: unknown[] = [null];
    this.call('XGBoosterSaveModelToBuffer', booster, '{"format":"json"}', length, out);
    const bytes = this.xgboost.decode(out[0], 'uint8_t', Number(length[0])) as Uint8Array | number[];
    return Buffer.from(bytes).toString('utf8');
  }

  free(): void {
    for (const handle of this.boosters.splice(0)) this.call('XGBoosterFree', handle);
    for (const handle of this.matrices.splice(0)) this.call('XGDMatrixFree', handle);
  }
}

function rowMajor(x: Matrix): { data: Float32Array; rows: number; cols: number } {
  const d = dense(x);
  if (d.layout !== 'column') return d;
  const data = new Float32Array(d.data.length);
  for (let j = 0; j < d.cols; j++) for (let i = 0; i < d.rows; i++) data[i * d.cols + j] = d.data[j * d.rows + i]!;
  return { data, rows: d.rows, cols: d.cols };
}
