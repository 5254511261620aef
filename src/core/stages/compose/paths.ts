import { join } from 'node:path';
import type { Artifact } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { lowerBound } from '../../domain/bars.js';
import { firstTickAt, type MarketFeed } from '../../engine/feed.js';
import type { ScoredPath } from '../../evaluation/index.js';
import type { TrainingRows } from '../../models/trainer.js';
import { readParquet, writeParquet } from '../../platform/parquet.js';

const FILE = 'paths.parquet';

/** Writes the scores along each path of combinatorial folds (one a row; NaN = none) beside their instrument and bar. */
export async function writePathScores(
  folder: string,
  rows: TrainingRows,
  paths: readonly Float64Array[],
): Promise<void> {
  const { bars } = rows.source;
  const bar = (_: unknown, r: number) => rows.at[r]! - rows.series.starts[rows.instrument[r]!]!;
  await writeParquet(join(folder, FILE), {
    instrument: Array.from(rows.instrument, (j) => bars[j]!.instrument),
    time: Float64Array.from(rows.instrument, (j, r) => bars[j]!.time[bar(j, r)]!),
    ...Object.fromEntries(paths.map((scores, p) => [`path_${p + 1}`, scores])),
  });
}

/** The paths of a model's combinatorial folds on a dataset, `outside` the score of bars of no row; none for a model without. */
export async function scoredPaths(
  model: Artifact,
  dataset: OpenDataset,
  feed: MarketFeed,
  outside: number,
): Promise<readonly ScoredPath[]> {
  if (model.manifest.files[FILE] === undefined) return [];
  const { instrument, time, ...columns } = await readParquet(model.file(FILE));
  const index = new Map(dataset.instruments.map(({ id }, j) => [id, j]));
  return Object.values(columns).map((column) => {
    const scores = dataset.bars.map((bars) => new Float64Array(bars.time.length).fill(outside));
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (let r = 0; r < column.length; r++) {
      const score = column[r] as number;
      const j = index.get(instrument![r] as string);
      if (Number.isNaN(score) || j === undefined) continue;
      const at = time![r] as number;
      const bars = dataset.bars[j]!;
      const i = lowerBound(bars.time, at);
      if (bars.time[i] !== at) continue;
      scores[j]![i] = score;
      first = Math.min(first, dataset.knownAt[j]![i]!);
      last = Math.max(last, dataset.knownAt[j]![i]!);
    }
    // One bar more: what was decided last fills there.
    return { scores, from: firstTickAt(feed, first), to: Math.min(feed.clock.length, firstTickAt(feed, last) + 2) };
  });
}
