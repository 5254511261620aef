import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../src/core/domain/random.js';
import { layDetail } from '../../../src/core/engine/detail.js';
import type { Strategy } from '../../../src/core/engine/strategy.js';
import { EXIT_REASONS } from '../../../src/core/market/index.js';
import { backtest, feedOf, randomCandles, strategy, type TinyCandle, tinyBars } from '../../support/market.js';

const SECOND = 1000;

/** A minute bar of these candles, 10 seconds each. */
const whole = (candles: readonly TinyCandle[]): TinyCandle => [
  candles[0]![0],
  Math.max(...candles.map((c) => c[1])),
  Math.min(...candles.map((c) => c[2])),
  candles.at(-1)![3],
  candles.reduce((sum, c) => sum + (c[4] ?? 1_000_000), 0),
];

/** Minute bars made of finer candles, and the feed in which those tell the path. */
function detailed(minutes: readonly (readonly TinyCandle[])[], spoil: (bars: TinyCandle[]) => void = () => {}) {
  const coarse = minutes.map(whole);
  spoil(coarse);
  const bars = tinyBars(coarse);
  const flat = tinyBars(minutes.flat());
  const starts = minutes.flatMap((candles, i) => candles.map((_, d) => bars.time[i]! + d * 10 * SECOND));
  const finer = { ...flat, time: Float64Array.from(starts) };
  const feed = feedOf(bars);
  return {
    ...feed,
    detail: [
      layDetail(
        bars,
        bars.time.map((t) => t + 60_000),
        finer,
      ),
    ],
  };
}

const quiet: readonly TinyCandle[] = [[100, 100.5, 99.5, 100]];
const exits = (feed: ReturnType<typeof feedOf>, own: Partial<Strategy>) => {
  const { trades, detail } = backtest(feed, [[1, 1, 1, 1]], { strategy: strategy(own) });
  const rows = Array.from(trades.exitPrice, (price, r) => [
    Number(price.toFixed(9)),
    EXIT_REASONS[trades.exitReason[r]!],
  ]);
  return { rows, detail };
};

describe('long from 100, stop 95, target 110, and a bar 100 112 94 100 that has both', () => {
  const protection = { stopLoss: 0.05, takeProfit: 0.1 };
  const up: TinyCandle = [100, 112, 100, 105];
  const down: TinyCandle = [105, 105, 94, 100];
  test('the target where the finer bars reach it first', () => {
    const { rows, detail } = exits(detailed([quiet, quiet, [up, down], quiet]), { protection });
    expect(rows).toEqual([[110, 'take_profit']]);
    expect(detail).toEqual({ bars: 2, detailed: 2 });
  });
  test('the stop where they reach that first', () => {
    const minutes = [
      quiet,
      quiet,
      [
        [100, 101, 94, 96],
        [96, 112, 96, 100],
      ],
      quiet,
    ] as const;
    expect(exits(detailed(minutes), { protection }).rows).toEqual([[95, 'stop_loss']]);
  });
  test('the worse one without finer bars, and where these do not make up the bar', () => {
    expect(exits(feedOf(tinyBars([quiet, quiet, [up, down], quiet].map(whole))), { protection })).toEqual({
      rows: [[95, 'stop_loss']],
      detail: undefined,
    });
    const other = detailed([quiet, quiet, [up, down], quiet], (bars) => {
      bars[2] = [100, 113, 94, 100];
    });
    expect(exits(other, { protection })).toEqual({ rows: [[95, 'stop_loss']], detail: { bars: 2, detailed: 1 } });
  });
  test('the worse one inside one finer bar', () => {
    expect(exits(detailed([quiet, quiet, [[100, 112, 94, 100]], quiet]), { protection }).rows).toEqual([
      [95, 'stop_loss'],
    ]);
  });
});

test('a trailing stop follows the path inside the bar', () => {
  const minutes = [
    quiet,
    quiet,
    [
      [100, 120, 100, 118],
      [118, 119, 107, 108],
    ],
    quiet,
  ] as const;
  expect(exits(detailed(minutes), { protection: { trailingStop: 0.1 } }).rows).toEqual([[108, 'trailing_stop']]);
});

test('an entry inside the bar is stopped only by what comes after it', () => {
  const entry = { type: 'limit', offset: 0.02 } as const;
  const minutes = [
    quiet,
    [
      [100, 100, 97, 97.5],
      [97.5, 104, 97.5, 103],
    ],
    quiet,
    quiet,
  ] as const;
  const protection = { stopLoss: 0.05, takeProfit: 0.05 };
  expect(exits(detailed(minutes), { protection, entry }).rows).toEqual([[102.9, 'take_profit']]);
});

test('a finer bar without volume is a halt', () => {
  const protection = { stopLoss: 0.05 };
  const minutes = [
    quiet,
    quiet,
    [
      [100, 100, 94, 94, 0],
      [96, 97, 94.5, 96],
    ],
    quiet,
  ] as const;
  expect(exits(detailed(minutes), { protection }).rows).toEqual([[95, 'stop_loss']]);
});

test('one finer bar a bar changes nothing, whatever is traded', () => {
  const candles = randomCandles(300, 7);
  const random = seededRandom(2);
  let s = 0;
  const scores = candles.map(() => (random.next() < 0.2 ? (s = Math.floor(random.next() * 2)) : s));
  const own = { strategy: strategy({ protection: { stopLoss: 0.01, takeProfit: 0.02, trailingStop: 0.015 } }) };
  const { detail: _, ...plain } = backtest(feedOf(tinyBars(candles)), [scores], own);
  const { detail, ...same } = backtest(detailed(candles.map((c) => [c])), [scores], own);
  expect(same).toEqual(plain);
  expect(detail!.bars).toBeGreaterThan(20);
  expect(detail!.detailed).toBe(detail!.bars);
});
