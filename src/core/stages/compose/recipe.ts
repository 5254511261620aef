import { z } from 'zod';
import type { Artifact, Json } from '../../artifacts/index.js';
import type { TrainOptions } from '../../config/index.js';
import { type OpenDataset, sameMarket } from '../../data/dataset.js';
import { firstTickAt, type MarketFeed } from '../../engine/feed.js';
import { QuantlineError } from '../../errors/index.js';
import type { FeatureSet, Label } from '../../features/index.js';
import { planSegments, type SegmentPlan, type SegmentScheme } from '../../models/segments.js';
import { isoTime } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';
import { type OpenModel, openModel } from './model.js';
import type { FitOptions } from './segments.js';
import type { ComposedTrainer } from './trainer.js';

/** What of a learner's manifest says how it was fitted. */
const settingsSchema = z.looseObject({
  scheme: z.looseObject({ kind: z.enum(['split', 'split-at', 'walk-forward']), anchored: z.boolean().optional() }),
  embargo: z.number(),
  rounds: z.number().nullable(),
  calibrate: z.enum(['none', 'platt']).default('none'),
  rows: z.looseObject({
    weights: z.enum(['auto', 'none', 'uniqueness']),
    balance: z.boolean(),
    select: z.number().nullable(),
  }),
});

/** What of the options makes a learner's model the one it is. */
export type LearnerOptions = FitOptions & Pick<TrainOptions, 'maxModelAge'>;

/** A learner's settings as its manifest states them; `openRecipe` reads them again. */
export function learnerSettings(
  options: LearnerOptions,
  composed: ComposedTrainer,
  { features, label, scheme }: { readonly features: FeatureSet; readonly label: Label; readonly scheme: SegmentScheme },
): Readonly<Record<string, Json>> {
  const agent = composed.trainer.kind === 'learner' && composed.trainer.agent !== undefined;
  return {
    trainer: trainerIdentity(composed),
    features: features.identity as unknown as Json,
    label: agent ? null : label.text,
    scheme: scheme as unknown as Json,
    embargo: options.embargo,
    cv: options.cv?.text ?? null,
    rounds: options.rounds ?? null,
    rows: { weights: options.weights, balance: options.balance, select: options.select ?? null },
    ...(options.calibrate === 'platt' && { calibrate: options.calibrate }),
    maxModelAge: options.maxModelAge ?? null,
  };
}

/** A trainer with its settings; a module of a user's own by its hash. */
export const trainerIdentity = ({ name, settings, sha256 }: ComposedTrainer): Json => ({
  name: sha256 === null ? name : null,
  settings: settings as Json,
  sha256,
});

/** How an evaluated model was made: enough to fit it again on newer bars. */
export interface Recipe {
  /** The report or run that was named. */
  readonly source: Artifact;
  readonly run: Artifact;
  readonly model: OpenModel;
  readonly fit: FitOptions;
  /** Training keeps its length; otherwise it begins where it began. */
  readonly rolling: boolean;
}

/** Reads the recipe behind a report or a run. USAGE for a rule, which is not trained. */
export async function openRecipe(reference: string, { artifacts }: Pick<Runtime, 'artifacts'>): Promise<Recipe> {
  const source = await artifacts.open(['report', 'run'], reference);
  const run = source.kind === 'run' ? source : await artifacts.openInput(source, 'run');
  const model = await openModel(await artifacts.openInput(run, 'model'));
  if (model.file.kind === 'rule') {
    throw new QuantlineError('USAGE', `${model.file.trainer.text} is a rule: there is nothing to fit again.`, {
      hint: 'Trade the report as it is; a rule is valid on every bar.',
    });
  }
  return { ...{ source, run, model }, ...fitOf(model.artifact) };
}

/** How a learner was fitted, from its manifest. ARTIFACT_CORRUPT where that does not say it. */
export function fitOf({ manifest, id }: Pick<Artifact, 'manifest' | 'id'>): Pick<Recipe, 'fit' | 'rolling'> {
  const parsed = settingsSchema.safeParse(manifest.settings);
  if (!parsed.success || manifest.seed === undefined) {
    throw new QuantlineError('ARTIFACT_CORRUPT', `The model ${id} does not say how it was trained.`, {
      hint: 'Train, backtest and evaluate it again with this version.',
      cause: parsed.error,
    });
  }
  const { scheme, embargo, rounds, rows, calibrate } = parsed.data;
  return {
    fit: {
      ...{ embargo, seed: manifest.seed, rounds: rounds ?? undefined, cv: undefined, calibrate },
      ...{ weights: rows.weights, balance: rows.balance, select: rows.select ?? undefined },
    },
    rolling: scheme.kind === 'walk-forward' && scheme.anchored === false,
  };
}

/**
 * The one segment more: it is valid from the newest bar on and trained, as in the recipe, on what was known then, the
 * embargo left out. MISMATCH for another market, NO_DATA where the dataset ends before the evaluated model begins.
 */
export function planFinal(
  { model, fit, rolling }: Recipe,
  evaluated: OpenDataset,
  dataset: OpenDataset,
  feed: MarketFeed,
) {
  if (!sameMarket(evaluated, dataset)) {
    throw new QuantlineError(
      'MISMATCH',
      `The dataset ${dataset.artifact.id} is not of the market that was evaluated.`,
      {
        hint: 'Name one with the same source, feed, instruments, interval, session and price basis, ending later.',
        details: { dataset: dataset.artifact.id, evaluated: evaluated.artifact.id },
      },
    );
  }
  const last = model.file.segments.at(-1)!;
  const ticks = feed.clock.length;
  const newest = feed.clock[ticks - 1]!;
  if (newest <= last.validFrom) {
    throw new QuantlineError(
      'NO_DATA',
      `The dataset ends at ${isoTime(newest)}; the evaluated model is valid from ${isoTime(last.validFrom)} on.`,
      { hint: 'Ingest newer bars and name that dataset with --data.' },
    );
  }
  const cut = ticks - 1 - fit.embargo;
  const [plan] = planSegments({ kind: 'split-at', tick: cut }, ticks, fit.embargo) as [SegmentPlan];
  const began = firstTickAt(feed, last.trainFrom);
  const length = firstTickAt(feed, last.trainTo) - began;
  return { ...plan, from: rolling ? Math.max(0, cut - length) : began };
}

/** The newest model that was refitted from this one; undefined where there is none. */
export async function newestFinal(model: Artifact, { artifacts }: Pick<Runtime, 'artifacts'>) {
  const refitted = (await artifacts.list('model')).flatMap(({ id, manifest }) => {
    const { refit_of, refit_to } = (manifest?.summary ?? {}) as {
      readonly refit_of?: string;
      readonly refit_to?: string;
    };
    return refit_of === model.id && refit_to !== undefined ? [{ id, to: Date.parse(refit_to) }] : [];
  });
  return refitted.reduce<(typeof refitted)[number] | undefined>(
    (best, one) => (best === undefined || one.to > best.to ? one : best),
    undefined,
  );
}
