import { rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { readParquet } from '../../../src/core/platform/parquet.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { drift } from '../../../src/core/stages/drift.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { sweep } from '../../../src/core/stages/sweep.js';
import { trade } from '../../../src/core/stages/trade.js';
import { train } from '../../../src/core/stages/train.js';
import { optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

const settings = { stopLoss: '0.4%', trailingStop: '0.3%', reentry: 'immediate' };

test('--detail 1m: the minutes of the store decide inside hours, the report counts them, the run reproduces', async () => {
  const range = { source: 'synthetic', symbols: 'SYN1', from: '2024-01-02', to: '2024-02-15' };
  const load = (interval: string) => ingest(optionsOf('ingest', { ...range, interval }), runtime);
  const data = (await load('1h')).artifact;
  const model = (await train(optionsOf('train', { data: data.path, trainer: 'sma-cross(2,5)' }), runtime)).artifact;
  const run = (more: object) => backtest(optionsOf('backtest', { ...settings, model: model.path, ...more }), runtime);
  await expect(run({ detail: '1m' })).rejects.toMatchObject({ code: 'NO_DATA' });
  await expect(run({ detail: '1d' })).rejects.toMatchObject({ code: 'USAGE' });
  await load('1m');
  const plain = await openRun((await run({})).artifact);
  const followed = await openRun((await run({ detail: '1m' })).artifact);
  expect(plain.run.detail).toBeNull();
  const { bars, detailed } = followed.run.detail!;
  expect(detailed).toBe(bars);
  expect(bars).toBeGreaterThan(50);
  // Minutes move a trailing stop that hours do not.
  expect(followed.run.finalEquity).not.toBe(plain.run.finalEquity);
  const { report } = await evaluate(optionsOf('evaluate', { run: followed.artifact.path, gate: 'default' }), runtime);
  expect(report.run.detail).toEqual({ interval: '1m', bars, detailed });
  expect(report.honesty.find(({ name }) => name === 'reproduces')).toMatchObject({ pass: true });

  // A sweep follows the same minutes, on threads or without: its row of this setting is the run.
  const study = await sweep(
    optionsOf('backtest', { ...settings, model: model.path, detail: '1m', sweep: 'slow=5..7' }),
    { ...runtime, threads: 2 },
  );
  const column = (await readParquet(study.artifact.file('sweep.parquet'), ['final_equity']))['final_equity']!;
  expect(column).toContain(followed.run.finalEquity);

  // On newer bars it would be filled without its minutes.
  const newer = { run: followed.artifact.path, strategy: 'newer', source: 'synthetic', set: { account: 'n' } };
  await expect(trade(optionsOf('trade', newer), runtime)).rejects.toThrow(/filled by 1m bars inside its own/);

  // What was evaluated is what trades: the simulated venue replays the minutes too, and drifts from nothing.
  const scope = { strategy: 'd' };
  await trade(optionsOf('trade', { run: followed.artifact.path, ...scope, set: { account: 'd' } }), runtime);
  const { trades, figures } = await drift(optionsOf('evaluate', { live: true, ...scope }), runtime);
  expect(trades.length).toBeGreaterThan(50);
  expect(figures).toMatchObject({ missing_trades: 0, extra_trades: 0, missed_slots: 0, slippage: 0 });
  expect(figures.equity_drift).toBeCloseTo(0, 10);
});
