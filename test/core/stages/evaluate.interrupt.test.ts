import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QuantlineError } from '../../../src/core/errors/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { train } from '../../../src/core/stages/train.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({ threads: 2 }, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

/** The runtime of someone who presses Ctrl-C as soon as the progress line begins so. */
function stoppedAt(text: string): Runtime {
  const controller = new AbortController();
  const update = (shown: string) => {
    if (shown.startsWith(text)) controller.abort(new QuantlineError('INTERRUPTED', 'Interrupted by SIGINT.'));
  };
  return { ...runtime, signal: controller.signal, progress: { update, end() {} } };
}

/** Everything of a kind that lies in the workspace, half-written folders included. */
function left(kind: string): string[] {
  const folder = join(runtime.workspace, kind);
  return existsSync(folder) ? readdirSync(folder) : [];
}

let data: string;
let run: string;
beforeAll(async () => {
  const file = [fixture('bars/spy-daily-2017-2018.csv')];
  data = (await ingest(optionsOf('ingest', { source: 'csv', symbols: 'SPY', file, interval: '1d' }), runtime)).artifact
    .path;
  for (const trainer of Array.from({ length: 10 }, (_, k) => `sma-cross(${k + 2},20)`)) {
    const model = await train(optionsOf('train', { data, trainer }), runtime);
    run = (await backtest(optionsOf('backtest', { model: model.artifact.path }), runtime)).artifact.path;
  }
});

describe('Ctrl-C leaves no artefact, half or whole', () => {
  it.each([
    'bootstrap of the returns',
    'random entries',
    'running again under other conditions',
    'honesty checks',
    'probability of overfitting',
    'test of superior ability',
  ])('in evaluate: %s', async (text) => {
    const html = join(runtime.workspace, 'page.html');
    await expect(evaluate(optionsOf('evaluate', { run, html }), stoppedAt(text))).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect([left('report'), existsSync(html)]).toEqual([[], false]);
  });

  it('in combinatorial cross-validation', async () => {
    const models = left('model');
    const options = { data, trainer: 'xgboost(3)', split: '70%', cv: 'cpcv:4,2' };
    await expect(train(optionsOf('train', options), stoppedAt('training fold 2 of 6'))).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(left('model')).toEqual(models);
  });
});
