import { rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { openDataset } from '../../../src/core/data/open.js';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openModel } from '../../../src/core/stages/compose/model.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { trade } from '../../../src/core/stages/trade.js';
import { train } from '../../../src/core/stages/train.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

const ingestFile = (symbols: string, file: string, more = {}) =>
  ingest(
    optionsOf('ingest', { source: 'csv', symbols, file: [fixture(`bars/${file}`)], interval: '1d', ...more }),
    runtime,
  );
const trainWith = (data: Artifact, trainer: string, more = {}) =>
  train(optionsOf('train', { data: data.path, trainer, ...more }), runtime);
const run = (model: Artifact, more = {}) => backtest(optionsOf('backtest', { model: model.path, ...more }), runtime);

let msft: Artifact;
beforeAll(async () => {
  msft = (await ingestFile('MSFT', 'msft-daily-1990-2022.csv', { basis: 'split' })).artifact;
});

describe('a rule', () => {
  test('goes through every stage, and the same input gives the same artefact', async () => {
    const model = await trainWith(msft, 'sma-cross(10,30)');
    const first = await run(model.artifact, { commission: '0.1%' });
    const again = await run((await trainWith(msft, 'sma-cross(10, 30)')).artifact, { commission: '10bp' });
    expect(again.artifact.id).toBe(first.artifact.id);
    expect(again.reused).toBe(true);
    const { trades, equity, orders, fills, run: file } = await openRun(first.artifact);
    expect(trades.pnl.length).toBeGreaterThan(100);
    expect(orders.filter((o) => o.status === 'filled').length).toBe(fills.price.length);
    expect(equity.equity.at(-1)).toBe(file.finalEquity);
    expect(file.liveOrder).not.toBeNull();
  });

  test('other settings are another run', async () => {
    const { artifact: model } = await trainWith(msft, 'breakout');
    const ids = new Set<string>();
    for (const more of [
      {},
      { commission: '1bp' },
      { slippage: '1bp' },
      { stopLoss: '5%' },
      { sizing: 'fraction(50%)' },
      { from: '2000-01-01' },
      { lot: 'whole' },
      { cash: '5000' },
    ]) {
      ids.add((await run(model, more)).artifact.id);
    }
    expect(ids.size).toBe(8);
  });

  test('a rule with short goes short without another flag', async () => {
    const { artifact } = await run((await trainWith(msft, 'momentum(60,short)')).artifact);
    expect((await openRun(artifact)).trades.side.includes(-1)).toBe(true);
  });

  test('what trains nothing refuses training options', async () => {
    await expect(trainWith(msft, 'momentum', { label: 'return(5)' })).rejects.toThrow(/--label does not apply/);
  });
});

describe('a learner', () => {
  const quick = { features: 'ret(1),ret(5),rsi(14)', label: 'direction(5)', rounds: 10 };

  test('is scored only after its training range, and walk-forward covers the rest', async () => {
    const split = await trainWith(msft, 'xgboost', { ...quick, split: '70%', embargo: 5 });
    const walk = await trainWith(msft, 'xgboost', { ...quick, cv: 'walk-forward(4)' });
    expect(split.segments).toHaveLength(1);
    expect(walk.segments).toHaveLength(4);
    for (const segment of [...split.segments, ...walk.segments]) {
      expect(Date.parse(segment.validFrom)).toBeGreaterThanOrEqual(Date.parse(segment.trainTo));
      expect(segment.metrics['auc']).toBeGreaterThan(0.4);
    }
    const { run: file } = await openRun((await run(split.artifact)).artifact);
    expect(new Date(file.from).toISOString()).toBe(new Date(split.segments[0]!.validFrom).toISOString());
  });

  test('a range inside the training range is leakage (exit 4) unless in-sample, which marks the run', async () => {
    const { artifact } = await trainWith(msft, 'xgboost', { ...quick, split: '2015-12-31' });
    await expect(run(artifact, { from: '2010-01-04' })).rejects.toMatchObject({ code: 'LEAKAGE', exitCode: 4 });
    const marked = await openRun((await run(artifact, { from: '2010-01-04', inSample: true })).artifact);
    expect(marked.run.inSample).toBe(true);
    const clean = await openRun((await run(artifact, { from: '2016-01-04' })).artifact);
    expect(clean.run.inSample).toBe(false);
    expect(new Date(clean.run.from).toISOString()).toBe('2016-01-04T21:00:00.000Z');
  });

  test('later bars cannot change a model or its past scores', async () => {
    const early = (await ingestFile('MSFT', 'msft-daily-1990-2022.csv', { basis: 'split', to: '2018-12-31' })).artifact;
    const fitted = (data: Artifact) => trainWith(data, 'xgboost', { ...quick, split: '2015-12-31' });
    const bytes = async (a: Artifact) => readFile(a.file('segment-0/model.json'), 'utf8');
    const [a, b] = [await fitted(early), await fitted(msft)];
    expect(await bytes(a.artifact)).toBe(await bytes(b.artifact));
    const [x, y] = [await openRun((await run(a.artifact)).artifact), await openRun((await run(b.artifact)).artifact)];
    const n = x.equity.equity.length;
    expect(Array.from(y.equity.equity.slice(0, n))).toEqual(Array.from(x.equity.equity));
  });

  test('equal bytes with 1, 2 and 5 threads', async () => {
    const bytes = [];
    for (const threads of [1, 2, 5]) {
      const other = { ...runtime, threads };
      const { artifact } = await train(
        optionsOf('train', { data: msft.path, trainer: 'xgboost', ...quick, force: true }),
        other,
      );
      bytes.push(await readFile(artifact.file('segment-0/model.json'), 'utf8'));
    }
    expect(new Set(bytes).size).toBe(1);
  });

  test('folds give metrics beside the segment of the split', async () => {
    const { folds, segments } = await trainWith(msft, 'xgboost', { ...quick, cv: 'purged(3)' });
    expect(folds.map((f) => f.testRows)).toHaveLength(3);
    expect(segments).toHaveLength(1);
  });

  test('predicted returns are traded by their sign', async () => {
    const { artifact } = await trainWith(msft, 'xgboost', { ...quick, label: 'return(5)', rounds: 150 });
    const { run: file, trades } = await openRun((await run(artifact, { short: true })).artifact);
    expect(file.scoreKind).toBe('return');
    expect(trades.pnl.length).toBeGreaterThan(10);
  });

  test('logistic regression is the plain baseline, of probabilities and of returns', async () => {
    for (const label of ['direction(5)', 'return(5)']) {
      const { segments, artifact } = await trainWith(msft, 'logistic', { ...quick, label, rounds: undefined });
      expect(segments[0]!.metrics['accuracy']).toBeGreaterThan(0.45);
      expect((await openRun((await run(artifact)).artifact)).run.finalEquity).toBeGreaterThan(0);
    }
  });

  test('an LSTM looks back over sequences; bar by bar and in one go its scores are the same', async () => {
    const { artifact, segments } = await trainWith(msft, 'lstm(8,12)', { ...quick, rounds: 2, split: '80%' });
    expect(segments[0]!.metrics.rows).toBeGreaterThan(1000);
    const { model } = await openModel(artifact);
    const { bars, instruments, calendars } = await openDataset(runtime, msft);
    const score = (step: number) => {
      const out = new Float64Array(bars[0]!.time.length);
      const scorer = model.scorer(instruments[0]!, calendars[0]!);
      for (let i = 0; i < out.length; i += step) scorer.consume(bars[0]!, i, Math.min(out.length, i + step), out);
      return Array.from(out);
    };
    const whole = score(bars[0]!.time.length);
    expect(whole.filter((s) => s > 0 && s < 1).length).toBeGreaterThan(1500);
    expect(score(97)).toEqual(whole);
    const again = await trainWith(msft, 'lstm(8,12)', { ...quick, rounds: 2, split: '80%', force: true });
    expect(again.artifact.id).toBe(artifact.id);
  });

  test('too few rows for the folds', async () => {
    const short = (await ingestFile('SPY', 'spy-daily-2017-2018.csv', { to: '2017-04-28' })).artifact;
    await expect(trainWith(short, 'xgboost', { ...quick, cv: 'walk-forward(20)' })).rejects.toMatchObject({
      code: 'NO_DATA',
    });
  });
});

describe('what does not fit', () => {
  test('instruments that the model does not know', async () => {
    const spy = (await ingestFile('SPY', 'spy-daily-2017-2018.csv')).artifact;
    const { artifact } = await trainWith(msft, 'sma-cross');
    await expect(run(artifact, { data: spy.path })).rejects.toMatchObject({
      code: 'MISMATCH',
      message: expect.stringContaining('does not know SPY'),
    });
  });

  test('an artefact of another kind', async () => {
    await expect(run(msft)).rejects.toMatchObject({ code: 'ARTIFACT_KIND' });
  });

  test('a model changed by one byte', async () => {
    const { artifact } = await trainWith(msft, 'momentum(17)');
    const path = join(artifact.path, 'model.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('17', '18'));
    await expect(run(artifact)).rejects.toMatchObject({
      code: 'ARTIFACT_CORRUPT',
      message: expect.stringContaining('model.json'),
    });
  });

  test('a range without a bar', async () => {
    const { artifact } = await trainWith(msft, 'momentum(19)');
    await expect(run(artifact, { from: '2022-05-02', to: '2022-05-06' })).rejects.toMatchObject({ code: 'NO_DATA' });
  });

  test('Ctrl-C leaves no half-written artefact', async () => {
    const abort = new AbortController();
    abort.abort(new Error('stopped'));
    const { artifact } = await trainWith(msft, 'momentum(21)');
    const before = (await runtime.artifacts.list('run')).length;
    await expect(
      backtest(optionsOf('backtest', { model: artifact.path }), { ...runtime, signal: abort.signal }),
    ).rejects.toThrow();
    expect(await runtime.artifacts.list('run')).toHaveLength(before);
  });
});

test('corporate actions of a csv series reach scores, ledger and paper venue', async () => {
  const rows = ['date,open,high,low,close,volume'];
  const actions = join(runtime.workspace, 'actions.csv');
  const bars = join(runtime.workspace, 'split.csv');
  // 100 a share, from the split of four on 25, with a dividend of 0.5 a new share a week later.
  const dates = calendarOf('XNYS').sessionsBetween(Date.UTC(2024, 0, 1), Date.UTC(2024, 1, 28));
  for (const [i, { date }] of dates.entries()) {
    const p = (i < 20 ? 100 : 25) + (i % 2) * 0.1;
    rows.push(`${date},${p},${p + 0.5},${p - 0.5},${p},1000000`);
  }
  await writeFile(bars, rows.join('\n'));
  await writeFile(actions, `S,${dates[20]!.date},split,4\nS,${dates[25]!.date},dividend,0.5\n`);
  const ingested = await ingest(
    optionsOf('ingest', { source: 'csv', symbols: 'S', file: [bars], interval: '1d', set: [`actions=${actions}`] }),
    runtime,
  );
  const { artifact: model } = await trainWith(ingested.artifact, 'momentum(2)');
  const held = await trainWith(ingested.artifact, 'buy-and-hold');
  const { artifact } = await run(held.artifact, { lot: 'whole' });
  const { flows, run: file, equity } = await openRun(artifact);
  const shares = Math.floor(100_000 / 100.1);
  expect([...flows.kind]).toEqual([1, 0]);
  expect([...flows.cash]).toEqual([0, 4 * shares * 0.5]);
  expect([...flows.units]).toEqual([3 * shares, 0]);
  expect(file.finalEquity).toBeCloseTo(
    100_000 - shares * 0.1 + 4 * shares * (0.5 + (dates.length % 2 === 0 ? 0.1 : 0)),
    6,
  );
  expect(Math.min(...equity.equity)).toBeGreaterThan(99_000);
  // A rule that saw raw prices would have sold at the split.
  const rule = await openRun((await run(model)).artifact);
  expect(rule.equity.equity.at(-1)).toBeGreaterThan(98_000);
  const session = await trade(optionsOf('trade', { run: artifact.path, until: dates.at(-1)!.date }), runtime);
  expect(session.session.positions).toEqual([{ instrument: 'S', quantity: String(4 * shares) }]);
  expect(session.session.equity).toBe(file.finalEquity);
});
