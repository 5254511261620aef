import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import {
  featureImportance,
  fitPlatt,
  fromXgboostJson,
  type ImportanceType,
  permutationImportance,
  plattProbability,
  predictContributions,
  trainEmbedded,
} from '../../../../src/core/learning/boosting/index.js';
import { CASES, floats, largestDifference, NATIVE_CASES, recorded, synthetic } from './support.js';

describe.each([...CASES, ...NATIVE_CASES])('recorded from Python: %s', (name) => {
  const c = recorded(name);
  const model = fromXgboostJson(JSON.stringify(c.model));
  const probe = { data: floats(c.probe), rows: c.probe.length / c.cols, cols: c.cols };

  it('Shapley values equal pred_contribs and sum to the margin', () => {
    const contributions = predictContributions(model, probe);
    expect(largestDifference(contributions, c.contributions)).toBeLessThan(1e-6);
    const margins = model.predictMargin(probe);
    const width = c.cols + 1;
    margins.forEach((margin, i) => {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += contributions[i * width + j]!;
      expect(sum).toBeCloseTo(margin, 5);
    });
  });

  it.each(['gain', 'cover', 'weight', 'total_gain', 'total_cover'] as ImportanceType[])('importance by %s', (type) => {
    const importance = featureImportance(model, type);
    for (let j = 0; j < c.cols; j++) {
      const truth = c.importance[type]![`col ${j}`] ?? 0;
      expect(Math.abs(importance[j]! - truth)).toBeLessThanOrEqual(1e-5 * Math.max(1, truth));
    }
  });
});

it('Shapley values of sparse and column-major rows, and the refusal of a model without cover', () => {
  const c = recorded('logistic');
  const model = fromXgboostJson(JSON.stringify(c.model));
  const data = floats(c.probe);
  const rows = data.length / c.cols;
  const column = data.map((_, at) => data[(at % rows) * c.cols + Math.floor(at / rows)]!);
  const row = predictContributions(model, { data, rows, cols: c.cols });
  expect(predictContributions(model, { data: column, rows, cols: c.cols, layout: 'column' })).toEqual(row);
  const bare = JSON.parse(JSON.stringify(c.model)) as {
    learner: { gradient_booster: { model: { trees: Record<string, unknown>[] } } };
  };
  for (const tree of bare.learner.gradient_booster.model.trees) delete tree['sum_hessian'];
  const without = fromXgboostJson(JSON.stringify(bare));
  expect(() => predictContributions(without, { data, rows, cols: c.cols })).toThrow('cover');
});

describe('permutation importance', () => {
  it('finds the features that carry the label, the same ones for the same seed', async () => {
    const train = synthetic(3000, 6, 1);
    const test = synthetic(2000, 6, 2);
    const { model } = await trainEmbedded({ ...train, params: { objective: 'binary:logistic' }, rounds: 20 });
    const run = (seed: number) => permutationImportance({ model, ...test, metric: 'auc', repeats: 3, seed });
    const a = run(1);
    for (const j of [0, 1, 2]) expect(a.mean[j]).toBeGreaterThan(0.05);
    for (const j of [3, 4, 5]) expect(Math.abs(a.mean[j]!)).toBeLessThan(0.01);
    expect(run(1)).toEqual(a);
    expect(run(2).mean).not.toEqual(a.mean);
    const loss = permutationImportance({ model, ...test, metric: 'logloss', repeats: 1 });
    expect(loss.mean[1]).toBeGreaterThan(0.05);
    expect(loss.deviation[1]).toBe(0);
  });
});

describe('Platt scaling', () => {
  const random = seededRandom(4);
  const margins = Float64Array.from({ length: 20_000 }, () => (random.next() - 0.5) * 8);

  it('recovers the distortion of a margin', () => {
    const labels = margins.map((m) => (random.next() < 1 / (1 + Math.exp(-(0.5 * m - 0.4))) ? 1 : 0));
    const scaling = fitPlatt(margins, labels);
    expect(scaling.slope).toBeCloseTo(-0.5, 1);
    expect(scaling.intercept).toBeCloseTo(0.4, 1);
    // At the optimum the mean probability is the mean target.
    const mean = margins.reduce((sum, m) => sum + plattProbability(scaling, m), 0) / margins.length;
    const positive = labels.reduce((a, b) => a + b, 0);
    const negative = labels.length - positive;
    const target = (positive * ((positive + 1) / (positive + 2)) + negative / (negative + 2)) / labels.length;
    expect(mean).toBeCloseTo(target, 8);
    const doubled = fitPlatt(margins, labels, new Float64Array(margins.length).fill(1));
    expect(doubled).toEqual(scaling);
  });

  it('stays finite on separable labels, and refuses one class', () => {
    const labels = margins.map((m) => (m > 0 ? 1 : 0));
    const scaling = fitPlatt(margins, labels);
    expect(scaling.slope).toBeLessThan(-1);
    expect(plattProbability(scaling, 800)).toBeLessThanOrEqual(1);
    expect(plattProbability(scaling, -800)).toBeGreaterThanOrEqual(0);
    expect(() => fitPlatt([1, 2], [1, 1])).toThrow('both classes');
    expect(() => fitPlatt([1, Number.NaN], [1, 0])).toThrow('row 1');
  });
});
