import type { Artifact } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
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
}

/** Builds a learned model's rows again; undefined for a rule. */
export async function learnedOf(file: ModelFile, model: Artifact, dataset: OpenDataset): Promise<Learned | undefined> {
  const { name, settings } = file.trainer;
  const { trainer: learner } = await reopenTrainer(name, settings);
  if (learner.kind !== 'learner') return undefined;
  const label = await labelOf(name, learner, dataset, undefined, file.label ?? undefined);
  const rows = rowsOf(dataset, await composeFeatures(file.features!, file.interval), label);
  return { learner, label, rows, fit: fitOf(model).fit };
}
