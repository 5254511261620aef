import { childSeed, seededRandom } from '../domain/random.js';
import type { ScoreKind } from './model.js';
import { scoreRows } from './rows.js';
import { scoreMetrics } from './score-metrics.js';
import type { FittedModel, TrainingRows } from './trainer.js';

export interface FeatureImportance {
  readonly feature: string;
  /** How much worse the measure gets when the feature is shuffled, mean over the repeats. Positive = it helps. */
  readonly mean: number;
  /** Standard deviation over the repeats (n − 1); 0 for one repeat. */
  readonly deviation: number;
}

/** What shuffling makes worse: the loss of the scores; of an agent, how far its target position moves. */
export const importanceMeasure = (kind: ScoreKind): 'logloss' | 'rmse' | 'position' =>
  kind === 'probability' ? 'logloss' : kind === 'return' ? 'rmse' : 'position';

/**
 * Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019) on rows that the model was not trained on. A
 * feature is shuffled over all bars, so that the sequences of a model that looks back lose it as well.
 */
export async function permutationImportance(
  fitted: FittedModel,
  rows: TrainingRows,
  kind: ScoreKind,
  options: { readonly repeats: number; readonly seed: number; step(done: number, total: number): Promise<void> },
): Promise<FeatureImportance[]> {
  const { repeats, seed } = options;
  const own = scoreRows(fitted, rows);
  const measure = (scores: Float64Array): number =>
    importanceMeasure(kind) === 'position'
      ? scores.reduce((sum, s, i) => sum + (Number.isNaN(s - own[i]!) ? 0 : Math.abs(s - own[i]!)), 0) / scores.length
      : scoreMetrics(kind, scores, rows.y)[importanceMeasure(kind)]!;
  const base = measure(own);
  const out: FeatureImportance[] = [];
  for (const [c, feature] of rows.columns.entries()) {
    const worse: number[] = [];
    for (let r = 0; r < repeats; r++) {
      await options.step(c * repeats + r, rows.columns.length * repeats);
      const shuffled = withShuffled(rows, c, childSeed(seed, 'importance', feature, r), fitted.lookback > 0);
      worse.push(measure(scoreRows(fitted, shuffled)) - base);
    }
    const mean = worse.reduce((a, b) => a + b, 0) / repeats;
    const squares = worse.reduce((a, b) => a + (b - mean) * (b - mean), 0);
    out.push({ feature, mean, deviation: repeats > 1 ? Math.sqrt(squares / (repeats - 1)) : 0 });
  }
  return out.sort((a, b) => b.mean - a.mean);
}

/** The rows with one feature taken from another of them; where the model looks back, in the bars of the sequences as well. */
function withShuffled(rows: TrainingRows, column: number, seed: number, sequences: boolean): TrainingRows {
  if (!sequences) return { ...rows, x: shuffledColumn(rows.x, rows.columns.length, column, seed) };
  const { series } = rows;
  const x = shuffledColumn(series.x, series.columns, column, seed);
  return { ...rows, series: { ...series, x } };
}

/** A copy of a row-major table with the values of one column in random order; missing ones stay where they are. */
function shuffledColumn(x: Float32Array, width: number, column: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  const places: number[] = [];
  for (let i = column; i < x.length; i += width) if (!Number.isNaN(x[i]!)) places.push(i);
  const out = x.slice();
  for (let i = places.length - 1; i > 0; i--) {
    const a = places[i]!;
    const b = places[Math.floor(random.next() * (i + 1))]!;
    const kept = out[a]!;
    out[a] = out[b]!;
    out[b] = kept;
  }
  return out;
}
