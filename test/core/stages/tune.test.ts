import { rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { shareOf } from '../../../src/core/stages/compose/tune-share.js';
import { parseSpaceFile } from '../../../src/core/stages/compose/tune-space.js';
import { TUNED_FILE, type Tuned, tunedSchema } from '../../../src/core/stages/compose/tuned.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { sweep } from '../../../src/core/stages/sweep.js';
import { train } from '../../../src/core/stages/train.js';
import { tune } from '../../../src/core/stages/tune.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';
import { failure } from '../state/helpers.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

const SPACE = `lambda: {type: float, low: 1e-5, high: 0.01, log: true}
l1_ratio: {type: float, low: 0, high: 1, step: 0.25}
`;
const common = { trainer: 'logistic', features: 'ret(1),ret(5),rsi(14)', label: 'direction(1)', cv: 'purged(3)' };

let data: Artifact;
let space: string;
beforeAll(async () => {
  const file = [fixture('bars/spy-daily-2017-2018.csv')];
  data = (await ingest(optionsOf('ingest', { source: 'csv', symbols: 'SPY', file, interval: '1d' }), runtime)).artifact;
  space = await spaceFile('space.yaml', SPACE);
});

async function spaceFile(name: string, text: string): Promise<string> {
  const path = join(runtime.workspace, name);
  await writeFile(path, text);
  return path;
}
/** Another worker's world: its own store of studies, the same artefacts. */
const sameArtifacts = (): Runtime => ({ ...testRuntime(), artifacts: runtime.artifacts });
const run = (more: Record<string, unknown> = {}, rt: Runtime = runtime) =>
  tune(optionsOf('tune', { data: data.path, space, trials: 6, objective: 'logloss', ...common, ...more }), rt);
const studyOf = async (artifact: Artifact): Promise<Tuned> =>
  tunedSchema.parse(JSON.parse(await readFile(artifact.file(TUNED_FILE), 'utf8')));
const trainWith = (study: string, more: Record<string, unknown> = {}) =>
  train(optionsOf('train', { data: data.path, trainer: 'logistic', study, ...more }), runtime);

test('the objective of a trial is the mean over the folds that train reports for the same rows', async () => {
  const { artifact, reused, lines } = await run();
  const study = await studyOf(artifact);
  expect(reused).toBe(false);
  expect(study.trials).toHaveLength(6);
  expect(study.trials.every(({ state, reports }) => state === 'complete' && reports.length === 3)).toBe(true);
  const values = study.trials.map(({ value }) => value!);
  expect(study.best.value).toBe(Math.min(...values));
  expect(study.best.settings).toEqual(study.best.parameters);
  expect(lines[0]).toBe('6 trials; the best by logloss over purged(3):');
  expect(lines[2]).toContain(study.best.value.toFixed(6));
  const csv = (await readFile(artifact.file('trials.csv'), 'utf8')).trim().split('\n');
  expect(csv[0]).toBe('trial,state,logloss,lambda,l1_ratio,after_1,after_2,after_3');
  expect(csv.slice(1).map((line) => Number(line.split(',')[2]))).toEqual(values);

  // Independent of tune: train on exactly those bars. The dataset ends where the study's range does.
  const cut = study.range.to;
  const to = new Date(cut).toISOString().slice(0, 10);
  const file = [fixture('bars/spy-daily-2017-2018.csv')];
  const short = await ingest(optionsOf('ingest', { source: 'csv', symbols: 'SPY', file, interval: '1d', to }), runtime);
  const param = Object.entries(study.best.parameters).map(([key, value]) => `${key}=${value}`);
  const model = await train(optionsOf('train', { data: short.artifact.path, ...common, param }), runtime);
  const mean = model.folds.reduce((sum, { metrics }) => sum + metrics['logloss']!, 0) / model.folds.length;
  expect(model.folds).toHaveLength(3);
  expect(study.best.value).toBeCloseTo(mean, 12);
});

test('a gate is worth its worst condition, as a share of the threshold, and any figure of a fold can be searched for', async () => {
  const trading = { commission: '0.2%', trials: 2 };
  const asked = ['total_return>=10%', 'sharpe>=2', 'auc>=0.4'];
  const gate = await studyOf((await run({ ...trading, objective: asked })).artifact);
  expect(gate.objective).toEqual({ metric: 'total_return>=0.1 and sharpe>=2 and auc>=0.4', direction: 'maximize' });
  const to = new Date(gate.range.to).toISOString().slice(0, 10);
  const file = [fixture('bars/spy-daily-2017-2018.csv')];
  const short = await ingest(optionsOf('ingest', { source: 'csv', symbols: 'SPY', file, interval: '1d', to }), runtime);
  const param = Object.entries(gate.best.parameters).map(([key, value]) => `${key}=${value}`);
  const options = { data: short.artifact.path, ...common, param, commission: '0.2%' };
  const worst = (await train(optionsOf('train', options), runtime)).folds.map(({ metrics: m }) =>
    Math.min((m['total_return']! - 0.1) / 0.1, (m['sharpe']! - 2) / 2, (m['auc']! - 0.4) / 0.4),
  );
  expect(gate.best.value).toBeCloseTo(worst.reduce((a, b) => a + b) / worst.length, 12);

  const drawdown = await studyOf((await run({ ...trading, objective: 'max_drawdown' })).artifact);
  expect(drawdown.objective.direction).toBe('maximize');
  expect(drawdown.best.value).toBe(Math.max(...drawdown.trials.map(({ value }) => value!)));
  expect(drawdown.best.value).toBeLessThan(0);
  const volatility = await studyOf((await run({ ...trading, objective: 'volatility' })).artifact);
  expect(volatility.objective.direction).toBe('minimize');
});

test.each([
  ['sharp>=1', /there is no figure "sharp"/, /sharpe/],
  ['deflated_sharpe>=0.95', /deflated_sharpe/, /./],
  ['default', /deflated_sharpe is no metric of/, /./],
  ['alpha', /alpha is no metric of/, /conditions on them/],
  ['sharpe>=', /expected a number/, /./],
])('an objective that no fold has: %s', async (objective, message, hint) => {
  const error = await failure(run({ objective }));
  expect(error).toMatchObject({ code: 'USAGE', exitCode: 2 });
  expect(error.message).toMatch(message);
  expect(`${error.hint} `).toMatch(hint);
});

test('a search for money trades the folds as train and backtest do, and is another search at other costs', async () => {
  const trading = { objective: 'total_return', commission: '0.2%', study: 'earning', trials: 2 };
  const best = await studyOf((await run(trading)).artifact);
  const to = new Date(best.range.to).toISOString().slice(0, 10);
  const file = [fixture('bars/spy-daily-2017-2018.csv')];
  const short = await ingest(optionsOf('ingest', { source: 'csv', symbols: 'SPY', file, interval: '1d', to }), runtime);
  const param = Object.entries(best.best.parameters).map(([key, value]) => `${key}=${value}`);
  const earned = async (commission: string) => {
    const options = { data: short.artifact.path, ...common, param, commission };
    const { folds } = await train(optionsOf('train', options), runtime);
    return folds.reduce((sum, { metrics }) => sum + metrics['total_return']!, 0) / folds.length;
  };
  expect(best.best.value).toBeCloseTo(await earned('0.2%'), 12);
  expect(await earned('0')).toBeGreaterThan(best.best.value);
  await expect(run({ ...trading, commission: '0' })).rejects.toMatchObject({
    ...{ code: 'MISMATCH', message: expect.stringMatching(/another trading/) },
  });
  // What no metric asks for makes no other search.
  const name = { study: 'plain', trials: 1 };
  expect((await run({ ...name, commission: '0.2%' })).reused).toBe(false);
  expect((await run(name)).reused).toBe(true);
});

test('the same command finds the same study; more trials go on from it', async () => {
  const first = await run();
  expect((await run()).artifact.id).toBe(first.artifact.id);
  const more = await run({ trials: 9 });
  expect(more.artifact.id).not.toBe(first.artifact.id);
  const [a, b] = [await studyOf(first.artifact), await studyOf(more.artifact)];
  expect(b.trials.slice(0, 6)).toEqual(a.trials);
  // A workspace that knows nothing of it computes the same.
  const fresh = sameArtifacts();
  const again = await run({ trials: 9 }, fresh);
  expect(again).toMatchObject({ reused: true, artifact: { id: more.artifact.id } });
});

test('stopped in the middle it resumes: nothing lost, nothing failed, the same study', async () => {
  const stop = new AbortController();
  const workspace = sameArtifacts();
  let folds = 0;
  const progress = { ...runtime.progress, update: () => void (++folds === 8 && stop.abort(new Error('stopped'))) };
  await expect(run({ trials: 9 }, { ...workspace, signal: stop.signal, progress })).rejects.toThrow('stopped');
  const started: string[] = [];
  const logger = { ...runtime.logger, info: (line: string) => void started.push(line) };
  const resumed = await run({ trials: 9 }, { ...workspace, logger });
  expect(started.find((line) => line.startsWith('study '))).toMatch(/: [1-8] trials so far$/);
  expect(resumed.artifact.id).toBe((await run({ trials: 9 })).artifact.id);
});

test('two workers of one store share the trials and write one study', async () => {
  const shared = sameArtifacts();
  const [a, b] = await Promise.all([
    run({ trials: 12, study: 'pair' }, shared),
    run({ trials: 12, study: 'pair' }, shared),
  ]);
  expect(a.artifact.id).toBe(b.artifact.id);
  const study = await studyOf(a.artifact);
  expect(study.trials.map(({ number }) => number)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  expect(Object.values(study.importance).reduce((x, y) => x + y, 0)).toBeCloseTo(1, 12);
  expect((await runtime.artifacts.open('study', 'pair')).id).toBe(a.artifact.id);
  const error = await failure(run({ seed: 9, study: 'pair' }, shared));
  expect([error.code, error.message]).toEqual(['MISMATCH', 'The study "pair" was begun with another seed.']);
});

test('grid takes every point once; median pruning ends trials after some of their folds', async () => {
  const grid = await spaceFile('grid.yaml', 'l1_ratio: {type: categorical, choices: [0, 0.5, 1]}\n');
  const all = await studyOf((await run({ space: grid, sampler: 'grid' })).artifact);
  expect(all.trials.map(({ parameters }) => parameters['l1_ratio'])).toEqual([0, 0.5, 1]);
  const pruned = await studyOf((await run({ pruner: 'median', trials: 14, sampler: 'random' })).artifact);
  const ended = pruned.trials.filter(({ state }) => state === 'pruned');
  expect(ended.length).toBeGreaterThan(0);
  expect(ended.every(({ reports }) => reports.length >= 1 && reports.length <= 3)).toBe(true);
  expect(pruned.trials[pruned.best.trial]!.state).toBe('complete');
});

describe('a bad search space names file, line and field', () => {
  test.each([
    ['lambda: {type: float, low: 1, high: 0.1}', 'space.yaml:1 lambda.low: is above high (1 > 0.1)'],
    ['a: {type: int, low: 1, high: 2}\n\nb:\n  type: int\n  low: 1.5\n  high: 2', 'space.yaml:5 b.low: is not a whole'],
    ['a: {type: int, low: 1, high: 2}\nb: {type: real}', 'space.yaml:2 b.type: is not float, int or categorical'],
    ['a:\n  type: categorical\n  choices:\n    - 1\n    - 1', 'space.yaml:5 a.choices[1]: is there twice'],
    ['a: {type: int, low: 1, high: 2, stp: 1}', 'space.yaml:1 a.stp: is not a field of int'],
    ['a: [1', 'space.yaml:1:'],
    ['a: {type: int, low: 1, high: 2}\na: {type: int, low: 1, high: 2}', 'space.yaml:2:1: Map keys must be unique'],
    ['', 'space.yaml: is not a map'],
  ])('%j', async (text, message) => {
    const error = await failure(parseSpaceFile(text, 'space.yaml'));
    expect([error.code, error.exitCode]).toEqual(['CONFIG', 3]);
    expect(error.message).toContain(`Search space ${message}`);
  });

  test.each([
    [
      'max_depth: {type: int, low: 1, high: 3}',
      {},
      /:1 max_depth: logistic has no setting "max_depth"/,
      /lambda, l1_ratio/,
    ],
    ['l1ratio: {type: float, low: 0, high: 1}', {}, /has no setting "l1ratio"/, /Did you mean "l1_ratio"/],
    ['l1_ratio:\n  type: float\n  low: 0\n  high: 1.5', {}, /:4 l1_ratio.high: logistic does not take 1.5/, /./],
    [SPACE, { param: ['l1-ratio=0.5'] }, /:2 l1_ratio: "l1_ratio" is searched and fixed/, /one of them/],
    [
      'learning_rate: {type: float, low: 0.1, high: 0.2}\neta: {type: float, low: 0.1, high: 0.2}',
      { trainer: 'xgboost' },
      /:2 eta: "eta" is searched twice/,
      /one of them/,
    ],
    [
      'learning_rate: {type: float, low: 0.1, high: 0.2}',
      { trainer: 'xgboost', param: ['eta=0.1'] },
      /:1 learning_rate: "eta" is searched and fixed/,
      /one of them/,
    ],
    [SPACE, { trainer: 'logistic(0.1)' }, /:1 lambda: "lambda" is searched and fixed/, /one of them/],
  ])('%j against the trainer', async (text, more, message, hint) => {
    const error = await failure(run({ space: await spaceFile('bad.yaml', text), ...more }));
    expect(error.code).toBe('CONFIG');
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  test('other mistakes', async () => {
    expect(await failure(run({ space: 'nowhere.yaml' }))).toMatchObject({ code: 'INPUT', exitCode: 4 });
    expect(await failure(run({ trainer: 'sma-cross(5,20)' }))).toMatchObject({ code: 'USAGE' });
    expect((await failure(run({ trainer: 'sma-cross(5,20)' }))).hint).toContain('--sweep');
    expect((await failure(run({ objective: 'rmse' }))).message).toContain(
      'rmse is no metric of the label direction(1)',
    );
    expect((await failure(run({ cv: 'walk-forward(3)' }))).code).toBe('USAGE');
    // Too few rows for any parameters: not a study of failed trials.
    expect(await failure(run({ split: '4%' }))).toMatchObject({ code: 'NO_DATA' });
  });
});

describe('train --study', () => {
  let study: Artifact;
  let document: Tuned;
  beforeAll(async () => {
    study = (await run({ study: 'best' })).artifact;
    document = await studyOf(study);
  });
  const settingsOf = (artifact: Artifact) =>
    (artifact.manifest.settings as { trainer: { settings: Record<string, unknown> } }).trainer.settings;

  test('takes settings, features and label of the study, by path or by name, and states it', async () => {
    const { artifact } = await trainWith(study.path);
    expect(settingsOf(artifact)).toEqual(document.best.settings);
    const summary = artifact.manifest.summary as { label: string; features: number };
    expect(summary).toMatchObject({ label: 'direction(1)', features: 3 });
    expect(artifact.manifest.inputs).toContainEqual({ kind: 'study', id: study.id });
    expect((await trainWith('best')).artifact.id).toBe(artifact.id);
    const plain = await train(optionsOf('train', { data: data.path, ...common, cv: undefined }), runtime);
    expect(settingsOf(plain.artifact)).not.toEqual(document.best.settings);
  });

  test('what is asked for goes before the study, with a warning', async () => {
    const warnings: string[] = [];
    const logger = { ...runtime.logger, warn: (line: string) => void warnings.push(line) };
    const options = optionsOf('train', {
      data: data.path,
      trainer: 'logistic',
      study: study.path,
      param: ['lambda=0.5'],
    });
    const { artifact } = await train(options, { ...runtime, logger });
    expect(settingsOf(artifact)).toEqual({ ...document.best.settings, lambda: 0.5 });
    expect(warnings).toEqual(["lambda is 0.5 as asked for, not the study's best."]);
  });

  test('a foreign or unreadable study is refused', async () => {
    expect(await failure(trainWith(study.path, { trainer: 'xgboost' }))).toMatchObject({
      ...{ code: 'MISMATCH', message: `The study ${study.id} tuned trainer logistic; this is xgboost.` },
    });
    expect((await failure(trainWith(study.path, { label: 'direction(5)' }))).message).toContain(
      'tuned label direction(1)',
    );
    expect((await failure(trainWith(study.path, { features: 'ret(5)' }))).message).toContain('tuned features');
    expect((await failure(trainWith(study.path, { trainer: 'sma-cross(5,20)' }))).message).toContain(
      '--study does not',
    );
    expect((await failure(trainWith('nosuch'))).code).toBe('ARTIFACT_NOT_FOUND');
    expect((await failure(trainWith(data.path))).code).toBe('ARTIFACT_KIND');
    const rule = await train(optionsOf('train', { data: data.path, trainer: 'sma-cross(5,20)' }), runtime);
    const swept = await sweep(optionsOf('backtest', { model: rule.artifact.path, sweep: 'fast=3..4' }), runtime);
    const error = await failure(trainWith(swept.artifact.path));
    expect(error.message).toContain('is a study of "sweep", not of tuning');
  });

  test('bars that the choice of the parameters has seen are not scored', async () => {
    const error = await failure(trainWith(study.path, { split: '50%' }));
    expect([error.code, error.exitCode]).toEqual(['LEAKAGE', 4]);
    const early = (await run({ split: '50%' })).artifact;
    expect((await studyOf(early)).range.to).toBeLessThan(document.range.to);
    expect((await trainWith(early.path, { split: '50%' })).segments).toHaveLength(1);
  });
});

describe('tasks of a batch job', () => {
  const server = { journal: 'postgres://tuner@127.0.0.1:1/none' };
  const share = (more: object, secrets: Record<string, string> = {}, world: object = server) =>
    shareOf(optionsOf('tune', { trials: 6, ...more }), { ...runtime, ...world, secrets });

  test('read their share from flags, Cloud Run or Kubernetes', () => {
    expect(share({})).toBeUndefined();
    expect(share({}, { CLOUD_RUN_TASK_INDEX: '0', CLOUD_RUN_TASK_COUNT: '1' })).toBeUndefined();
    expect(share({}, { CLOUD_RUN_TASK_INDEX: '1', CLOUD_RUN_TASK_COUNT: '3' })).toEqual({ index: 1, count: 3 });
    expect(share({ tasks: 4 }, { JOB_COMPLETION_INDEX: '3' })).toEqual({ index: 3, count: 4 });
    expect(share({ task: 1, tasks: 2 }, { CLOUD_RUN_TASK_INDEX: '0' })).toEqual({ index: 1, count: 2 });
    expect(share({ tasks: 1 }, { JOB_COMPLETION_INDEX: '3' })).toBeUndefined();
  });

  test.each<[string, object, Record<string, string>, object, RegExp]>([
    ['of how many', {}, { JOB_COMPLETION_INDEX: '2' }, server, /task 2, but of how many/],
    ['which', { tasks: 2 }, {}, server, /one of 2 tasks, but which/],
    ['past the end', { task: 2, tasks: 2 }, {}, server, /count from 0/],
    ['no number', {}, { CLOUD_RUN_TASK_INDEX: 'x' }, server, /CLOUD_RUN_TASK_INDEX is "x"/],
    ['too few trials', { task: 0, tasks: 7 }, {}, server, /6 trials cannot be shared by 7 tasks/],
    ['a store of one machine', { task: 0, tasks: 2 }, {}, {}, /its store is on this machine alone/],
  ])('are refused: %s', (_, more, secrets, world, message) => {
    expect(() => share(more, secrets, world)).toThrow(
      expect.objectContaining({ exitCode: 3, message: expect.stringMatching(message) }),
    );
  });
});
