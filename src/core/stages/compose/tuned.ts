import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Artifact } from '../../artifacts/index.js';
import { QuantlineError } from '../../errors/index.js';
import type { StudyReturns } from '../../evaluation/index.js';
import type { TrainerModule } from '../../models/trainer.js';
import { isoTime } from '../../platform/index.js';
import { readParquet } from '../../platform/parquet.js';
import { loadAdapter } from '../../registry/index.js';
import type { Runtime } from '../runtime.js';
import { StudyTrials } from './study-trials.js';
import { type ComposedTrainer, settingsOver } from './trainer.js';
import { trainerSettings } from './trial-identity.js';

/** The document of a tuning study. */
export const TUNED_FILE = 'study.json';

/** Session returns out of sample of its complete trials, a column a trial, all over the same sessions. */
export const RETURNS_FILE = 'returns.parquet';

const value = z.union([z.string(), z.number(), z.boolean()]);
const trial = z.strictObject({
  number: z.int(),
  state: z.enum(['complete', 'pruned', 'failed', 'running']),
  value: z.number().nullable(),
  parameters: z.record(z.string(), value),
  /** Mean objective over the folds so far, by folds done. */
  reports: z.array(z.strictObject({ step: z.int(), value: z.number().nullable() })),
  reason: z.string().nullable(),
  /** Out of sample, of the folds that it got to: Sharpe ratio per session. null: it had none. */
  returns: z.strictObject({ sharpe: z.number().nullable(), sessions: z.int() }).nullable(),
});

/** The combination that trials share, as the trial ledger knows it. */
const tried = z.strictObject({
  identity: z.strictObject({
    source: z.string(),
    instruments: z.array(z.string()).readonly(),
    interval: z.string(),
    strategy: z.string(),
    settings: z.unknown(),
    seed: z.int().optional(),
  }),
  written: z.string(),
});

export const tunedSchema = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('tuning'),
  objective: z.strictObject({ metric: z.string(), direction: z.enum(['minimize', 'maximize']) }),
  trainer: z.strictObject({ name: z.string(), sha256: z.string().nullable() }),
  features: z.string(),
  label: z.string(),
  cv: z.string(),
  rounds: z.int().nullable(),
  sampler: z.string(),
  pruner: z.string(),
  seed: z.int(),
  space: z.record(z.string(), z.unknown()),
  /** Range of the rows that trials were judged on; no label in it ends after `to`. Epoch milliseconds. */
  range: z.strictObject({ from: z.number(), to: z.number(), rows: z.int() }),
  best: z.strictObject({
    trial: z.int(),
    value: z.number(),
    parameters: z.record(z.string(), value),
    /** All settings of the trainer in that trial, fixed ones and defaults included. */
    settings: z.record(z.string(), z.unknown()),
  }),
  /** Share of each parameter in what makes trials good; empty with fewer than 10 complete trials. */
  importance: z.record(z.string(), z.number()),
  tried,
  trials: z.array(trial),
});
export type Tuned = z.output<typeof tunedSchema>;

export interface OpenTuned {
  readonly artifact: Artifact;
  readonly study: Tuned;
}

/** Opens a tuning study. ARTIFACT_KIND for another artefact or a sweep, ARTIFACT_CORRUPT for what cannot be read. */
export async function openTuned(runtime: Runtime, reference: string): Promise<OpenTuned> {
  const artifact = await runtime.artifacts.open('study', reference);
  if (artifact.manifest.stage !== 'tune') {
    throw new QuantlineError(
      'ARTIFACT_KIND',
      `${reference} is a study of "${artifact.manifest.stage}", not of tuning.`,
      {
        hint: 'Name a study that quantline tune wrote.',
        details: { path: artifact.path },
      },
    );
  }
  const path = artifact.file(TUNED_FILE);
  try {
    return { artifact, study: tunedSchema.parse(JSON.parse(await readFile(path, 'utf8'))) };
  } catch (cause) {
    throw new QuantlineError('ARTIFACT_CORRUPT', `${path} is not the document of a tuning study.`, {
      hint: 'It was written by another version; run quantline tune again.',
      cause,
    });
  }
}

/**
 * Series of returns among which the parameters of a model were chosen, where a study chose them; `none` says why there are
 * none.
 */
export async function tunedReturns(runtime: Runtime, model: Artifact): Promise<StudyReturns | undefined> {
  const input = model.manifest.inputs.find(({ kind }) => kind === 'study');
  if (input === undefined) return undefined;
  const study = await runtime.artifacts.openInput(model, 'study');
  if (study.manifest.files[RETURNS_FILE] === undefined)
    return { columns: [], none: 'its study kept no returns of its trials' };
  return { columns: Object.values(await readParquet(study.file(RETURNS_FILE))) as Float64Array[] };
}

/** Refuses a study whose parameters were found for something else. */
export function checkTuned(
  { artifact, study }: OpenTuned,
  composed: ComposedTrainer,
  features: string,
  label: string,
): void {
  const foreign = (what: string, theirs: string, ours: string) =>
    new QuantlineError('MISMATCH', `The study ${artifact.id} tuned ${what} ${theirs}; this is ${ours}.`, {
      hint: `Train with the study's ${what}, or tune again.`,
      details: { study: artifact.id, [what]: theirs },
    });
  if (study.trainer.sha256 !== composed.sha256 || (composed.sha256 === null && study.trainer.name !== composed.name)) {
    const changed = study.trainer.name === composed.name ? 'another version of it' : composed.name;
    throw foreign('trainer', study.trainer.name, changed);
  }
  if (study.features !== features) throw foreign('features', study.features, features);
  if (study.label !== label) throw foreign('label', study.label, label);
}

/** Counts the trials of a study in this user's ledger, wherever it was run. */
export async function countTuned({ study }: OpenTuned, trainer: string, runtime: Runtime): Promise<void> {
  const { module } = await loadAdapter<TrainerModule>('trainer', trainer);
  const trials = await StudyTrials.open(runtime, study.tried, settingsOver(module, trainerSettings(study.tried)));
  try {
    await trials.enter(study.trials.map(({ parameters, returns }) => ({ parameters, attributes: returns ?? {} })));
  } finally {
    await trials.close();
  }
}

/** Refuses to score bars that the choice of the parameters has seen. */
export function checkUnseen({ artifact, study }: OpenTuned, validFrom: number): void {
  if (study.range.to <= validFrom) return;
  throw new QuantlineError(
    'LEAKAGE',
    `The study ${artifact.id} chose its parameters on bars to ${isoTime(study.range.to)}; the model would be scored from ${isoTime(validFrom)}.`,
    {
      hint: 'Tune with a --split that ends where the first training range of the model ends, or train with a later --split.',
      details: { study: artifact.id, tuned_to: isoTime(study.range.to), valid_from: isoTime(validFrom) },
    },
  );
}
