import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { storeQueryOptions } from '../../../../src/core/config/index.js';
import { adjustBars } from '../../../../src/core/data/adjust.js';
import { resample } from '../../../../src/core/data/resample.js';
import { joinBars } from '../../../../src/core/data/series/memory.js';
import { create as createSynthetic, settings } from '../../../../src/core/data/sources/synthetic.js';
import { create, initialise } from '../../../../src/core/data/stores/bigquery.js';
import {
  type BarColumns,
  type CorporateAction,
  calendarOf,
  type Interval,
  type SeriesKey,
} from '../../../../src/core/domain/index.js';
import { Sma, StdDev } from '../../../../src/core/indicators/index.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';
import { createRuntime } from '../../../../src/core/stages/runtime.js';
import { storeQuery } from '../../../../src/core/stages/warehouse/query.js';
import { type BigQueryEmulator, describeOnBigQuery, startBigQuery } from '../../../emulators/bigquery.js';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const context = { clock: systemClock, logger: silentLogger };
const xnys = calendarOf('XNYS');
const source = createSynthetic(settings.parse({}), { ...context, calendar: calendarOf });
/** SQL sums in another order and takes logarithms; beyond that results are the same. */
const TOLERANCE = 1e-9;

async function market(symbol: string, interval: Interval, from: string, to: string): Promise<BarColumns> {
  const blocks: BarColumns[] = [];
  const range = { from: Date.parse(from), to: Date.parse(to) };
  for await (const block of source.bars(
    { symbols: [symbol], interval, scope: 'regular', ...range },
    new AbortController().signal,
  ))
    blocks.push(block);
  return joinBars(symbol, interval, blocks);
}

const keyOf = (instrument: string, interval: Interval): SeriesKey => ({
  ...{ source: 'synthetic', feed: 'f', scope: 'regular', interval, instrument },
});
/** Milliseconds of what a query gives for a TIMESTAMP. */
const ms = (value: unknown): number => Date.parse(String(value));
const close = (a: unknown, b: number, what: string) => {
  expect(Math.abs(Number(a) - b), `${what}: ${String(a)} instead of ${b}`).toBeLessThan(
    TOLERANCE * Math.max(1, Math.abs(b)),
  );
};

describeOnBigQuery('versioned SQL on a real emulator equals the TypeScript', () => {
  let emulator: BigQueryEmulator;
  let address: string;
  let minutes: BarColumns;
  const daily = new Map<string, BarColumns>();
  const actions: CorporateAction[] = [
    { type: 'split', instrument: 'AAA', date: '2024-03-01', ratio: 4 },
    { type: 'dividend', instrument: 'AAA', date: '2024-04-10', amount: 0.75 },
    { type: 'dividend', instrument: 'AAA', date: '2024-02-08', amount: 0.5 },
    { type: 'split', instrument: 'AAA', date: '2039-05-02', ratio: 7 },
  ];
  beforeAll(async () => {
    emulator = await startBigQuery();
    address = emulator.address('views');
    await initialise(address, context);
    const store = create({ address }, context);
    const put = async (symbol: string, interval: Interval, bars: BarColumns) =>
      store.put(
        {
          key: keyOf(symbol, interval),
          instrument: (await source.instruments([symbol]))[0]!,
          basis: 'raw',
          density: 'dense',
        },
        bars,
      );
    // 3 July 2024 closes early.
    minutes = await market('AAA', '1m', '2024-07-02', '2024-07-06');
    await put('AAA', '1m', minutes);
    for (const symbol of ['AAA', 'BBB', 'CCC']) {
      daily.set(symbol, await market(symbol, '1d', '2024-01-01', '2024-06-30'));
      await put(symbol, '1d', daily.get(symbol)!);
    }
    await store.putActions(keyOf('AAA', '1d'), actions);
    // A corrected bar leaves its old row behind, which no view may show.
    const wrong = {
      ...minutes,
      close: minutes.close.map((one) => one * 0.999),
      low: minutes.low.map((one) => one * 0.9),
    };
    await put('AAA', '1m', wrong);
    await put('AAA', '1m', minutes);
    await store.close();
  });
  afterAll(async () => {
    await emulator?.stop();
  });

  const query = async (sql: string, param: string[] = []) => {
    const runtime = createRuntime({ workspace: '/nowhere' });
    const { columns, rows } = await storeQuery(sql, storeQueryOptions.parse({ store: address, param }), runtime);
    return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
  };

  it.each(['5m', '15m', '1h', '4h', '1d'] as const)('bars_resampled to %s', async (interval) => {
    const rows = await query(
      'SELECT * FROM bars_resampled WHERE `interval` = @interval AND instrument = @instrument ORDER BY ts',
      [`interval='${interval}'`, 'instrument=AAA'],
    );
    const expected = resample(minutes, interval, xnys);
    expect(rows.map((row) => ms(row['ts']))).toEqual([...expected.time]);
    rows.forEach((row, i) => {
      for (const field of ['open', 'high', 'low', 'close', 'volume'] as const)
        close(row[field], expected[field][i]!, field);
    });
  });

  it('bars_adjusted, for what has gone ex by now', async () => {
    const rows = await query(
      "SELECT * FROM bars_adjusted WHERE `interval` = '1d' AND instrument = 'AAA' AND ts >= TIMESTAMP '2024-01-01 00:00:00+00' ORDER BY ts",
    );
    const raw = daily.get('AAA')!;
    expect(rows.length).toBe(raw.time.length);
    for (const basis of ['split', 'total'] as const) {
      const expected = adjustBars(raw, actions, xnys, basis, systemClock.now());
      expect(expected.close[0]).not.toBe(raw.close[0]);
      rows.forEach((row, i) => {
        for (const field of ['open', 'high', 'low', 'close'] as const)
          close(row[`${basis}_${field}`], expected[field][i]!, `${basis} ${field} ${i}`);
        close(row['volume'], expected.volume[i]!, 'volume');
      });
    }
  });

  it('rolling: mean, deviation, z-score and return, as the indicators have them', async () => {
    const rows = await query(':rolling', [
      ...["source='synthetic'", "interval='1d'", 'from=2024-01-01', 'to=2024-07-01', 'bars=20', 'before=19'],
    ]);
    for (const symbol of ['AAA', 'BBB']) {
      const bars = daily.get(symbol)!;
      const [mean, deviation] = [new Sma(20), new StdDev(20)];
      const own = rows.filter((row) => row['instrument'] === symbol);
      expect(own.length).toBe(bars.time.length);
      own.forEach((row, i) => {
        const [m, d] = [mean.update(bars.close[i]!), deviation.update(bars.close[i]!)];
        if (i < 19) {
          expect([row['mean'], row['zscore']]).toEqual([null, null]);
          return;
        }
        close(row['mean'], m, 'mean');
        close(row['deviation'], d, 'deviation');
        close(row['zscore'], (bars.close[i]! - m) / d, 'zscore');
        close(row['ret'], bars.close[i]! / bars.close[i - 1]! - 1, 'ret');
      });
    }
  });

  it('ranks across instruments at each instant', async () => {
    const rows = await query(':ranks', [
      ...["source='synthetic'", "interval='1d'", 'from=2024-01-01', 'to=2024-07-01', 'bars=5'],
    ]);
    const symbols = [...daily.keys()];
    expect(rows.length).toBe(3 * (daily.get('AAA')!.time.length - 5));
    for (let i = 5; i < daily.get('AAA')!.time.length; i++) {
      const returns = symbols.map((symbol) => daily.get(symbol)!.close[i]! / daily.get(symbol)!.close[i - 5]! - 1);
      symbols.forEach((symbol, k) => {
        const row = rows[3 * (i - 5) + k]!;
        expect(row['instrument']).toBe(symbol);
        expect(row['rank']).toBe(returns.filter((other) => other < returns[k]!).length / 2);
      });
    }
    await expect(query(':nonsense')).rejects.toMatchObject({ code: 'USAGE' });
  });
});
