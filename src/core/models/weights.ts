import { lowerBound } from '../domain/bars.js';
import type { ScoreKind } from './model.js';
import { uniqueness } from './sampling/index.js';
import type { TrainingRows } from './trainer.js';

export interface Weighting {
  /** Weigh rows by how little their labels overlap with those of the other rows. */
  readonly uniqueness: boolean;
  /** Give both classes the same weight in all. */
  readonly balance: boolean;
}

/** Rows with the weights of this training set, mean 1; they depend on the rows of the set alone. */
export function weighRows(
  rows: TrainingRows,
  { uniqueness: unique, balance }: Weighting,
  kind: ScoreKind,
): TrainingRows {
  if (!unique && !balance) return rows;
  const weights = unique ? uniquenessOf(rows) : new Float64Array(rows.rows).fill(1);
  if (balance && kind === 'probability') {
    const sums = [0, 0];
    for (let r = 0; r < rows.rows; r++) sums[rows.y[r]!] = sums[rows.y[r]!]! + weights[r]!;
    if (sums[0]! > 0 && sums[1]! > 0) for (let r = 0; r < rows.rows; r++) weights[r] = weights[r]! / sums[rows.y[r]!]!;
  }
  const mean = weights.reduce((a, b) => a + b, 0) / rows.rows;
  return { ...rows, weights: mean > 0 ? weights.map((w) => w / mean) : undefined };
}

/** Average uniqueness of each row's label over the bars it looks at (López de Prado 2018, ch. 4), by instrument. */
function uniquenessOf(rows: TrainingRows): Float64Array {
  const { series, source } = rows;
  const end = Int32Array.from(rows.at, (at, r) => {
    const j = rows.instrument[r]!;
    return Math.max(at, series.starts[j]! + lowerBound(source.knownAt[j]!, rows.labelEnd[r]!));
  });
  // The label looks at the bars after its own; instruments lie one after the other and do not overlap.
  const start = Int32Array.from(rows.at, (at, r) => Math.min(at + 1, end[r]!));
  return uniqueness({ start, end }, series.rows);
}
