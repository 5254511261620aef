import { describe, expect, it } from 'vitest';
import { resample } from '../../../src/core/data/resample.js';
import { create, settings } from '../../../src/core/data/sources/synthetic.js';
import {
  allocateBars,
  BAR_FIELDS,
  type BarColumns,
  calendarOf,
  concatBars,
  type Interval,
  intervalMs,
  knownAt,
  sliceBars,
} from '../../../src/core/domain/index.js';
import { silentLogger, systemClock } from '../../../src/core/platform/index.js';

const xnys = calendarOf('XNYS');

async function market(interval: Interval, calendar: 'XNYS' | '24/7' = 'XNYS') {
  const source = create(settings.parse({ calendar }), {
    clock: systemClock,
    logger: silentLogger,
    calendar: calendarOf,
  });
  const parts: BarColumns[] = [];
  // Thanksgiving week: a holiday, an early close; and the end of daylight saving in 2023 for the other calendar.
  const range = calendar === 'XNYS' ? ['2023-11-20', '2023-11-29'] : ['2023-11-04', '2023-11-07'];
  const [from, to] = range.map((text) => Date.parse(text)) as [number, number];
  for await (const part of source.bars(
    { symbols: ['A'], interval, scope: 'regular', from, to },
    new AbortController().signal,
  ))
    parts.push(part);
  return concatBars(parts);
}

const equal = (a: BarColumns, b: BarColumns) => {
  // Fractional volumes are sums in another order.
  const shown = (bars: BarColumns, field: (typeof BAR_FIELDS)[number]) =>
    field === 'volume' ? [...bars.volume].map((volume) => volume.toPrecision(12)) : [...bars[field]];
  for (const field of BAR_FIELDS) expect(shown(a, field), field).toEqual(shown(b, field));
  expect(a.interval).toBe(b.interval);
};

describe('resample', () => {
  it.each([
    ['5m', 'XNYS'],
    ['15m', 'XNYS'],
    ['1h', 'XNYS'],
    ['4h', 'XNYS'],
    ['1d', 'XNYS'],
    ['1h', '24/7'],
    ['1d', '24/7'],
  ] as const)('of minutes to %s on %s equals the market that made both', async (interval, calendar) => {
    equal(resample(await market('1m', calendar), interval, calendarOf(calendar)), await market(interval, calendar));
  });

  it('in two steps equals one', async () => {
    const minutes = await market('1m');
    equal(resample(resample(minutes, '5m', xnys), '1h', xnys), resample(minutes, '1h', xnys));
  });

  it('never shows a minute before its end: a prefix gives the same bars, then only unfinished ones', async () => {
    const minutes = await market('1m');
    const known = knownAt(minutes, xnys, 0);
    const whole = resample(minutes, '15m', xnys);
    const wholeKnown = knownAt(whole, xnys, 0);
    for (const at of [1, 14, 15, 16, 389, 390, 391, 1000, 1379, minutes.time.length]) {
      const now = known[at - 1]!;
      const seen = resample(sliceBars(minutes, 0, at), '15m', xnys, { until: now });
      const expected = wholeKnown.filter((instant) => instant <= now).length;
      expect(seen.time.length).toBe(expected);
      equal(seen, sliceBars(whole, 0, expected));
    }
  });

  it('keeps a sparse series sparse and leaves out what is outside the session', () => {
    const { open, close } = xnys.session('2024-07-01')!;
    const bars = allocateBars('A', '1m', 4);
    bars.time.set([open - 60_000, open + 7 * 60_000, open + 64 * 60_000, close]);
    for (const field of ['open', 'high', 'low', 'close', 'volume'] as const) bars[field].set([1, 2, 3, 4]);
    const hours = resample(bars, '1h', xnys);
    expect([...hours.time]).toEqual([open, open + intervalMs('1h')]);
    expect([...hours.volume]).toEqual([2, 3]);
  });

  it('refuses lengths that do not divide', async () => {
    const minutes = await market('1m');
    const fives = resample(minutes, '5m', xnys);
    expect(() => resample(fives, '1m', xnys)).toThrow(/5m bars cannot be put together to 1m bars/);
    expect(() => resample(resample(minutes, '2m', xnys), '5m', xnys)).toThrow(/2m bars cannot/);
    expect(() => resample(resample(minutes, '1d', xnys), '1d', xnys)).toThrow(/1d bars cannot/);
  });
});
