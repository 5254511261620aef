import { describe, expect, it } from 'vitest';
import { type IngestRequest, ingestBars } from '../../../src/core/data/ingest.js';
import { qualityPolicies } from '../../../src/core/data/quality.js';
import { hashBars } from '../../../src/core/data/series/hash.js';
import type { BarRequest } from '../../../src/core/data/source.js';
import type { BarStore, SeriesPut } from '../../../src/core/data/store.js';
import { create as createStore } from '../../../src/core/data/stores/parquet.js';
import {
  allocateBars,
  BAR_FIELDS,
  type BarColumns,
  type CorporateAction,
  defaultInstrument,
  type SeriesKey,
} from '../../../src/core/domain/index.js';
import { QuantlineError } from '../../../src/core/errors/index.js';
import { inOrder, silentLogger } from '../../../src/core/platform/index.js';
import { setup } from './vendor.js';

const key = (instrument: string): SeriesKey => ({
  ...{ source: 'vendor', feed: 'v', scope: 'regular', interval: '1h' },
  instrument,
});
/** Hours in three years: three chunks, as the store keeps a year of hours together. */
const YEARS: IngestRequest = {
  ...{ sourceName: 'vendor', symbols: ['A', 'B'], interval: '1h', scope: 'regular', policies: qualityPolicies() },
  range: { from: { kind: 'date', date: '2022-11-01' }, to: { kind: 'date', date: '2024-02-02' } },
};
const NOW = '2024-06-03T21:00Z';
const BREAK = new QuantlineError('UNAVAILABLE', 'the quota of this minute is used up');

/** The same hours, ingested in one piece. */
async function whole(symbol: string, change: (bars: BarColumns) => void = () => {}) {
  const { context, vendor } = await setup(NOW);
  vendor.change = change;
  // An archive is read in one piece.
  Object.assign(vendor, { archive: true });
  const { stored } = await ingestBars({ ...YEARS, symbols: [symbol] }, context);
  return stored[0]!.series;
}

const reference = whole('A');

/** Something for the checks to find, in the last hours of a chunk and in the first of the next. */
function change(bars: BarColumns): void {
  for (let i = 0; i < bars.time.length; i++) {
    const day = new Date(bars.time[i]!).toISOString().slice(0, 10);
    if (['2022-12-30', '2023-01-03', '2023-03-01'].includes(day)) bars.volume[i] = 0;
  }
}

describe('an ingest in chunks', () => {
  it('asks for what the store keeps together, and stores and finds what it would at once', async () => {
    const { vendor, run, store } = await setup(NOW);
    vendor.change = change;
    vendor.parallel = 3;
    const { stored } = await run(YEARS);
    expect(vendor.asked.map(({ symbols, from, to }) => [symbols.length, from.slice(0, 10), to.slice(0, 10)])).toEqual([
      [2, '2022-11-01', '2023-01-01'],
      [2, '2023-01-01', '2024-01-01'],
      [2, '2024-01-01', '2024-02-02'],
    ]);
    const expected = await whole('A', change);
    expect(stored[0]!.series.pin.sha256).toBe(expected.pin.sha256);
    expect(stored[0]!.series.quality).toEqual(expected.quality);
    expect(expected.quality).toMatchObject([{ check: 'zero_volume', count: 21 }]);
    expect((await store.info(key('B')))!.coverage).toHaveLength(1);
  });

  it('finds an outlier at the edge of a chunk as it would in the middle', async () => {
    const { vendor, run, store } = await setup(NOW);
    // Three times the price: too much between two bars, not at the end of a series.
    vendor.change = (bars) => {
      const last = bars.time.findIndex((t) => new Date(t).toISOString() === '2022-12-30T20:30:00.000Z');
      if (last >= 0) for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][last]! *= 3;
    };
    const { failures, stored } = await run({ ...YEARS, symbols: ['A'] });
    expect(stored).toEqual([]);
    expect(failures[0]!.error.message).toMatch(/A failed outliers .*: 1, at 2022-12-30T20:30:00Z/);
    // What stood before it stays, and says how far it goes.
    const { coverage, lastTime } = (await store.info(key('A')))!;
    expect([coverage!.length, lastTime! < coverage![0]!.to]).toEqual([1, true]);
    expect(new Date(coverage![0]!.to).toISOString()).toBe('2022-12-30T18:30:00.000Z');
  });

  it.each([0, 1, 2])('resumes without a hole after an abort while chunk %i is fetched', async (at) => {
    const control = new AbortController();
    const { vendor, run, store, context } = await setup(NOW, control.signal);
    vendor.parallel = 2;
    const bars = vendor.bars.bind(vendor);
    vendor.bars = async function* (request: BarRequest, signal: AbortSignal) {
      const year = new Date(request.from).getUTCFullYear() - 2022;
      for await (const block of bars(request, signal)) {
        yield block;
        if (year === at) control.abort(BREAK);
      }
    };
    await expect(run(YEARS)).rejects.toBe(BREAK);
    const before = await store.info(key('A'));
    // Stored in order, and nothing of what was under way. The last hours of a chunk wait for the next one.
    expect(before?.coverage ?? []).toHaveLength(at > 1 ? 1 : 0);
    vendor.bars = bars;
    vendor.asked.length = 0;
    const { stored } = await ingestBars(YEARS, { ...context, signal: new AbortController().signal });
    if (before !== undefined)
      expect(vendor.asked[0]!.from).toBe(new Date(before.coverage![0]!.to).toISOString().slice(0, 16));
    expect(stored[0]!.series.pin.sha256).toBe((await reference).pin.sha256);
    expect((await store.info(key('B')))!.coverage).toHaveLength(1);
  });

  it.each([0, 1, 2, 3, 4])('resumes without a hole after a crash after write %i', async (at) => {
    const { vendor, context, root, clock } = await setup(NOW);
    vendor.parallel = 2;
    const split: CorporateAction = { type: 'dividend', instrument: 'A', date: '2023-05-02', amount: 0.5 };
    Object.assign(vendor, { actions: async () => [split] });
    const store = createStore({ root }, { clock, logger: silentLogger });
    let writes = 0;
    const dying = Object.assign(Object.create(store) as typeof store, {
      put: (...args: Parameters<typeof store.put>) => (++writes > at ? Promise.reject(BREAK) : store.put(...args)),
      putActions: (...args: Parameters<typeof store.putActions>) =>
        ++writes > at ? Promise.reject(BREAK) : store.putActions(...args),
    });
    await expect(ingestBars({ ...YEARS, symbols: ['A'] }, { ...context, store: dying })).rejects.toBe(BREAK);
    const { stored } = await ingestBars({ ...YEARS, symbols: ['A'] }, context);
    expect(hashBars(await store.readPin(stored[0]!.series.pin))).toBe((await reference).pin.sha256);
    expect(await store.actions(key('A'))).toEqual([split]);
  });

  describe('into a service', () => {
    /** The store as a service, which tells how many series each call put. */
    const serviceOf = (store: BarStore) => {
      const calls: number[] = [];
      const putAll = (puts: readonly SeriesPut[]) => {
        calls.push(puts.length);
        return store.putAll(puts);
      };
      return { service: Object.assign(Object.create(store) as BarStore, { remote: true, putAll }), calls };
    };

    it('puts what belongs to different symbols at once', async () => {
      const { vendor, context, store } = await setup(NOW);
      const { service, calls } = serviceOf(store);
      const { stored } = await ingestBars(YEARS, { ...context, store: service });
      expect(calls).toEqual([2, 2, 2]);
      expect(stored.map(({ symbol }) => symbol)).toEqual(['A', 'B']);
      expect(stored[0]!.series.pin.sha256).toBe((await reference).pin.sha256);
      expect([stored[0]!.inserted, stored[0]!.updated]).toEqual([stored[0]!.rows, 0]);

      // A source that is asked for one symbol after another: their days, which stores keep together, wait for each other.
      const days = { ...YEARS, symbols: ['A', 'B', 'C'], interval: '1d' } as const;
      const { service: other, calls: more } = serviceOf(store);
      Object.assign(vendor, { batch: 1 });
      expect((await ingestBars(days, { ...context, store: other })).stored).toHaveLength(3);
      expect(more).toEqual([3]);
    });

    it('keeps what came before the source gave out, and goes on behind it', async () => {
      const { vendor, context, store } = await setup(NOW);
      const { service, calls } = serviceOf(store);
      const bars = vendor.bars.bind(vendor);
      vendor.bars = (request: BarRequest, signal: AbortSignal) => {
        if (new Date(request.from).getUTCFullYear() === 2023) throw BREAK;
        return bars(request, signal);
      };
      await expect(ingestBars(YEARS, { ...context, store: service })).rejects.toBe(BREAK);
      expect([calls, (await store.info(key('B')))!.coverage!.length]).toEqual([[2], 1]);
      vendor.bars = bars;
      const { stored } = await ingestBars(YEARS, { ...context, store: service });
      expect(stored[1]!.series.pin.rows).toBe((await reference).pin.rows);
    });

    it('leaves out the symbol that the store refuses, not the others', async () => {
      const { context, store } = await setup(NOW);
      const info = { key: key('A'), instrument: defaultInstrument('A', 'XNYS'), density: 'dense' } as const;
      const [bar] = (await store.readPin((await ingestBars(YEARS, context)).stored[0]!.series.pin)).time;
      const { store: fresh, context: again } = await setup(NOW);
      const one = allocateBars('A', '1h', 1);
      for (const field of BAR_FIELDS) one[field][0] = field === 'time' ? bar! - 86_400_000 : 1;
      await fresh.put({ ...info, basis: 'split' }, one);
      const { service } = serviceOf(fresh);
      const { stored, failures } = await ingestBars(YEARS, { ...again, store: service });
      expect([stored.map(({ symbol }) => symbol), failures.map(({ error }) => error.code)]).toEqual([
        ['B'],
        ['MISMATCH'],
      ]);
    });
  });

  it('goes on with the others when a symbol fails in the middle, and asks for its rest later', async () => {
    const { vendor, run, store } = await setup(NOW);
    vendor.parallel = 2;
    const bars = vendor.bars.bind(vendor);
    vendor.bars = (request: BarRequest, signal: AbortSignal) => {
      vendor.broken = new Date(request.from).getUTCFullYear() === 2023 ? 'B' : undefined;
      return bars(request, signal);
    };
    const { stored, failures } = await run(YEARS);
    expect([stored.map(({ symbol }) => symbol), failures.map(({ symbol }) => symbol)]).toEqual([['A'], ['B']]);
    const { coverage } = (await store.info(key('B')))!;
    expect(coverage!.map(({ to }) => new Date(to).toISOString().slice(0, 10))).toEqual(['2022-12-30']);
    vendor.bars = bars;
    vendor.broken = undefined;
    const again = await run(YEARS);
    expect(vendor.asked.every(({ symbols }) => symbols.join() === 'B')).toBe(true);
    expect(again.stored.map(({ symbol, series }) => [symbol, series.pin.rows])).toEqual([
      ['A', stored[0]!.series.pin.rows],
      ['B', stored[0]!.series.pin.rows],
    ]);
  });

  it('takes a series that begins or ends in the middle: months without bars are answered, not missing', async () => {
    const { vendor, run, store } = await setup(NOW);
    const bars = vendor.bars.bind(vendor);
    vendor.bars = async function* (request: BarRequest, signal: AbortSignal) {
      if (new Date(request.from).getUTCFullYear() === 2023) yield* bars(request, signal);
    };
    const { stored } = await run({ ...YEARS, symbols: ['A'] });
    expect(stored[0]!.series.pin.rows).toBe(1744);
    expect((await store.info(key('A')))!.coverage).toHaveLength(1);
    vendor.asked.length = 0;
    await run({ ...YEARS, symbols: ['A'] });
    expect(vendor.asked).toEqual([]);
    // Without any bar nothing is remembered, and so it is asked again.
    vendor.bars = async function* () {};
    const none = await run({ ...YEARS, symbols: ['C'] });
    expect(none.failures).toMatchObject([{ symbol: 'C', error: { code: 'NO_DATA' } }]);
    expect(await store.info(key('C'))).toBeUndefined();
  });

  it('has never more under way than the source allows, nor more than the store can take', async () => {
    const { vendor, context } = await setup(NOW);
    vendor.parallel = 3;
    let [under, most, ahead] = [0, 0, 0];
    const bars = vendor.bars.bind(vendor);
    vendor.bars = async function* (request: BarRequest, signal: AbortSignal) {
      most = Math.max(most, ++under);
      ahead++;
      yield* bars(request, signal);
      under--;
    };
    const { store } = context;
    let mostAhead = 0;
    const slow = Object.assign(Object.create(store) as typeof store, {
      async put(...args: Parameters<typeof store.put>) {
        await new Promise((resolve) => setImmediate(resolve));
        mostAhead = Math.max(mostAhead, ahead);
        ahead -= 1;
        return store.put(...args);
      },
    });
    await ingestBars({ ...YEARS, symbols: ['A'] }, { ...context, store: slow });
    expect([most, mostAhead]).toEqual([3, 3]);
  });
});

describe('inOrder', () => {
  it('yields in order whatever finishes first, and stops the others at a failure', async () => {
    const delays = [3, 1, 2, 0];
    const ticks = async (n: number) => {
      for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    const out: number[] = [];
    const signal = new AbortController().signal;
    for await (const n of inOrder(delays, 3, signal, async (n) => {
      await ticks(n);
      return n;
    }))
      out.push(n);
    expect(out).toEqual(delays);
    let stopped = 0;
    const failing = inOrder([0, 1, 2, 3], 3, signal, async (n, stop) => {
      if (n === 1) throw BREAK;
      if (n > 1) await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()));
      if (stop.aborted) stopped++;
      return n;
    });
    await expect(
      (async () => {
        for await (const _ of failing);
      })(),
    ).rejects.toBe(BREAK);
    expect(stopped).toBe(2);
  });
});
