import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARTIFACT_SCHEMAS, type Artifact, type ArtifactIdentity, buildId, type Json } from '../artifacts/index.js';
import type { Call, TrainOptions } from '../config/index.js';
import type { OpenDataset } from '../data/dataset.js';
import { openDataset } from '../data/open.js';
import { QuantlineError } from '../errors/index.js';
import type { FeatureSet, Label } from '../features/index.js';
import type { ModelFile } from '../models/model-file.js';
import type { TrainingRows } from '../models/trainer.js';
import { rowsOf } from './compose/as-of.js';
import { composeFeatures, DEFAULT_FEATURES } from './compose/features.js';
import { type CrossValidation, crossValidate } from './compose/folds.js';
import { labelOf } from './compose/labels.js';
import { feedOf } from './compose/market.js';
import { MODEL_FILE } from './compose/model.js';
import { modelSummary, readTrainingReport, type TrainingReport, writeModel } from './compose/model-writer.js';
import { learnerMarket } from './compose/money.js';
import { writePathScores } from './compose/paths.js';
import { learnerSettings, trainerIdentity } from './compose/recipe.js';
import { type FittedSegment, fitSegments, schemeOf } from './compose/segments.js';
import { type ComposedTrainer, composeTrading, sayHow } from './compose/trainer.js';
import { triedOf } from './compose/trial-identity.js';
import { countScores } from './compose/trials.js';
import { checkTuned, checkUnseen, countTuned, type OpenTuned, openTuned } from './compose/tuned.js';
import type { Runtime } from './runtime.js';

export interface TrainResult extends TrainingReport {
  readonly artifact: Artifact;
  readonly reused: boolean;
  /** Why nothing was trained where a model was young enough. */
  readonly kept?: string;
}

/** `quantline train`: a rule becomes a model as it is; a learner is fitted segment by segment. */
export async function train(options: TrainOptions, runtime: Runtime): Promise<TrainResult> {
  if (options.data === undefined) throw usage('Which dataset?', 'Add --data; quantline ingest makes one.');
  if (options.trainer === undefined) throw usage('Which trainer?', "Add --trainer 'sma-cross(10,30)' or another.");
  const artifact = await runtime.artifacts.open('dataset', options.data);
  const dataset = await openDataset(runtime, artifact);
  const tuned = options.study === undefined ? undefined : await openTuned(runtime, options.study);
  const composed = await composeTuned(options, options.trainer, tuned);
  const result =
    composed.trainer.kind === 'rule'
      ? await saveRule(options, runtime, dataset, composed)
      : await trainLearner(options, runtime, dataset, composed, tuned);
  runtime.progress.end();
  if (options.tag !== undefined) await runtime.artifacts.tag(options.tag, { kind: 'model', id: result.artifact.id });
  return result;
}

/** The trainer, with a study's best settings where nothing else was said. */
async function composeTuned(options: TrainOptions, call: Call, tuned: OpenTuned | undefined): Promise<ComposedTrainer> {
  const plain = await composeTrading(call, options, options.param);
  if (tuned === undefined) return plain;
  if (plain.trainer.kind === 'rule') return plain;
  const { name, sha256 } = tuned.study.trainer;
  const same = plain.sha256 === null ? plain.name === name : plain.sha256 === sha256;
  // Settings of another trainer mean nothing to this one; the check with features and label refuses it below.
  return same ? composeTrading(call, options, options.param, tuned.study.best.settings) : plain;
}

async function saveRule(
  options: TrainOptions,
  runtime: Runtime,
  dataset: OpenDataset,
  composed: ComposedTrainer,
): Promise<TrainResult> {
  const rule = composed.trainer;
  if (rule.kind !== 'rule') throw new QuantlineError('BUG', 'not a rule');
  for (const option of ['features', 'label', 'split', 'cv', 'rounds', 'study', 'select'] as const) {
    if (options[option] !== undefined) {
      throw usage(`--${option} does not apply to the rule ${composed.name}: it is not trained.`, 'Leave it out.');
    }
  }
  if (options.calibrate === 'platt') {
    throw usage(
      `--calibrate platt does not apply to the rule ${composed.name}: there are no probabilities.`,
      'Leave it out.',
    );
  }
  const file: ModelFile = {
    ...common(dataset, composed),
    kind: 'rule',
    // A JavaScript module may leave it out.
    short: rule.short === true,
    scoreKind: 'position',
    features: null,
    label: null,
    columns: [],
    segments: [],
    maxModelAge: null,
    warmup: rule.warmup,
    memory: Number.isFinite(rule.memory) ? rule.memory : null,
  };
  const identity = identityOf(dataset, { trainer: trainerIdentity(composed) });
  const created = await runtime.artifacts.create(
    identity,
    async (folder) => {
      await writeFile(join(folder, MODEL_FILE), `${JSON.stringify(file, null, 1)}\n`);
      return { summary: modelSummary(file, dataset, []) };
    },
    { force: options.force, signal: runtime.signal },
  );
  return { ...created, segments: [], folds: [], paths: null };
}

async function trainLearner(
  given: TrainOptions,
  runtime: Runtime,
  dataset: OpenDataset,
  composed: ComposedTrainer,
  tuned: OpenTuned | undefined,
): Promise<TrainResult> {
  const options = { ...given, rounds: given.rounds ?? tuned?.study.rounds ?? undefined };
  const learner = composed.trainer;
  if (learner.kind !== 'learner') throw new QuantlineError('BUG', 'not a learner');
  if (learner.agent !== undefined && options.rounds !== undefined) {
    throw usage(`--rounds does not apply to the agent ${composed.name}.`, 'Write --param steps=50000.');
  }
  const features = await composeFeatures(
    options.features ?? tuned?.study.features ?? DEFAULT_FEATURES,
    dataset.interval,
  );
  const label = await labelOf(composed.name, learner, dataset, options.label?.text, tuned?.study.label);
  if (options.calibrate === 'platt' && (learner.agent !== undefined || label.scoreKind !== 'probability')) {
    const whose = learner.agent === undefined ? `the label ${label.text}` : `the agent ${composed.name}`;
    throw usage(`--calibrate platt does not apply to ${whose}: there are no probabilities.`, 'Leave it out.');
  }
  if (tuned !== undefined) {
    checkTuned(tuned, composed, features.text, label.text);
    await countTuned(tuned, composed.name, runtime);
    const changed = Object.entries(tuned.study.best.parameters).filter(
      ([key, best]) => composed.settings[key] !== best,
    );
    for (const [key] of changed) {
      runtime.logger.warn(`${key} is ${String(composed.settings[key])} as asked for, not the study's best.`);
    }
  }
  const engine = await learner.engineFor(options.engine, runtime.libraries);
  sayHow(composed, engine, runtime);
  const feed = feedOf(dataset);
  const market = await learnerMarket(options, learner, label, { dataset, feed });
  const plan = schemeOf(options, feed, dataset);
  if (tuned !== undefined) checkUnseen(tuned, feed.clock[plan.plans[0]!.start]!);
  const settings = learnerSettings(options, composed, { features, label, scheme: plan.scheme });
  const ids = dataset.instruments.map(({ id }) => id);
  const tried = triedOf(dataset, ids, { text: composed.text, settings, seed: options.seed }, market.settings);
  const identity: ArtifactIdentity = {
    ...identityOf(dataset, {
      ...settings,
      // What the metrics of folds and segments rest on, and nothing else of the model.
      ...(learner.agent === undefined && { trading: market.settings as unknown as Json }),
    }),
    inputs: [
      { kind: 'dataset', id: dataset.artifact.id },
      ...(tuned === undefined ? [] : [{ kind: 'study' as const, id: tuned.artifact.id }]),
    ],
    seed: options.seed,
    engine,
  };
  let report: TrainingReport = { segments: [], folds: [], paths: null };
  let made:
    | (Pick<CrossValidation, 'pathScores'> & {
        readonly file: ModelFile;
        readonly fitted: readonly FittedSegment[];
        readonly rows: TrainingRows;
      })
    | undefined;
  const write = async (folder: string, { file, fitted, rows, pathScores }: NonNullable<typeof made>) => {
    if (pathScores.length > 0) await writePathScores(folder, rows, pathScores);
    await writeModel(folder, file, fitted, report);
    return { summary: modelSummary(file, dataset, report.segments) };
  };
  const creating = runtime.artifacts.create(
    identity,
    async (folder) => {
      runtime.progress.update('computing features');
      const rows = rowsOf(dataset, features, label);
      const trainer = { name: composed.name, settings: composed.settings };
      const job = { learner, trainer, rows, label, engine: engine.name, options, runtime };
      const judged = { ...job, market: learner.agent === undefined ? market : undefined };
      const { folds, paths, pathScores, outOfFold } = await crossValidate(judged);
      const fitted = await fitSegments(judged, plan, feed);
      // Before the model is there: a kill leaves nothing that was seen and not counted.
      await countScores(runtime, tried, market, rows, outOfSample(fitted, outOfFold));
      report = { segments: fitted.map((one) => one.report), folds, paths };
      const file = learnerFile(
        options,
        dataset,
        composed,
        features,
        label,
        fitted.map((one) => one.segment),
      );
      made = { file, fitted, rows, pathScores };
      return write(folder, made);
    },
    { force: options.force, signal: runtime.signal },
  );
  const created = await creating.catch((error: unknown) => {
    if (!options.keepBest || !runtime.signal.aborted || made === undefined) throw error;
    // Not what was asked for: a model of its own, that says after how many rounds it was stopped.
    const rounds = made.fitted.map((one) => one.report.history.length);
    runtime.logger.warn(`Stopped after ${rounds.at(-1)} rounds; the best so far is kept.`);
    const settings = { ...(identity.settings as Readonly<Record<string, Json>>), stopped_after: rounds };
    return runtime.artifacts.create({ ...identity, settings }, (folder) => write(folder, made!), { force: true });
  });
  if (created.reused) report = await readTrainingReport(created.artifact);
  return { ...created, ...report };
}

/** What the segments ask for on the bars that they are valid for, or where they have none the folds on theirs. */
function outOfSample(fitted: readonly FittedSegment[], outOfFold: Float64Array): Float64Array {
  const asked = new Float64Array(outOfFold.length).fill(Number.NaN);
  for (const segment of fitted) segment.valid.forEach((r, k) => void (asked[r] = segment.asked[k]!));
  return asked.every(Number.isNaN) ? outOfFold : asked;
}

function learnerFile(
  options: TrainOptions,
  dataset: OpenDataset,
  composed: ComposedTrainer,
  features: FeatureSet,
  label: Label,
  segments: ModelFile['segments'],
): ModelFile {
  const agent = composed.trainer.kind === 'learner' ? composed.trainer.agent : undefined;
  return {
    ...common(dataset, composed),
    kind: 'learner',
    short: agent?.short ?? false,
    scoreKind: agent === undefined ? label.scoreKind : 'target',
    features: features.text,
    label: agent === undefined ? label.text : null,
    columns: [...features.columns],
    segments,
    maxModelAge: options.maxModelAge ?? null,
    warmup: features.warmup,
    memory: features.memory,
  };
}

function common(dataset: OpenDataset, composed: ComposedTrainer) {
  return {
    schema: 1 as const,
    trainer: {
      name: composed.name,
      text: composed.text,
      settings: { ...composed.settings },
      sha256: composed.sha256,
    },
    interval: dataset.interval,
    scope: dataset.scope,
    instruments: dataset.instruments.map(({ id }) => id),
  };
}

function identityOf(dataset: OpenDataset, settings: Json): ArtifactIdentity {
  return {
    kind: 'model',
    schema: ARTIFACT_SCHEMAS.model,
    stage: 'train',
    settings,
    inputs: [{ kind: 'dataset', id: dataset.artifact.id }],
    build: buildId(),
  };
}

const usage = (message: string, hint: string): QuantlineError => new QuantlineError('USAGE', message, { hint });
