import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  compareSeries,
  repairSeries,
  selectSeries,
  seriesStatus,
  verifySeries,
} from '../../../src/core/data/maintenance.js';
import { addRange, missingRanges, subtractRange, type TimeRange } from '../../../src/core/data/series/coverage.js';
import { seriesFolder } from '../../../src/core/data/series/layout.js';
import { expandSymbols, readUniverse } from '../../../src/core/data/universe.js';
import { calendarOf, defaultInstrument, sliceBars } from '../../../src/core/domain/index.js';

import { setup } from './vendor.js';

const xnys = calendarOf('XNYS');

const from = (date: string) => ({ kind: 'date', date }) as const;
const key = { source: 'vendor', feed: 'v', scope: 'regular', interval: '1d', instrument: 'A' } as const;

describe('incremental ingest', () => {
  it('asks only for what is missing, and goes on where stored bars end', async () => {
    const { clock, vendor, run } = await setup('2024-06-03T21:00Z');
    await run({ range: { from: from('2024-05-01'), to: from('2024-05-10') } });
    expect(vendor.asked).toEqual([{ symbols: ['A'], from: '2024-05-01T13:30', to: '2024-05-10T20:00' }]);
    await run({ range: { from: from('2024-05-01'), to: from('2024-05-10') } });
    expect(vendor.asked).toEqual([]);
    const result = await run({ range: { from: from('2024-04-25'), to: from('2024-05-15') } });
    expect(vendor.asked.map((asked) => [asked.from, asked.to])).toEqual([
      ['2024-04-25T13:30', '2024-05-01T13:30'],
      ['2024-05-10T20:00', '2024-05-15T20:00'],
    ]);
    expect(result.stored[0]).toMatchObject({ rows: 7, inserted: 7, series: { pin: { rows: 15 } } });
    await run({ update: true });
    expect(vendor.asked.map((asked) => [asked.from, asked.to])).toEqual([['2024-05-15T20:00', '2024-06-03T21:00']]);
    clock.set(Date.parse('2024-06-05T21:00Z'));
    const next = await run({ update: true });
    expect(vendor.asked.map((asked) => [asked.from, asked.to])).toEqual([['2024-06-03T21:00', '2024-06-05T21:00']]);
    expect(next.stored[0]).toMatchObject({ inserted: 2, series: { pin: { rows: 29 } } });
    await run({ range: { lastMs: 5 * 86_400_000 }, refetch: true });
    expect(vendor.asked.map((asked) => asked.from)).toEqual(['2024-05-31T21:00']);
    await expect((await setup('2024-06-03T21:00Z')).run({ update: true })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('without pins the bars are stored, and not read again', async () => {
    const { run, store } = await setup('2024-06-03T21:00Z');
    const reads = [vi.spyOn(store, 'pin'), vi.spyOn(store, 'times')];
    const outcome = await run({ range: { from: from('2024-05-01') }, pins: false });
    expect(outcome).toEqual({ stored: [], failures: [] });
    for (const read of reads) expect(read).not.toHaveBeenCalled();
    expect(await store.info(key)).toMatchObject({ rows: 23 });
  });

  it('asks for fewer symbols at once where each has many bars', async () => {
    const { vendor, run } = await setup('2024-06-03T21:00Z');
    const symbols = Array.from({ length: 12 }, (_, i) => `S${i}`);
    await run({ symbols, range: { from: from('2024-05-31') } });
    expect(vendor.asked.map((asked) => asked.symbols.length)).toEqual([10, 2]);
    const asked: number[] = [];
    vendor.bars = async function* (request) {
      asked.push(request.symbols.length);
      yield* [];
    };
    await run({
      symbols: ['A', 'B', 'C'],
      interval: '1m',
      range: { from: from('2020-06-01'), to: from('2024-05-31') },
    });
    // 31 days of minutes in a chunk, four million bars at once.
    const months = Array.from({ length: 48 }, () => 3);
    expect(asked).toEqual(months);
    await run({
      symbols: Array.from({ length: 12 }, (_, i) => `S${i}`),
      interval: '5m',
      range: { from: from('2023-06-01'), to: from('2024-05-31') },
    });
    expect(asked.slice(48)).toEqual([10, 10, 2, 2]);
  });

  it('leaves out the unfinished bar and asks for it again when it is finished', async () => {
    const { clock, vendor, run } = await setup('2024-06-03T15:10Z');
    const first = await run({ range: { from: from('2024-05-31') } });
    expect(first.stored[0]!.series.pin.rows).toBe(1);
    clock.set(Date.parse('2024-06-03T20:00Z'));
    const second = await run({ range: { from: from('2024-05-31') } });
    expect(vendor.asked.map((asked) => asked.from)).toEqual(['2024-06-03T13:30']);
    expect(second.stored[0]).toMatchObject({ inserted: 1, series: { pin: { rows: 2 } } });
    const minutes = await setup('2024-06-03T13:42:30Z');
    const partial = await minutes.run({ interval: '5m', range: { from: from('2024-06-03') } });
    expect(partial.stored[0]!.series.pin.rows).toBe(2);
    minutes.clock.set(Date.parse('2024-06-03T13:46Z'));
    await minutes.run({ interval: '5m', update: true });
    expect(minutes.vendor.asked.map((asked) => asked.from)).toEqual(['2024-06-03T13:40']);
  });

  it('compares one new bar with the stored ones: a spike is refused and the store stays', async () => {
    const { clock, vendor, run, store } = await setup('2024-06-03T21:00Z');
    await run({ range: { from: from('2024-05-01') } });
    const before = await store.info(key);
    clock.set(Date.parse('2024-06-04T21:00Z'));
    vendor.change = (bars) => {
      for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][bars.time.length - 1]! *= 100;
    };
    const { failures } = await run({ update: true });
    expect(failures.map(({ symbol, error }) => [symbol, error.code])).toEqual([['A', 'QUALITY']]);
    expect(failures[0]!.error.message).toMatch(/outliers .*: 1, at 2024-06-04T13:30:00Z/);
    expect(await store.info(key)).toEqual(before);
    vendor.change = () => {};
    expect((await run({ update: true })).stored[0]).toMatchObject({ inserted: 1 });
  });

  it('stores the others when one of a batch fails, and asks for that one alone later', async () => {
    const { vendor, run } = await setup('2024-06-03T21:00Z');
    vendor.broken = 'B';
    const range = { from: from('2024-05-01') };
    const result = await run({ symbols: ['A', 'B', '?', 'C'], range });
    expect(result.stored.map(({ symbol }) => symbol)).toEqual(['A', 'C']);
    expect(result.failures.map(({ symbol, error }) => [symbol, error.code])).toEqual([
      ['?', 'INPUT'],
      ['B', 'NO_DATA'],
    ]);
    vendor.broken = undefined;
    await run({ symbols: ['A', 'B', 'C'], range });
    expect(vendor.asked.map((asked) => asked.symbols)).toEqual([['B']]);
  });
});

describe('maintenance', () => {
  it('shows coverage, gaps and freshness', async () => {
    const { clock, run, store, vendor } = await setup('2024-06-03T21:00Z');
    const bars = { range: { from: from('2024-05-01'), to: from('2024-05-10') } };
    await run(bars);
    await run({ range: { from: from('2024-05-20'), to: from('2024-05-24') } });
    clock.set(Date.parse('2024-05-30T21:00Z'));
    const [info] = await selectSeries(store, { symbols: ['A'] });
    expect(await seriesStatus(store, info!, clock.now())).toMatchObject({
      gaps: 5,
      gapExamples: ['2024-05-13', '2024-05-14', '2024-05-15', '2024-05-16', '2024-05-17'],
      staleSessions: ['2024-05-28', '2024-05-29', '2024-05-30'],
    });
    expect(info!.coverage!.length).toBe(2);
    expect(await selectSeries(store, { sources: ['other'] })).toEqual([]);
    expect(vendor.asked.length).toBe(1);
  });

  it('finds a damaged file and fetches it again: a pinned dataset reads as before', async () => {
    const { run, store, root, vendor } = await setup('2024-06-03T21:00Z');
    const range = { from: from('2024-05-01'), to: from('2024-05-31') };
    const { stored } = await run({ range });
    const folder = seriesFolder(root, key);
    const name = (await readdir(folder)).find((entry) => entry.endsWith('.parquet'))!;
    const bytes = await readFile(join(folder, name));
    bytes[bytes.length >> 1]! ^= 8;
    await writeFile(join(folder, name), bytes);
    const series = await selectSeries(store, {});
    const damages = await verifySeries(store, series, new AbortController().signal);
    expect(damages).toMatchObject([{ file: name, problem: expect.stringMatching(/hash|Parquet/) }]);
    const repaired = await repairSeries(store, damages, async () => {
      await run({ range });
    });
    expect(repaired.map(({ error }) => error)).toEqual([undefined]);
    expect(vendor.asked.length).toBe(1);
    expect((await store.readPin(stored[0]!.series.pin)).time.length).toBe(22);
    expect(await verifySeries(store, series, new AbortController().signal)).toEqual([]);
  });

  it('compares two series bar by bar', async () => {
    const { store, run } = await setup('2024-06-03T21:00Z');
    await run({ range: { from: from('2024-05-01'), to: from('2024-05-10') } });
    const bars = await store.read(key, 0, Number.POSITIVE_INFINITY);
    const other = { ...key, source: 'other' };
    const changed = { ...sliceBars(bars, 1), close: bars.close.slice(1) };
    changed.close[3]! *= 1.001;
    changed.close[4]! *= 1.00001;
    const metadata = { key: other, instrument: defaultInstrument('A', 'XNYS'), density: 'dense' } as const;
    await store.put({ ...metadata, basis: 'raw' }, changed);
    const comparison = await compareSeries(store, key, other, { tolerance: 1e-4 });
    expect(comparison).toMatchObject({ compared: 7, onlyInA: 1, onlyInB: 0, differing: 1 });
    expect(comparison.examples.map(({ time, field }) => [time, field])).toEqual([
      ['2024-05-01T13:30:00Z', 'bar'],
      ['2024-05-07T13:30:00Z', 'close'],
    ]);
    expect(comparison.largest['close']).toBeCloseTo(0.001, 5);
    await store.put({ ...metadata, key: { ...other, source: 'third' }, basis: 'split' }, changed);
    await expect(compareSeries(store, key, { ...key, source: 'third' }, { tolerance: 0 })).rejects.toMatchObject({
      code: 'MISMATCH',
    });
  });
});

describe('coverage', () => {
  it('adds, subtracts and finds what is missing, like a set of instants', () => {
    let ranges: TimeRange[] = [];
    const set = new Set<number>();
    const steps = [
      [5, 9],
      [1, 3],
      [3, 5],
      [20, 25],
      [12, 13],
      [8, 13],
      [0, 1],
      [30, 30],
    ] as const;
    for (const [a, b] of steps) {
      ranges = addRange(ranges, { from: a, to: b });
      for (let t = a; t < b; t++) set.add(t);
      const points = ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
      expect(points).toEqual([...set].sort((x, y) => x - y));
      const missing = missingRanges(ranges, { from: -2, to: 28 }).flatMap(({ from, to }) =>
        Array.from({ length: to - from }, (_, i) => from + i),
      );
      expect(missing).toEqual(Array.from({ length: 30 }, (_, i) => i - 2).filter((t) => !set.has(t)));
    }
    expect(subtractRange(ranges, { from: 4, to: 22 })).toEqual([
      { from: 0, to: 4 },
      { from: 22, to: 25 },
    ]);
  });
});

describe('a universe', () => {
  const file = async (text: string) => {
    const path = join(await mkdtemp(join(tmpdir(), 'universe-')), 'u.csv');
    await writeFile(path, text);
    return path;
  };

  it('has symbols with the sessions in which they belong, and says whether they are dated', async () => {
    const dated = await readUniverse(await file('symbol,from,to\nA,2024-05-02,2024-05-06\n# gone\nB,2024-05-03,\n'));
    expect([dated.symbols, dated.dated]).toEqual([['A', 'B'], true]);
    expect((await readUniverse(await file('A\nB\n'))).dated).toBe(false);
    const { symbols, universe } = await expandSymbols(['C', `@${await file('A\nB\n')}`]);
    expect([symbols, universe!.dated]).toEqual([['C', 'A', 'B'], false]);
    expect(await expandSymbols(['C'])).toEqual({ symbols: ['C'], universe: undefined });
    const { run } = await setup('2024-06-03T21:00Z');
    const { stored } = await run({
      symbols: dated.symbols,
      members: dated.members,
      range: { from: from('2024-05-01'), to: from('2024-05-08') },
    });
    expect(stored.map(({ symbol, rows }) => [symbol, rows])).toEqual([
      ['A', 3],
      ['B', 4],
    ]);
    expect(stored[0]!.series.instrument).toMatchObject({ validFrom: '2024-05-02', validTo: '2024-05-06' });
    expect(xnys.session('2024-05-06')!.open).toBe(stored[0]!.series.lastTime);
  });

  it.each([
    ['A,2024-13-01\n', /line 1: "2024-13-01" is no date/],
    ['A\nA\n', /line 2: A stands here twice/],
    ['A,2024-05-02,2024-05-01\n', /line 1: A ends on 2024-05-01, before/],
    [',2024-05-02\n', /line 1: the symbol is empty/],
    ['\n', /The universe is empty/],
  ])('refuses %j', async (text, message) => {
    await expect(readUniverse(await file(text))).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringMatching(message),
    });
  });
});
