import { existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backtest } from '../../../src/core/stages/backtest.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { train } from '../../../src/core/stages/train.js';
import { trials } from '../../../src/core/stages/trials.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
const list = (flags: Record<string, unknown> = {}) => trials(optionsOf('trials', flags), runtime);

beforeAll(async () => {
  const none = await list();
  expect([none.ledger, none.count, existsSync(runtime.trialLedger)]).toEqual([null, 0, false]);
  const source = { source: 'csv', symbols: 'SPY', file: [fixture('bars/spy-daily-2017-2018.csv')], interval: '1d' };
  const data = await ingest(optionsOf('ingest', source), runtime);
  for (const trainer of ['sma-cross(5,12)', 'momentum(60)', 'sma-cross(5,12)']) {
    const model = await train(optionsOf('train', { data: data.artifact.path, trainer }), runtime);
    await backtest(optionsOf('backtest', { model: model.artifact.path, force: true }), runtime);
  }
});
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

it('lists each distinct trial once, newest first, with how often it was run', async () => {
  const found = await list();
  expect([found.count, found.matching, found.shown]).toEqual([2, 2, 2]);
  expect(new Map(found.trials.map(({ strategy, runs }) => [strategy, runs]))).toEqual(
    new Map([
      ['momentum(60)', 1],
      ['sma-cross(5,12)', 2],
    ]),
  );
  for (const trial of found.trials)
    expect(trial).toMatchObject({ source: 'csv', instruments: ['SPY'], interval: '1d', sessions: 502 });
  const [a, b] = found.trials.map(({ sharpe }) => sharpe!);
  expect(found.sharpe_variance).toBeCloseTo((a! - b!) ** 2 / 2, 12);
});

it('filters, shows the newest, and counts the whole ledger all the same', async () => {
  const { count, matching, shown, trials: rows } = await list({ symbols: 'QQQ' });
  expect([count, matching, shown, rows]).toEqual([2, 0, 0, []]);
  const one = await list({ source: 'csv', interval: '1d', limit: '1' });
  expect([one.count, one.matching, one.shown, one.trials.length]).toEqual([2, 2, 1, 1]);
  expect(one.sharpe_variance).toBe((await list()).sharpe_variance);
});

it('judging a run, and finding one that is there, are no runs', async () => {
  const runs = async () => (await list()).trials.map(({ strategy, runs }) => `${strategy}: ${runs}`).sort();
  const before = await runs();
  const model = await train(optionsOf('train', { data: 'latest', trainer: 'momentum(60)' }), runtime);
  const { artifact, reused } = await backtest(optionsOf('backtest', { model: model.artifact.path }), runtime);
  expect(reused).toBe(true);
  await evaluate(optionsOf('evaluate', { run: artifact.path, gate: 'trades>=1' }), runtime);
  await evaluate(optionsOf('evaluate', { run: artifact.path, gate: 'trades>=1', force: true }), runtime);
  expect(await runs()).toEqual(before);
});
