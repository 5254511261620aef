import type { Manifest } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { childSeed, seededRandom } from '../../domain/random.js';
import { type HonestyResult, permutedLabels, shuffle } from '../../evaluation/index.js';
import { parseFeatures } from '../../features/index.js';
import type { ModelFile } from '../../models/model-file.js';
import { rowsBetween, scoreRows, selectRows } from '../../models/rows.js';
import type { Runtime } from '../runtime.js';
import { rowsOf } from './as-of.js';
import { composeLabel } from './labels.js';
import { reopenTrainer } from './trainer.js';

/** Honesty checks that train again: the last segment, on its own rows with labels permuted. None for a rule. */
export async function retrainChecks(
  file: ModelFile,
  manifest: Manifest,
  dataset: OpenDataset,
  seed: number,
  runtime: Runtime,
): Promise<HonestyResult[]> {
  const segment = file.segments.at(-1);
  if (file.kind !== 'learner' || segment === undefined || file.features === null || file.label === null) return [];
  const { trainer } = await reopenTrainer(file.trainer.name, file.trainer.settings);
  if (trainer.kind !== 'learner') return [];
  const label = await composeLabel(file.label, dataset);
  const rows = rowsOf(dataset, await parseFeatures(file.features), label);
  const train = selectRows(rows, rowsBetween(rows, segment.trainFrom, segment.trainTo, segment.trainTo));
  const test = selectRows(rows, rowsBetween(rows, segment.validFrom, segment.validTo ?? Infinity, Infinity));
  if (train.rows < 20 || test.rows === 0) return [permutedLabels(new Float64Array(0), new Float64Array(0), 0)];
  const y = train.y.slice();
  shuffle(y, seededRandom(childSeed(seed, 'permuted-labels')));
  const settings = manifest.settings as { readonly rounds?: number | null };
  const fitted = await trainer.fit(
    { ...train, y },
    {
      scoreKind: label.scoreKind,
      seed: manifest.seed ?? seed,
      threads: runtime.threads,
      engine: manifest.engine?.name === 'native' ? 'native' : 'embedded',
      libraries: runtime.libraries,
      signal: runtime.signal,
      rounds: settings.rounds ?? undefined,
      validation: undefined,
      onRound: (done, total) => runtime.progress.update('training on permuted labels', done, total),
    },
  );
  return [permutedLabels(scoreRows(fitted, test), test.y, independentRows(test.decided, test.labelEnd))];
}

/** Rows whose labels do not overlap: the span of time over the mean length of a label. */
function independentRows(decided: Float64Array, labelEnd: Float64Array): number {
  let length = 0;
  let end = Number.NEGATIVE_INFINITY;
  let start = Number.POSITIVE_INFINITY;
  for (let i = 0; i < decided.length; i++) {
    length += (labelEnd[i]! - decided[i]!) / decided.length;
    start = Math.min(start, decided[i]!);
    end = Math.max(end, labelEnd[i]!);
  }
  return length > 0 ? Math.max(1, (end - start) / length) : decided.length;
}
