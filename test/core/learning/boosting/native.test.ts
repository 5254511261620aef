import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type BoostingParams,
  chooseEngine,
  evaluateMetric,
  fromXgboostJson,
  openXgboost,
  predictContributions,
  toXgboostJson,
  trainBoosting,
} from '../../../../src/core/learning/boosting/index.js';
import { libraryCandidates } from '../../../../src/core/learning/boosting/native/library.js';
import { describeWith } from '../../../support/require.js';
import { libraryPredicts, xgboostLibrary } from '../../../support/xgboost.js';
import { CASES, floats, largestDifference, paramsOf, recorded, synthetic } from './support.js';

describeWith('xgboost', xgboostLibrary !== undefined)("XGBoost's own library", () => {
  const library = xgboostLibrary!;
  const native = { engine: 'native', library } as const;

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
    // Each loads the other's model, and both score dense and missing cells alike.
    for (const one of [model, embedded.model]) {
      const margins = await libraryPredicts(toXgboostJson(one), probe, 'margin');
      expect(largestDifference(one.predictMargin(probe), margins)).toBe(0);
      const contributions = await libraryPredicts(toXgboostJson(one), probe, 'contributions');
      // The library sums in float32; trees of 12 levels lose a digit there.
      expect(largestDifference(predictContributions(one, probe), contributions)).toBeLessThan(3e-6);
    }
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

  it.each<[string, Record<string, unknown>]>([
    ['max_bin and a growth by loss', { max_bin: 512, grow_policy: 'lossguide', max_leaves: 7, max_depth: 0 }],
    ['monotone_constraints', { monotone_constraints: '(1,0,0,0,-1)' }],
    ['interaction_constraints', { interaction_constraints: '[[0,1],[2,3,4]]' }],
    ['scale_pos_weight and base_score', { scale_pos_weight: 2.5, base_score: 0.3 }],
    ['tree_method=approx', { tree_method: 'approx', sampling_method: 'uniform', subsample: 0.5 }],
    ['tree_method=exact', { tree_method: 'exact', colsample_bylevel: 0.6 }],
    ['a forest a round', { num_parallel_tree: 4, subsample: 0.6, colsample_bynode: 0.6 }],
    ['dropout', { booster: 'dart', rate_drop: 0.3, one_drop: 1, normalize_type: 'forest', sample_type: 'weighted' }],
    ['reg:logistic', { objective: 'reg:logistic' }],
    ['reg:absoluteerror', { objective: 'reg:absoluteerror' }],
    ['reg:pseudohubererror', { objective: 'reg:pseudohubererror', huber_slope: 0.7 }],
    ['reg:quantileerror', { objective: 'reg:quantileerror', quantile_alpha: 0.8 }],
    ['reg:squaredlogerror', { objective: 'reg:squaredlogerror' }],
    ['documented second names', { learning_rate: 0.2, min_split_loss: 0.1, reg_lambda: 2, reg_alpha: 0.1 }],
  ])('%s: the model scores as the library’s own, and is read back by it', async (_, more) => {
    const held = synthetic(500, 5, 2, 0.1);
    const { model, history } = await trainBoosting({
      ...{ ...synthetic(800, 5, 1, 0.1), ...native, rounds: 6, evaluation: { ...held, name: 'held' } },
      // mae of identity and logistic margins is the library's own view of the predictions.
      params: { objective: 'binary:logistic', max_depth: 4, eval_metric: 'mae', ...more } as unknown as BoostingParams,
    });
    expect(model.rounds).toBe(6);
    const own = model.predict(held.x).reduce((sum, p, i) => sum + Math.abs(p - held.y[i]!), 0) / held.x.rows;
    const last = history.at(-1)!.metrics['held'] as Record<string, number>;
    expect(own).toBeCloseTo(last['mae']!, 5);
    const text = toXgboostJson(model);
    expect(fromXgboostJson(text).predictMargin(held.x)).toEqual(model.predictMargin(held.x));
    expect(largestDifference(model.predictMargin(held.x), await libraryPredicts(text, held.x, 'margin'))).toBeLessThan(
      1e-6,
    );
  });

  it('stops dropout at the model of its best round', async () => {
    const train = synthetic(600, 5, 1);
    const noisy = { ...train, y: train.y.map((label, i) => (i % 3 === 0 ? 1 - label : label)) };
    const held = synthetic(400, 5, 2);
    const { model, history, bestIteration } = await trainBoosting({
      ...{ ...noisy, ...native, rounds: 60, earlyStopping: 5, evaluation: { ...held, name: 'held' } },
      params: {
        objective: 'binary:logistic',
        booster: 'dart',
        rate_drop: 0.5,
        eta: 0.6,
        eval_metric: 'logloss',
      } as never,
    });
    expect([model.rounds, history.length]).toEqual([bestIteration + 1, bestIteration + 6]);
    expect(evaluateMetric('logloss', model.predict(held.x), held.y, undefined)).toBeCloseTo(
      history[bestIteration]!.metrics['held']!.logloss!,
      5,
    );
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
    for (const [refused, reason] of [
      [{ booster: 'gblinear' }, 'gblinear'],
      [{ rate_drop: 0.1 }, 'booster=dart'],
      [{ feature_selector: 'cyclic' }, 'gblinear'],
      [{ process_type: 'update' }, 'grown anew'],
      [{ max_cat_to_onehot: 4 }, 'categorical'],
      [{ huber_slope: 1 }, 'pseudohubererror'],
      [{ tweedie_variance_power: 1.5 }, 'reg:tweedie'],
      [{ nthread: 1 }, '--threads'],
      [{ num_class: 3 }, 'multi:softprob'],
      [{ device: 'cuda' }, 'computes on the processor'],
      [{ objective: 'reg:quantileerror', quantile_alpha: [0.1, 0.9] }, 'one number'],
      [{ eta: 0.1, learning_rate: 0.2 }, 'given twice'],
    ] as const) {
      const params = { ...logistic, ...refused } as unknown as BoostingParams;
      await expect(trainBoosting({ ...data, params })).rejects.toMatchObject({
        code: 'CONFIG',
        message: expect.stringContaining(reason),
      });
    }
    const ranking = { objective: 'rank:ndcg' } as unknown as BoostingParams;
    await expect(trainBoosting({ ...data, params: { ...ranking } })).rejects.toThrow('rank:ndcg');
    const constant = data.x.data.map((value, i) => (i % 4 === 3 ? 1 : value));
    const x = { ...data.x, data: constant };
    await expect(trainBoosting({ ...data, x, params: logistic })).rejects.toMatchObject({ code: 'QUALITY' });
    const signal = AbortSignal.abort();
    await expect(trainBoosting({ ...data, signal, params: logistic })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('drops the nodes that pruning deleted: written again they ended the process of who read them', async () => {
    const data = { ...synthetic(400, 4, 1), ...native, rounds: 3 };
    const params = { objective: 'binary:logistic', tree_method: 'exact', max_depth: 9, gamma: 2 } as never;
    const { model } = await trainBoosting({ ...data, params });
    for (const { left, right } of model.trees) {
      const children = [...left, ...right].filter((i) => i >= 0).sort((a, b) => a - b);
      expect(children).toEqual(Array.from({ length: left.length - 1 }, (_, i) => i + 1));
    }
    const margins = await libraryPredicts(toXgboostJson(model), data.x, 'margin');
    expect(largestDifference(model.predictMargin(data.x), margins)).toBe(0);
  });

  it('is what auto chooses', async () => {
    expect(await chooseEngine({ engine: 'auto', library })).toBe('native');
  });
});

it('looks at the cells before it opens the library: infinite ones and columns that never change', async () => {
  const good = synthetic(60, 4, 1);
  const trained = (data: Float32Array, more: object = {}) =>
    trainBoosting({
      ...{ ...good, x: { ...good.x, data }, params: { objective: 'binary:logistic' }, rounds: 1, ...more },
      ...{ engine: 'native', library: 'nowhere' },
    });
  const cells = (value: (x: number, i: number, j: number) => number) =>
    good.x.data.map((x, at) => value(x, Math.floor(at / 4), at % 4));
  await expect(trained(cells((x, i, j) => (i === 7 && j === 2 ? -Infinity : x)))).rejects.toThrow('Row 7, column f2');
  const evaluation = { x: { ...good.x, data: cells((x, i) => (i === 9 ? Infinity : x)) }, y: good.y };
  await expect(trained(good.x.data, { evaluation })).rejects.toThrow('Row 9, column f0 of the evaluation set');
  await expect(trained(cells((x, _, j) => (j === 1 ? 3 : x)))).rejects.toThrow('f1 (constant)');
  await expect(trained(cells((x, _, j) => (j === 1 ? NaN : x)))).rejects.toThrow('f1 (all missing)');
  // One value beside missing cells can be split: on to the library.
  await expect(trained(cells((x, i, j) => (j === 1 ? (i === 50 ? NaN : 3) : x)))).rejects.toThrow('no XGBoost library');
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

  const compiler = spawnSync('cc', ['--version']).status === 0;
  it.skipIf(!compiler).each([
    [
      '1.6.2',
      'void XGBoostVersion(int* a, int* b, int* c) { *a = 1; *b = 6; *c = 2; }',
      /is XGBoost 1\.6\.2; 1\.7 to 3\.x/,
    ],
    [
      '4.0.1',
      'void XGBoostVersion(int* a, int* b, int* c) { *a = 4; *b = 0; *c = 1; }',
      /is XGBoost 4\.0\.1; 1\.7 to 3\.x/,
    ],
    ['3.1.0 without its functions', 'void XGBoostVersion(int* a, int* b, int* c) { *a = 3; *b = 1; *c = 0; }', /XGD/],
    ['that is something else', 'int something(void) { return 1; }', /is not XGBoost's library.*XGBoostVersion/],
  ])('refuses a library of version %s (needs a C compiler)', async (name, source, message) => {
    const file = join(folder, `${name}.so`);
    const built = spawnSync('cc', ['-shared', '-fPIC', '-x', 'c', '-o', file, '-'], { input: source });
    expect(built.stderr.toString()).toBe('');
    for (const engine of ['native', 'auto'] as const) {
      const options = { ...synthetic(50, 3, 1), params: { objective: 'binary:logistic' }, rounds: 1 } as const;
      await expect(trainBoosting({ ...options, engine, library: file })).rejects.toMatchObject({
        ...{ code: 'CONFIG', exitCode: 3, message: expect.stringMatching(message) },
        hint: expect.stringContaining('embedded engine'),
      });
    }
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
