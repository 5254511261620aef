import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bigQueryAddress } from '../../../../src/core/clients/google/index.js';
import { copySeries } from '../../../../src/core/data/copy.js';
import type { BarStore } from '../../../../src/core/data/store.js';
import { create, initialise } from '../../../../src/core/data/stores/bigquery.js';
import type { SeriesKey } from '../../../../src/core/domain/index.js';
import { isQuantlineError, type QuantlineError } from '../../../../src/core/errors/index.js';
import { ManualClock } from '../../../../src/core/platform/index.js';
import { FakeBigQuery } from '../../../fakes/bigquery/server.js';
import { barsAt, infoFor, keyOf, minutes } from '../store.contract.js';

const NOW = Date.UTC(2026, 10, 23, 15);
const key = { ...keyOf("A'B; DROP"), feed: "x'y" };
const bars = barsAt(key, minutes('2024-01-31T23:50Z', 20));
let fake: FakeBigQuery;
let said: string[];
const context = () => {
  const log = (text: string) => void said.push(text);
  return { clock: new ManualClock(NOW), logger: { debug: log, info: log, warn: log } };
};
const open = (more = '') => create({ address: fake.address(more) }, context());
const thrown = async (promise: Promise<unknown>): Promise<QuantlineError> => {
  const error: unknown = await promise.catch((e: unknown) => e);
  if (!isQuantlineError(error)) throw new Error(`expected a QuantlineError, got ${String(error)}`);
  return error;
};

beforeEach(async () => {
  process.env['METADATA_SERVER_DETECTION'] = 'none';
  said = [];
  fake = await FakeBigQuery.start();
});
afterEach(() => fake.close());

describe('requests, where the emulator is laxer than BigQuery', () => {
  it('makes the table with month partitions, clusters and a required partition filter', async () => {
    await initialise(fake.address(), context());
    expect(fake.tables.get('bars')).toMatchObject({
      timePartitioning: { type: 'MONTH', field: 'ts' },
      requirePartitionFilter: true,
      clustering: { fields: ['instrument', 'ts'] },
    });
    const fields = (table: string) =>
      (fake.tables.get(table) as { schema: { fields: { name: string; type: string }[] } }).schema.fields;
    for (const table of ['news', 'trades', 'executions', 'journal_events', 'reports'])
      expect(fake.tables.get(table)).toMatchObject({
        timePartitioning: { type: 'MONTH', field: 'time' },
        requirePartitionFilter: true,
      });
    expect(fields('news')).toContainEqual({ name: 'known_at', type: 'TIMESTAMP', mode: 'NULLABLE' });
    expect(fake.violations).toEqual([]);
  });

  it('limits, labels and estimates every query on bars, in the dataset’s region, and says what it cost', async () => {
    fake.estimate = 3e9;
    await open('&maxBytes=123456789').put(infoFor(key), bars);
    const onBars = fake.queries(/\bbars\b/);
    expect(onBars.length).toBeGreaterThan(2);
    for (const job of fake.queries(/./)) {
      expect(job.configuration.query?.maximumBytesBilled).toBe('123456789');
      expect(job.configuration.labels).toEqual({ tool: 'quantline' });
      expect(job.location).toBe('EU');
    }
    for (const { configuration } of onBars.filter((job) => job.configuration.dryRun !== true))
      expect(
        onBars.some(
          (job) => job.configuration.dryRun === true && job.configuration.query?.query === configuration.query?.query,
        ),
      ).toBe(true);
    expect(said).toContain('BigQuery: about 3000.0 MB ($0.0171) to read.');
    expect(said).toContain('BigQuery: billed 6000.0 MB ($0.0341).');
    expect(fake.violations).toEqual([]);
  });

  it('filters partitions wherever bars are read, with parameters and never with text of a user', async () => {
    const store = open();
    await store.put(infoFor(key), bars);
    await store.read(key, 0, Number.POSITIVE_INFINITY);
    await store.pin(key, bars.time[0]!, bars.time[5]!);
    await store.verify(key);
    await store.discard({ key, file: '2024-01', problem: '', firstTime: bars.time[0]!, lastTime: bars.time[3]! });
    await store.prune([]);
    for (const { configuration } of fake.queries(/\bbars\b/)) {
      const sql = configuration.query!.query;
      expect(sql).not.toMatch(/DROP|x'y/);
      const reads = sql.match(/(FROM|UPDATE|DELETE FROM|MERGE) bars\b/g)?.length ?? 0;
      const filters = sql.match(/\bts (BETWEEN @lo AND @hi|>= TIMESTAMP '1800|>= @lo)/g)?.length ?? 0;
      expect(filters, sql).toBeGreaterThanOrEqual(reads);
    }
    expect(fake.violations).toEqual([]);
  });

  it('gives a load the same job id for the same bars, and waits for the first job when it is sent again', async () => {
    await open().put(infoFor(key), bars);
    const first = fake.jobs.find((job) => job.configuration.load !== undefined)!;
    // A process that died before it could note what it had put.
    fake.series.clear();
    await open().put(infoFor(key), bars);
    const loads = fake.jobs.filter((job) => job.configuration.load !== undefined);
    expect(loads).toEqual([first]);
    expect(first.id).toMatch(/^quantline_[0-9a-f]{16}_20261123$/);
    expect(first.configuration.load?.destinationTable?.tableId).toMatch(/^staging_[0-9a-f]{16}_20261123$/);
    expect(fake.tables.get(first.configuration.load!.destinationTable!.tableId!)).toMatchObject({
      expirationTime: String(NOW + 86_400_000),
    });
    await open().put(infoFor(key), barsAt(key, minutes('2024-01-31T23:50Z', 20), 9));
    expect(fake.jobs.filter((job) => job.configuration.load !== undefined)).toHaveLength(2);
  });

  it('takes the next job id where the first one’s job failed', async () => {
    await open().put(infoFor(key), bars);
    const first = fake.jobs.find((job) => job.configuration.load !== undefined)!;
    first.error = { reason: 'backendError', message: 'try again' };
    fake.series.clear();
    await open().put(infoFor(key), bars);
    const ids = fake.jobs.filter((job) => job.configuration.load !== undefined).map((job) => job.id);
    expect(ids).toEqual([first.id, `${first.id}-1`]);
  });

  it('reads and loads nothing for bars that are known to stand as they were put', async () => {
    fake.answers.push([/AS added/, [{ added: '20', closed: '0', latest: '1' }]]);
    await open().put(infoFor(key), bars);
    const asked = fake.jobs.length;
    expect(await open().put(infoFor(key), bars)).toEqual({ inserted: 0, updated: 0 });
    expect(fake.jobs.slice(asked).map(({ configuration }) => configuration.query?.query)).toEqual([
      expect.stringMatching(/FROM series/),
    ]);
    expect([...(await open().contents!()).values()].map((ids) => ids.size)).toEqual([1]);
    // Other values in the same minutes: what stood is not known to stand any more.
    await open().put(infoFor(key), barsAt(key, minutes('2024-01-31T23:55Z', 5), 9));
    await open().put(infoFor(key), bars);
    const merges = fake.queries(/MERGE bars/).filter((job) => job.configuration.dryRun !== true);
    expect(merges).toHaveLength(3);
    expect(fake.violations).toEqual([]);
  });

  it('stages large files in a bucket where one is named', async () => {
    const address = bigQueryAddress(fake.address('&staging=gs://my-bucket/loads'));
    expect(address.staging).toMatchObject({ bucket: 'my-bucket', prefix: 'loads' });
    expect(() => bigQueryAddress(fake.address('&staging=my-bucket'))).toThrow(/not the address of a bucket/);
  });

  it('copies a year of many series by one load and one MERGE a month, and again by none', async () => {
    const months = Array.from({ length: 12 }, (_, m) => Date.UTC(2024, m, 10, 15));
    const infos = Array.from({ length: 40 }, (_, i) => ({
      ...{ ...infoFor(keyOf(`S${i}`)), rows: 12, generation: 1, firstTime: months[0]!, lastTime: months[11]! },
      coverage: [{ from: months[0]!, to: months[11]! + 60_000 }],
    }));
    const files = {
      read: async (one: SeriesKey, from: number, to: number) =>
        barsAt(
          one,
          months.filter((time) => time >= from && time < to),
        ),
      actions: async ({ instrument }: SeriesKey) =>
        instrument === 'S7' ? [{ type: 'split', instrument, date: '2024-03-01', ratio: 2 }] : [],
    } as unknown as BarStore;
    const signal = new AbortController().signal;
    const copied = await copySeries(files, open(), infos, { signal });
    expect(copied.map(({ rows }) => rows)).toEqual(infos.map(() => 12));
    const run = (part: RegExp) => fake.queries(part).filter((job) => job.configuration.dryRun !== true);
    const loads = fake.jobs.filter((job) => job.configuration.load !== undefined);
    expect([loads.length, run(/MERGE bars/).length, run(/MERGE series/).length]).toEqual([12, 12, 25]);
    expect([run(/DELETE FROM actions/).length, run(/INSERT INTO actions/).length]).toEqual([1, 1]);
    for (const { configuration } of run(/MERGE bars/)) {
      const named = new Map(configuration.query!.queryParameters!.map((one) => [one.name, one.parameterValue]));
      expect(named.get('series')!.arrayValues).toHaveLength(40);
      expect(named.get('lo')!.value).toBe(named.get('hi')!.value);
    }
    const asked = fake.jobs.length;
    const held = (await open().contents!())!;
    expect((await copySeries(files, open(), infos, { signal, held })).every(({ skipped }) => skipped === 12)).toBe(
      true,
    );
    // One look at what the series' rows say.
    expect(fake.jobs.slice(asked).map(({ configuration }) => configuration.query?.query)).toEqual([
      expect.stringMatching(/FROM series/),
    ]);
    expect(fake.violations).toEqual([]);
  });

  it('converges after a crash between load and merge', async () => {
    fake.failures.push({
      match: /^\s*MERGE bars/,
      status: 400,
      reason: 'invalidQuery',
      message: 'interrupted',
      times: 1,
    });
    expect((await thrown(open().put(infoFor(key), bars))).code).toBe('UNAVAILABLE');
    expect(fake.queries(/MERGE bars/)).toEqual([]);
    await open().put(infoFor(key), bars);
    expect(fake.jobs.filter((job) => job.configuration.load !== undefined)).toHaveLength(1);
    expect(fake.queries(/MERGE bars/).filter((job) => job.configuration.dryRun !== true)).toHaveLength(1);
  });
});

describe('failures have their message and code', () => {
  it.each([
    [401, 'authError', 'Invalid Credentials', 'CREDENTIALS', /did not accept the credentials/],
    [403, 'accessDenied', 'Access Denied: Table', 'CREDENTIALS', /Permission is missing/],
    [403, 'quotaExceeded', 'Quota exceeded: imports per table', 'UNAVAILABLE', /quota is used up/],
    [400, 'bytesBilledLimitExceeded', 'Query exceeded limit for bytes billed', 'CONFIG', /more than 21 GB/],
    [404, 'notFound', 'Not found: Dataset proj-1:bars_eu was not found in location US', 'CONFIG', /another region/],
  ] as const)('%i %s', async (status, reason, message, code, text) => {
    fake.failures.push({ match: /^\s*MERGE bars/, status, reason, message, times: 99 });
    const error = await thrown(open().put(infoFor(key), bars));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(text)]);
    expect(error.hint).toBeTruthy();
  });

  it('a dataset that is not there', async () => {
    fake.datasetExists = false;
    const error = await thrown(open().info(key));
    expect([error.code, error.exitCode, error.hint]).toEqual(['CONFIG', 3, 'Run quantline store init.']);
  });

  it('a table with another schema', async () => {
    await initialise(fake.address(), context());
    const table = fake.tables.get('bars') as { schema: { fields: { name: string; type: string }[] } };
    table.schema.fields.find(({ name }) => name === 'close')!.type = 'STRING';
    const error = await thrown(open().info(key));
    expect([error.code, error.message]).toEqual([
      'MISMATCH',
      expect.stringMatching(/column close is STRING instead of FLOAT64/),
    ]);
  });

  it('a dataset pinned in another store', async () => {
    const pin = { key, from: 0, to: 1, rows: 0, sha256: '', reference: ['2024-01-abc.parquet'] };
    expect((await thrown(open().readPin(pin))).code).toBe('MISMATCH');
  });
});

describe('addresses', () => {
  it('are read with their settings', () => {
    expect(
      bigQueryAddress('bigquery://my-project.bars?location=EU&maxBytes=1000&impersonate=a@b.iam.gserviceaccount.com'),
    ).toMatchObject({
      project: 'my-project',
      dataset: 'bars',
      location: 'EU',
      maximumBytesBilled: 1000,
      impersonate: 'a@b.iam.gserviceaccount.com',
    });
    expect(bigQueryAddress('bigquery://example.com:proj.d').project).toBe('example.com:proj');
  });
  it.each([
    ['bigquery://project', /not the address/],
    ['bigquery://project.da-ta', /not the address/],
    ['bigquery://project.data?colour=red', /no setting "colour"/],
    ['bigquery://project.data?maxBytes=-1', /positive whole number/],
    ['bigquery://project.data?endpoint=https://evil.example', /not the vendor's host/],
  ])('%s', (text, message) => {
    expect(() => bigQueryAddress(text)).toThrow(message);
  });
});
