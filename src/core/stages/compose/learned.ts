import type { Artifact } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { sliceBars } from '../../domain/bars.js';
import type { Label } from '../../features/index.js';
import type { ModelFile } from '../../models/model-file.js';
import type { Learner, TrainingRows } from '../../models/trainer.js';
import { rowsOf } from './as-of.js';
import { composeFeatures } from './features.js';
import { labelOf } from './labels.js';
import { fitOf } from './recipe.js';
import type { FitOptions } from './segments.js';
import { reopenTrainer } from './trainer.js';

/** A learned model's trainer, its rows over a dataset, and how it was fitted. */
export interface Learned {
  readonly learner: Learner;
  readonly label: Label;
  readonly rows: TrainingRows;
  readonly fit: FitOptions;
  /** Of a user's own learner: the rows of a market that ends at an instant; undefined for ours. */
  readonly until?: ((instant: number) => TrainingRows) | undefined;
}

/** Builds a learned model's rows again; undefined for a rule. */
export async function learnedOf(file: ModelFile, model: Artifact, dataset: OpenDataset): Promise<Learned | undefined> {
  const { name, settings } = file.trainer;
  const { trainer: learner, sha256 } = await reopenTrainer(name, settings);
  if (learner.kind !== 'learner') return undefined;
  const label = await labelOf(name, learner, dataset, undefined, file.label ?? undefined);
  const features = await composeFeatures(file.features!, file.interval);
  const until = (instant: number) => rowsOf(ending(dataset, instant), features, label);
  const rows = rowsOf(dataset, features, label);
  return { learner, label, rows, fit: fitOf(model).fit, ...(sha256 !== null && { until }) };
}

/** The dataset as it was known at an instant. */
function ending(dataset: OpenDataset, instant: number): OpenDataset {
  const counts = dataset.knownAt.map((known) => {
    const later = known.findIndex((t) => t > instant);
    return later < 0 ? known.length : later;
  });
  return {
    ...dataset,
    bars: dataset.bars.map((bars, j) => sliceBars(bars, 0, counts[j]!)),
    knownAt: dataset.knownAt.map((known, j) => known.subarray(0, counts[j]!)),
  };
}
