import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Artifact, Json } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import type { ModelFile } from '../../models/model-file.js';
import { isoTime } from '../../platform/index.js';
import type { FoldReport, PathReport } from './folds.js';
import { MODEL_FILE } from './model.js';
import type { FittedSegment, SegmentReport } from './segments.js';

const REPORT_FILE = 'training.json';

export interface TrainingReport {
  /** Per segment: where it was trained and scored, and how good its scores were there. Empty for a rule. */
  readonly segments: readonly SegmentReport[];
  readonly folds: readonly FoldReport[];
  /** Of combinatorial folds: what a backtest along each of their paths earns. */
  readonly paths: PathReport | null;
}

/** Writes the fitted files of each segment, the training report and, last, the model's own file. */
export async function writeModel(
  folder: string,
  file: ModelFile,
  fitted: readonly FittedSegment[],
  report: TrainingReport,
): Promise<void> {
  for (const { segment, files } of fitted) {
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(folder, segment.folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
  }
  await writeFile(join(folder, REPORT_FILE), `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(join(folder, MODEL_FILE), `${JSON.stringify(file, null, 1)}\n`);
}

export async function readTrainingReport(artifact: Artifact): Promise<TrainingReport> {
  return JSON.parse(await readFile(artifact.file(REPORT_FILE), 'utf8')) as TrainingReport;
}

/** What the manifest of a model says for listings. */
export const modelSummary = (file: ModelFile, dataset: OpenDataset, segments: readonly SegmentReport[]) =>
  ({
    trainer: file.trainer.text,
    kind: file.kind,
    instruments: file.instruments,
    interval: file.interval,
    features: file.columns.length,
    label: file.label,
    segments: file.segments.length,
    valid_from: file.segments[0] === undefined ? null : isoTime(file.segments[0].validFrom),
    data_to: isoTime(Math.max(...dataset.series.map(({ lastTime }) => lastTime))),
    ...(segments.length > 0 && { scores: segments.at(-1)!.metrics as unknown as Json }),
  }) satisfies Json;
