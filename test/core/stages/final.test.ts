import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openModel } from '../../../src/core/stages/compose/model.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { compareModels, listModels } from '../../../src/core/stages/models.js';
import { trade } from '../../../src/core/stages/trade.js';
import { train } from '../../../src/core/stages/train.js';
import { trainFinal } from '../../../src/core/stages/train-final.js';
import { trials } from '../../../src/core/stages/trials.js';
import { dailyBars, session, VenueRig, walk } from '../../support/venue.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const DAY = 86_400_000;
const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

const source = { source: 'csv', symbols: 'MSFT', file: [fixture('bars/msft-daily-1990-2022.csv')], interval: '1d' };
const barsTo = async (to: string, more: object = {}) =>
  (await ingest(optionsOf('ingest', { ...source, basis: 'split', from: '2018-10-01', to, ...more }), runtime)).artifact;
const recipe = { features: 'ret(1),rsi(14)', label: 'direction(5)', embargo: 3, weights: 'uniqueness', seed: 7 };
const trained = async (more: object) =>
  (await train(optionsOf('train', { data: data.path, trainer: 'logistic', ...recipe, ...more }), runtime)).artifact;
const runOf = async (model: Artifact, over?: Artifact) =>
  (await backtest(optionsOf('backtest', { model: model.path, data: over?.path }), runtime)).artifact;
const final = (options: object) => trainFinal(optionsOf('train', { data: newer.path, ...options }), runtime);

let data: Artifact;
let newer: Artifact;
let model: Artifact;
let report: Artifact;
beforeAll(async () => {
  data = await barsTo('2019-12-31');
  newer = await barsTo('2020-05-29');
  model = await trained({ split: '70%' });
  const run = await runOf(model);
  report = (await evaluate(optionsOf('evaluate', { run: run.path, gate: ['trades>=0'] }), runtime)).artifact;
});

describe('train --final', () => {
  test('fits the recipe up to the newest bar, embargo kept, behind the segments that were evaluated', async () => {
    const { artifact, segments } = await final({ final: report.path });
    expect(artifact.manifest.inputs).toEqual([
      { kind: 'dataset', id: newer.id },
      { kind: 'model', id: model.id },
      { kind: 'report', id: report.id },
    ]);
    expect(artifact.manifest).toMatchObject({ settings: model.manifest.settings, seed: 7 });
    const [evaluated, last] = (await openModel(artifact)).file.segments;
    const [alone] = (await openModel(model)).file.segments;
    expect(evaluated).toEqual({ ...alone, validTo: last!.validFrom });
    // The newest bar is scored; three more before it are the embargo, and no label reaches beyond the training range.
    expect(new Date(last!.validFrom).toISOString()).toBe('2020-05-29T20:00:00.000Z');
    expect(new Date(last!.trainTo).toISOString()).toBe('2020-05-26T20:00:00.000Z');
    expect(last).toMatchObject({ trainFrom: alone!.trainFrom, labelEnd: last!.trainTo, validTo: null, embargo: 3 });
    expect(segments.map(({ rows }) => rows)).toEqual([expect.any(Number), 418 - 14 - 3 - 6]);
    expect((await final({ final: report.path })).reused).toBe(true);
  });

  test('leaves what was judged as it was: the same run, and no new trial', async () => {
    const { artifact } = await final({ final: report.path });
    const [one, two] = [await openRun(await runOf(model, newer)), await openRun(await runOf(artifact, newer))];
    expect(Array.from(two.equity.equity)).toEqual(Array.from(one.equity.equity));
    expect((await trials(optionsOf('trials', {}), runtime)).count).toBe(1);
  });

  test('keeps the length of a rolling training range', async () => {
    const rolling = await trained({ cv: 'walk-forward(2,rolling)' });
    const { artifact } = await final({ final: (await runOf(rolling)).path });
    const spans = (await openModel(artifact)).file.segments.map(
      ({ trainFrom, trainTo }) => (trainTo - trainFrom) / DAY,
    );
    expect(spans).toHaveLength(3);
    expect(Math.abs(spans[2]! - spans[1]!)).toBeLessThan(7);
    expect(artifact.manifest.inputs.at(-1)!.kind).toBe('run');
  });

  test('--if-older trains only where the newest is too old by the bars, and moves the tag either way', async () => {
    const first = await final({ final: report.path });
    const later = await barsTo('2020-06-12');
    const kept = await final({ final: report.path, data: later.path, ifOlder: '15d', tag: 'now' });
    expect(kept.artifact.id).toBe(first.artifact.id);
    expect(kept.kept).toMatch(/fitted up to 2020-05-29T20:00:00Z, 14.0 days before the newest bar/);
    expect(kept.segments).toEqual(first.segments);
    expect((await runtime.artifacts.open('model', 'now')).id).toBe(first.artifact.id);
    const next = await final({ final: report.path, data: later.path, ifOlder: '14d', tag: 'now' });
    expect([next.reused, next.kept]).toEqual([false, undefined]);
    expect(next.artifact.manifest.summary).toMatchObject({ refit_of: model.id, refit_to: '2020-06-12T20:00:00Z' });
    expect((await runtime.artifacts.open('model', 'now')).id).toBe(next.artifact.id);
  });

  test('shows lineage and the evaluated verdict', async () => {
    const { artifact } = await final({ final: report.path });
    const listed = (await listModels(runtime)).find(({ model: { id } }) => id === artifact.id);
    expect(listed!.verdicts).toEqual([`passed custom (report ${report.id})`]);
    const rows = await compareModels(optionsOf('models:compare', { models: artifact.id }), runtime);
    expect(rows.at(-1)).toMatchObject({
      report: report.id,
      pass: true,
      inputs: expect.arrayContaining([`model ${model.id}`]),
    });
  });

  test('refuses a rule, another market and a dataset that ends too early', async () => {
    const rule = (await train(optionsOf('train', { data: data.path, trainer: 'momentum(20)' }), runtime)).artifact;
    await expect(final({ final: (await runOf(rule)).path })).rejects.toMatchObject({ code: 'USAGE' });
    const other = await barsTo('2020-06-12', { symbols: 'OTHER' });
    await expect(final({ final: report.path, data: other.path })).rejects.toMatchObject({ code: 'MISMATCH' });
    const early = await barsTo('2018-12-31');
    await expect(final({ final: report.path, data: early.path })).rejects.toMatchObject({ code: 'NO_DATA' });
  });
});

describe('trading a refitted model', () => {
  test('the report’s verdict counts for it and for no other model', async () => {
    const { artifact } = await final({ final: report.path });
    const options = { report: report.path, strategy: 'swing', broker: 'sim', once: true };
    const traded = await trade(optionsOf('trade', { ...options, model: artifact.path }), runtime);
    expect(traded.session).toMatchObject({ outcome: 'decided', report: report.id, model: artifact.id });
    expect(traded.artifact.manifest.inputs).toContainEqual({ kind: 'model', id: artifact.id });
    const other = await trained({ split: '60%' });
    const foreign = trade(optionsOf('trade', { ...options, model: other.path }), runtime);
    await expect(foreign).rejects.toMatchObject({
      code: 'MISMATCH',
      message: expect.stringMatching(/was not refitted from/),
    });
  });

  test('takes the place of one that is too old to decide', async () => {
    const FRIDAY = '2026-11-27';
    const now = session(FRIDAY).close + 5000;
    const rig = await VenueRig.start({ bars: () => dailyBars(walk(80), FRIDAY), now });
    try {
      const bars = await rig.runtime.artifacts.openInput(rig.run, 'dataset');
      const made = await train(
        optionsOf('train', {
          data: bars.path,
          trainer: 'logistic',
          features: 'ret(1)',
          label: 'direction(1)',
          maxModelAge: '3d',
        }),
        rig.runtime,
      );
      const run = await backtest(optionsOf('backtest', { model: made.artifact.path }), rig.runtime);
      const sim = { report: undefined, run: run.artifact.id, broker: 'sim', source: 'alpaca' };
      const old = rig.start(sim);
      await expect(old).rejects.toMatchObject({
        code: 'MISMATCH',
        message: expect.stringMatching(/The model is too old since/),
      });
      const fresh = await trainFinal(optionsOf('train', { final: run.artifact.id }), rig.runtime);
      await expect(rig.start({ model: 'latest' })).rejects.toMatchObject({ code: 'GUARD' });
      const { session: file } = await rig.start({ ...sim, model: fresh.artifact.id });
      expect(file).toMatchObject({ outcome: 'decided', report: run.artifact.id, model: fresh.artifact.id });
      const [decision] = await rig.journal((journal) => journal.events({ types: ['decision'] }));
      expect(decision!.body).toMatchObject({ body: { model: fresh.artifact.id } });
    } finally {
      await rig.close();
    }
  });
});
