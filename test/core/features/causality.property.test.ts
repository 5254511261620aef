import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sliceBars } from '../../../src/core/domain/bars.js';
import type { Interval } from '../../../src/core/domain/interval.js';
import { COMBINATOR, FEATURES, PRESETS, parseFeatures } from '../../../src/core/features/index.js';
import { market, matrix, scramble } from './market.js';

/** Every feature of the language by existing; combinators over a fading and a session feature; presets. */
const texts = [
  ...FEATURES.keys(),
  ...[...COMBINATOR.keys()].flatMap((name) => [`${name}(rsi(5), 7)`, `${name}(session_vwap_dist, 3)`]),
  'lags(ret(1), 4)',
  'lag(standardize(change(obv_change(10), 2), 9), 3)',
  ...Object.keys(PRESETS).map((name) => `preset:${name}`),
];

const bits = (x: Float64Array) => Buffer.from(x.buffer, x.byteOffset, x.byteLength);
/** NaN is NaN, whatever its payload. */
const equal = (a: Float64Array, b: Float64Array) =>
  bits(a).equals(bits(b)) || (a.length === b.length && a.every((v, i) => Object.is(v, b[i])));
const intervals: Interval[] = ['1d', '5m'];
/** What knows of sessions is tested within a day too; to the rest a bar is a bar. */
const intervalsOf = (text: string) => (/session|hour|dow|month|preset/.test(text) ? intervals : intervals.slice(0, 1));
const samples = new Map(intervals.map((interval) => [interval, market(560, 11, interval)]));

describe.each(texts)('%s', (text) => {
  it.each(intervalsOf(text))('in one go, in chunks and bar by bar: equal bits (%s)', (interval) => {
    const set = parseFeatures(text, { interval });
    const bars = samples.get(interval)!;
    const whole = matrix(set, bars);
    for (const chunk of [1, 7, 513]) expect(equal(matrix(set, bars, chunk), whole), `chunks of ${chunk}`).toBe(true);
  });

  it.each(intervalsOf(text))('a row does not change with what comes after it (%s)', (interval) => {
    const set = parseFeatures(text, { interval });
    const bars = samples.get(interval)!;
    const width = set.columns.length;
    const whole = matrix(set, bars);
    for (const cut of [3, 60, 349]) {
      const rows = cut * width;
      const truncated = matrix(set, sliceBars(bars, 0, cut));
      const scrambled = matrix(set, scramble(bars, cut, cut));
      expect(equal(truncated, whole.subarray(0, rows)), `truncated at ${cut}`).toBe(true);
      expect(equal(scrambled.subarray(0, rows), whole.subarray(0, rows)), `scrambled from ${cut}`).toBe(true);
    }
  });

  it('states its warm-up exactly', () => {
    const set = parseFeatures(text, { interval: '1d' });
    const width = set.columns.length;
    const rows = matrix(set, market(set.warmup + 300, 5, '1d'));
    const full = (i: number) => rows.subarray(i * width, (i + 1) * width).every((v) => Number.isFinite(v));
    // A parabolic stop exists from the first reversal on, whenever that is.
    if (text.includes('psar')) expect(full(set.warmup + 250)).toBe(true);
    else {
      if (set.warmup > 1) expect(full(set.warmup - 2)).toBe(false);
      for (let i = set.warmup - 1; i < set.warmup + 300; i++) expect(full(i), `bar ${i}`).toBe(true);
    }
  });

  it.each(intervalsOf(text))('forgets its start within its memory (%s)', (interval) => {
    const set = parseFeatures(text, { interval });
    expect(Number.isFinite(set.memory)).toBe(true);
    for (const seed of interval === '1d' ? [1, 2] : [1]) {
      const late = 137;
      const bars = market(late + set.memory + 150, seed, interval);
      const width = set.columns.length;
      const whole = matrix(set, bars);
      const part = matrix(set, bars, 0, late);
      for (let i = late + set.memory - 1; i < bars.time.length; i++)
        for (let j = 0; j < width; j++) {
          const a = part[(i - late) * width + j]!;
          const b = whole[i * width + j]!;
          if (!(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))))
            throw new Error(`bar ${i}, ${set.columns[j]}: ${a} instead of ${b}`);
        }
    }
  });
});

it('any split of the bars into chunks gives equal bits', () => {
  const set = parseFeatures('preset:core, preset:intraday, lags(ret(1), 3)');
  const bars = samples.get('5m')!;
  const whole = matrix(set, bars);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 560 }), (chunk) => {
      expect(equal(matrix(set, bars, chunk), whole)).toBe(true);
    }),
    { numRuns: 20, seed: 3 },
  );
});

it('the price level does not matter to a feature', () => {
  // Volume features excepted, every feature is a ratio or a distance: prices times eight (exact in binary) change nothing.
  const bars = samples.get('5m')!;
  const eight = sliceBars(scramble(bars, 560, 1), 0);
  for (const field of ['open', 'high', 'low', 'close'] as const)
    for (let i = 0; i < 560; i++) eight[field][i] = bars[field][i]! * 8;
  const names = [...FEATURES.keys()].filter((name) => name !== 'money_z');
  const set = parseFeatures(names.join(', '));
  const a = matrix(set, bars);
  const b = matrix(set, eight);
  for (let i = 0; i < a.length; i++)
    if (!Object.is(a[i], b[i]) && !(Math.abs(a[i]! - b[i]!) <= 1e-9 * Math.max(1, Math.abs(a[i]!))))
      throw new Error(`${set.columns[i % names.length]}: ${a[i]} and ${b[i]}`);
});
