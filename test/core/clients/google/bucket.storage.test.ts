import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bucket, bucketAddress } from '../../../../src/core/clients/google/index.js';
import { create } from '../../../../src/core/data/stores/bigquery.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';
import { readParquet } from '../../../../src/core/platform/parquet.js';
import { describeOnStorage, type StorageEmulator, startStorage } from '../../../emulators/storage.js';
import { FakeBigQuery } from '../../../fakes/bigquery/server.js';
import { barsAt, infoFor, keyOf, minutes } from '../../data/store.contract.js';

describe('addresses of buckets', () => {
  it('are read, and what is none is refused', () => {
    expect(bucketAddress('gs://my-bucket/a/b/')).toMatchObject({ bucket: 'my-bucket', prefix: 'a/b' });
    expect(bucketAddress('gs://my-bucket?impersonate=x@y').prefix).toBe('');
    for (const text of ['gs://A', 'my-bucket', 'gs://my-bucket/../x', 'gs://my-bucket/a//b', 'gs://my-bucket?x=1'])
      expect(() => bucketAddress(text)).toThrow(/not the address|no setting/);
    expect(() => bucketAddress('gs://my-bucket?endpoint=https://evil.example')).toThrow(/not the vendor/);
  });
});

describeOnStorage('a bucket on a real emulator, by Google’s client', () => {
  let emulator: StorageEmulator;
  beforeAll(async () => {
    emulator = await startStorage();
  });
  afterAll(() => emulator?.stop());

  it('creates an object once, however many try at once', async () => {
    const bucket = await Bucket.open(bucketAddress(await emulator.bucket('racing', 'here')));
    const winners = await Promise.all(Array.from({ length: 10 }, (_, i) => bucket.create('one', `value ${i}`)));
    expect(winners.filter(Boolean)).toHaveLength(1);
    expect(String(await bucket.read('one'))).toBe(`value ${winners.indexOf(true)}`);
    const folder = await mkdtemp(join(tmpdir(), 'bucket-'));
    await writeFile(join(folder, 'file'), 'x'.repeat(300_000));
    expect([
      await bucket.createFrom('big', join(folder, 'file')),
      await bucket.createFrom('big', join(folder, 'file')),
    ]).toEqual([true, false]);
    expect(await bucket.download('big', join(folder, 'copy'))).toBe(true);
    expect(await readFile(join(folder, 'copy'), 'utf8')).toBe('x'.repeat(300_000));
    expect(await bucket.list('')).toEqual(['big', 'one']);
    const generation = await bucket.generation('one');
    expect([await bucket.replace('one', 'new', generation), await bucket.replace('one', 'newer', generation)]).toEqual([
      true,
      false,
    ]);
    await bucket.remove('one');
    await bucket.remove('one');
    expect([
      await bucket.read('one'),
      await bucket.generation('one'),
      await bucket.download('one', join(folder, 'no')),
    ]).toEqual([undefined, 0, false]);
  });

  it('names a bucket that is not there', async () => {
    const bucket = await Bucket.open(bucketAddress(`gs://nowhere?endpoint=${encodeURIComponent(emulator.url)}`));
    await expect(bucket.create('a', 'b')).rejects.toMatchObject({ code: 'CONFIG', exitCode: 3 });
  });

  it('holds files for their load jobs, and lets them go afterwards', async () => {
    const address = await emulator.bucket('staging', 'loads');
    const bucket = await Bucket.open(bucketAddress(address));
    const fake = await FakeBigQuery.start();
    try {
      const store = create(
        { address: fake.address(`&staging=${encodeURIComponent(address)}`) },
        { clock: systemClock, logger: silentLogger },
      );
      const key = keyOf('SPY');
      const bars = barsAt(key, minutes('2024-01-31T23:50Z', 20));
      let staged: readonly string[] = [];
      let rows = 0;
      fake.onLoad = async () => {
        staged = await bucket.list('');
        const folder = await mkdtemp(join(tmpdir(), 'staged-'));
        await bucket.download(staged[0]!, join(folder, 'a.parquet'));
        rows = (await readParquet(join(folder, 'a.parquet')))['ts']!.length;
      };
      await store.put(infoFor(key), bars);
      const load = fake.jobs.find(({ configuration }) => configuration.load !== undefined)!;
      expect(load.configuration.load?.sourceUris).toEqual([`gs://staging/loads/${load.id}.parquet`]);
      expect([staged, rows]).toEqual([[`${load.id}.parquet`], 20]);
      expect(await bucket.list('')).toEqual([]);
      expect(fake.violations).toEqual([]);
    } finally {
      await fake.close();
    }
  });
});
