import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDataset } from '../../../src/core/data/open.js';
import type { Broker } from '../../../src/core/execution/index.js';
import * as quote from '../../../src/core/market/fills/quote.js';
import { writeParquet } from '../../../src/core/platform/parquet.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { checkNewerBars } from '../../../src/core/stages/trade/guards.js';
import { train } from '../../../src/core/stages/train.js';
import { optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

const DAYS = ['2024-01-02', '2024-01-03', '2024-01-04', '2024-01-05', '2024-01-08'];

/** Five days at 100, each with a quote of its own unless `quotes` says otherwise. */
async function load(name: string, quotes: readonly string[], header = 'bid,ask') {
  const file = join(runtime.workspace, `${name}.csv`);
  const rows = DAYS.map((day, i) => `${day},100,101,99,100,1000,${quotes[i]}`);
  await writeFile(file, [`date,open,high,low,close,volume,${header}`, ...rows].join('\n'));
  return ingest(optionsOf('ingest', { source: 'csv', symbols: 'X', file: [file], interval: '1d' }), runtime);
}

test('bid and ask of a CSV file: a part of the dataset, paid by fills, told from one without', async () => {
  // The second day has none, so the third takes the first day's: 2 % wide.
  const { artifact: data } = await load('quoted', ['99,101', ',', '99.5,100.5', '99.5,100.5', '99.5,100.5']);
  const model = (await train(optionsOf('train', { data: data.path, trainer: 'buy-and-hold' }), runtime)).artifact;
  const run = async (more: object) =>
    openRun((await backtest(optionsOf('backtest', { data: data.path, model: model.path, ...more }), runtime)).artifact);
  const first = async (more: object) => (await run(more)).fills.price[0];
  expect(await first({ fill: 'quote(5bp)', from: '2024-01-02' })).toBeCloseTo(101, 9);
  expect(await first({ fill: 'quote(5bp)', from: '2024-01-03' })).toBeCloseTo(101, 9);
  expect(await first({ fill: 'quote(5bp)', from: '2024-01-04' })).toBeCloseTo(100.5, 9);
  expect(await first({})).toBe(100);
  const { artifact: plain } = await load('plain', ['99,1', '99,1', '99,1', '99,1', '99,1'], 'bid,size');
  expect(plain.id).not.toBe(data.id);
  const other = { data: plain.path, fill: 'quote(5bp)', from: '2024-01-02' };
  expect(await first(other)).toBeCloseTo(100.025, 9);
});

test('bid and ask of Parquet files and of a query are those of the same rows as text', async () => {
  const quoted = ['99,101', ',', '99.5,100.5', '99.5,100.5', '99.5,100.5'];
  const { artifact: text } = await load('text', quoted);
  const file = join(runtime.workspace, 'table.parquet');
  const column = (value: number) => Float64Array.from(DAYS, () => value);
  const side = (k: number) => Float64Array.from(quoted, (pair) => Number(pair.split(',')[k] || Number.NaN));
  await writeParquet(
    file,
    {
      date: Float64Array.from(DAYS, (day) => Date.parse(day)),
      ...{ open: column(100), high: column(101), low: column(99), close: column(100), volume: column(1000) },
      ...{ BidPrice: side(0), AskPrice: side(1) },
    },
    { timestamps: ['date'] },
  );
  const quotesOf = async (more: object) => {
    const { artifact } = await ingest(optionsOf('ingest', { symbols: 'X', interval: '1d', ...more }), runtime);
    return (await openDataset(runtime, artifact)).quoteColumns[0];
  };
  const expected = (await openDataset(runtime, text)).quoteColumns[0];
  expect([...expected!.bid]).toEqual([99, 99.5, 99.5, 99.5]);
  expect(await quotesOf({ source: 'parquet', file: [file] })).toEqual(expected);
  expect(await quotesOf({ source: 'duckdb', set: [`sql=SELECT * FROM '${file}'`] })).toEqual(expected);
});

test('a bid above its ask is refused with its day', async () => {
  const crossed = load('crossed', ['99,101', '101,99', '99,101', '99,101', '99,101']);
  await expect(crossed).rejects.toMatchObject({ code: 'QUALITY', message: expect.stringContaining('2024-01-03') });
});

test('newer bars without the quotes or the finer bars of the run are not papered', () => {
  const venue = { fill: quote.create(quote.settings.parse({})) };
  const sim = { onTick: async () => {} } as unknown as Broker;
  const none = { detail: null };
  const detail = { detail: { interval: '1m' as const, series: [], bars: 5, detailed: 5 } };
  const refused = (what: string) => expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(what) });
  expect(() => checkNewerBars(sim, venue, { quotes: 'hash' }, none)).toThrow(refused('bids and asks'));
  expect(() => checkNewerBars(sim, venue, {}, detail)).toThrow(refused('1m bars'));
  checkNewerBars(sim, venue, {}, none);
  checkNewerBars({} as Broker, venue, { quotes: 'hash' }, detail);
});
