import { describe, expect, test } from 'vitest';
import { sliceBars } from '../../../src/core/domain/bars.js';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { defaultInstrument } from '../../../src/core/domain/instrument.js';
import { seededRandom } from '../../../src/core/domain/random.js';
import type { Rule, TrainerModule } from '../../../src/core/models/trainer.js';
import { adapters, loadAdapter } from '../../../src/core/registry/index.js';
import { randomCandles, type TinyCandle, tinyBars } from '../../support/market.js';

const N = 400;
const calendar = calendarOf('24/7');
const instrument = defaultInstrument('X', '24/7');

async function rules(): Promise<[string, Rule][]> {
  const out: [string, Rule][] = [];
  for (const { name } of adapters('trainer')) {
    const { module } = await loadAdapter<TrainerModule>('trainer', name);
    for (const side of ['side' in module.settings.shape ? ['long', 'short'] : ['']].flat()) {
      const trainer = await module.create(module.settings.parse(side === '' ? {} : { side }));
      if (trainer.kind === 'rule') out.push([`${name} ${side}`.trim(), trainer]);
    }
  }
  return out;
}

function score(rule: Rule, candles: readonly TinyCandle[], steps: (i: number) => number): number[] {
  const bars = tinyBars(candles);
  const out = new Float64Array(candles.length).fill(-7);
  const scorer = rule.scorer(instrument, calendar);
  for (let i = 0; i < candles.length; ) {
    const next = Math.min(candles.length, i + steps(i));
    scorer.consume(bars, i, next, out);
    i = next;
  }
  return Array.from(out);
}

describe.each(await rules())('%s', (_name, rule) => {
  const candles = randomCandles(N, 5);
  const whole = score(rule, candles, () => N);

  test('scores are directions, NaN only while warming up', () => {
    const first = whole.findIndex((s) => !Number.isNaN(s));
    expect(first).toBeLessThan(rule.warmup);
    for (const s of whole.slice(first)) expect([-1, 0, 1]).toContain(s);
    expect(whole.includes(-1)).toBe(rule.short);
  });

  test('bar by bar, in random pieces and in one go: the same bits', () => {
    const random = seededRandom(3);
    expect(score(rule, candles, () => 1)).toEqual(whole);
    expect(score(rule, candles, () => 1 + Math.floor(random.next() * 40))).toEqual(whole);
  });

  test('later bars do not exist: truncated and scrambled futures leave the past alone', () => {
    const cut = 250;
    expect(score(rule, candles.slice(0, cut), () => cut)).toEqual(whole.slice(0, cut));
    const scrambled = [...candles.slice(0, cut), ...candles.slice(cut).reverse()];
    expect(score(rule, scrambled, () => N).slice(0, cut)).toEqual(whole.slice(0, cut));
  });

  test('reads columns by index, so a slice with an offset works', () => {
    const bars = sliceBars(tinyBars(candles), 0, N);
    const out = new Float64Array(N);
    rule.scorer(instrument, calendar).consume(bars, 0, N, out);
    expect(Array.from(out)).toEqual(whole);
  });
});

test.each([
  ['sma-cross', { fast: 30, slow: 10 }],
  ['sma-cross', { fast: 10, slow: 10 }],
])('%s refuses %j', async (name, settings) => {
  const { module } = await loadAdapter<TrainerModule>('trainer', name);
  expect(() => module.create(module.settings.parse(settings))).toThrow(/shorter/);
});

test('a cross counts from the bar on which the averages change sides', () => {
  const closes = [10, 10, 10, 10, 11, 12, 9, 8, 8];
  const bars = tinyBars(closes.map((c) => [c, c, c, c] as const));
  const out = new Float64Array(closes.length);
  return loadAdapter<TrainerModule>('trainer', 'sma-cross').then(async ({ module }) => {
    const rule = (await module.create(module.settings.parse({ fast: 2, slow: 3 }))) as Rule;
    rule.scorer(instrument, calendar).consume(bars, 0, closes.length, out);
    // sma2: -, 10, 10, 10, 10.5, 11.5, 10.5, 8.5, 8; sma3: -, -, 10, 10, 10.33, 11, 10.67, 9.67, 8.33
    expect(Array.from(out)).toEqual([Number.NaN, Number.NaN, 0, 0, 1, 1, 0, 0, 0]);
  });
});
