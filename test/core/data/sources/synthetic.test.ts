import { describe, expect, it } from 'vitest';
import { checkQuality, qualityPolicies } from '../../../../src/core/data/quality.js';
import { create, settings } from '../../../../src/core/data/sources/synthetic.js';
import {
  BAR_FIELDS,
  type BarColumns,
  calendarOf,
  concatBars,
  type Interval,
  intervalMs,
} from '../../../../src/core/domain/index.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';

const context = { clock: systemClock, logger: silentLogger, calendar: calendarOf };

async function bars(
  set: Record<string, unknown>,
  symbols: readonly string[],
  interval: Interval,
  from: string,
  to: string,
): Promise<Map<string, BarColumns>> {
  const parts = new Map<string, BarColumns[]>();
  const request = { symbols, interval, scope: 'regular' as const, from: Date.parse(from), to: Date.parse(to) };
  for await (const block of create(settings.parse(set), context).bars(request, new AbortController().signal))
    parts.set(block.instrument, [...(parts.get(block.instrument) ?? []), block]);
  return new Map([...parts].map(([symbol, list]) => [symbol, concatBars(list)]));
}

const same = (a: BarColumns, b: BarColumns) =>
  BAR_FIELDS.every((field) => Buffer.from(a[field].slice().buffer).equals(Buffer.from(b[field].slice().buffer)));

function moments(values: readonly number[]) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const central = (k: number) => values.reduce((sum, value) => sum + (value - mean) ** k, 0) / n;
  return { mean, deviation: Math.sqrt(central(2)), kurtosis: central(4) / central(2) ** 2 - 3 };
}

function autocorrelation(values: readonly number[], lag: number): number {
  const { mean, deviation } = moments(values);
  let sum = 0;
  for (let i = lag; i < values.length; i++) sum += (values[i]! - mean) * (values[i - lag]! - mean);
  return sum / values.length / deviation ** 2;
}

const returnsOf = (close: Float64Array) => [...close.subarray(1)].map((value, i) => Math.log(value / close[i]!));

describe('a path', () => {
  it('depends on seed and symbol, not on the company, the range, the chunks or the run', async () => {
    const alone = (await bars({ seed: 7 }, ['B'], '5m', '2015-06-01', '2016-06-01')).get('B')!;
    const among = await bars({ seed: 7 }, ['A', 'B', 'C'], '5m', '2015-06-01', '2016-06-01');
    expect(same(among.get('B')!, alone)).toBe(true);
    expect(same(among.get('A')!, among.get('C')!)).toBe(false);
    const longer = (await bars({ seed: 7 }, ['B'], '5m', '2015-05-01', '2017-01-01')).get('B')!;
    const at = longer.time.indexOf(alone.time[0]!);
    const cut = Object.fromEntries(
      BAR_FIELDS.map((field) => [field, longer[field].subarray(at, at + alone.time.length)]),
    );
    expect(same({ ...longer, ...cut } as BarColumns, alone)).toBe(true);
    const source = create(settings.parse({ seed: 7 }), context);
    const pieces: BarColumns[] = [];
    for (const [from, to] of [
      ['2015-09-10', '2016-06-01'],
      ['2015-06-01', '2015-09-10T15:00:00Z'],
      ['2015-09-10T15:00:00Z', '2015-09-10T18:00:00Z'],
    ])
      for await (const block of source.bars(
        { symbols: ['B'], interval: '5m', scope: 'regular', from: Date.parse(from!), to: Date.parse(to!) },
        new AbortController().signal,
      ))
        pieces.push(block);
    const bySlot = new Map(
      pieces.flatMap((piece) => [...piece.time].map((time, i) => [time, piece.close[i]] as const)),
    );
    expect([...alone.time].every((time, i) => bySlot.get(time) === alone.close[i])).toBe(true);
    expect(same((await bars({ seed: 8 }, ['B'], '5m', '2015-06-01', '2016-06-01')).get('B')!, alone)).toBe(false);
  });

  it('is the same in every interval', async () => {
    const minutes = (await bars({}, ['A'], '1m', '2023-11-20', '2023-11-28')).get('A')!;
    for (const interval of ['5m', '30m', '1h', '4h', '1d'] as const) {
      const long = (await bars({}, ['A'], interval, '2023-11-20', '2023-11-28')).get('A')!;
      const calendar = calendarOf('XNYS');
      for (let i = 0; i < long.time.length; i++) {
        const end = Math.min(long.time[i]! + intervalMs(interval), calendar.sessionAt(long.time[i]!)!.close);
        const rows = [...minutes.time.keys()].filter(
          (k) => minutes.time[k]! >= long.time[i]! && minutes.time[k]! < end,
        );
        const of = (field: (typeof BAR_FIELDS)[number]) => rows.map((k) => minutes[field][k]!);
        expect([long.open[i], long.high[i], long.low[i], long.close[i], long.volume[i]]).toEqual([
          of('open')[0],
          Math.max(...of('high')),
          Math.min(...of('low')),
          of('close').at(-1),
          of('volume').reduce((sum, value) => sum + value, 0),
        ]);
      }
    }
  });

  it('passes every quality check, in cents, on both calendars', async () => {
    const policies = qualityPolicies();
    for (const [calendar, interval] of [
      ['XNYS', '1d'],
      ['XNYS', '1m'],
      ['24/7', '1h'],
    ] as const) {
      const to = interval === '1m' ? '2020-02-01' : '2024-01-01';
      const made = (await bars({ calendar }, ['A'], interval, '2020-01-01', to)).get('A')!;
      const result = checkQuality(made, {
        calendar: calendarOf(calendar),
        scope: 'regular',
        density: 'dense',
        policies,
      });
      expect(result.findings).toEqual([]);
      if (calendar === 'XNYS') for (const price of made.close) expect(Math.round(price * 100) / 100).toBe(price);
      expect(made.volume.every((volume) => volume > 0)).toBe(true);
    }
  });
});

describe('the market', () => {
  it('has fat tails, clustered volatility, no memory of direction, and the correlation asked for', async () => {
    const made = await bars(
      { seed: 5, start: '1990-01-01', correlation: 0.5 },
      ['A', 'B'],
      '1d',
      '1990-01-01',
      '2024-01-01',
    );
    const [a, b] = [...made.values()].map((one) => returnsOf(one.close)) as [number[], number[]];
    const { deviation, kurtosis } = moments(a);
    // Targets of the S&P 500: kurtosis 8, autocorrelation of |r| 0.24 at lag 1 and 0.29 at lag 10, of r about 0.
    expect(deviation * Math.sqrt(252)).toBeGreaterThan(0.16);
    expect(deviation * Math.sqrt(252)).toBeLessThan(0.25);
    expect(kurtosis).toBeGreaterThan(2);
    expect(kurtosis).toBeLessThan(30);
    const size = a.map(Math.abs);
    for (const [lag, least] of [
      [1, 0.08],
      [10, 0.06],
      [50, 0.02],
    ] as const)
      expect(autocorrelation(size, lag)).toBeGreaterThan(least);
    expect(Math.abs(autocorrelation(a, 1))).toBeLessThan(0.05);
    const [ma, mb] = [moments(a), moments(b)];
    const covariance = a.reduce((sum, value, i) => sum + (value - ma.mean) * (b[i]! - mb.mean), 0) / a.length;
    expect(Math.abs(covariance / ma.deviation / mb.deviation - 0.5)).toBeLessThan(0.12);
  });

  it('gaps overnight and moves and trades most at the open and the close', async () => {
    const made = (await bars({}, ['A'], '30m', '2015-01-01', '2020-01-01')).get('A')!;
    const calendar = calendarOf('XNYS');
    const squares = new Float64Array(13);
    const volumes = new Float64Array(13);
    let gaps = 0;
    let sessions = 0;
    let total = 0;
    for (let i = 1; i < made.time.length; i++) {
      const { open, close, earlyClose } = calendar.sessionAt(made.time[i]!)!;
      if (earlyClose || close - open !== 390 * 60_000) continue;
      const k = (made.time[i]! - open) / 1_800_000;
      squares[k]! += Math.log(made.close[i]! / made.open[i]!) ** 2;
      volumes[k]! += made.volume[i]!;
      total += Math.log(made.close[i]! / made.open[i]!) ** 2;
      if (k === 0) {
        gaps += Math.log(made.open[i]! / made.close[i - 1]!) ** 2;
        sessions++;
      }
    }
    expect(sessions).toBeGreaterThan(1200);
    for (const shares of [squares, volumes]) {
      expect(shares[0]! / shares[6]!).toBeGreaterThan(1.8);
      expect(shares[12]! / shares[6]!).toBeGreaterThan(1.2);
    }
    expect(gaps / (gaps + total)).toBeGreaterThan(0.12);
    expect(gaps / (gaps + total)).toBeLessThan(0.35);
  });
});

describe('the edge', () => {
  /** The oracle of the documentation: the direction of the last close, held from the next open on; 5 bp a side. */
  function oracle(made: BarColumns): number {
    const profits: number[] = [];
    let position = 0;
    for (let day = 1; day < made.time.length - 2; day++) {
      const next = Math.sign(made.close[day]! - made.close[day - 1]!) || position;
      const held = next * (made.open[day + 2]! / made.open[day + 1]! - 1);
      profits.push(held - Math.abs(next - position) * 0.0005);
      position = next;
    }
    const { mean, deviation } = moments(profits);
    return (mean / deviation) * Math.sqrt(252);
  }

  const sharpes = async (edge: number | 'none', seeds: readonly number[]) => {
    const out: number[] = [];
    for (const seed of seeds)
      out.push(
        oracle(
          (await bars({ seed, edge, start: '2000-01-01', drift: 0 }, ['A'], '1d', '2000-01-01', '2024-01-01')).get(
            'A',
          )!,
        ),
      );
    return moments(out).mean;
  };

  it('of net Sharpe 2 is reached by its oracle after costs', async () => {
    // 3 seeds of 24 years: the standard error of the mean is 1/sqrt(72) = 0.12.
    expect(Math.abs((await sharpes(2, [1, 2, 3])) - 2)).toBeLessThan(0.3);
  });

  it('none leaves the oracle with the loss of its costs', async () => {
    // 5 bp a side, two sides at every second session: about 0.6 a year at 20 % volatility.
    expect(Math.abs((await sharpes('none', [1, 2])) + 0.6)).toBeLessThan(0.35);
  });
});

describe('what is asked', () => {
  it('needs a range, and one after the start', async () => {
    await expect(bars({}, ['A'], '1d', 'x', 'y')).rejects.toMatchObject({ code: 'USAGE' });
    await expect(bars({}, ['A'], '1d', '1999-01-01', '2000-01-01')).rejects.toMatchObject({
      code: 'NO_DATA',
      hint: expect.stringMatching(/--set start=/),
    });
    expect((await bars({}, ['A'], '1d', '2009-01-01', '2010-01-09')).get('A')!.time.length).toBe(5);
    expect(() => create(settings.parse({ start: 'soon' }), context)).toThrow(/"soon" is no date/);
    expect(settings.safeParse({ edge: 'big' }).success).toBe(false);
  });

  it('keeps markets of other settings apart', () => {
    const feed = (set: Record<string, unknown>) => create(settings.parse(set), context).feed;
    expect(feed({ seed: 1 })).toBe(feed({ seed: 1 }));
    expect(new Set([feed({}), feed({ seed: 2 }), feed({ edge: 1 })]).size).toBe(3);
  });
});
