import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { libraryCandidates } from '../../../src/core/learning/boosting/native/library.js';
import type { Logger } from '../../../src/core/platform/index.js';
import { openTensorflow } from '../../../src/core/platform/tensorflow.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { train } from '../../../src/core/stages/train.js';
import { describeWith } from '../../support/require.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const lines: string[] = [];
const logger = { ...silent(), info: (text: string) => void lines.push(text) };
function silent(): Logger {
  const ignore = () => {};
  return { debug: ignore, info: ignore, warn: ignore, error: ignore } as unknown as Logger;
}
const runtime = testRuntime({ logger }, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

const tensorflow = await openTensorflow().then(
  () => true,
  () => false,
);
const xgboost = libraryCandidates(process.env['QUANTLINE_XGBOOST_LIB'])[0];

let data: Artifact;
beforeAll(async () => {
  const source = { source: 'csv', symbols: 'MSFT', file: [fixture('bars/msft-daily-1990-2022.csv')] };
  data = (await ingest(optionsOf('ingest', { ...source, interval: '1d', basis: 'split', from: '2012-01-01' }), runtime))
    .artifact;
});

const trainWith = (trainer: string, engine: string, on: Runtime = runtime, param: object = {}) =>
  train(
    optionsOf('train', {
      data: data.path,
      trainer,
      engine,
      features: 'ret(1),rsi(14)',
      rounds: 2,
      split: '70%',
      param,
    }),
    on,
  );

describeWith('tensorflow', tensorflow)('with TensorFlow', () => {
  test('lstm: auto takes the native engine where it loads, and says so', async () => {
    const native = (await trainWith('lstm(4,8)', 'native')).artifact;
    const embedded = (await trainWith('lstm(4,8)', 'embedded')).artifact;
    expect((await trainWith('lstm(4,8)', 'auto')).artifact.id).toBe(native.id);
    expect(native.manifest.engine).toMatchObject({ name: 'native', version: expect.stringMatching(/^4\.22\.0-tf2\./) });
    expect(embedded.manifest.engine).toEqual({ name: 'embedded', version: expect.stringMatching(/^\d+(-fused)?$/) });
    expect(native.id).not.toBe(embedded.id);
    expect(lines).toContainEqual(expect.stringMatching(/^lstm\(?.*native engine, version 4\.22\.0/));
    // Both are scored by the same predictor, from the same file format.
    const runs = await Promise.all(
      [native, embedded].map((model) => backtest(optionsOf('backtest', { model: model.path }), runtime)),
    );
    expect(runs.map(({ artifact }) => artifact.kind)).toEqual(['run', 'run']);
  });
});

describeWith('xgboost', xgboost !== undefined)('with XGBoost', () => {
  test('xgboost: a named library is used, by native and by auto', async () => {
    const named = { ...runtime, libraries: { xgboost: xgboost! } };
    const native = (await trainWith('xgboost', 'native', named)).artifact;
    expect(native.manifest.engine?.name).toBe('native');
    expect((await trainWith('xgboost', 'auto', named)).artifact.id).toBe(native.id);
  });

  test('xgboost: parameters that only the library has reach it, and what it refuses is said', async () => {
    const named = { ...runtime, libraries: { xgboost: xgboost! } };
    const leaves = async (param: object) => {
      const { artifact } = await trainWith('xgboost', 'native', named, {
        min_child_weight: '1',
        subsample: '1',
        ...param,
      });
      const text = await readFile(artifact.file('segment-0/model.json'), 'utf8');
      const { trees } = (
        JSON.parse(text) as { learner: { gradient_booster: { model: { trees: { left_children: number[] }[] } } } }
      ).learner.gradient_booster.model;
      return trees.map(({ left_children }) => left_children.filter((child) => child < 0).length);
    };
    const plain = await leaves({ max_depth: '6' });
    expect(Math.max(...plain)).toBeGreaterThan(5);
    expect(await leaves({ grow_policy: 'lossguide', max_leaves: '5', max_depth: '0' })).toEqual([5, 5]);
    expect(await leaves({ num_parallel_tree: '3' })).toHaveLength(6);
    await expect(leaves({ grow_policy: 'sideways' })).rejects.toMatchObject({
      ...{ exitCode: 3, message: expect.stringMatching(/grow_policy|sideways/) },
    });
  });
});

test('xgboost: second names of its documentation are its own; two values for one parameter are refused', async () => {
  const named = async (param: object) => (await trainWith('xgboost', 'embedded', runtime, param)).artifact;
  const plain = await named({ eta: '0.2', lambda: '3', alpha: '0.1', gamma: '0.5' });
  const second = await named({ learning_rate: '0.2', reg_lambda: '3', reg_alpha: '0.1', min_split_loss: '0.5' });
  expect(second.id).toBe(plain.id);
  expect(second.manifest.settings).toMatchObject({ trainer: { settings: { eta: 0.2, gamma: 0.5 } } });
  await expect(named({ eta: '0.2', learning_rate: '0.3' })).rejects.toMatchObject({
    ...{ code: 'USAGE', message: expect.stringMatching(/eta and learning_rate are one setting.*0\.2 and 0\.3/) },
  });
  await expect(named({ objective: 'reg:absoluteerror' })).rejects.toMatchObject({
    ...{
      code: 'CONFIG',
      message: expect.stringContaining('probability'),
      hint: expect.stringContaining('reg:logistic'),
    },
  });
  await expect(named({ num_parallel_tree: '3' })).rejects.toMatchObject({
    ...{ code: 'CONFIG', message: expect.stringContaining('num_parallel_tree'), hint: expect.stringMatching(/native/) },
  });
});

test('xgboost: a named library that is none, or another version’s, is refused before training', async () => {
  const folder = join(runtime.workspace, 'environment', 'lib');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'libxgboost.so'), 'not a library');
  for (const engine of ['native', 'auto']) {
    await expect(
      trainWith('xgboost', engine, { ...runtime, libraries: { xgboost: join(folder, '..') } }),
    ).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringMatching(/libxgboost\.so cannot be loaded/) });
    await expect(
      trainWith('xgboost', engine, { ...runtime, libraries: { xgboost: join(runtime.workspace, 'nowhere') } }),
    ).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringMatching(/nowhere: no XGBoost library/) });
  }
  expect((await trainWith('xgboost', 'embedded')).artifact.manifest.engine?.name).toBe('embedded');
});

test('logistic has no native engine', async () => {
  await expect(trainWith('logistic', 'native')).rejects.toMatchObject({ code: 'CONFIG' });
});
