import { describe, expect, it } from 'vitest';
import type { BarStore, SeriesMetadata, SeriesPin } from '../../../src/core/data/store.js';
import {
  allocateBars,
  BAR_FIELDS,
  type BarColumns,
  defaultInstrument,
  type Interval,
  type SeriesKey,
  seededRandom,
} from '../../../src/core/domain/index.js';

export interface StoreFixture {
  /** A store on the same bars each time it is called within one test. */
  open(): Promise<BarStore>;
}

export const keyOf = (instrument: string, interval: Interval = '1m'): SeriesKey => ({
  source: 'test',
  feed: '',
  scope: 'regular',
  interval,
  instrument,
});

export const infoFor = (key: SeriesKey, overrides: Partial<SeriesMetadata> = {}): SeriesMetadata => ({
  key,
  instrument: defaultInstrument(key.instrument, '24/7'),
  basis: 'raw',
  density: 'dense',
  ...overrides,
});

/** Bars at the given times, with values that follow from seed and time. */
export function barsAt(key: SeriesKey, times: readonly number[], seed = 1): BarColumns {
  const bars = allocateBars(key.instrument, key.interval, times.length);
  times.forEach((time, i) => {
    const random = seededRandom((time / 1000 + seed * 7919) >>> 0);
    bars.time[i] = time;
    const open = 100 + random.next();
    const close = 100 + random.next();
    bars.open[i] = open;
    bars.close[i] = close;
    bars.high[i] = Math.max(open, close) + random.next();
    bars.low[i] = Math.min(open, close) - random.next();
    bars.volume[i] = Math.floor(random.next() * 1e6);
  });
  return bars;
}

export const minutes = (from: string, n: number, step = 1): number[] =>
  Array.from({ length: n }, (_, i) => Date.parse(from) + i * step * 60_000);

export function expectBars(actual: BarColumns, expected: BarColumns): void {
  for (const field of BAR_FIELDS)
    expect(Buffer.from(actual[field].slice().buffer).equals(Buffer.from(expected[field].slice().buffer)), field).toBe(
      true,
    );
  expect([actual.instrument, actual.interval]).toEqual([expected.instrument, expected.interval]);
}

/** What every BarStore does. `fresh` gives an empty place for each test. */
export function describeBarStore(name: string, fresh: () => Promise<StoreFixture>): void {
  describe(`BarStore: ${name}`, () => {
    const key = keyOf('BTC/USD');

    it('returns what was put, across months, and slices of it', async () => {
      const store = await (await fresh()).open();
      const bars = barsAt(key, minutes('2024-01-31T22:00Z', 300));
      expect(await store.put(infoFor(key), bars)).toMatchObject({ inserted: 300, updated: 0 });
      expectBars(await store.read(key, 0, Number.POSITIVE_INFINITY), bars);
      const [from, to] = [Date.parse('2024-01-31T23:58Z'), Date.parse('2024-02-01T00:03Z')];
      const slice = await store.read(key, from, to);
      expect([...slice.time]).toEqual(minutes('2024-01-31T23:58Z', 5));
      expect([...(await store.times(key, from, to))]).toEqual([...slice.time]);
      expect(await store.info(key)).toMatchObject({
        key,
        rows: 300,
        firstTime: bars.time[0],
        lastTime: bars.time[299],
        basis: 'raw',
        density: 'dense',
        instrument: { id: 'BTC/USD', calendar: '24/7' },
      });
      await store.close();
    });

    it('changes nothing for the same input, and updates what overlaps', async () => {
      const fixture = await fresh();
      const store = await fixture.open();
      const first = barsAt(key, minutes('2024-01-01T00:00Z', 10), 1);
      await store.put(infoFor(key), first);
      const { generation } = (await store.info(key))!;
      expect(await store.put(infoFor(key), first)).toEqual({ inserted: 0, updated: 0 });
      expect((await store.info(key))!.generation).toBe(generation);
      const second = barsAt(key, minutes('2024-01-01T00:08Z', 10), 2);
      const result = await (await fixture.open()).put(infoFor(key), second);
      expect(result).toMatchObject({ inserted: 8, updated: 2 });
      expect((await store.info(key))!.generation).toBeGreaterThan(generation);
      const all = await store.read(key, 0, Number.POSITIVE_INFINITY);
      expect([...all.time]).toEqual(minutes('2024-01-01T00:00Z', 18));
      expect([...all.close]).toEqual([...first.close.slice(0, 8), ...second.close]);
    });

    it('fills holes and puts before the first bar', async () => {
      const store = await (await fresh()).open();
      await store.put(infoFor(key), barsAt(key, minutes('2024-01-01T00:10Z', 5, 2)));
      await store.put(infoFor(key), barsAt(key, minutes('2024-01-01T00:00Z', 15)));
      await store.put(infoFor(key), barsAt(key, minutes('2023-12-31T23:59Z', 1)));
      expectBars(
        await store.read(key, 0, Number.POSITIVE_INFINITY),
        barsAt(key, [...minutes('2023-12-31T23:59Z', 16), ...minutes('2024-01-01T00:16Z', 2, 2)]),
      );
    });

    it('keeps series apart by every part of the key', async () => {
      const store = await (await fresh()).open();
      const keys: SeriesKey[] = [
        key,
        { ...key, source: 'other' },
        { ...key, feed: 'iex' },
        { ...key, scope: 'extended' },
        { ...key, interval: '5m' },
        { ...key, instrument: 'BTC%2FUSD' },
        { ...key, instrument: '../../etc' },
        { ...key, instrument: 'ÄÖ Ü.B=1' },
      ];
      for (const [i, one] of keys.entries())
        await store.put(infoFor(one), barsAt(one, minutes('2024-01-01T00:00Z', i + 1, 5), i));
      for (const [i, one] of keys.entries())
        expectBars(
          await store.read(one, 0, Number.POSITIVE_INFINITY),
          barsAt(one, minutes('2024-01-01T00:00Z', i + 1, 5), i),
        );
      const listed = await store.list();
      expect(listed.map((info) => JSON.stringify(info.key)).sort()).toEqual(
        keys.map((one) => JSON.stringify(one)).sort(),
      );
    });

    it('reads the same bars from a pin after any later put', async () => {
      const store = await (await fresh()).open();
      const bars = barsAt(key, minutes('2024-01-31T23:00Z', 120), 1);
      await store.put(infoFor(key), bars);
      const pins: SeriesPin[] = [
        await store.pin(key, 0, Number.POSITIVE_INFINITY),
        await store.pin(key, bars.time[50]!, bars.time[70]!),
        await store.pin(key, 0, 1),
      ];
      await store.put(infoFor(key), barsAt(key, minutes('2024-01-31T23:30Z', 200), 2));
      expect(pins.map((pin) => pin.rows)).toEqual([120, 20, 0]);
      const reread = JSON.parse(JSON.stringify(pins[1])) as SeriesPin;
      expectBars(await store.readPin(pins[0]!), bars);
      expect([...(await store.readPin(reread)).close]).toEqual([...bars.close.slice(50, 70)]);
      expect((await store.readPin(pins[2]!)).time.length).toBe(0);
      const blocks: number[] = [];
      for await (const block of store.pinBlocks(pins[0]!)) blocks.push(...block.time);
      expect(blocks).toEqual([...bars.time]);
    });

    it('hashes equal bars equally, however they were put', async () => {
      const one = await (await fresh()).open();
      const two = await (await fresh()).open();
      const bars = barsAt(key, minutes('2024-01-31T20:00Z', 500));
      await one.put(infoFor(key), bars);
      for (const at of [400, 100, 0, 300, 200])
        await two.put(infoFor(key), barsAt(key, minutes('2024-01-31T20:00Z', 500).slice(at, at + 100)));
      const [from, to] = [bars.time[3]!, bars.time[490]!];
      expect((await one.pin(key, from, to)).sha256).toBe((await two.pin(key, from, to)).sha256);
      expect((await one.pin(key, from, to)).sha256).not.toBe((await one.pin(key, from, to + 1)).sha256);
    });

    it('puts many series at once as one by one, and the same once more changes nothing', async () => {
      const fixture = await fresh();
      const store = await fixture.open();
      const [a, b, c] = [keyOf('AAA'), keyOf('BBB'), { ...key, feed: 'iex' }];
      const before = barsAt(a, minutes('2024-01-01T00:00Z', 10), 1);
      await store.put(infoFor(a), before);
      const pin = await store.pin(a, 0, Number.POSITIVE_INFINITY);
      const split = { type: 'split', instrument: 'BBB', date: '2024-01-02', ratio: 2 } as const;
      const puts = [
        { info: infoFor(a), bars: barsAt(a, minutes('2024-01-01T00:08Z', 10), 2) },
        {
          ...{ info: infoFor(b, { basis: 'split' as const }), bars: barsAt(b, minutes('2024-01-31T23:58Z', 5), 3) },
          ...{ covered: [{ from: 0, to: 60_000 }], actions: [split] },
        },
        { info: infoFor(c, { density: 'sparse' as const }), bars: barsAt(c, minutes('2024-01-01T00:00Z', 7), 4) },
        { info: infoFor(keyOf('NONE')), bars: barsAt(keyOf('NONE'), []) },
      ];
      const changes = (results: readonly { inserted: number; updated: number }[]) =>
        results.map(({ inserted, updated }) => [inserted, updated]);
      expect(changes(await store.putAll(puts))).toEqual([
        ...[
          [8, 2],
          [5, 0],
        ],
        ...[
          [7, 0],
          [0, 0],
        ],
      ]);
      const listed = await store.list();
      expect(changes(await (await fixture.open()).putAll(puts))).toEqual([
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
      expect(await store.list()).toEqual(listed);
      expect(listed.map(({ key: { instrument, feed }, rows }) => `${instrument}${feed} ${rows}`).sort()).toEqual([
        'AAA 18',
        'BBB 5',
        'BTC/USDiex 7',
      ]);
      expect((await store.read(a, 0, Number.POSITIVE_INFINITY)).close[8]).toBe(puts[0]!.bars.close[0]);
      for (const { info, bars } of puts.slice(1, 3))
        expectBars(await store.read(info.key, 0, Number.POSITIVE_INFINITY), bars);
      expect(await store.info(b)).toMatchObject({ basis: 'split', coverage: [{ from: 0, to: 60_000 }] });
      expect([await store.actions(a), await store.actions(b)]).toEqual([[], [split]]);
      expectBars(await store.readPin(pin), before);
      expect(await store.putAll([])).toEqual([]);
    });

    it('keeps actions by type and date', async () => {
      const store = await (await fresh()).open();
      await store.put(infoFor(key), barsAt(key, minutes('2024-01-01T00:00Z', 3)));
      const split = { type: 'split', instrument: 'BTC/USD', date: '2024-01-02', ratio: 2 } as const;
      const dividend = { type: 'dividend', instrument: 'BTC/USD', date: '2024-01-02', amount: 0.5 } as const;
      await store.putActions(key, [split, dividend]);
      await store.putActions(key, [{ ...split, ratio: 3 }]);
      expect(await store.actions(key)).toEqual([dividend, { ...split, ratio: 3 }]);
      const { generation } = (await store.info(key))!;
      await store.putActions(key, [dividend]);
      expect((await store.info(key))!.generation).toBe(generation);
    });

    it('remembers what was asked and answered, joined, also where there was nothing', async () => {
      const store = await (await fresh()).open();
      const cover = (from: number, to: number, n = 0) =>
        store.put(infoFor(key), barsAt(key, minutes('1970-01-01T00:00Z', n)), { from, to });
      await cover(0, 600_000, 3);
      if ((await store.info(key))!.coverage === undefined) return;
      await cover(1_200_000, 1_800_000);
      expect((await store.info(key))!.coverage).toEqual([
        { from: 0, to: 600_000 },
        { from: 1_200_000, to: 1_800_000 },
      ]);
      await cover(600_000, 1_200_000);
      const { coverage, generation, rows } = (await store.info(key))!;
      expect([coverage, rows]).toEqual([[{ from: 0, to: 1_800_000 }], 3]);
      await cover(300_000, 900_000);
      expect((await store.info(key))!.generation).toBe(generation);
    });

    it('refuses prices of another basis and bars that are none', async () => {
      const store = await (await fresh()).open();
      const bars = barsAt(key, minutes('2024-01-01T00:00Z', 3));
      await store.put(infoFor(key), bars);
      await expect(store.put(infoFor(key, { basis: 'split' }), bars)).rejects.toMatchObject({ code: 'MISMATCH' });
      const broken = barsAt(key, minutes('2024-01-01T00:00Z', 3), 2);
      broken.close[1] = Number.NaN;
      await expect(store.put(infoFor(key), broken)).rejects.toThrow(/finite close/);
      await expect(store.put(infoFor(key), barsAt(key, [120_000, 60_000]))).rejects.toThrow(/go back/);
      expectBars(await store.read(key, 0, Number.POSITIVE_INFINITY), bars);
    });

    it('names what it does not have', async () => {
      const store = await (await fresh()).open();
      expect(await store.info(key)).toBeUndefined();
      expect(await store.list()).toEqual([]);
      expect(await store.put(infoFor(key), barsAt(key, []))).toMatchObject({ inserted: 0, updated: 0 });
      expect(await store.actions(key)).toEqual([]);
      expect((await store.times(key, 0, 1)).length).toBe(0);
      for (const call of [() => store.read(key, 0, 1), () => store.pin(key, 0, 1), () => store.verify(key)])
        await expect(call()).rejects.toMatchObject({ code: 'NO_DATA' });
    });

    it('loses nothing when many put at once', async () => {
      const fixture = await fresh();
      const all = minutes('2024-01-31T23:30Z', 60);
      const stores = await Promise.all(Array.from({ length: 6 }, () => fixture.open()));
      await Promise.all(
        stores.map((store, k) =>
          store.put(
            infoFor(key),
            barsAt(
              key,
              all.filter((_, i) => i % 6 === k),
            ),
          ),
        ),
      );
      expectBars(await stores[0]!.read(key, 0, Number.POSITIVE_INFINITY), barsAt(key, all));
      expect(await stores[0]!.verify(key)).toEqual([]);
    });
  });
}
