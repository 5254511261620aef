import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../src/core/domain/random.js';
import * as quote from '../../../src/core/market/fills/quote.js';
import { SpreadScorer } from '../../../src/core/market/index.js';
import { play, type TinyCandle, tinyBars } from '../../support/market.js';

const flat: TinyCandle = [100, 101, 99, 100];
const buy = { side: 'buy', quantity: 10 } as const;
const sell = { side: 'sell', quantity: 10 } as const;

describe('quote: the spread is 2 %, bid and ask lie 1 % from the price', () => {
  const fill = quote.create(quote.settings.parse({ spread: 0.02 }));
  const rows: readonly [string, Parameters<typeof play>[0], readonly TinyCandle[], readonly [number, number][]][] = [
    ['a buy at market pays the ask', [buy], [flat], [[0, 101]]],
    ['a sale at market gets the bid', [sell], [flat], [[0, 99]]],
    ['a limit needs the ask below it', [{ ...buy, type: 'limit', limitPrice: 99.9 }], [flat], []],
    [
      'a limit that the ask trades through',
      [{ ...buy, type: 'limit', limitPrice: 99.9 }],
      [[100, 101, 98.5, 100]],
      [[0, 99.9]],
    ],
    ['a limit above the ask at the open', [{ ...buy, type: 'limit', limitPrice: 102 }], [flat], [[0, 101]]],
    ['a selling limit needs the bid above it', [{ ...sell, type: 'limit', limitPrice: 100.5 }], [flat], []],
    [
      'a stop is elected by the price and pays the ask',
      [{ ...buy, type: 'stop', stopPrice: 100.5 }],
      [flat],
      [[0, 101.505]],
    ],
    [
      'a stop-limit whose ask is beyond the limit waits',
      [{ ...buy, type: 'stop_limit', stopPrice: 100.5, limitPrice: 101 }],
      [flat],
      [],
    ],
    [
      'a protective stop gets the bid',
      [{ ...buy, protection: { stopLoss: 0.05 } }],
      [flat, [100, 100, 95, 96]],
      [
        [0, 101],
        [1, 94.9905],
      ],
    ],
    [
      'a target needs the bid',
      [{ ...buy, protection: { takeProfit: 0.05 } }],
      [flat, [104, 107, 103, 106.5]],
      [[0, 101]],
    ],
    [
      'a target that the bid trades through',
      [{ ...buy, protection: { takeProfit: 0.05 } }],
      [flat, [104, 107.5, 103, 106.5]],
      [
        [0, 101],
        [1, 106.05],
      ],
    ],
  ];
  test.each(rows)('%s', (_name, orders, candles, expected) => {
    const { fills } = play(orders, candles, { fill }, 0.02);
    expect(fills.map((f) => [f.bar, Number(f.price.toFixed(9))])).toEqual(expected);
  });
});

describe('the spread of a bar', () => {
  const candles = (spread: number, n: number): TinyCandle[] => {
    const random = seededRandom(3);
    let price = 100;
    // Trades at bid or ask around a random walk: what the estimator is made for.
    return Array.from({ length: n }, () => {
      const prints = Array.from({ length: 390 }, () => {
        price *= 1 + (random.next() - 0.5) * 0.0012;
        return price * (1 + (random.next() < 0.5 ? -1 : 1) * (spread / 2));
      });
      return [prints[0]!, Math.max(...prints), Math.min(...prints), prints.at(-1)!];
    });
  };
  const column = (bars: ReturnType<typeof tinyBars>, scorer: SpreadScorer) => {
    const out = new Float64Array(bars.time.length);
    scorer.consume(bars, 0, out.length, out);
    return out;
  };

  test.each([0.005, 0.01, 0.02])('Abdi and Ranaldo find a spread of %d within a quarter', (spread) => {
    const out = column(
      tinyBars(candles(spread, 500)),
      new SpreadScorer({ kind: 'abdi-ranaldo', window: 400 }, undefined),
    );
    expect(out[400]).toBe(0);
    expect(Math.abs(out.at(-1)! / spread - 1)).toBeLessThan(0.25);
  });

  test('is known before the bar, whatever comes after it, and for every way of cutting the series', () => {
    const bars = tinyBars(candles(0.01, 80));
    const model = { kind: 'abdi-ranaldo', window: 10 } as const;
    const whole = column(bars, new SpreadScorer(model, undefined));
    const changed = { ...bars, high: bars.high.map((x, i) => (i >= 60 ? x * 1.1 : x)) };
    expect(column(changed, new SpreadScorer(model, undefined)).slice(0, 61)).toEqual(whole.slice(0, 61));
    const pieces = new Float64Array(80);
    const scorer = new SpreadScorer(model, undefined);
    for (const [from, to] of [
      [0, 7],
      [7, 8],
      [8, 80],
    ] as const)
      scorer.consume(bars, from, to, pieces);
    expect(pieces).toEqual(whole);
  });

  test('a split is no spread', () => {
    const bars = tinyBars(candles(0.01, 80));
    const model = { kind: 'abdi-ranaldo', window: 10 } as const;
    const raw = (x: Float64Array) => x.map((value, i) => (i >= 50 ? value / 4 : value));
    const split = { ...bars, high: raw(bars.high), low: raw(bars.low), close: raw(bars.close) };
    const out = column(split, new SpreadScorer(model, undefined));
    expect(Math.max(...out)).toBeLessThan(0.1);
  });

  test('comes from the last quote before the bar; the model stands in where there was none', () => {
    const bars = tinyBars([flat, flat, flat, flat]);
    const quotes = {
      time: bars.time.slice(1, 3),
      bid: Float64Array.of(99, 99.5),
      ask: Float64Array.of(101, 100.5),
    };
    expect([...column(bars, new SpreadScorer({ kind: 'fixed', fraction: 0.001 }, quotes))]).toEqual([
      0.001, 0.001, 0.02, 0.01,
    ]);
  });
});

describe('square-root: impact = factor · σ · √share, at most a share of the volume', () => {
  const slippage = { kind: 'square-root', limit: 0.1, factor: 1 } as const;
  /** Range of one standard deviation of 2 %: ln(high / low) / √(4 ln 2). */
  const high = 100 * Math.exp(0.02 * 2 * Math.sqrt(Math.LN2));
  test('a sixteenth of the volume costs a quarter of σ', () => {
    const { fills } = play([{ ...buy, quantity: 100 }], [[100, high, 100, 101, 1600]], { slippage, cash: 1e6 });
    expect(fills[0]!.price).toBeCloseTo(100 * (1 + 0.02 / 4), 9);
  });
  test('the cap leaves the rest for the next bars; limits pay no impact', () => {
    const bar: TinyCandle = [100, high, 99, 101, 600];
    const market = play([{ ...sell, quantity: 100 }], [bar, bar], { slippage, cash: 1e6 });
    expect(market.fills.map((f) => f.quantity)).toEqual([60, 40]);
    expect(market.fills[0]!.price).toBeLessThan(100);
    const limit = play([{ ...buy, quantity: 50, type: 'limit', limitPrice: 99.5 }], [bar], { slippage });
    expect(limit.fills[0]!.price).toBe(99.5);
  });
});
