import { type FeatureImportance, permutationImportance } from '../../models/importance.js';
import type { ModelFile } from '../../models/model-file.js';
import { rowsBetween, selectRows } from '../../models/rows.js';
import type { FittedModel } from '../../models/trainer.js';
import type { Learned } from './learned.js';

/** Rows scored again for each feature; sequences cost a network's run each. */
const MOST_ROWS = 5000;
const MOST_SEQUENCES = 300;

/** What each feature is worth to the last segment, on the traded bars that it was valid for. Empty for too few rows. */
export async function importanceOf(
  { rows }: Learned,
  fitted: FittedModel,
  { segments, scoreKind }: ModelFile,
  traded: { readonly from: number; readonly to: number },
  seed: number,
  step: (done: number, total: number) => Promise<void>,
): Promise<readonly FeatureImportance[]> {
  const { validFrom, validTo } = segments.at(-1)!;
  const from = Math.max(validFrom, traded.from);
  const keep = rowsBetween(rows, from, Math.min(validTo ?? Infinity, traded.to + 1), Infinity);
  const most = fitted.lookback > 0 ? MOST_SEQUENCES : MOST_ROWS;
  const every = Math.max(1, Math.ceil(keep.length / most));
  const test = selectRows(
    rows,
    keep.filter((_, k) => k % every === 0),
  );
  if (test.rows < 20) return [];
  return permutationImportance(fitted, test, scoreKind, { repeats: fitted.lookback > 0 ? 1 : 3, seed, step });
}
