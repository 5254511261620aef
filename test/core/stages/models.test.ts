import { expect, test } from 'vitest';
import { backtest } from '../../../src/core/stages/backtest.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { compareModels, pruneModels, tagModel } from '../../../src/core/stages/models.js';
import { train } from '../../../src/core/stages/train.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

test('models are compared by runs and verdicts, tagged, and pruned unless something needs them', async () => {
  const runtime = testRuntime();
  const source = { source: 'csv', symbols: 'MSFT', file: [fixture('bars/msft-daily-1990-2022.csv')] };
  const range = { interval: '1d', basis: 'split', from: '2018-01-01' };
  const data = (await ingest(optionsOf('ingest', { ...source, ...range }), runtime)).artifact;
  const rule = async (trainer: string) =>
    (await train(optionsOf('train', { data: data.path, trainer }), runtime)).artifact;
  const [judged, tagged, idle] = [await rule('momentum(20)'), await rule('momentum(30)'), await rule('momentum(40)')];
  const run = (await backtest(optionsOf('backtest', { model: judged.path }), runtime)).artifact;
  const report = (await evaluate(optionsOf('evaluate', { run: run.path, gate: ['trades>=1'] }), runtime)).artifact;

  const rows = await compareModels(optionsOf('models:compare', {}), runtime);
  expect(rows).toHaveLength(3);
  expect(rows.find(({ id }) => id === judged.id)).toMatchObject({
    ...{ trainer: 'momentum(20)', run: run.id, report: report.id, pass: true, engine: null },
    inputs: [`dataset ${data.id}`],
    sharpe: expect.any(Number),
  });
  expect(rows.find(({ id }) => id === idle.id)).toMatchObject({ run: null, pass: null });

  expect(await tagModel(tagged.id, 'champion:swing', false, runtime)).toMatchObject({
    id: tagged.id,
    tag: 'champion:swing',
  });
  const one = await compareModels(optionsOf('models:compare', { models: 'champion:swing' }), runtime);
  expect(one.map(({ id, tags }) => [id, tags])).toEqual([[tagged.id, ['champion:swing']]]);
  await expect(tagModel('nowhere', 'x', false, runtime)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });

  await expect(tagModel(idle.id, 'champion:swing', true, runtime)).rejects.toMatchObject({ code: 'MISMATCH' });
  await tagModel(idle.id, 'candidate', false, runtime);
  await tagModel(idle.id, 'candidate', true, runtime);

  const dry = await pruneModels(optionsOf('models:prune', { keep: 0, dryRun: true }), runtime);
  expect(dry).toMatchObject({ removed: [idle.id], dry_run: true });
  expect((await compareModels(optionsOf('models:compare', {}), runtime)).length).toBe(3);
  const pruned = await pruneModels(optionsOf('models:prune', { keep: 0 }), runtime);
  expect([pruned.removed, [...pruned.needed].sort()]).toEqual([[idle.id], [judged.id, tagged.id].sort()]);
  expect((await runtime.artifacts.list('model')).map(({ id }) => id)).not.toContain(idle.id);
});
