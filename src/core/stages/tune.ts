import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ARTIFACT_SCHEMAS, type Artifact, type ArtifactIdentity, buildId, type Json } from '../artifacts/index.js';
import { settingOf, type TuneOptions } from '../config/index.js';
import { openDataset } from '../data/open.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import {
  AshaPruner,
  GridSampler,
  MedianPruner,
  neverPrune,
  type ObjectiveContext,
  optimize,
  type ParameterValues,
  type Pruner,
  RandomSampler,
  Study,
  type StudyEvent,
  type StudyOptions,
} from '../learning/tuning/index.js';
import { rowsBetween, selectRows } from '../models/rows.js';
import type { Learner, TrainerModule } from '../models/trainer.js';
import { idOf } from '../platform/hash.js';
import { loadAdapter } from '../registry/index.js';
import { currentOwner, isServer, ownerIsGone, StudyJournal } from '../state/index.js';
import { rowsOf } from './compose/as-of.js';
import { composeFeatures, DEFAULT_FEATURES } from './compose/features.js';
import { FoldPool } from './compose/fold-pool.js';
import { crossValidate, foldsOf } from './compose/folds.js';
import { labelOf } from './compose/labels.js';
import { feedOf } from './compose/market.js';
import { learnerMarket } from './compose/money.js';
import { type Objective, objectiveOf } from './compose/objective.js';
import { learnerSettings } from './compose/recipe.js';
import { type FitOptions, type SplitOptions, schemeOf, type TrainingJob } from './compose/segments.js';
import { KEPT_SERIES, StudyTrials, seriesOf } from './compose/study-trials.js';
import { type ComposedTrainer, composeTrading, settingsOver } from './compose/trainer.js';
import { chosenOf, triedOf } from './compose/trial-identity.js';
import { shareOf } from './compose/tune-share.js';
import { checkSpace, readSpace } from './compose/tune-space.js';
import { TUNED_TEXT, trialsOf, writeTuned } from './compose/tune-study.js';
import type { Tuned } from './compose/tuned.js';
import type { Runtime } from './runtime.js';

export interface TuneResult {
  readonly artifact: Artifact;
  readonly reused: boolean;
  /** The best trials and the importance, for people. */
  readonly lines: readonly string[];
}

/** How often other workers' trials are looked at, and how often this one says that it lives; milliseconds. */
const WAIT = 200;
const RENEW = 60_000;
/** Errors that no other parameters would avoid. */
const FATAL = new Set(['BUG', 'NO_DATA', 'STATE', 'STORAGE', 'UNAVAILABLE', 'CREDENTIALS', 'INTERRUPTED']);

/** Where studies live: beside the artefacts, or on the server that the journal names. */
export const studyStore = (runtime: Runtime): string =>
  isServer(runtime.journal) ? runtime.journal : join(runtime.workspace, 'studies.sqlite');

/** `quantline tune`: searches a learner's settings on purged folds inside the training range. */
export async function tune(options: TuneOptions, runtime: Runtime): Promise<TuneResult> {
  if (options.data === undefined) throw usage('Which dataset?', 'Add --data; quantline ingest makes one.');
  if (options.trainer === undefined) throw usage('Which learner?', 'Add --trainer xgboost or another.');
  if (options.space === undefined) throw usage('Which search space?', 'Add --space space.yaml.');
  if (options.cv.name === 'walk-forward') {
    throw usage('Trials are judged on folds, not on walk-forward segments.', 'Write --cv purged(5).');
  }
  const share = shareOf(options, runtime);
  const dataArtifact = await runtime.artifacts.open('dataset', options.data);
  const dataset = await openDataset(runtime, dataArtifact);
  const composed = await composeTrading(options.trainer, options, options.param);
  const learner = learnerOf(composed);
  const features = await composeFeatures(options.features ?? DEFAULT_FEATURES, dataset.interval);
  const label = await labelOf(composed.name, learner, dataset, options.label?.text);
  const agent = learner.agent !== undefined;
  const file = await readSpace(resolve(options.space));
  const { module } = await loadAdapter<TrainerModule>('trainer', options.trainer.name);
  const keys = Object.keys(module.settings.shape);
  const call = options.trainer;
  const settingsWith = settingsOver(module, composed.settings);
  const { aliases } = module;
  const named = Object.keys(options.param).map((name) => settingOf(name, keys, aliases));
  const fixed = keys.filter((key, k) => k < call.args.length || named.includes(key));
  const space = checkSpace(file, { name: composed.name, settings: keys, aliases }, fixed, (name, value) =>
    settingsWith({ [name]: value }),
  );

  const usual = label.scoreKind === 'return' ? 'information_coefficient' : 'auc';
  const objective = objectiveOf(
    options.objective ?? [agent ? 'total_return' : usual],
    agent ? 'agent' : label.scoreKind,
    agent ? `the agent ${composed.name}` : `the label ${label.text}`,
  );
  const { metric, direction } = objective;
  const feed = feedOf(dataset);
  const market = await learnerMarket(options, learner, label, { dataset, feed });
  const engine = await learner.engineFor(options.engine, runtime.libraries);
  const trainLike = trainOptionsOf(options);
  // Folds are traded one by one where the objective asks for it; what a trial asks for is traded in one go as well.
  const traded = objective.figures.length > 0 ? { ...market, figures: objective.figures } : undefined;
  const { scheme, plans } = schemeOf(trainLike, feed, dataset);
  const plan = plans[0]!;
  const [from, to] = [feed.clock[plan.from]!, feed.clock[plan.to]!];
  runtime.progress.update('computing features');
  const all = rowsOf(dataset, features, label);
  const rows = selectRows(all, rowsBetween(all, from, to, to));

  const definition = {
    data: dataArtifact.id,
    trainer: { name: composed.sha256 === null ? composed.name : null, sha256: composed.sha256 },
    settings: composed.settings,
    features: features.identity,
    label: label.text,
    space,
    objective: metric,
    range: { from, to },
    cv: options.cv.text,
    embargo: options.embargo,
    rounds: options.rounds ?? null,
    rows: { weights: options.weights, balance: options.balance, select: options.select ?? null },
    trading: traded?.settings ?? chosenOf(market.settings),
    sampler: options.sampler === 'grid' ? `grid(${options.gridPoints ?? ''})` : options.sampler,
    pruner: options.pruner,
    seed: options.seed,
    engine,
    build: buildId(),
  };
  const name = options.study ?? idOf(definition);
  const mark = share === undefined ? '' : `|task ${share.index} of ${share.count}`;
  const journal = await StudyJournal.open<StudyEvent, Record<string, string | number | boolean>>(studyStore(runtime), {
    study: name,
    definition,
    owner: `${currentOwner()}${mark}`,
    // An earlier attempt at the same task has ended: a platform starts one at a time.
    gone: (owner) => ownerIsGone(owner) || (share !== undefined && owner.endsWith(mark)),
    ...(share !== undefined && { share }),
    now: () => runtime.clock.now(),
  });
  const tried = triedOf(
    dataset,
    dataset.instruments.map(({ id }) => id),
    {
      text: composed.text,
      settings: learnerSettings({ ...trainLike, cv: undefined }, composed, { features, label, scheme }),
      seed: options.seed,
    },
    market.settings,
  );
  const alive = setInterval(() => void journal.renew().catch(() => {}), RENEW);
  alive.unref();
  let pool: FoldPool | undefined;
  let counted: StudyTrials | undefined;
  try {
    counted = await StudyTrials.open(runtime, tried, settingsWith, options.trials <= KEPT_SERIES);
    const ledger = counted;
    const study = await Study.open({
      space,
      direction,
      seed: options.seed,
      storage: journal,
      pruner: prunerOf(options.pruner),
      ...samplerOf(options),
    });
    const before = study.trials.length;
    if (before > 0) {
      runtime.logger.info(`study ${name}: ${before} trials so far`);
      await ledger.enter(study.trials);
    }
    if (share !== undefined)
      runtime.logger.info(
        `task ${share.index} of ${share.count}: trials ${share.index}, ${share.index + share.count}, …`,
      );
    const { folds } = foldsOf(options.cv, rows, options.embargo);
    pool = FoldPool.for({ rows, engine: engine.name, runtime }, folds.length * (options.trials - before));
    const whole = await work(study, journal, options, runtime, async (parameters, { report, attributes }) => {
      const settings = settingsWith(parameters);
      const job = {
        learner: learnerOf({ ...composed, trainer: await module.create(settings) }),
        trainer: { name: composed.name, settings },
        pool,
        rows,
        label,
        engine: engine.name,
        options: trainLike,
        runtime,
        market: traded,
      };
      let asked: Float64Array | undefined;
      try {
        return await meanOverFolds(job, objective, report, (outOfFold) => {
          asked = outOfFold;
        });
      } finally {
        // A pruned or failed trial has the returns of the folds that it got to; one that was stopped is run again.
        if (asked !== undefined && !runtime.signal.aborted) {
          Object.assign(attributes, await ledger.count(parameters, market, rows, asked));
        }
      }
    });
    await ledger.enter(study.trials);
    if (!whole) {
      const ended = study.trials.filter(({ state }) => state !== 'running').length;
      runtime.logger.info(
        `this task is done; ${ended} of ${options.trials} trials of the study are. The other tasks, or the same command with --tasks 1, go on.`,
      );
    }
    const best = study.best;
    if (best === undefined) {
      const reason = study.trials.find((trial) => trial.reason !== undefined)?.reason;
      throw new QuantlineError(
        'NO_DATA',
        `No trial of the study ${name} was completed${reason ? `: ${reason}` : ''}.`,
        {
          hint: 'Narrow the search space, take another --objective, or name another study.',
        },
      );
    }
    const document: Tuned = {
      schema: 1,
      kind: 'tuning',
      objective: { metric, direction },
      trainer: { name: composed.name, sha256: composed.sha256 },
      features: features.text,
      label: label.text,
      cv: options.cv.text,
      rounds: options.rounds ?? null,
      sampler: definition.sampler,
      pruner: options.pruner,
      seed: options.seed,
      space: { ...space },
      range: { from, to, rows: rows.rows },
      best: {
        trial: best.number,
        value: best.value!,
        parameters: { ...best.parameters },
        settings: settingsWith(best.parameters),
      },
      importance: study.importance(),
      tried,
      trials: trialsOf(study.trials),
    };
    const identity: ArtifactIdentity = {
      kind: 'study',
      schema: ARTIFACT_SCHEMAS.study,
      stage: 'tune',
      // Workers that propose side by side know different results: what was tried is part of the identity.
      settings: { ...definition, trials: idOf(document.trials) } as unknown as Json,
      inputs: [{ kind: 'dataset', id: dataArtifact.id }],
      seed: options.seed,
      engine,
      build: buildId(),
    };
    const created = await runtime.artifacts.create(
      identity,
      (folder) => writeTuned(folder, document, seriesOf(study.trials)),
      {
        signal: runtime.signal,
      },
    );
    runtime.progress.end();
    if (options.study !== undefined) {
      await runtime.artifacts.tag(options.study, { kind: 'study', id: created.artifact.id });
    }
    runtime.logger.info(`trial ledger: ${ledger.counted} new trials`);
    const text = await readFile(created.artifact.file(TUNED_TEXT), 'utf8');
    return { ...created, lines: text.trimEnd().split('\n') };
  } finally {
    clearInterval(alive);
    await pool?.close();
    await counted?.close();
    await journal.release().finally(() => journal.close());
  }
}

/**
 * Runs trials until the study has enough and no other worker is at one; a worker's that died meanwhile are run here. False
 * where the trials of other tasks are left.
 */
async function work(
  study: Study,
  journal: { running(): Promise<number>; unclaimed(limit: number): Promise<number> },
  { trials }: TuneOptions,
  runtime: Runtime,
  objective: (parameters: ParameterValues, context: ObjectiveContext) => Promise<number>,
): Promise<boolean> {
  for (let waited = false; ; waited = true) {
    await optimize(study, objective, {
      trials,
      signal: runtime.signal,
      fatal: (error) => isQuantlineError(error) && FATAL.has(error.code) && error.details['objective'] === undefined,
      onTrial: ({ number, state, value, reason }) => {
        const outcome = reason ?? value?.toPrecision(6) ?? '';
        runtime.logger.info(`trial ${number} of ${trials}: ${state} ${outcome}`);
      },
    });
    runtime.signal.throwIfAborted();
    const others = await journal.running();
    // Other tasks have not got to all of theirs, or will only be started when this one has ended.
    const left = (await journal.unclaimed(study.limit(trials))) > 0;
    if (left || others === 0) {
      await study.sync();
      return !left;
    }
    if (!waited) runtime.logger.info(`waiting for ${others} trials of other workers`);
    await runtime.clock.sleep(WAIT, runtime.signal);
  }
}

async function meanOverFolds(
  job: TrainingJob,
  objective: Objective,
  report: (step: number, value: number) => Promise<void>,
  onAsked: (outOfFold: Float64Array) => void,
): Promise<number> {
  let sum = 0;
  const { folds } = await crossValidate(job, async ({ metrics }, done, _, outOfFold) => {
    onAsked(outOfFold);
    const value = objective.of(metrics);
    if (!Number.isFinite(value)) {
      // Of these parameters alone: a penalty that leaves one score for all bars has no rank correlation.
      throw new QuantlineError('NO_DATA', `${objective.metric} of fold ${done} is ${value}`, {
        hint: 'Narrow the search space, or take another --objective.',
        details: { objective: objective.metric, fold: done },
      });
    }
    sum += value;
    await report(done, sum / done);
  });
  return sum / folds.length;
}

function learnerOf(composed: ComposedTrainer): Learner {
  if (composed.trainer.kind === 'learner') return composed.trainer;
  throw usage(
    `${composed.name} is a rule: it is not trained.`,
    'A rule’s settings are searched by quantline backtest --sweep.',
  );
}

/** What the folds and the split read of `train`'s options. */
const trainOptionsOf = (options: TuneOptions): SplitOptions & FitOptions => ({
  ...{ split: options.split, cv: options.cv, embargo: options.embargo, seed: options.seed },
  ...{ rounds: options.rounds, weights: options.weights, balance: options.balance, select: options.select },
});

function prunerOf(name: TuneOptions['pruner']): Pruner {
  if (name === 'median') return new MedianPruner();
  return name === 'asha' ? new AshaPruner({ reductionFactor: 2 }) : neverPrune;
}

function samplerOf({ sampler, gridPoints }: TuneOptions): Pick<StudyOptions, 'sampler'> {
  if (sampler === 'random') return { sampler: (axes) => new RandomSampler(axes) };
  if (sampler === 'grid') return { sampler: (axes) => new GridSampler(axes, gridPoints) };
  return {};
}

const usage = (message: string, hint: string): QuantlineError => new QuantlineError('USAGE', message, { hint });
