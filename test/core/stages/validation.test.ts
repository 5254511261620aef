import { rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import type { OpenDataset } from '../../../src/core/data/dataset.js';
import { openDataset } from '../../../src/core/data/open.js';
import { type PlattScaling, plattProbability } from '../../../src/core/learning/boosting/index.js';
import { logit } from '../../../src/core/models/calibrate.js';
import { chooseColumns } from '../../../src/core/models/select.js';
import type { TrainingRows } from '../../../src/core/models/trainer.js';
import { weighRows } from '../../../src/core/models/weights.js';
import { isoTime } from '../../../src/core/platform/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { composeLabel } from '../../../src/core/stages/compose/labels.js';
import { openModel } from '../../../src/core/stages/compose/model.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { reopenTrainer } from '../../../src/core/stages/compose/trainer.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { train } from '../../../src/core/stages/train.js';
import { compareTrainers } from '../../../src/core/stages/train-compare.js';
import { trials } from '../../../src/core/stages/trials.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

let data: Artifact;
let dataset: OpenDataset;
beforeAll(async () => {
  const source = { source: 'csv', symbols: 'MSFT', file: [fixture('bars/msft-daily-1990-2022.csv')] };
  data = (await ingest(optionsOf('ingest', { ...source, interval: '1d', basis: 'split', from: '2012-01-01' }), runtime))
    .artifact;
  dataset = await openDataset(runtime, data);
});

const quick = { features: 'ret(1),ret(5),rsi(14)', split: '70%', engine: 'embedded' };
const trainWith = (more: object) =>
  train(optionsOf('train', { data: data.path, trainer: 'xgboost(5)', ...quick, ...more }), runtime);
const compare = (more: object) => compareTrainers(optionsOf('train', { data: data.path, ...quick, ...more }), runtime);

describe('folds', () => {
  test('say what their scores would have earned, and combinatorial ones along each path', async () => {
    const { folds, paths, segments } = await trainWith({ cv: 'cpcv:4,2' });
    expect(folds).toHaveLength(6);
    for (const { metrics } of [...folds, ...segments]) {
      expect(Object.keys(metrics)).toEqual(
        expect.arrayContaining([
          ...['logloss', 'auc', 'accuracy', 'information_coefficient', 'total_return', 'sharpe'],
        ]),
      );
      expect(metrics['total_return']).toBeGreaterThan(-1);
    }
    expect(new Set(folds.map(({ metrics }) => metrics['total_return'])).size).toBeGreaterThan(3);
    expect(paths!.sharpe).toMatchObject({ paths: 3 });
    expect(paths!.total_return.max).toBeGreaterThanOrEqual(paths!.total_return.min);
    const again = await trainWith({ cv: 'cpcv:4,2' });
    expect([again.reused, again.paths]).toEqual([true, paths]);
  });

  test('evaluate trades the combinatorial paths with the strategy, fills and costs of the run', async () => {
    const { artifact, paths } = await trainWith({ cv: 'cpcv:4,2' });
    const traded = async (more: object) => {
      const run = (await backtest(optionsOf('backtest', { model: artifact.path, ...more }), runtime)).artifact;
      return (await evaluate(optionsOf('evaluate', { run: run.path }), runtime)).report.paths!;
    };
    const free = await traded({});
    expect(free.count).toBe(3);
    // Without costs they earn what training said; there the last position is closed with the last label.
    expect(Math.abs(free.sharpe.mean - paths!.sharpe.mean)).toBeLessThan(0.02);
    const dear = await traded({ commission: '0.5%' });
    const costly = (await trainWith({ cv: 'cpcv:4,2', commission: '0.5%' })).paths!;
    expect(Math.abs(dear.sharpe.mean - costly.sharpe.mean)).toBeLessThan(0.02);
    for (const figure of ['min', 'mean', 'max'] as const) {
      expect(dear.sharpe[figure]).toBeLessThan(free.sharpe[figure]);
      expect(dear.total_return[figure]).toBeLessThan(free.total_return[figure]);
    }
  });

  test.each<[string, object]>([
    ['none', {}],
    ['costs', { commission: '$1+0.1%', slippage: '5bp', fees: 'us', cash: '20000', lot: 'whole' }],
    [
      'a strategy',
      { short: true, enter: '0.53', stopLoss: '4%', sizing: 'volatility(15%,20)', risk: 'max-position(60%)' },
    ],
  ])('the money metric is the backtest of the same scores with the same options: %s', async (_, trading) => {
    const { artifact, segments } = await trainWith({ label: 'direction(1)', ...trading });
    // The fold ends with the bar at which its last label is known, and is closed there.
    const to = isoTime(dataset.bars[0]!.time.at(-2)!).slice(0, 10);
    const same = { model: artifact.path, to, closeAtEnd: 'close', ...trading };
    const { run } = await openRun((await backtest(optionsOf('backtest', same), runtime)).artifact);
    expect(segments[0]!.metrics['total_return']).toBe(run.finalEquity / run.initialEquity - 1);
  });

  test('other costs give the same model with other metrics, and its runs are the same trial', async () => {
    const [free, dear] = [await trainWith({ cv: 'purged:3' }), await trainWith({ cv: 'purged:3', commission: '0.3%' })];
    expect(dear.artifact.id).not.toBe(free.artifact.id);
    const trees = ({ artifact }: typeof free) => readFile(artifact.file('segment-0/model.json'), 'utf8');
    expect(await trees(dear)).toBe(await trees(free));
    dear.folds.forEach(({ metrics }, f) => {
      const before = free.folds[f]!.metrics;
      expect(metrics['auc']).toBe(before['auc']);
      expect(metrics['total_return']!).toBeLessThan(before['total_return']!);
    });
    const counted = async (model: Artifact) => {
      await backtest(optionsOf('backtest', { model: model.path, commission: '0.3%' }), runtime);
      return (await trials(optionsOf('trials', {}), runtime)).count;
    };
    const count = await counted(free.artifact);
    expect(await counted(dear.artifact)).toBe(count);
  });
});

describe('train --compare', () => {
  test('puts learners and rules on the same folds inside the training range', async () => {
    const result = await compare({ compare: 'logistic,xgboost(5),momentum(60)', cv: 'purged:3' });
    expect(result.trainers.map(({ trainer, engine }) => [trainer, engine])).toEqual([
      ['logistic', 'embedded 1'],
      ['xgboost(5)', expect.stringMatching(/^embedded /)],
      ['momentum(60)', null],
    ]);
    const { segments } = await trainWith({});
    expect(result.to).toBe(segments[0]!.trainTo);
    const rows = result.trainers.map(({ folds }) => folds.map((fold) => fold.rows));
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[0]).toHaveLength(3);
    const [logistic, , rule] = result.trainers;
    expect(logistic!.metrics['logloss']).toBeCloseTo(
      logistic!.folds.reduce((sum, fold) => sum + fold['logloss']!, 0) / 3,
      12,
    );
    expect(rule!.metrics['logloss']).toBeUndefined();
    expect(rule!.metrics['sharpe']).toEqual(expect.any(Number));
  });

  test('trades rules and learners with the costs and the short side that are asked for', async () => {
    const trainers = { compare: 'logistic,momentum(20),momentum(20,short)', cv: 'purged:3' };
    const returns = async (more: object) =>
      (await compare({ ...trainers, ...more })).trainers.map(({ metrics }) => metrics['total_return']!);
    const [free, dear] = [await returns({}), await returns({ commission: '0.3%' })];
    expect(free[2]).not.toBe(free[1]);
    free.forEach((earned, t) => void expect(dear[t]!).toBeLessThan(earned));
  });

  test('walks forward, takes the trainer too, and refuses what does not apply', async () => {
    const result = await compare({ trainer: 'logistic', compare: 'momentum(20)', cv: 'walk-forward:2' });
    expect([result.folds, result.trainers.map(({ trainer }) => trainer)]).toEqual([2, ['logistic', 'momentum(20)']]);
    await expect(compare({ compare: 'logistic', param: ['lambda=1'] })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(compare({ compare: 'logistik' })).rejects.toMatchObject({ hint: expect.stringMatching(/logistic/) });
    await expect(compare({ compare: 'logistic', cv: 'purged:9000' })).rejects.toMatchObject({ code: 'NO_DATA' });
  });
});

test('--calibrate platt maps the scores by held-out ones: same order, better log loss where the model was too sure', async () => {
  const sure = { trainer: 'xgboost(60)', param: { eta: '0.3', max_depth: '6', min_child_weight: '1' } };
  const plain = await trainWith(sure);
  const mapped = await trainWith({ ...sure, calibrate: 'platt' });
  const [before, after] = [plain.segments[0]!.metrics, mapped.segments[0]!.metrics];
  expect(after['logloss']!).toBeLessThan(before['logloss']! - 0.02);
  const scaling = JSON.parse(await readFile(mapped.artifact.file('segment-0/calibration.json'), 'utf8')) as object;
  expect(scaling).toEqual({ slope: expect.any(Number), intercept: expect.any(Number) });
  // The trees are the same; what is loaded scores as what was fitted.
  const trees = (artifact: Artifact) => readFile(artifact.file('segment-0/model.json'), 'utf8');
  expect(await trees(mapped.artifact)).toBe(await trees(plain.artifact));
  const [one, two] = [await openModel(plain.artifact), await openModel(mapped.artifact)];
  const score = ({ model }: typeof one) => {
    const out = new Float64Array(dataset.bars[0]!.time.length);
    model.scorer(dataset.instruments[0]!, dataset.calendars[0]!).consume(dataset.bars[0]!, 0, out.length, out);
    return out.at(-1)!;
  };
  expect(score(two)).toBeCloseTo(plattProbability(scaling as PlattScaling, logit(score(one))), 12);
});

test.each<[object, RegExp]>([
  [{ trainer: 'logistic', label: 'return(5)' }, /apply to the label return\(5\)/],
  [{ trainer: 'dqn' }, /apply to the agent dqn/],
  [{ trainer: 'momentum(20)' }, /apply to the rule momentum/],
])('--calibrate platt is refused where there are no probabilities: %o', async (more, message) => {
  const refused = train(optionsOf('train', { data: data.path, calibrate: 'platt', ...more }), runtime);
  await expect(refused).rejects.toMatchObject({ code: 'USAGE', message: expect.stringMatching(message) });
});

describe('bad input', () => {
  test.each(['logistic', 'xgboost(2)', 'lstm'])(
    '%s: columns that never change, whatever the labels',
    async (trainer) => {
      const constant = trainWith({ trainer, features: 'hour_sin,hour_cos', rounds: 1 });
      await expect(constant).rejects.toMatchObject({
        ...{ code: 'QUALITY', exitCode: 4, hint: expect.stringMatching(/differ from bar to bar/) },
        message: 'segment 1 of 1: every column is constant or missing: hour_sin, hour_cos.',
      });
    },
  );

  let rising: Artifact;
  beforeAll(async () => {
    const [head, ...lines] = (await readFile(fixture('bars/msft-daily-1990-2022.csv'), 'utf8')).trim().split('\n');
    // Closes rise by ever other steps, so that features differ and every label is 1.
    const rows = lines.slice(-300).map((line, i) => {
      const price = 100 + i + (i % 5) / 10;
      return [line.split(',')[0], price, price + 0.3, price - 0.3, price + 0.1, 1000].join(',');
    });
    const file = join(runtime.workspace, 'rising.csv');
    await writeFile(file, [head!.split(',').slice(0, 6).join(','), ...rows].join('\n'));
    const options = { source: 'csv', symbols: 'UP', file: [file], interval: '1d', basis: 'split' };
    rising = (await ingest(optionsOf('ingest', options), runtime)).artifact;
  });

  test.each(['logistic', 'xgboost(2)', 'lstm'])('%s: labels of one class', async (trainer) => {
    const features = 'ret(1),ret(2)';
    await expect(trainWith({ data: rising.path, trainer, features, rounds: 1 })).rejects.toMatchObject({
      ...{ exitCode: 4, hint: expect.stringMatching(/longer range or another label/) },
      message: expect.stringMatching(/one class only|training labels are 1/),
    });
  });

  test.each(['logistic', 'xgboost(2)', 'lstm(4,4)'])('%s: a model file of other features', async (trainer) => {
    const { artifact } = await trainWith({ trainer, rounds: 1 });
    const { file } = await openModel(artifact);
    const { trainer: learner } = await reopenTrainer(file.trainer.name, file.trainer.settings);
    if (learner.kind !== 'learner') throw new Error('a learner');
    const names = Object.keys(artifact.manifest.files).filter((name) => name.startsWith('segment-0/'));
    const files = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name.slice(10), await readFile(artifact.file(name))] as const)),
    );
    const load = (columns: readonly string[]) => learner.load(files, columns, file.scoreKind);
    await load(file.columns);
    await expect(load(['a', 'b'])).rejects.toMatchObject({
      ...{ code: 'MISMATCH', exitCode: 4, message: expect.stringMatching(/3 columns, the features make 2/) },
    });
    if (/logistic|xgboost/.test(trainer))
      await expect(load(['a', 'b', 'c'])).rejects.toThrow(/as column 1, the features make a/);
  });

  test.each(['purged:1', 'purged:2.5', 'cpcv:1,1', 'cpcv:6,6', 'cpcv:6,0', 'walk-forward:0', 'kfold:3'])(
    'a validation that is none: %s',
    async (cv) => {
      await expect(trainWith({ cv })).rejects.toMatchObject({
        code: 'USAGE',
        hint: expect.stringMatching(/\(6,2\)|\(5/),
      });
    },
  );

  test('folds that would test a handful of rows', async () => {
    for (const cv of ['purged:500', 'cpcv:400,1', 'purged:9000']) {
      await expect(trainWith({ cv })).rejects.toMatchObject({ code: 'NO_DATA', exitCode: 4 });
    }
  });

  test('Ctrl-C leaves nothing, or with --keep-best what was fitted so far as a model of its own', async () => {
    const stopAt = async (trainer: string, more: object) => {
      const controller = new AbortController();
      const progress = {
        update: (text: string, done?: number) => {
          if (/^training/.test(text) && done === 3) controller.abort(new Error('SIGINT'));
        },
        end: () => {},
      };
      const options = { data: data.path, trainer, ...quick, ...more };
      const before = (await runtime.artifacts.list('model')).length;
      const outcome = await train(optionsOf('train', options), {
        ...runtime,
        signal: controller.signal,
        progress,
      }).catch((error: unknown) => error as { code: string });
      return { outcome, added: (await runtime.artifacts.list('model')).length - before };
    };
    for (const trainer of ['xgboost(40)', 'lstm(4,8)']) {
      const plain = await stopAt(trainer, { seed: 9 });
      expect([plain.outcome, plain.added]).toEqual([expect.objectContaining({ code: 'INTERRUPTED' }), 0]);
      const kept = await stopAt(trainer, { seed: 9, keepBest: true });
      expect(kept.added).toBe(1);
      const { artifact, segments } = kept.outcome as Awaited<ReturnType<typeof train>>;
      expect(segments[0]!.history).toHaveLength(3);
      expect(artifact.manifest.settings).toMatchObject({ stopped_after: [3] });
      expect((await backtest(optionsOf('backtest', { model: artifact.path }), runtime)).artifact.kind).toBe('run');
    }
    // Between two segments there is no best to keep.
    expect((await stopAt('xgboost(40)', { cv: 'walk-forward(2)', keepBest: true })).added).toBe(0);
  });

  test('a parameter that only XGBoost itself has is named by the embedded engine', async () => {
    const lossguide = trainWith({ param: { grow_policy: 'lossguide', max_leaves: '8', max_depth: '0' } });
    await expect(lossguide).rejects.toMatchObject({
      ...{ code: 'CONFIG', exitCode: 3, hint: expect.stringMatching(/native engine/) },
      message: expect.stringMatching(/does not know the parameter grow_policy/),
    });
    await expect(trainWith({ param: { grow_polcy: 'x' } })).rejects.toMatchObject({ exitCode: expect.any(Number) });
  });
});

describe('labels with barriers', () => {
  const columns = async (text: string) =>
    (await composeLabel(text, dataset)).compute(dataset.bars[0]!, dataset.knownAt[0]!);

  test('end at the bar that decides them, and CUSUM events are some of all bars', async () => {
    const all = await columns('triple-barrier(2,1,10)');
    const some = await columns('triple-barrier(2,1,10,cusum(2))');
    const known = (c: { values: Float64Array }) => c.values.filter((v) => !Number.isNaN(v)).length;
    expect(known(all)).toBeGreaterThan(2000);
    expect(known(some)).toBeGreaterThan(100);
    expect(known(some)).toBeLessThan(known(all) / 2);
    all.values.forEach((value, i) => {
      if (Number.isNaN(value)) return;
      expect(all.endIndex[i]! - i).toBeGreaterThanOrEqual(1);
      expect(all.endIndex[i]! - i).toBeLessThanOrEqual(10);
      expect(all.endTime[i]).toBe(dataset.knownAt[0]![all.endIndex[i]!]);
      const { close } = dataset.bars[0]!;
      expect(value).toBe(close[all.endIndex[i]!]! > close[i]! ? 1 : 0);
      if (!Number.isNaN(some.values[i]!)) expect(some.values[i]).toBe(value);
    });
  });

  test('a meta-label acts on its rule: the model holds nothing where the rule has no side', async () => {
    const label = 'meta(momentum(60),1,2,10)';
    const { artifact, segments } = await trainWith({ label });
    expect(segments[0]!.rows).toBeGreaterThan(500);
    const rule = (await train(optionsOf('train', { data: data.path, trainer: 'momentum(60)' }), runtime)).artifact;
    const runOf = async (model: Artifact, more: object) =>
      openRun(
        (await backtest(optionsOf('backtest', { model: model.path, from: '2019-06-03', ...more }), runtime)).artifact,
      );
    const meta = await runOf(artifact, { enter: 0.501 });
    const base = await runOf(rule, {});
    // Every entry of the model lies in a trade of the rule, a bar later at most where the rule had not ended.
    expect(meta.trades.pnl.length).toBeGreaterThan(0);
    meta.trades.entryTime.forEach((t) => {
      const inside = base.trades.entryTime.some((entry, i) => entry <= t && t < base.trades.exitTime[i]!);
      const open = base.equity.gross.at(-1)! > 0 && t >= (base.trades.exitTime.at(-1) ?? 0);
      expect(inside || open).toBe(true);
    });
  });

  test.each([
    'triple-barrier(x)',
    'triple-barrier(2,1,10,every(2))',
    'meta(xgboost,2,1,10)',
    'triple-barrier(2,1,1.5)',
  ])('refuses %s', async (text) => {
    await expect(composeLabel(text, dataset)).rejects.toMatchObject({ code: 'USAGE' });
  });
});

/** Rows of one instrument, a bar each, whose labels look `spans[r]` bars ahead. */
function rowsOf(spans: readonly number[], y: readonly number[], x: number[][] = spans.map(() => [0])): TrainingRows {
  const bars = 50;
  const known = Float64Array.from({ length: bars }, (_, i) => i);
  return {
    columns: x[0]!.map((_, c) => `c${c}`),
    rows: spans.length,
    x: Float32Array.from(x.flat()),
    source: { bars: [], knownAt: [known] },
    series: { x: new Float32Array(bars), rows: bars, columns: x[0]!.length, starts: Int32Array.of(0) },
    at: Int32Array.from(spans, (_, r) => r),
    y: Float64Array.from(y),
    weights: undefined,
    instrument: new Int32Array(spans.length),
    decided: Float64Array.from(spans, (_, r) => r),
    labelEnd: Float64Array.from(spans, (span, r) => r + span),
  };
}

describe('rows of a training range', () => {
  test('weigh by uniqueness: the book’s 5/6, 3/4, 1 (ch. 4) up to scale', () => {
    // Labels over bars 1–3, 3–4 and 5–6 of the book's matrix, each decided the bar before.
    const rows = rowsOf([3, 2, 2], [1, 0, 1]);
    const placed = { ...rows, at: Int32Array.of(0, 2, 4), labelEnd: Float64Array.of(3, 4, 6) };
    const { weights } = weighRows(placed, { uniqueness: true, balance: false }, 'probability');
    const scale = 3 / (5 / 6 + 3 / 4 + 1);
    [5 / 6, 3 / 4, 1].forEach((u, r) => {
      expect(weights![r]).toBeCloseTo(u * scale, 12);
    });
  });

  test('balanced classes weigh the same in all', () => {
    const rows = rowsOf([1, 1, 1, 1], [1, 1, 1, 0]);
    const { weights } = weighRows(rows, { uniqueness: false, balance: true }, 'probability');
    expect(weights![0]! + weights![1]! + weights![2]!).toBeCloseTo(weights![3]!, 12);
    expect(weighRows(rows, { uniqueness: false, balance: false }, 'probability').weights).toBeUndefined();
  });

  test('columns are chosen by their rank correlation; constant and missing ones never', () => {
    const y = [0, 1, 0, 1, 0, 1];
    const x = y.map((v, r) => [5, r % 3, v + 0.01 * r, Number.NaN]);
    const rows = rowsOf([1, 1, 1, 1, 1, 1], y, x);
    expect([...chooseColumns(rows, 1)]).toEqual([2]);
    expect([...chooseColumns(rows, 4)]).toEqual([1, 2]);
    const blank = rowsOf([1, 1], [0, 1], [[1], [1]]);
    expect(() => chooseColumns(blank, 1)).toThrow(/constant or missing/);
  });

  test('a model of chosen columns scores rows of all columns, saved and loaded', async () => {
    const { artifact, segments } = await trainWith({ select: 1, weights: 'uniqueness', balance: true });
    const chosen = JSON.parse(await readFile(artifact.file('segment-0/columns.json'), 'utf8')) as number[];
    expect(chosen).toHaveLength(1);
    const { run } = await openRun((await backtest(optionsOf('backtest', { model: artifact.path }), runtime)).artifact);
    expect(run.finalEquity).toBeGreaterThan(0);
    expect(segments[0]!.metrics['auc']).toEqual(expect.any(Number));
    const plain = await trainWith({});
    expect(plain.artifact.id).not.toBe(artifact.id);
  });
});
