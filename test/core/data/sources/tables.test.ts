import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { SourceNote } from '../../../../src/core/data/quality.js';
import type { MarketDataSource, SourceContext } from '../../../../src/core/data/source.js';
import * as duckdb from '../../../../src/core/data/sources/duckdb.js';
import * as parquet from '../../../../src/core/data/sources/parquet.js';
import { type BarColumns, calendarOf, type Interval } from '../../../../src/core/domain/index.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';
import { writeParquet } from '../../../../src/core/platform/parquet.js';

const notes: SourceNote[] = [];
const context: SourceContext = {
  clock: systemClock,
  logger: silentLogger,
  calendar: calendarOf,
  note: (note) => notes.push(note),
};

async function read(source: MarketDataSource, symbols: readonly string[], interval: Interval): Promise<BarColumns[]> {
  const out: BarColumns[] = [];
  const bounds = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  try {
    for await (const block of source.bars(
      { symbols, interval, scope: 'regular', ...bounds },
      new AbortController().signal,
    ))
      out.push(block);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
  return out;
}

const table = {
  Ticker: ['B', 'A', 'B', 'A'],
  ts: Float64Array.of(1, 0, 0, 1).map((i) => Date.parse('2024-07-01T13:30Z') + i * 60_000),
  Open: Float64Array.of(3, 1, 2, 1),
  High: Float64Array.of(3, 1, 2, 1),
  Low: Float64Array.of(3, 1, 2, 1),
  Close: Float64Array.of(3, 1, 2, 1.5),
  Volume: Int32Array.of(30, 10, 20, 11),
  note: ['x', 'y', 'z', ''],
};

it('reads a Parquet file of several symbols, and one per symbol', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tables-'));
  const file = join(dir, "o'dd [name].parquet");
  await writeParquet(file, table, { timestamps: ['ts'] });
  const source = parquet.create(parquet.settings.parse({ file: [file], symbols: ['B', 'A'] }), context);
  const [b, a] = await read(source, ['B', 'A'], '1m');
  expect([b!.instrument, [...b!.close], [...b!.volume]]).toEqual(['B', [2, 3], [20, 30]]);
  expect([a!.instrument, [...a!.close]]).toEqual(['A', [1, 1.5]]);
  await expect(
    read(parquet.create(parquet.settings.parse({ file, symbols: 'Z' }), context), ['Z'], '1m'),
  ).rejects.toMatchObject({
    code: 'INPUT',
    message: expect.stringMatching(/no row of Z in column Ticker/),
    details: { symbol: 'Z' },
  });
});

it.each([
  ['TIMESTAMP_S', {}],
  ['TIMESTAMP_NS', {}],
  ['TIMESTAMPTZ', {}],
  ['TIMESTAMPTZ', { timezone: 'America/New_York' }],
])('reads times of type %s with %j', async (type, options) => {
  const sql = `SELECT TIMESTAMP '2024-07-01 13:30:00'::${type} ts, 1.0 o, 1.0 h, 1.0 l, 1::DECIMAL(9,2) c, 5::UBIGINT v`;
  const [bars] = await read(
    duckdb.create(duckdb.settings.parse({ sql, symbols: ['A'], ...options }), context),
    ['A'],
    '1m',
  );
  expect([bars!.time[0], bars!.volume[0]]).toEqual([Date.parse('2024-07-01T13:30Z'), 5]);
});

it.each(['1719840600', '1719840600000', '1719840600000000', '1719840600000000000', '1719840600.0'])(
  'reads the epoch time %s',
  async (epoch) => {
    const sql = `SELECT ${epoch} AS ts, 1.0 o, 1.0 h, 1.0 l, 1.0 c, 5 v`;
    const [bars] = await read(duckdb.create(duckdb.settings.parse({ sql, symbols: ['A'] }), context), ['A'], '1m');
    expect(bars!.time[0]).toBe(Date.parse('2024-07-01T13:30Z'));
  },
);

it('reads numbers that are dates, and timestamps without a zone in the zone that is named', async () => {
  const of = async (times: string, interval: Interval, timezone?: string) => {
    const sql = `SELECT unnest([${times}]) AS index, 1.0 o, 1.0 h, 1.0 l, 1.0 c, 5 v`;
    const settings = duckdb.settings.parse({ sql, symbols: ['A'], ...(timezone && { timezone }) });
    const [bars] = await read(duckdb.create(settings, context), ['A'], interval);
    return [...bars!.time].map((time) => new Date(time).toISOString().slice(0, 16));
  };
  expect(await of('20240701, 20240702', '1d')).toEqual(['2024-07-01T13:30', '2024-07-02T13:30']);
  const autumn = "TIMESTAMP '2024-11-03 00:30', TIMESTAMP '2024-11-03 01:30', TIMESTAMP '2024-11-03 01:30'";
  expect(await of(autumn, '1h', 'America/New_York')).toEqual([
    '2024-11-03T04:30',
    '2024-11-03T05:30',
    '2024-11-03T06:30',
  ]);
  await expect(of("TIMESTAMP '2024-03-10 02:30'", '1h', 'America/New_York')).rejects.toThrow(
    /row 1: 2024-03-10T02:30:00 does not exist in America\/New_York/,
  );
});

it('names what is wrong with a file', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tables-'));
  const of = (file: string) =>
    read(parquet.create(parquet.settings.parse({ file, symbols: 'A' }), context), ['A'], '1d');
  await expect(of(join(dir, 'no.parquet'))).rejects.toMatchObject({
    code: 'INPUT',
    message: expect.stringMatching(/^No such file/),
  });
  await writeFile(join(dir, 'text.parquet'), 'date,open\n');
  await expect(of(join(dir, '*.parquet'))).rejects.toMatchObject({ hint: expect.stringMatching(/--source duckdb/) });
  await expect(of(join(dir, 'text.parquet'))).rejects.toMatchObject({ code: 'INPUT' });
  await writeParquet(join(dir, 'few.parquet'), { ts: Float64Array.of(0), close: Float64Array.of(1) });
  await expect(of(join(dir, 'few.parquet'))).rejects.toThrow(/no column for open, high, low/);
  const texts = { ts: Float64Array.of(0), open: ['1'], high: ['1'], low: ['1'], close: ['1'] };
  await writeParquet(join(dir, 'texts.parquet'), texts);
  await expect(of(join(dir, 'texts.parquet'))).rejects.toThrow(/column open holds text, not numbers/);
});

it('runs any SQL over local files, the symbol as a literal', async () => {
  const csv = fileURLToPath(new URL('../../../../fixtures/bars/spy-daily-2017-2018.csv', import.meta.url));
  const sql = `SELECT date, open, high, low, close, volume FROM read_csv('${csv}') WHERE $symbol = 'S''PY' ORDER BY date DESC;`;
  const source = duckdb.create(duckdb.settings.parse({ sql, symbols: ["S'PY"] }), context);
  const [bars] = await read(source, ["S'PY"], '1d');
  expect([bars!.time.length, bars!.time[0], bars!.close.at(-1)]).toEqual([
    502,
    Date.parse('2017-01-03T14:30Z'),
    245.28,
  ]);
  expect(() => duckdb.create(duckdb.settings.parse({ sql: 'DROP TABLE x', symbols: ['A'] }), context)).toThrow(
    /begins with SELECT/,
  );
  const broken = duckdb.create(duckdb.settings.parse({ sql: 'SELECT nope FROM nowhere', symbols: ['A'] }), context);
  await expect(read(broken, ['A'], '1d')).rejects.toMatchObject({
    code: 'INPUT',
    message: expect.stringMatching(/duckdb, sql: .*nowhere/),
  });
});

it('keys days by session and notes days without one', async () => {
  notes.length = 0;
  const sql = `SELECT * FROM (VALUES (DATE '2024-07-03', 1.0, 1.0, 1.0, 1.0, 5), (DATE '2024-07-04', 1.0, 1.0, 1.0, 1.0, 5),
    (DATE '2024-07-05', 2.0, 2.0, 2.0, 2.0, 5)) bars(date, open, high, low, close, volume)`;
  const [bars] = await read(duckdb.create(duckdb.settings.parse({ sql, symbols: ['A'] }), context), ['A'], '1d');
  expect([...bars!.time]).toEqual([Date.parse('2024-07-03T13:30Z'), Date.parse('2024-07-05T13:30Z')]);
  expect(notes).toEqual([{ instrument: 'A', check: 'session', count: 1, examples: ['2024-07-04'] }]);
});
