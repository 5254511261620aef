import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  backtestOptions,
  evaluateOptions,
  ingestOptions,
  storeCostOptions,
  storeQueryOptions,
  storeSyncOptions,
  trainOptions,
} from '../../../src/core/config/index.js';
import { openDataset } from '../../../src/core/data/open.js';
import { placesOf } from '../../../src/core/data/places.js';
import { create } from '../../../src/core/data/stores/bigquery.js';
import { create as createFiles } from '../../../src/core/data/stores/parquet.js';
import { BAR_FIELDS, sliceBars } from '../../../src/core/domain/index.js';
import { NewsStore } from '../../../src/core/news/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { newsPath } from '../../../src/core/stages/news.js';
import { createRuntime, type Runtime } from '../../../src/core/stages/runtime.js';
import { storeInit } from '../../../src/core/stages/store.js';
import { train } from '../../../src/core/stages/train.js';
import { storeCost, storeQuery } from '../../../src/core/stages/warehouse/query.js';
import { storeSync } from '../../../src/core/stages/warehouse/sync.js';
import { type BigQueryEmulator, describeOnBigQuery, startBigQuery } from '../../emulators/bigquery.js';
import { expectBars } from '../data/store.contract.js';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const EVER = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
const fresh = async (more: Partial<Runtime> = {}): Promise<Runtime> =>
  createRuntime({ workspace: await mkdtemp(join(tmpdir(), 'warehouse-')), ...more });
const days = (more: Record<string, unknown> = {}) =>
  ingestOptions.parse({
    ...{ source: 'synthetic', symbols: 'AAA,BBB', interval: '1d', from: '2022-01-01', to: '2024-12-31' },
    ...more,
  });

describeOnBigQuery('the warehouse on a real emulator', () => {
  let emulator: BigQueryEmulator;
  let address: string;
  beforeAll(async () => {
    emulator = await startBigQuery();
    address = emulator.address('warehouse');
    await storeInit(address, await fresh());
  });
  afterAll(async () => {
    await emulator?.stop();
  });

  it('gets what files have, and gives it back; a repeat loads and reads nothing', async () => {
    const runtime = await fresh();
    await ingest(days(), runtime);
    await ingest(days({ interval: '1m', symbols: 'AAA', from: '2024-01-30', to: '2024-02-02' }), runtime);
    const sync = (more: Record<string, unknown> = {}, on = runtime) =>
      storeSync(storeSyncOptions.parse({ store: address, ...more }), on);
    const first = await sync();
    expect(first.series.map(({ rows, inserted, skipped }) => [rows, inserted, skipped])).toEqual([
      [753, 753, 0],
      [753, 753, 0],
      [1560, 1560, 0],
    ]);
    const again = await sync();
    expect(again.series.map(({ rows, skipped }) => rows - skipped)).toEqual([0, 0, 0]);
    const files = createFiles({ root: join(runtime.workspace, 'store') }, runtime);
    const there = create({ address }, runtime);
    for (const { key } of await files.list())
      expectBars(await there.read(key, ...EVER), await files.read(key, ...EVER));

    // Back into a workspace that has nothing, and into one that has a corrected bar of its own.
    const other = await fresh();
    const pulled = await sync({ pull: true, interval: '1d' }, other);
    expect(pulled.series.map(({ inserted }) => inserted)).toEqual([753, 753]);
    const copies = createFiles({ root: join(other.workspace, 'store') }, other);
    for (const { key } of await copies.list())
      expectBars(await copies.read(key, ...EVER), await files.read(key, ...EVER));
    expect((await sync({ pull: true, interval: '1d' }, other)).series.map(({ skipped }) => skipped)).toEqual([
      753, 753,
    ]);
    await expect(sync({ symbols: 'ZZZ' })).rejects.toMatchObject({ code: 'NO_DATA' });
    await there.close();
  });

  it('gives train and backtest the bars that files give them, also after they were corrected', async () => {
    const runtime = await fresh();
    const chain = async (dataset: string) => {
      const model = await train(
        trainOptions.parse({
          data: dataset,
          trainer: 'logistic',
          features: 'ret(1),rsi(14)',
          label: 'direction(1)',
          split: '60%',
        }),
        runtime,
      );
      const run = await backtest(backtestOptions.parse({ data: dataset, model: model.artifact.path }), runtime);
      return { model: model.artifact.id, run: run.artifact };
    };
    const onFiles = await ingest(days(), runtime);
    const first = await chain(onFiles.artifact.path);

    // The same bars are the same dataset; in a workspace of its own it lies in the warehouse only.
    const far = await fresh();
    const there = await ingest(days({ store: address }), far);
    expect(there.artifact.id).toBe(onFiles.artifact.id);
    const remote = await ingest(days({ store: address }), runtime);
    expect([remote.reused, (await placesOf(remote.artifact)).map(({ store }) => store)]).toEqual([
      true,
      [address, 'parquet'],
    ]);
    await chainIn(far, there.artifact.path, first);

    // A correction in the warehouse: the dataset reads what it pinned.
    const opened = await openDataset(far, there.artifact);
    const store = create({ address }, far);
    const [series] = there.artifact.manifest === undefined ? [] : opened.series;
    const bars = sliceBars(opened.bars[0]!, 10, 20);
    const changed = {
      ...bars,
      close: bars.close.map((close) => close * 1.001),
      high: bars.high.map((high) => high * 1.01),
    };
    expect(await store.put({ ...series!, key: series!.pin.key }, changed)).toMatchObject({ updated: 10, inserted: 0 });
    const now = await store.read(series!.pin.key, bars.time[0]!, bars.time[9]! + 1);
    expect(now.close[0]).toBe(changed.close[0]);
    const later = await openDataset(far, there.artifact);
    later.bars.forEach((one, i) => {
      for (const field of BAR_FIELDS) expect([...one[field]]).toEqual([...opened.bars[i]![field]]);
    });
    await store.close();
  });

  /** The same model and the same run, by their ids, which are hashes of everything that decides them. */
  async function chainIn(runtime: Runtime, dataset: string, expected: { model: string; run: { id: string } }) {
    const model = await train(
      trainOptions.parse({
        data: dataset,
        trainer: 'logistic',
        features: 'ret(1),rsi(14)',
        label: 'direction(1)',
        split: '60%',
      }),
      runtime,
    );
    const run = await backtest(backtestOptions.parse({ data: dataset, model: model.artifact.path }), runtime);
    expect([model.artifact.id, run.artifact.id]).toEqual([expected.model, expected.run.id]);
    expect(run.artifact.manifest.files).toEqual((expected.run as typeof run.artifact).manifest.files);
  }

  it('leaves bid and ask with the dataset, wherever its bars lie', async () => {
    const [near, far] = [await fresh(), await fresh()];
    const file = join(near.workspace, 'quoted.csv');
    const rows = ['2024-01-02', '2024-01-03'].map((day, i) => `${day},100,101,99,100,1000,${99 + i / 2},101`);
    await writeFile(file, ['date,open,high,low,close,volume,bid,ask', ...rows].join('\n'));
    const csv = (more: object) =>
      ingestOptions.parse({ source: 'csv', symbols: 'Q', interval: '1d', file: [file], ...more });
    const { artifact: onFiles } = await ingest(csv({}), near);
    const { artifact: there } = await ingest(csv({ store: address }), far);
    expect(there.id).toBe(onFiles.id);
    const [quotes] = (await openDataset(far, there)).quoteColumns;
    expect([quotes, [...quotes!.bid]]).toEqual([(await openDataset(near, onFiles)).quoteColumns[0], [99, 99.5]]);
  });

  it('takes trades, journal and reports once, and answers queries with parameters', async () => {
    const runtime = await fresh();
    const { artifact: data } = await ingest(days({ symbols: 'AAA' }), runtime);
    const model = await train(trainOptions.parse({ data: data.path, trainer: 'sma-cross(10,30)' }), runtime);
    const run = await backtest(backtestOptions.parse({ data: data.path, model: model.artifact.path }), runtime);
    await evaluate(evaluateOptions.parse({ run: run.artifact.path }), runtime);
    const articles = await NewsStore.open(newsPath(runtime.workspace));
    const at = Date.UTC(2024, 0, 2, 15);
    const article = { id: '7', publishedAt: at, updatedAt: at + 60_000, headline: 'It’s', body: '', url: '' };
    await articles.put('alpaca', [{ ...article, instruments: ['AAA', 'BBB'] }]);
    await articles.close();
    const all = storeSyncOptions.parse({ store: address, symbols: 'AAA', interval: '1d', all: true });
    const { tables } = await storeSync(all, runtime);
    const rows = Object.fromEntries(tables.map((one) => [one.name, one.rows]));
    expect(rows['trades']).toBeGreaterThan(5);
    expect(rows['reports']).toBe(1);
    expect((await storeSync(all, runtime)).tables.map(({ changed }) => changed)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);

    const query = (sql: string, more: Record<string, unknown> = {}) =>
      storeQuery(sql, storeQueryOptions.parse({ store: address, ...more }), runtime);
    const counted = await query(
      "SELECT COUNT(*) AS n, MIN(time) AS first FROM trades WHERE time >= TIMESTAMP '1970-01-01 00:00:00+00' AND run = @run",
      { param: `run=${run.artifact.id}` },
    );
    const read = await query(
      'SELECT instrument, headline, TIMESTAMP_DIFF(known_at, time, SECOND) AS later FROM news WHERE time >= @from ORDER BY instrument',
      { param: 'from=2024-01-01' },
    );
    expect(read.rows).toEqual([
      ['AAA', 'It’s', 60],
      ['BBB', 'It’s', 60],
    ]);
    expect(counted.columns).toEqual(['n', 'first']);
    expect(counted.rows[0]![0]).toBe(rows['trades']);
    expect(String(counted.rows[0]![1])).toMatch(/^202\d-/);
    const bars = await query(
      'SELECT instrument, COUNT(*) AS n FROM bars WHERE ts >= @from AND close > @floor AND superseded_in IS NULL GROUP BY instrument ORDER BY instrument',
      { param: ['from=2024-12-01', 'floor=0.5'] },
    );
    expect(bars.rows).toEqual([
      ['AAA', 21],
      ['BBB', 21],
    ]);
    await expect(query('SELECT nonsense')).rejects.toMatchObject({ code: 'USAGE' });
    const cost = await storeCost(storeCostOptions.parse({ store: address }), runtime);
    expect(cost.tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['bars', 'series', 'trades', 'reports']),
    );
  });
});
