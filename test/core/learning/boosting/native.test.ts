import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type BoostingParams,
  chooseEngine,
  openXgboost,
  predictContributions,
  toXgboostJson,
  trainBoosting,
} from '../../../../src/core/learning/boosting/index.js';
import { libraryCandidates } from '../../../../src/core/learning/boosting/native/library.js';
import { describeWith } from '../../../support/require.js';
import { CASES, floats, largestDifference, paramsOf, recorded, synthetic } from './support.js';

const named = process.env['QUANTLINE_XGBOOST_LIB'];
const library = libraryCandidates(named)[0];

describeWith('xgboost', library !== undefined)("XGBoost's own library", () => {
  const native = { engine: 'native', library: library! } as const;

  it.each(CASES)('trains as recorded from Python: %s', async (name) => {
    const c = recorded(name);
    const weights = c.weights === null ? {} : { weights: c.weights };
    const data = { x: { data: floats(c.x), rows: c.rows, cols: c.cols }, y: c.y, ...weights };
    const options = { ...data, params: paramsOf(c), rounds: c.rounds };
    const { model, engine } = await trainBoosting({ ...options, ...native });
    const embedded = await trainBoosting({ ...options, engine: 'embedded' });
    expect([engine, embedded.engine]).toEqual(['native', 'embedded']);
    const probe = { data: floats(c.probe), rows: c.probe.length / c.cols, cols: c.cols };
    // Versions differ in how they estimate base_score, so the engines are held against each other's trees.
    expect(model.trees.map((tree) => Array.from(tree.feature))).toEqual(
      embedded.model.trees.map((tree) => Array.from(tree.feature)),
    );
    if ((await openXgboost(native)).version === c.xgboost) {
      expect(largestDifference(model.predictMargin(probe), c.margin)).toBeLessThan(1e-6);
      expect(largestDifference(predictContributions(model, probe), c.contributions)).toBeLessThan(1e-6);
    }
  });

  it('passes every parameter through, follows metrics, stops early and repeats itself', async () => {
    const train = synthetic(2000, 5, 1);
    const noisy = { ...train, y: train.y.map((label, i) => (i % 4 === 0 ? 1 - label : label)) };
    const params = {
      objective: 'binary:logistic',
      eta: 0.5,
      grow_policy: 'lossguide',
      max_leaves: 9,
      max_depth: 0,
      subsample: 0.8,
      monotone_constraints: [0, 0, 0, 0, 1],
      eval_metric: ['auc', 'logloss'],
    } as const;
    const run = () =>
      trainBoosting({
        ...noisy,
        ...native,
        params,
        rounds: 100,
        earlyStopping: 4,
        threads: 2,
        evaluation: { ...synthetic(1000, 5, 2), name: 'held-out:1' },
        featureNames: ['a', 'b', 'c', 'd', 'e'],
      });
    const a = await run();
    const losses = a.history.map((round) => round.metrics['held-out:1']!.logloss!);
    expect(a.bestIteration).toBe(losses.indexOf(Math.min(...losses)));
    expect(a.history.length).toBe(a.bestIteration + 5);
    expect(a.model.rounds).toBe(a.bestIteration + 1);
    expect(a.model.featureNames).toEqual(['a', 'b', 'c', 'd', 'e']);
    for (const tree of a.model.trees) expect(tree.left.filter((child) => child < 0).length).toBeLessThanOrEqual(9);
    expect(toXgboostJson((await run()).model)).toBe(toXgboostJson(a.model));
  });

  it('says what the library says, and refuses what could not be read back', async () => {
    const data = { ...synthetic(100, 4, 1), ...native, rounds: 1 };
    const logistic = { objective: 'binary:logistic' } as const;
    await expect(
      trainBoosting({ ...data, params: { ...logistic, eta: 'x' as unknown as number } }),
    ).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining('learning_rate'),
    });
    await expect(trainBoosting({ ...data, params: { ...logistic, booster: 'dart' } })).rejects.toThrow('dart');
    const ranking = { objective: 'rank:ndcg' } as unknown as BoostingParams;
    await expect(trainBoosting({ ...data, params: { ...ranking } })).rejects.toThrow('rank:ndcg');
    const constant = data.x.data.map((value, i) => (i % 4 === 3 ? 1 : value));
    const x = { ...data.x, data: constant };
    await expect(trainBoosting({ ...data, x, params: logistic })).rejects.toMatchObject({ code: 'QUALITY' });
    const signal = AbortSignal.abort();
    await expect(trainBoosting({ ...data, signal, params: logistic })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('is what auto chooses', async () => {
    expect(await chooseEngine({ engine: 'auto', library: library! })).toBe('native');
  });
});

describe('finding the library', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quantline-xgboost-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('looks into a virtual environment, and takes a file by name', () => {
    const lib = join(folder, 'venv', 'lib', 'python3.11', 'site-packages', 'xgboost', 'lib');
    mkdirSync(lib, { recursive: true });
    writeFileSync(join(lib, 'libxgboost.so'), '');
    expect(libraryCandidates(join(folder, 'venv'))).toEqual([join(lib, 'libxgboost.so')]);
    expect(libraryCandidates(join(lib, 'libxgboost.so'))).toEqual([join(lib, 'libxgboost.so')]);
    expect(libraryCandidates(undefined, [join(folder, 'venv')])[0]).toBe(join(lib, 'libxgboost.so'));
  });

  it('refuses what is missing or no library, and never falls back from a named one', async () => {
    await expect(openXgboost({ library: join(folder, 'nothing') })).rejects.toMatchObject({ code: 'CONFIG' });
    const file = join(folder, 'libxgboost.so');
    writeFileSync(file, 'no library');
    await expect(openXgboost({ library: file })).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining(file),
    });
    await expect(chooseEngine({ engine: 'auto', library: file })).rejects.toMatchObject({ code: 'CONFIG' });
    expect(await chooseEngine({})).toBe('embedded');
  });
});
