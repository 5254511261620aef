import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/domain/random.js';
import { permutationImportance } from '../../../src/core/models/importance.js';
import type { ScoreKind } from '../../../src/core/models/model.js';
import type { FittedModel, TrainingRows } from '../../../src/core/models/trainer.js';

const N = 400;
const random = seededRandom(5);

/** Rows of two features on one instrument; the label follows the first. */
function rowsOf(): TrainingRows {
  const x = Float32Array.from({ length: 2 * N }, () => random.next() - 0.5);
  const every = Int32Array.from({ length: N }, (_, i) => i);
  return {
    columns: ['first', 'second'],
    rows: N,
    x,
    source: { bars: [], knownAt: [] },
    series: { x, rows: N, columns: 2, starts: Int32Array.of(0) },
    at: every,
    y: Float64Array.from(every, (i) => (x[2 * i]! > 0 ? 1 : 0)),
    weights: undefined,
    instrument: new Int32Array(N),
    decided: Float64Array.from(every),
    labelEnd: Float64Array.from(every),
  };
}

/** Scores by the first feature of the row `back` rows ago. */
const model = (back: number): FittedModel => ({
  lookback: back,
  predict(x, rows, out) {
    for (let r = 0; r < rows; r++) out[r] = x[2 * r]! > 0 ? 0.9 : 0.1;
  },
  save: async () => ({}),
  history: [],
  engine: { name: 'embedded', version: '1' },
});

const step = async () => {};
const measured = (kind: ScoreKind, back = 0) =>
  permutationImportance(model(back), rowsOf(), kind, { repeats: 3, seed: 1, step });

describe('permutation importance', () => {
  it('finds the feature that scores rest on, and nothing in the other', async () => {
    const [best, other] = await measured('probability');
    expect(best).toMatchObject({ feature: 'first' });
    // Half of the shuffled rows are judged with confidence and wrongly: half of ln 9.
    expect(best!.mean).toBeCloseTo(Math.log(9) / 2, 0);
    expect(best!.deviation).toBeGreaterThan(0);
    expect(other).toEqual({ feature: 'second', mean: 0, deviation: 0 });
  });

  it('of an agent it is how far the position moves', async () => {
    const [best, other] = await measured('target');
    expect(best!.mean).toBeCloseTo(0.4, 1);
    expect(other!.mean).toBe(0);
  });

  it('shuffles the bars that a sequence reaches back to', async () => {
    const [best, other] = await measured('target', 1);
    expect([best!.feature, best!.mean > 0.3, other!.mean]).toEqual(['first', true, 0]);
  });
});
