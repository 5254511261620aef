import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ArtifactStore } from '../../../src/core/artifacts/index.js';
import { bucketAddress } from '../../../src/core/clients/google/bucket.js';
import { Bucket } from '../../../src/core/clients/google/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { listModels, tagModel } from '../../../src/core/stages/models.js';
import { showReport } from '../../../src/core/stages/reports.js';
import { train } from '../../../src/core/stages/train.js';
import { describeOnStorage, type StorageEmulator, startStorage } from '../../emulators/storage.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';
import { artifactContract } from '../artifacts/store.contract.js';

describeOnStorage('artefacts on a real emulator of Cloud Storage', () => {
  let storage: StorageEmulator;
  beforeAll(async () => {
    storage = await startStorage();
  });
  afterAll(() => storage?.stop());

  let buckets = 0;
  const place = () => storage.bucket(`artefacts-${++buckets}`, 'team/quant');

  artifactContract('a bucket', async () => {
    const artifacts = await place();
    return { open: (): ArtifactStore => testRuntime({ artifacts }).artifacts };
  });

  it('holds every stage of the chain, for every machine', async () => {
    const artifacts = await place();
    const here = testRuntime({ artifacts });
    const bars = { source: 'csv', symbols: 'SPY', file: [fixture('bars/spy-daily-2017-2018.csv')], interval: '1d' };
    const data = await ingest(optionsOf('ingest', bars), here);
    expect(data.artifact.path).toMatch(/^gs:\/\/artefacts-\d+\/team\/quant\/dataset\/[0-9a-f]{16}$/);
    const model = await train(optionsOf('train', { data: data.artifact.path, trainer: 'sma-cross(5,20)' }), here);
    const run = await backtest(optionsOf('backtest', { data: 'latest', model: model.artifact.path }), here);
    const report = await evaluate(optionsOf('evaluate', { run: run.artifact.path }), here);
    // The workspace itself has no artefact: what other programs see is on the bucket.
    expect(readdirSync(here.workspace).sort()).not.toEqual(expect.arrayContaining(['run']));

    const there = testRuntime({ artifacts });
    expect((await openRun(await there.artifacts.open('run', 'latest'))).trades.pnl.length).toBeGreaterThan(3);
    expect((await showReport(report.artifact.path, there)).artifact.id).toBe(report.artifact.id);
    expect((await listModels(there)).map((row) => row.model.id)).toEqual([model.artifact.id]);
    await tagModel(model.artifact.id.slice(0, 8), 'champion:swing', false, there);
    expect((await here.artifacts.open('model', 'champion:swing')).id).toBe(model.artifact.id);
    // The same bars on the other machine are the same dataset, and so everything is there already.
    expect((await ingest(optionsOf('ingest', bars), there)).reused).toBe(true);
    const again = await backtest(optionsOf('backtest', { data: 'latest', model: 'champion:swing' }), there);
    expect([again.reused, again.artifact.path]).toEqual([true, run.artifact.path]);
    const forced = await backtest(
      optionsOf('backtest', { data: 'latest', model: 'champion:swing', force: true }),
      there,
    );
    expect(forced.artifact.id).toBe(run.artifact.id);

    const objects = await (await Bucket.open(bucketAddress(artifacts))).list('');
    for (const { kind, id } of [data, model, run, report].map(({ artifact }) => artifact))
      expect(objects).toContain(`${kind}/${id}/manifest.json`);
  });

  it('is refused where it is none', () => {
    expect(() => testRuntime({ artifacts: 's3://bucket' })).toThrow(/no place for artefacts/);
    expect(() => testRuntime({ artifacts: 'gs://X' })).toThrow(/not the address of a bucket/);
  });

  it('names a bucket that is not there', async () => {
    const artifacts = `gs://none-such/a?endpoint=${encodeURIComponent(storage.url)}`;
    const call = testRuntime({ artifacts }).artifacts.list('run');
    await expect(call).rejects.toMatchObject({ exitCode: 3, message: expect.stringMatching(/no bucket none-such/) });
  });
});
