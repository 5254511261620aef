import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { featureImportance, fromXgboostJson, predictContributions } from '../../../src/core/learning/boosting/index.js';
import { explainModel, modelImportance } from '../../../src/core/stages/explain.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { train } from '../../../src/core/stages/train.js';
import { describeWith } from '../../support/require.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';
import { libraryPredicts, xgboostLibrary } from '../../support/xgboost.js';
import { largestDifference } from '../learning/boosting/support.js';

const FEATURES = 'ret(1),rsi(14),zscore(20),ema_ratio(10,50)';
const COLUMNS = 4;
const runtime = testRuntime({ libraries: xgboostLibrary === undefined ? {} : { xgboost: xgboostLibrary } }, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));
let data: Artifact;
beforeAll(async () => {
  const source = { source: 'csv', symbols: 'MSFT', file: [fixture('bars/msft-daily-1990-2022.csv')] };
  const range = { interval: '1d', basis: 'split', from: '2016-01-01' };
  data = (await ingest(optionsOf('ingest', { ...source, ...range }), runtime)).artifact;
});

const trained = async (trainer: string, more: Readonly<Record<string, unknown>> = {}) => {
  const options = { data: data.path, trainer, features: FEATURES, split: '70%', engine: 'embedded', ...more };
  return (await train(optionsOf('train', options), runtime)).artifact;
};
const explain = (model: Artifact, more: Readonly<Record<string, unknown>> = {}) =>
  explainModel(model.id, optionsOf('models:explain', more), runtime);
const importance = (model: Artifact, more: Readonly<Record<string, unknown>> = {}) =>
  modelImportance(model.id, optionsOf('models:importance', more), runtime);
const treesOf = (model: Artifact) => readFile(model.file('segment-0/model.json'), 'utf8');

type Prediction = Awaited<ReturnType<typeof explain>>['predictions'][number];
/** Back to XGBoost's order: contributions by column, the expected margin last; and the row that was scored. */
function columnsOf({ features, expected }: Prediction, names: readonly string[]) {
  const by = new Map(features.map((one) => [one.feature, one]));
  return {
    shares: [...names.map((name) => by.get(name)!.contribution), expected],
    row: Float32Array.from(names, (name) => by.get(name)!.value ?? Number.NaN),
  };
}

const WEEK = { from: '2021-03-01', to: '2021-03-05' };

describe('models explain', () => {
  it('gives the Shapley values of the newest bar, or of each bar of a range, adding up to the margin', async () => {
    const model = await trained('xgboost(20)');
    const newest = await explain(model);
    expect(newest).toMatchObject({ trainer: 'xgboost(20)', scale: 'log_odds' });
    expect(newest.predictions).toHaveLength(1);
    const week = await explain(model, WEEK);
    expect(week.predictions.map(({ time }) => time.slice(0, 10))).toEqual(
      [1, 2, 3, 4, 5].map((day) => `2021-03-0${day}`),
    );
    const trees = fromXgboostJson(await treesOf(model));
    for (const one of [...newest.predictions, ...week.predictions]) {
      const { row, shares } = columnsOf(one, trees.featureNames);
      expect(shares).toEqual(Array.from(predictContributions(trees, { data: row, rows: 1, cols: COLUMNS })));
      expect(one.margin).toBeCloseTo(trees.marginOfRow(row), 5);
      expect(one.score).toBeCloseTo(1 / (1 + Math.exp(-one.margin)), 5);
      const sizes = one.features.map(({ contribution }) => Math.abs(contribution));
      expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    }
    // The newest bar before a date: what the model said on it.
    const before = await explain(model, { to: '2021-03-05' });
    expect(before.predictions).toEqual(week.predictions.slice(-1));
  });

  it('of chosen columns and a calibrated model explains the trees below; the score is the calibrated one', async () => {
    const model = await trained('xgboost(20)', { select: '2', calibrate: 'platt' });
    const { predictions } = await explain(model, WEEK);
    const trees = fromXgboostJson(await treesOf(model));
    expect(trees.features).toBe(2);
    for (const one of predictions) {
      const { row, shares } = columnsOf(one, trees.featureNames);
      expect(shares).toEqual(Array.from(predictContributions(trees, { data: row, rows: 1, cols: 2 })));
      expect(one.features).toHaveLength(COLUMNS);
      expect(one.features.filter(({ contribution }) => contribution === 0).length).toBeGreaterThanOrEqual(2);
      expect(one.score).not.toBeCloseTo(1 / (1 + Math.exp(-one.margin)), 3);
    }
  });

  it('of logistic: coefficient × distance from the mean', async () => {
    const model = await trained('logistic');
    const [first, second] = (await explain(model, WEEK)).predictions;
    expect(first!.score).toBeCloseTo(1 / (1 + Math.exp(-first!.margin)), 10);
    for (const { feature, training } of (await importance(model)).features) {
      const [a, b] = [first, second].map((one) => one!.features.find((f) => f.feature === feature)!);
      expect(b!.contribution - a!.contribution).toBeCloseTo(training['coefficient']! * (b!.value! - a!.value!), 10);
    }
    expect(first!.features.some(({ contribution }) => contribution !== 0)).toBe(true);
  });

  it('refuses rules, models without exact values, and bars that the model does not score', async () => {
    const rule = (await train(optionsOf('train', { data: data.path, trainer: 'momentum(20)' }), runtime)).artifact;
    await expect(explain(rule)).rejects.toMatchObject({ code: 'USAGE' });
    const network = await trained('lstm(4,4)', { rounds: '1' });
    await expect(explain(network)).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('importance'),
    });
    const model = await trained('xgboost(20)');
    await expect(explain(model, { from: '2016-06-01', to: '2016-06-10' })).rejects.toMatchObject({ code: 'NO_DATA' });
    await expect(explain(model, { symbols: 'SPY' })).rejects.toMatchObject({
      ...{ code: 'NO_DATA', message: expect.stringContaining('SPY'), hint: expect.stringContaining('MSFT') },
    });
  });
});

describe('models importance', () => {
  it('of trees: gain, cover and weight as the trees say, permutation on the bars after training', async () => {
    const model = await trained('xgboost(20)');
    const { features, measure } = await importance(model);
    expect(measure).toBe('logloss');
    const trees = fromXgboostJson(await treesOf(model));
    for (const type of ['gain', 'cover', 'weight', 'total_gain', 'total_cover'] as const) {
      const truth = featureImportance(trees, type);
      for (const { feature, training } of features)
        expect(training[type]).toBe(truth[trees.featureNames.indexOf(feature)]);
    }
    const worth = features.map(({ permutation }) => permutation!);
    expect(worth.every(Number.isFinite)).toBe(true);
    expect(worth).toEqual([...worth].sort((a, b) => b - a));
    expect((await importance(model, { seed: '7' })).features).not.toEqual(features);
    // Too few bars to shuffle: what training says remains.
    const few = (await importance(model, WEEK)).features;
    expect(few.map(({ permutation }) => permutation)).toEqual(Array(COLUMNS).fill(null));
    const gains = few.map(({ training }) => training['gain']!);
    expect(gains).toEqual([...gains].sort((a, b) => b - a));
  });

  it('of a network: permutation alone', async () => {
    const { features } = await importance(await trained('lstm(4,4)', { rounds: '1' }));
    expect(features.map(({ training }) => training)).toEqual(Array(COLUMNS).fill({}));
    expect(features.every(({ permutation }) => permutation !== null)).toBe(true);
  });
});

describeWith('xgboost', xgboostLibrary !== undefined)('explained by XGBoost itself', () => {
  it.each(['embedded', 'native'])('models explain gives pred_contribs of a model by the %s engine', async (engine) => {
    const model = await trained('xgboost(20)', { engine, label: 'return(3)' });
    const { predictions } = await explain(model, WEEK);
    const text = await treesOf(model);
    const names = fromXgboostJson(text).featureNames;
    const rows = predictions.map((one) => columnsOf(one, names));
    const x = { data: Float32Array.from(rows.flatMap(({ row }) => [...row])), rows: rows.length, cols: COLUMNS };
    const truth = await libraryPredicts(text, x, 'contributions');
    const shares = rows.flatMap((one) => one.shares);
    expect(largestDifference(shares, truth)).toBeLessThan(1e-6);
    const margins = predictions.map(({ margin }) => margin);
    expect(largestDifference(margins, await libraryPredicts(text, x, 'margin'))).toBeLessThan(1e-6);
  });
});
