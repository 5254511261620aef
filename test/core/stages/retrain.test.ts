import { expect, it } from 'vitest';
import type { Manifest } from '../../../src/core/artifacts/index.js';
import { seededRandom } from '../../../src/core/domain/random.js';
import { parseLabel } from '../../../src/core/features/index.js';
import type { FitContext, FittedModel, TrainingRows } from '../../../src/core/models/trainer.js';
import type { Learned } from '../../../src/core/stages/compose/learned.js';
import { retrainChecks } from '../../../src/core/stages/compose/retrain.js';
import { testRuntime } from '../../support/workspace.js';

const N = 300;
const random = seededRandom(9);

function rowsOf(): TrainingRows {
  const every = Int32Array.from({ length: N }, (_, i) => i);
  // The second of three columns goes with the label.
  const y = Float64Array.from(every, () => (random.next() > 0.7 ? 1 : 0));
  const x = Float32Array.from({ length: 3 * N }, (_, k) => random.next() + (k % 3 === 1 ? 2 * y[(k - 1) / 3]! : 0));
  return {
    columns: ['a', 'b', 'c'],
    rows: N,
    x,
    source: { bars: [], knownAt: [] },
    series: { x, rows: N, columns: 3, starts: Int32Array.of(0) },
    at: every,
    y,
    weights: undefined,
    instrument: new Int32Array(N),
    decided: Float64Array.from(every),
    labelEnd: Float64Array.from(every, (i) => i + 1),
  };
}

it('permuted labels are trained by the recipe that is judged: weights, choice of columns, rounds, seed', async () => {
  const seen: { rows: TrainingRows; context: FitContext }[] = [];
  const fitted: FittedModel = {
    lookback: 0,
    predict: (_x, _rows, out) => void out.fill(0.5),
    save: async () => ({}),
    history: [],
    engine: { name: 'embedded', version: '1' },
  };
  const learned: Learned = {
    learner: {
      kind: 'learner',
      engineFor: async () => fitted.engine,
      fit: async (rows, context) => {
        seen.push({ rows, context });
        return fitted;
      },
      load: async () => fitted,
    },
    label: parseLabel('direction(1)'),
    rows: rowsOf(),
    fit: { cv: undefined, embargo: 0, weights: 'none', balance: true, select: 2, seed: 77, rounds: 12 },
  };
  const segment = { trainFrom: 0, trainTo: 200, labelEnd: 200, validFrom: 200, validTo: null, embargo: 0, folder: '' };
  const manifest = { engine: { name: 'native', version: '3' } } as unknown as Manifest;
  const [result] = await retrainChecks(learned, segment, manifest, 1, testRuntime());
  expect(result).toMatchObject({ name: 'permuted-labels', pass: true });
  const { rows, context } = seen[0]!;
  expect(rows.columns).toHaveLength(2);
  expect([context.seed, context.rounds, context.engine]).toEqual([77, 12, 'native']);
  // Balanced: both classes weigh the same.
  const weight = (label: number) => rows.weights!.reduce((sum, w, r) => sum + (rows.y[r] === label ? w : 0), 0);
  expect(weight(0)).toBeCloseTo(weight(1), 9);
  // The labels are the same ones in another order.
  const own = learned.rows.y.slice(0, rows.rows);
  expect(rows.y.reduce((a, b) => a + b, 0)).toBe(own.reduce((a, b) => a + b, 0));
  expect([...rows.y]).not.toEqual([...own]);
});

it('does not apply to an agent, and says so', async () => {
  const agent = { learner: { kind: 'learner', agent: { short: false } } } as unknown as Learned;
  const [result] = await retrainChecks(agent, {} as never, {} as Manifest, 1, testRuntime());
  expect(result).toMatchObject({
    name: 'permuted-labels',
    pass: true,
    detail: expect.stringMatching(/^Not applicable/),
  });
});
