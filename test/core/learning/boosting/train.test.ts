import { describe, expect, it } from 'vitest';
import {
  type BoostingParams,
  type EmbeddedOptions,
  type RoundReport,
  toXgboostJson,
  trainEmbedded,
} from '../../../../src/core/learning/boosting/index.js';
import { blockSize } from '../../../../src/core/learning/boosting/workspace.js';
import { synthetic } from './support.js';

const logistic: BoostingParams = { objective: 'binary:logistic' };

describe('equal bytes with any number of threads', () => {
  // More rows than one block, more columns than one group, every kind of drawing, missing cells, an evaluation set.
  const rows = 40_000;
  const train = synthetic(rows, 11, 5, 0.1);
  const test = synthetic(3000, 11, 6, 0.1);
  const weights = Float32Array.from({ length: rows }, (_, i) => 0.5 + (i % 7) / 3);
  const options = (threads: number): EmbeddedOptions => ({
    ...train,
    weights,
    evaluation: test,
    params: {
      ...logistic,
      subsample: 0.7,
      colsample_bytree: 0.9,
      colsample_bylevel: 0.9,
      colsample_bynode: 0.8,
      max_depth: 7,
      seed: 3,
    },
    rounds: 4,
    threads,
  });

  it('1, 2 and 5 threads write the same model', async () => {
    expect(rows).toBeGreaterThan(2 * blockSize(rows));
    const [one, two, five] = [
      await trainEmbedded(options(1)),
      await trainEmbedded(options(2)),
      await trainEmbedded(options(5)),
    ];
    const text = toXgboostJson(one.model);
    expect(toXgboostJson(two.model)).toBe(text);
    expect(toXgboostJson(five.model)).toBe(text);
    expect(five.history).toEqual(one.history);
    const other = await trainEmbedded({ ...options(2), params: { ...options(2).params, seed: 4 } });
    expect(toXgboostJson(other.model)).not.toBe(text);
  });

  it('several classes too', async () => {
    const y = train.y.map((label, i) => label + (i % 3 === 0 ? 1 : 0));
    const run = (threads: number) =>
      trainEmbedded({ x: train.x, y, params: { objective: 'multi:softprob', num_class: 3 }, rounds: 2, threads });
    expect(toXgboostJson((await run(3)).model)).toBe(toXgboostJson((await run(1)).model));
  });

  it('metrics of the binned sets are those of the finished model', async () => {
    const { model, history } = await trainEmbedded({ ...options(2), trainMetrics: true });
    const logloss = (data: typeof train, w?: Float32Array): number => {
      const p = model.predict(data.x);
      let sum = 0;
      let total = 0;
      p.forEach((q, i) => {
        const weight = w?.[i] ?? 1;
        sum -= weight * Math.log(data.y[i] === 1 ? q : 1 - q);
        total += weight;
      });
      return sum / total;
    };
    const last = history[history.length - 1]!.metrics;
    expect(last['train']!.logloss).toBeCloseTo(logloss(train, weights), 7);
    expect(last['eval']!.logloss).toBeCloseTo(logloss(test), 7);
  });
});

describe('histograms beyond the kept ones', () => {
  it('are built anew with the same result', async () => {
    // 2^9 nodes × 30 groups × 32 KiB exceed what is kept for subtraction; the columns beyond the first three are noise.
    const wide = synthetic(3000, 240, 9);
    const params: BoostingParams = { objective: 'reg:squarederror', max_depth: 10, min_child_weight: 0, eta: 1 };
    const { model } = await trainEmbedded({ ...wide, params, rounds: 1 });
    // Without shrinkage and penalty every row ends near its label.
    const p = model.predict(wide.x);
    let error = 0;
    p.forEach((value, i) => {
      error += Math.abs(value - wide.y[i]!);
    });
    expect(error / p.length).toBeLessThan(0.2);
    const cover = model.trees[0]!.cover;
    model.trees[0]!.left.forEach((left, i) => {
      if (left >= 0) expect(cover[left]! + cover[left + 1]!).toBe(cover[i]);
    });
  });
});

describe('training', () => {
  const train = synthetic(2000, 5, 1);
  const test = synthetic(1500, 5, 2);

  it('stops early, keeps the best round and says so in the model', async () => {
    const noisy = { ...train, y: train.y.map((label, i) => (i % 4 === 0 ? 1 - label : label)) };
    const run = await trainEmbedded({
      ...noisy,
      evaluation: test,
      params: { ...logistic, eta: 0.5, max_depth: 6, eval_metric: ['error', 'logloss'] },
      rounds: 200,
      earlyStopping: 5,
    });
    const losses = run.history.map((round) => round.metrics['eval']!.logloss!);
    const best = losses.indexOf(Math.min(...losses));
    expect(run.bestIteration).toBe(best);
    expect(run.history.length).toBe(best + 6);
    expect(run.model.rounds).toBe(best + 1);
    expect(run.model.attributes).toEqual({ best_iteration: String(best), best_score: String(losses[best]) });
  });

  it('reports every round and stops between rounds when told', async () => {
    const controller = new AbortController();
    const seen: RoundReport[] = [];
    const run = trainEmbedded({
      ...train,
      params: logistic,
      rounds: 50,
      threads: 2,
      signal: controller.signal,
      onRound: (report) => {
        seen.push(report);
        if (report.round === 3) controller.abort();
      },
    });
    await expect(run).rejects.toMatchObject({ code: 'INTERRUPTED', message: expect.stringContaining('3 rounds') });
    expect(seen.map((report) => report.round)).toEqual([1, 2, 3]);
  });

  it('subsampling draws about its share, never the same rows twice', async () => {
    const { model } = await trainEmbedded({
      ...train,
      params: { objective: 'reg:squarederror', subsample: 0.25 },
      rounds: 3,
    });
    const covers = model.trees.map((tree) => tree.cover[0]!);
    for (const cover of covers) expect(Math.abs(cover - 500)).toBeLessThan(80);
    expect(new Set(covers).size).toBeGreaterThan(1);
  });

  it('draws columns per tree, level and node', async () => {
    const used = async (params: Partial<BoostingParams>) => {
      const options = { ...train, params: { ...logistic, max_depth: 4, ...params }, rounds: 6 };
      const { model } = await trainEmbedded(options);
      return model.trees.map((tree) => new Set(tree.feature.filter((_, i) => tree.left[i]! >= 0)));
    };
    for (const features of await used({ colsample_bytree: 0.2 })) expect(features.size).toBe(1);
    const roots = await used({ colsample_bylevel: 0.2, max_depth: 1 });
    expect(new Set(roots.map((features) => [...features][0])).size).toBeGreaterThan(1);
    const nodes = await used({ colsample_bynode: 0.2 });
    expect(nodes.some((features) => features.size > 1)).toBe(true);
  });
});

describe('bad input', () => {
  const good = synthetic(200, 4, 1);
  const base: EmbeddedOptions = { ...good, params: logistic, rounds: 2 };
  const changed = (cell: number, value: number) => {
    const data = good.x.data.slice();
    data[cell] = value;
    return { ...good.x, data };
  };
  const column = (value: (i: number) => number) => {
    const data = good.x.data.slice();
    for (let i = 0; i < 200; i++) data[i * 4 + 2] = value(i);
    return { ...good.x, data };
  };

  it.each<[string, Partial<EmbeddedOptions>, string, string]>([
    ['a NaN label', { y: good.y.with(7, Number.NaN) }, 'INPUT', 'row 7'],
    ['an infinite label', { y: good.y.with(9, Infinity) }, 'INPUT', 'row 9'],
    ['a label out of range', { y: good.y.with(3, 2) }, 'INPUT', 'row 3'],
    ['one class only', { y: new Float32Array(200) }, 'NO_DATA', 'one class'],
    ['too few rows', { x: { data: new Float32Array(4), rows: 1, cols: 4 }, y: [1] }, 'NO_DATA', 'too few'],
    ['an infinite cell', { x: changed(4 * 5 + 1, -Infinity) }, 'INPUT', 'Row 5, column f1'],
    ['a constant column', { x: column(() => 3) }, 'QUALITY', 'f2 (constant)'],
    ['an all-missing column', { x: column(() => Number.NaN) }, 'QUALITY', 'f2 (all missing)'],
    ['a negative weight', { weights: new Float32Array(200).fill(1).with(4, -1) }, 'INPUT', 'row 4'],
    ['no weight at all', { weights: new Float32Array(200) }, 'INPUT', 'all weights'],
    ['labels of another length', { y: good.y.subarray(1) }, 'INPUT', '199 labels'],
    ['cells of another number', { x: { ...good.x, rows: 201 } }, 'INPUT', '800 cells'],
    ['an unknown parameter', { params: { ...logistic, tree: 1 } as BoostingParams }, 'CONFIG', 'tree'],
    ['eta out of range', { params: { ...logistic, eta: 0 } }, 'CONFIG', 'eta'],
    ['too deep', { params: { ...logistic, max_depth: 17 } }, 'CONFIG', 'max_depth'],
    ['no classes', { params: { objective: 'multi:softprob' } }, 'CONFIG', 'num_class'],
    ['an impossible base_score', { params: { ...logistic, base_score: 1 } }, 'CONFIG', 'base_score'],
    ['a metric of another objective', { params: { ...logistic, eval_metric: 'merror' } }, 'CONFIG', 'merror'],
    ['no rounds', { rounds: 0 }, 'CONFIG', 'rounds'],
    ['early stopping on nothing', { earlyStopping: 3 }, 'CONFIG', 'evaluation'],
    ['another width to evaluate', { evaluation: synthetic(10, 5, 1) }, 'MISMATCH', '5 columns'],
  ])('%s', async (_, change, code, message) => {
    await expect(trainEmbedded({ ...base, ...change })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it('early stopping on a metric that is not defined', async () => {
    const evaluation = { x: good.x, y: new Float32Array(200) };
    const params = { ...logistic, eval_metric: 'auc' } as const;
    const run = trainEmbedded({ ...base, params, evaluation, earlyStopping: 2 });
    await expect(run).rejects.toMatchObject({ code: 'NO_DATA', message: expect.stringContaining('not defined') });
  });

  it('ignores unusable columns when asked, but not when there is no other', async () => {
    const run = await trainEmbedded({ ...base, x: column(() => 3), unusableColumns: 'ignore' });
    expect(run.model.trees.every((tree) => tree.feature.every((f) => f !== 2))).toBe(true);
    const x = { data: new Float32Array(800).fill(1), rows: 200, cols: 4 };
    await expect(trainEmbedded({ ...base, x, unusableColumns: 'ignore' })).rejects.toMatchObject({ code: 'QUALITY' });
  });
});
