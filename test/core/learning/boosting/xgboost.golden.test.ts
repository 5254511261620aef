import { describe, expect, it } from 'vitest';
import {
  type FloatMatrix,
  fromXgboostJson,
  type SparseMatrix,
  toXgboostJson,
  trainEmbedded,
} from '../../../../src/core/learning/boosting/index.js';
import {
  CASES,
  floats,
  largestDifference,
  NATIVE_CASES,
  paramsOf,
  readFixture,
  readLibsvm,
  recorded,
} from './support.js';

const sparse = (m: FloatMatrix): SparseMatrix => {
  const indptr = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < m.rows; i++) {
    for (let j = m.cols - 1; j >= 0; j--) {
      const value = m.data[i * m.cols + j]!;
      if (Number.isNaN(value)) continue;
      indices.push(j);
      values.push(value);
    }
    indptr.push(indices.length);
  }
  return { indptr, indices, values, rows: m.rows, cols: m.cols };
};

describe('agaricus, published by XGBoost', () => {
  const train = readLibsvm('agaricus.txt.train', 127);
  const test = readLibsvm('agaricus.txt.test', 127);
  const run = () =>
    trainEmbedded({
      ...train,
      params: {
        objective: 'binary:logistic',
        max_depth: 2,
        eta: 1,
        base_score: 0.5,
        eval_metric: ['error', 'logloss', 'auc'],
      },
      rounds: 3,
      evaluation: { ...test, name: 'test' },
      trainMetrics: true,
      unusableColumns: 'ignore',
    });

  it('gives the published errors, log losses, gains and covers', async () => {
    const { history, model } = await run();
    const six = (set: string, metric: 'error' | 'logloss' | 'auc') =>
      history.map((round) => round.metrics[set]![metric]!.toFixed(6));
    expect(six('train', 'error')).toEqual(['0.046522', '0.022263', '0.007063']);
    expect(six('test', 'error')).toEqual(['0.042831', '0.021726', '0.006207']);
    expect(six('train', 'logloss').slice(0, 2)).toEqual(['0.233376', '0.136658']);
    expect(six('test', 'logloss').slice(0, 2)).toEqual(['0.226686', '0.137874']);
    expect(six('train', 'auc').slice(0, 2)).toEqual(['0.958228', '0.981413']);
    const root = model.trees[0]!;
    expect(root.gain[0]).toBeCloseTo(4000.531, 3);
    expect(root.cover[0]).toBe(1628.25);
    expect(Math.max(root.gain[1]!, root.gain[2]!)).toBeCloseTo(1158.212, 3);
  });

  it("follows XGBoost's own evaluation history and test margins", async () => {
    const { history, model } = await run();
    const truth = JSON.parse(readFixture('agaricus.json')) as {
      history: Record<string, Record<string, number[]>>;
      margin: number[];
      model: unknown;
    };
    for (const set of ['train', 'test'])
      for (const metric of ['error', 'logloss', 'auc'] as const)
        history.forEach((round, i) => {
          expect(round.metrics[set]![metric]).toBeCloseTo(truth.history[set]![metric]![i]!, 6);
        });
    const margins = model.predictMargin(test.x).subarray(0, truth.margin.length);
    expect(largestDifference(margins, truth.margin)).toBeLessThan(1e-5);
    const loaded = fromXgboostJson(JSON.stringify(truth.model)).predictMargin(test.x).subarray(0, truth.margin.length);
    expect(largestDifference(loaded, truth.margin)).toBeLessThan(1e-6);
  });
});

interface Written {
  readonly learner: {
    readonly gradient_booster: unknown;
    readonly learner_model_param: { readonly base_score: string };
    readonly objective: { readonly name: string };
  };
}

describe.each([...CASES, ...NATIVE_CASES])('recorded from Python: %s', (name) => {
  const c = recorded(name);
  const probe: FloatMatrix = { data: floats(c.probe), rows: c.probe.length / c.cols, cols: c.cols };
  const model = fromXgboostJson(JSON.stringify(c.model));

  it('loads and scores dense and sparse rows with missing cells as XGBoost does', () => {
    expect(largestDifference(model.predictMargin(probe), c.margin)).toBeLessThan(1e-6);
    expect(largestDifference(model.predict(probe), c.prediction)).toBeLessThan(1e-6);
    expect(model.predictMargin(sparse(probe))).toEqual(model.predictMargin(probe));
    const column = new Float32Array(probe.data.length);
    for (let i = 0; i < probe.rows; i++)
      for (let j = 0; j < probe.cols; j++) column[j * probe.rows + i] = probe.data[i * probe.cols + j]!;
    expect(model.predictMargin({ ...probe, data: column, layout: 'column' })).toEqual(model.predictMargin(probe));
  });

  it('writes what it read', () => {
    const text = toXgboostJson(model);
    expect(toXgboostJson(fromXgboostJson(text))).toBe(text);
    const again = JSON.parse(text) as Written;
    // JSON.stringify knows no -0, which XGBoost writes for leaves that L1 has emptied.
    const truth = JSON.parse(JSON.stringify(c.model)) as Written;
    // A list of base scores is read by XGBoost 3.1 and later only.
    expect(again.learner.learner_model_param.base_score.includes('[')).toBe(new Set(model.baseScores).size > 1);
    expect(again.learner.objective.name).toBe(truth.learner.objective.name);
    // The dropout's weights are in the leaves: a plain forest with the same scores.
    if (name !== 'dart') expect(again.learner.gradient_booster).toEqual(truth.learner.gradient_booster);
    else expect(largestDifference(fromXgboostJson(text).predictMargin(probe), c.margin)).toBeLessThan(1e-6);
  });
});

describe.each(CASES)('recorded from Python: %s', (name) => {
  const c = recorded(name);
  const model = fromXgboostJson(JSON.stringify(c.model));

  it("trains XGBoost's own trees on the same rows", async () => {
    const x = { data: floats(c.x), rows: c.rows, cols: c.cols };
    const weights = c.weights === null ? {} : { weights: c.weights };
    const own = await trainEmbedded({ x, y: c.y, ...weights, params: paramsOf(c), rounds: c.rounds });
    expect(own.model.trees.map((tree) => Array.from(tree.feature))).toEqual(
      model.trees.map((tree) => Array.from(tree.feature)),
    );
    expect(largestDifference(own.model.predictMargin(x), c.trainMargin)).toBeLessThan(2e-6);
    own.model.trees.forEach((tree, t) => {
      const truth = model.trees[t]!;
      tree.left.forEach((child, i) => {
        if (child < 0) return;
        expect(tree.gain[i]).toBeCloseTo(truth.gain[i]!, 3);
        expect(tree.cover[i]).toBeCloseTo(truth.cover[i]!, 3);
      });
    });
  });
});
