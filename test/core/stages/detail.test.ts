import { rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { train } from '../../../src/core/stages/train.js';
import { optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

test('--detail 1m: the minutes of the store decide inside hours, the report counts them, the run reproduces', async () => {
  const range = { source: 'synthetic', symbols: 'SYN1', from: '2024-01-02', to: '2024-02-15' };
  const load = (interval: string) => ingest(optionsOf('ingest', { ...range, interval }), runtime);
  const data = (await load('1h')).artifact;
  const model = (await train(optionsOf('train', { data: data.path, trainer: 'sma-cross(2,5)' }), runtime)).artifact;
  const run = (more: object) =>
    backtest(
      optionsOf('backtest', {
        model: model.path,
        stopLoss: '0.4%',
        trailingStop: '0.3%',
        reentry: 'immediate',
        ...more,
      }),
      runtime,
    );
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
});
