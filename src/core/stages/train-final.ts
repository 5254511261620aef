import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ARTIFACT_SCHEMAS, buildId } from '../artifacts/index.js';
import type { TrainOptions } from '../config/index.js';
import { openDataset } from '../data/open.js';
import { QuantlineError } from '../errors/index.js';
import type { ModelFile } from '../models/model-file.js';
import { isoTime } from '../platform/index.js';
import { rowsOf } from './compose/as-of.js';
import { composeFeatures } from './compose/features.js';
import { labelOf } from './compose/labels.js';
import { feedOf } from './compose/market.js';
import { modelSummary, readTrainingReport, type TrainingReport, writeModel } from './compose/model-writer.js';
import { newestFinal, openRecipe, planFinal } from './compose/recipe.js';
import { fitSegments } from './compose/segments.js';
import { reopenTrainer } from './compose/trainer.js';
import type { Runtime } from './runtime.js';
import type { TrainResult } from './train.js';

export type TrainFinalOptions = Pick<TrainOptions, 'final' | 'data' | 'ifOlder' | 'tag' | 'force'>;

/**
 * `quantline train --final`: the evaluated model with one segment more, fitted by its own recipe up to the newest bar. The
 * evaluated segments keep their files and validity, so earlier bars are scored as they were judged. Both the evaluated
 * model and the report (or run) are its inputs.
 */
export async function trainFinal(options: TrainFinalOptions, runtime: Runtime): Promise<TrainResult> {
  if (options.final === undefined) throw new QuantlineError('BUG', 'train --final without a report');
  const { artifacts } = runtime;
  const recipe = await openRecipe(options.final, runtime);
  const { source, run, model, fit } = recipe;
  const evaluated = await openDataset(runtime, await artifacts.openInput(run, 'dataset'));
  const dataset =
    options.data === undefined ? evaluated : await openDataset(runtime, await artifacts.open('dataset', options.data));
  const feed = feedOf(dataset);
  const plan = planFinal(recipe, evaluated, dataset, feed);
  const kept = options.ifOlder === undefined ? undefined : await young(options.ifOlder, feed.clock.at(-1)!);
  const result = kept ?? (await refit());
  runtime.progress.end();
  if (options.tag !== undefined) await artifacts.tag(options.tag, { kind: 'model', id: result.artifact.id });
  return result;

  /** The newest final model, where it is younger than it must be to be trained again. */
  async function young(least: number, newest: number): Promise<TrainResult | undefined> {
    const found = await newestFinal(model.artifact, runtime);
    if (found === undefined || newest - found.to >= least) return undefined;
    const artifact = await artifacts.open('model', found.id);
    const days = Math.max(0, (newest - found.to) / 86_400_000);
    const kept = `The model ${found.id} was fitted up to ${isoTime(found.to)}, ${days.toFixed(1)} days before the newest bar: young enough.`;
    return { artifact, reused: true, kept, ...(await readTrainingReport(artifact)) };
  }

  async function refit(): Promise<TrainResult> {
    const { trainer } = await reopenTrainer(model.file.trainer.name, model.file.trainer.settings);
    if (trainer.kind !== 'learner') throw new QuantlineError('BUG', 'not a learner');
    const before = model.artifact.manifest;
    const engine = await trainer.engineFor(before.engine?.name === 'native' ? 'native' : 'embedded', runtime.libraries);
    if (engine.version !== before.engine?.version) {
      runtime.logger.warn(
        `The evaluated model is of the ${engine.name} engine ${before.engine?.version}; this one is of ${engine.version}.`,
      );
    }
    const identity = {
      kind: 'model' as const,
      schema: ARTIFACT_SCHEMAS.model,
      stage: 'train',
      // The recipe is the same, so its runs are the same trial.
      settings: before.settings,
      inputs: [
        { kind: 'dataset' as const, id: dataset.artifact.id },
        { kind: 'model' as const, id: model.artifact.id },
        { kind: source.kind, id: source.id },
      ],
      seed: fit.seed,
      engine,
      build: buildId(),
    };
    const earlier = await readTrainingReport(model.artifact);
    let report: TrainingReport | undefined;
    const created = await artifacts.create(
      identity,
      async (folder) => {
        runtime.progress.update('computing features');
        const label = await labelOf(
          model.file.trainer.name,
          trainer,
          dataset,
          undefined,
          model.file.label ?? undefined,
        );
        const rows = rowsOf(dataset, await composeFeatures(model.file.features!, dataset.interval), label);
        const job = {
          learner: trainer,
          trainer: model.file.trainer,
          rows,
          label,
          engine: engine.name,
          options: fit,
          runtime,
        };
        const { segments } = model.file;
        const fitted = await fitSegments(job, { plans: [plan] }, feed, segments.length);
        const { validFrom } = fitted[0]!.segment;
        const validTo = Math.min(validFrom, model.expiry);
        for (const { folder: name } of segments) {
          for (const file of Object.keys(model.artifact.manifest.files)) {
            if (!file.startsWith(`${name}/`)) continue;
            await mkdir(dirname(join(folder, file)), { recursive: true });
            await cp(model.artifact.file(file), join(folder, file));
          }
        }
        const file: ModelFile = {
          ...model.file,
          segments: [...segments.slice(0, -1), { ...segments.at(-1)!, validTo }, fitted[0]!.segment],
        };
        const ended = earlier.segments.map((one, s) =>
          s < segments.length - 1 ? one : { ...one, validTo: isoTime(validTo) },
        );
        report = { segments: [...ended, fitted[0]!.report], folds: [], paths: null };
        await writeModel(folder, file, fitted, report);
        const { scores: _, ...summary } = modelSummary(file, dataset, report.segments);
        return { summary: { ...summary, refit_of: model.artifact.id, refit_to: isoTime(validFrom) } };
      },
      { force: options.force, signal: runtime.signal },
    );
    return { ...created, ...(report ?? (await readTrainingReport(created.artifact))) };
  }
}
