import { readFile } from 'node:fs/promises';
import type { Artifact } from '../../artifacts/index.js';
import type { DatasetContext, OpenDataset } from '../../data/dataset.js';
import { openDataset } from '../../data/open.js';
import { QuantlineError } from '../../errors/index.js';

import type { PlattScaling } from '../../learning/boosting/calibration.js';
import { CALIBRATION_FILE, calibrated } from '../../models/calibrate.js';
import { metaModel } from '../../models/meta.js';
import type { SignalModel } from '../../models/model.js';
import { type ModelFile, modelFileSchema } from '../../models/model-file.js';
import { ruleModel, SegmentedModel } from '../../models/segmented.js';
import { checkSegments, expiryOf } from '../../models/segments.js';
import { COLUMNS_FILE, widened } from '../../models/select.js';
import type { FittedModel } from '../../models/trainer.js';
import { composeFeatures } from './features.js';
import { metaRule } from './labels.js';
import { reopenTrainer } from './trainer.js';

export const MODEL_FILE = 'model.json';

export interface OpenModel {
  readonly artifact: Artifact;
  readonly file: ModelFile;
  readonly model: SignalModel;
  /** What each segment learned; empty for a rule. */
  readonly fitted: readonly FittedModel[];
  /** Of an agent: the same with the policy of each seed, the chosen one first. Empty for others. */
  readonly seeds: readonly SignalModel[];
  /** From here on it is too old to decide (--max-model-age); Infinity where it never is. */
  readonly expiry: number;
}

/** Opens a model and the dataset to score: the one that `data` names, otherwise the one that the model was made from. */
export async function openModelAndData(
  context: DatasetContext,
  reference: string,
  { data, inSample }: { readonly data?: string | undefined; readonly inSample: boolean },
): Promise<{ readonly model: OpenModel; readonly data: Artifact; readonly dataset: OpenDataset }> {
  const { artifacts } = context;
  const artifact = await artifacts.open('model', reference);
  const model = await openModel(artifact, inSample);
  const found =
    data === undefined ? await artifacts.openInput(artifact, 'dataset') : await artifacts.open('dataset', data);
  const dataset = await openDataset(context, found);
  checkFits(model, dataset);
  return { model, data: found, dataset };
}

/** Loads a verified model artefact. `inSample` lets the first segment score bars that it was trained on. */
export async function openModel(artifact: Artifact, inSample = false): Promise<OpenModel> {
  const parsed = modelFileSchema.safeParse(JSON.parse(await readFile(artifact.file(MODEL_FILE), 'utf8')));
  if (!parsed.success) {
    throw new QuantlineError('ARTIFACT_CORRUPT', `The model does not follow its schema: ${artifact.path}`, {
      hint: 'Train it again.',
      cause: parsed.error,
    });
  }
  const file = parsed.data;
  const { trainer, sha256 } = await reopenTrainer(file.trainer.name, file.trainer.settings);
  if (sha256 !== file.trainer.sha256) {
    throw new QuantlineError('MISMATCH', `${file.trainer.name} has changed since the model ${artifact.id} was made.`, {
      hint: 'Train again with the changed module, or put the old one back.',
    });
  }
  if (trainer.kind === 'rule')
    return { artifact, file, model: ruleModel(trainer), fitted: [], seeds: [], expiry: Infinity };
  checkSegments(file.segments);
  const fitted = await Promise.all(
    file.segments.map(async (segment) => {
      const files = await filesOf(artifact, segment.folder);
      const chosen = files[COLUMNS_FILE];
      const scaling = files[CALIBRATION_FILE];
      const scaled = (model: FittedModel) =>
        scaling === undefined
          ? model
          : calibrated(model, JSON.parse(new TextDecoder().decode(scaling)) as PlattScaling);
      if (chosen === undefined) return scaled(await trainer.load(files, file.columns, file.scoreKind));
      const columns = Int32Array.from(JSON.parse(new TextDecoder().decode(chosen)) as number[]);
      const names = Array.from(columns, (c) => file.columns[c]!);
      return scaled(widened(await trainer.load(files, names, file.scoreKind), columns, file.columns.length));
    }),
  );
  const features = await composeFeatures(file.features!, file.interval);
  const rule = await metaRule(file.label);
  const modelOf = (models: readonly FittedModel[]): SignalModel => {
    const model = new SegmentedModel(file.scoreKind, features, file.segments, models, inSample);
    return rule === undefined ? model : metaModel(rule, model);
  };
  const seeds = Math.min(...fitted.map((model) => model.seeds?.length ?? 0));
  return {
    artifact,
    file,
    model: modelOf(fitted),
    fitted,
    expiry: expiryOf(file.segments, file.maxModelAge),
    seeds: Array.from({ length: seeds }, (_, s) => modelOf(fitted.map((model) => model.seeds![s]!))),
  };
}

/** The files of one segment, by their names in its folder. */
async function filesOf(artifact: Artifact, folder: string): Promise<Record<string, Uint8Array>> {
  const names = Object.keys(artifact.manifest.files).filter((name) => name.startsWith(`${folder}/`));
  const files = await Promise.all(
    names.map(async (name) => [name.slice(folder.length + 1), await readFile(artifact.file(name))] as const),
  );
  return Object.fromEntries(files);
}

/** MISMATCH where the dataset is not of the kind that the model was made for. */
export function checkFits(model: OpenModel, dataset: OpenDataset): void {
  const { file, artifact } = model;
  const unknown = dataset.instruments.map(({ id }) => id).filter((id) => !file.instruments.includes(id));
  if (unknown.length > 0) {
    throw new QuantlineError('MISMATCH', `The model ${artifact.id} does not know ${unknown.join(', ')}.`, {
      hint: `It knows ${file.instruments.join(', ')}; train one on this dataset.`,
      details: { unknown, known: file.instruments },
    });
  }
  if (file.interval !== dataset.interval || file.scope !== dataset.scope) {
    const of = (x: { interval: string; scope: string }) => `${x.interval} bars of the ${x.scope} session`;
    throw new QuantlineError('MISMATCH', `The model takes ${of(file)}, the dataset has ${of(dataset)}.`, {
      hint: 'Train a model on this dataset, or pass one of the same interval and session.',
    });
  }
}
