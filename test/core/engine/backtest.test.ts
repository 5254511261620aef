import { describe, expect, test } from 'vitest';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { defaultInstrument } from '../../../src/core/domain/instrument.js';
import { ORDER_STATUSES } from '../../../src/core/domain/orders.js';
import { seededRandom } from '../../../src/core/domain/random.js';
import { accountColumns } from '../../../src/core/engine/account.js';
import { EventLines } from '../../../src/core/engine/events.js';
import { buildFeed } from '../../../src/core/engine/feed.js';
import { LEGS, type OrderColumns } from '../../../src/core/engine/order-log.js';
import { NO_COSTS } from '../../../src/core/market/index.js';
import * as dailyLoss from '../../../src/core/risk/policies/daily-loss.js';
import * as maxDrawdown from '../../../src/core/risk/policies/max-drawdown.js';
import * as maxGross from '../../../src/core/risk/policies/max-gross.js';
import * as maxPositions from '../../../src/core/risk/policies/max-positions.js';
import { backtest, feedOf, randomCandles, strategy, tinyBars, venue } from '../../support/market.js';

/** Last state and note of one order. */
const ended = (orders: OrderColumns, i: number) => [ORDER_STATUSES[orders.status[i]!], orders.notes[orders.note[i]!]];

const falling = Array.from({ length: 8 }, (_, i) => {
  const p = 100 - 5 * i;
  return [p, p + 1, p - 1, p] as const;
});

describe('the loop', () => {
  test('a signal at a close fills at the next open, never in its own bar', () => {
    const feed = feedOf(
      tinyBars([
        [10, 11, 9, 10],
        [12, 13, 11, 12],
        [15, 16, 14, 15],
        [11, 12, 10, 11],
      ]),
    );
    const { trades, fills } = backtest(feed, [[1, 1, 0, 0]]);
    expect(Array.from(fills.price)).toEqual([12, 11]);
    expect(trades.pnl[0]).toBeCloseTo((10_000 / 12) * (11 - 12), 9);
    expect(trades.barsHeld[0]).toBe(2);
  });

  test('equity by tick equals cash and marks rebuilt from the fills', () => {
    for (const seed of [1, 2, 3]) {
      const a = tinyBars(randomCandles(400, seed), 'A');
      const b = tinyBars(randomCandles(390, seed + 10), 'B', Date.UTC(2024, 0, 1, 0, 5));
      const feed = feedOf(a, b);
      const random = seededRandom(seed);
      const scores = [a, b].map((x) => x.time.map(() => Math.floor(random.next() * 3) - 1));
      const result = backtest(feed, scores, {
        strategy: strategy({
          protection: { stopLoss: 0.01, takeProfit: 0.02 },
          timeStop: 7,
          thresholds: { enterLong: 1, exitLong: 0, enterShort: -1, exitShort: 0 },
        }),
        venue: venue({ allowShort: true, costs: { ...NO_COSTS, percent: 0.001 } }),
      });
      const { cash, gross } = accountColumns(feed, result.fills, result.flows, 10_000, 0, feed.clock.length);
      expect(result.trades.pnl.length).toBeGreaterThan(20);
      expect(result.equity.equity.at(-1)).toBeCloseTo(result.finalEquity, 9);
      const reasons = new Set(result.trades.exitReason);
      expect(reasons.size).toBeGreaterThan(2);
      for (let k = 0; k < cash.length; k++)
        expect(Math.abs(result.equity.equity[k]! - cash[k]!)).toBeLessThanOrEqual(gross[k]! + 1e-6);
    }
  });

  test('what comes later cannot change what happened: a truncated market gives the same beginning', () => {
    const candles = randomCandles(300, 9);
    const random = seededRandom(4);
    const scores = candles.map(() => Math.floor(random.next() * 2));
    const options = { strategy: strategy({ protection: { trailingStop: 0.02 } }) };
    const whole = backtest(feedOf(tinyBars(candles)), [scores], options);
    const part = backtest(feedOf(tinyBars(candles.slice(0, 200))), [scores.slice(0, 200)], options);
    expect(Array.from(part.equity.equity)).toEqual(Array.from(whole.equity.equity.slice(0, 200)));
  });

  test('orders are told as they ended: on the terms of a pair that was reached, and what still works', () => {
    const feed = feedOf(
      tinyBars([
        [100, 101, 99, 100],
        [100, 101, 94, 100],
        [100, 101, 99, 100],
        [100, 101, 99, 100],
      ]),
    );
    const orders = [
      { type: 'limit', offset: 0.05 },
      { type: 'limit', offset: 0.02 },
    ] as const;
    const pair = backtest(feed, [[1, 1, 1, 1]], { strategy: strategy({ entry: { type: 'oco', orders } }) });
    // Both are reached inside one bar: the worse one for the buyer counts.
    expect(pair.orders.limitPrice[0]).toBe(98);
    expect(ended(pair.orders, 0)).toEqual(['filled', '']);
    const far = strategy({ entry: { type: 'limit', offset: 0.5 } });
    const waiting = backtest(feed, [[1, 1, 1, 1]], { strategy: far });
    expect(waiting.orders.limitPrice[0]).toBe(50);
    expect(ended(waiting.orders, 0)).toEqual(['accepted', '']);
  });

  test('an instrument without a bar neither fills nor decides', () => {
    const a = tinyBars(
      [
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [10, 10, 10, 10],
      ],
      'A',
    );
    const b = tinyBars(
      [
        [20, 20, 20, 20],
        [25, 25, 25, 25],
      ],
      'B',
    );
    const late = { ...b, time: Float64Array.of(b.time[0]!, b.time[0]! + 120_000) };
    const { fills } = backtest(feedOf(a, late), [
      [0, 0, 0],
      [1, 1],
    ]);
    expect(Array.from(fills.price)).toEqual([25]);
  });

  test('an order never fills on a bar that opened before the decision', () => {
    const minute = tinyBars(
      [
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [10, 10, 10, 10],
      ],
      'M',
    );
    const feed = feedOf(minute, {
      ...tinyBars(
        [
          [5, 5, 5, 5],
          [6, 6, 6, 6],
        ],
        'L',
      ),
      time: Float64Array.of(minute.time[0]! - 30_000, minute.time[0]! + 30_000),
    });
    const { fills } = backtest(feed, [
      [0, 0, 0, 0],
      [1, 1],
    ]);
    for (let f = 0; f < fills.time.length; f++) expect(fills.known[f]).toBeGreaterThan(fills.time[f]!);
    expect(fills.time[0]).toBe(minute.time[0]! + 30_000);
  });

  test('cash is shared: two all-in signals at once cannot spend it twice', () => {
    const a = tinyBars(
      [
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [10, 10, 10, 10],
      ],
      'A',
    );
    const b = tinyBars(
      [
        [20, 20, 20, 20],
        [20, 20, 20, 20],
        [20, 20, 20, 20],
      ],
      'B',
    );
    const { equity, fills, orders } = backtest(
      feedOf(a, b),
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
      {
        strategy: strategy({ sizing: { kind: 'fraction', fraction: 1 } }),
      },
    );
    expect(fills.quantity.length).toBe(1);
    expect(ended(orders, 1)).toEqual(['rejected', 'too small to trade']);
    expect(equity.equity.at(-1)).toBe(10_000);
  });

  test('a reversal is an exit and an entry at the same open', () => {
    const feed = feedOf(
      tinyBars([
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [8, 8, 8, 8],
      ]),
    );
    const { fills, finalEquity } = backtest(feed, [[1, -1, -1, -1]], {
      strategy: strategy({ thresholds: { enterLong: 1, exitLong: 0, enterShort: -1, exitShort: 0 } }),
      venue: venue({ allowShort: true }),
    });
    expect(Array.from(fills.side)).toEqual([1, -1, -1]);
    expect(finalEquity).toBeCloseTo(12_000, 9);
  });

  test.each([
    // Long from bar 1, over four bars; reversed at tick 6, of which the exit takes bars 7 to 10; the signal leaves at 8.
    // Where it comes back the entry that follows is itself cut short, but by target positions, which let it fill.
    ['comes back to what is held', 1, 2, {}],
    ['asks for nothing', 0, 1, {}],
    ['comes back, by target positions', 1, 1, { rebalance: 0.1 }],
    ['asks for nothing, by target positions', 0, 1, { rebalance: 0.1 }],
    ['asks for nothing, and the time stop is due', 0, 1, { timeStop: 8 }],
  ] as const)('a reversal that a signal leaves half way never crosses zero: it %s', (_, then, canceled, more) => {
    const scores = [1, 1, 1, 1, 1, 1, -1, -1, then, then, then, then, 0, 0, 0, 0, 0, 0, 0];
    const feed = feedOf(tinyBars(scores.map(() => [10, 10, 10, 10, 1000])));
    const { fills, orders } = backtest(feed, [scores], {
      strategy: strategy({ thresholds: { enterLong: 1, exitLong: 0, enterShort: -1, exitShort: 0 }, ...more }),
      venue: venue({
        cash: 3500,
        allowShort: true,
        slippage: { kind: 'volume-share', limit: 0.1, impact: 0 },
      }),
    });
    let held = 0;
    fills.side.forEach((side, i) => {
      held += side * fills.quantity[i]!;
      expect(held).toBeGreaterThan(-1e-9);
    });
    expect(held).toBeCloseTo(0, 9);
    expect(orders.side[2]).toBe(-1);
    expect(ended(orders, 2)).toEqual(['canceled', 'canceled']);
    const ends = Array.from(orders.status, (_, i) => ended(orders, i)[0]);
    expect(ends.filter((status) => status !== 'filled')).toHaveLength(canceled);
  });

  test('a halt takes back the entry of a reversal whose exit is still working', () => {
    const prices = [10, 10, 10, 10, 10, 8, 8, 8, 8, 8];
    const feed = feedOf(tinyBars(prices.map((p) => [p, p, p, p, 1000])));
    const { fills, orders, halted } = backtest(feed, [[1, 1, 1, 1, -1, -1, -1, -1, -1, -1]], {
      strategy: strategy({
        thresholds: { enterLong: 1, exitLong: 0, enterShort: -1, exitShort: 0 },
        policies: [maxDrawdown.create({ fraction: 0.05 })],
      }),
      venue: venue({ cash: 3500, allowShort: true, slippage: { kind: 'volume-share', limit: 0.1, impact: 0 } }),
    });
    expect(halted).toBe(true);
    expect(ended(orders, 2)[0]).toBe('canceled');
    expect(fills.side.filter((side) => side < 0)).toHaveLength(4);
    expect(Array.from(fills.leg, (leg) => LEGS[leg])).toEqual([...Array(4).fill('entry'), ...Array(4).fill('exit')]);
  });

  test('closing at the end books the last trade with its reason', () => {
    const feed = feedOf(
      tinyBars([
        [10, 10, 10, 10],
        [10, 10, 10, 10],
        [12, 12, 12, 12],
      ]),
    );
    const { trades, finalEquity } = backtest(feed, [[1, 1, 1]], {
      closeAtEnd: true,
      venue: venue({ costs: { ...NO_COSTS, percent: 0.01 } }),
    });
    expect(trades.exitReason[0]).toBe(6);
    expect(finalEquity).toBeCloseTo(10_000 + trades.pnl[0]!, 9);
  });
});

describe('entries at a price', () => {
  const candles = [
    [100, 100, 100, 100],
    [100, 101, 99.8, 100.5],
    [100.5, 102, 98, 101],
    [101, 104, 100, 103],
    [103, 104, 102, 103],
  ] as const;
  test.each([
    [{ type: 'limit', offset: 0.01 } as const, 2, 99],
    [{ type: 'stop', offset: 0.015 } as const, 2, 101.5],
    [{ type: 'stop_limit', offset: 0.015, limit: 0.02 } as const, 2, 101.5],
    [{ type: 'limit', offset: 0.05 } as const, -1, Number.NaN],
  ])('%j works until it is filled', (entry, bar, price) => {
    const feed = feedOf(tinyBars(candles));
    const { fills } = backtest(feed, [[1, 1, 1, 1, 1]], { strategy: strategy({ entry }) });
    expect(fills.price.length).toBe(bar < 0 ? 0 : 1);
    if (bar < 0) return;
    expect(fills.price[0]).toBeCloseTo(price, 9);
    expect(fills.time[0]).toBe(feed.bars[0]!.time[bar]);
    expect(fills.quantity[0]! * price).toBeCloseTo(10_000, 6);
  });
  test('it is cancelled when the signal changes', () => {
    const { fills, orders } = backtest(feedOf(tinyBars(candles)), [[1, 0, 0, 0, 0]], {
      strategy: strategy({ entry: { type: 'limit', offset: 0.01 } }),
    });
    expect(fills.price.length).toBe(0);
    expect(ended(orders, 0)).toEqual(['canceled', 'canceled']);
  });
});

describe('stops and re-entry', () => {
  const candles = [
    [100, 100, 100, 100],
    [100, 101, 94, 96],
    [96, 97, 95, 96],
    [96, 97, 95, 96],
    [96, 97, 95, 96],
    [96, 97, 95, 96],
  ] as const;
  const stop = { protection: { stopLoss: 0.05 } };
  test('after a stop the same signal does not enter again until it has been something else', () => {
    const again = backtest(feedOf(tinyBars(candles)), [[1, 1, 1, 0, 1, 1]], { strategy: strategy(stop) });
    expect(Array.from(again.fills.leg)).toEqual([1, 2, 1]);
    const never = backtest(feedOf(tinyBars(candles)), [[1, 1, 1, 1, 1, 1]], { strategy: strategy(stop) });
    expect(Array.from(never.fills.leg)).toEqual([1, 2]);
  });
  test('missing scores do not count as something else', () => {
    const result = backtest(feedOf(tinyBars(candles)), [[1, 1, Number.NaN, 1, 1, 1]], { strategy: strategy(stop) });
    expect(Array.from(result.fills.leg)).toEqual([1, 2]);
  });
  test('immediate re-entry on request', () => {
    const result = backtest(feedOf(tinyBars(candles)), [[1, 1, 1, 1, 1, 1]], {
      strategy: strategy({ ...stop, reentry: 'immediate' }),
    });
    expect(Array.from(result.fills.leg)).toEqual([1, 2, 1]);
  });
  test('a time stop closes after that many bars', () => {
    const flat = Array.from({ length: 8 }, () => [10, 10, 10, 10] as const);
    const { trades } = backtest(feedOf(tinyBars(flat)), [[1, 1, 1, 1, 1, 1, 1, 1]], {
      strategy: strategy({ timeStop: 3 }),
    });
    expect(trades.barsHeld[0]).toBe(3);
  });
});

describe('risk', () => {
  test('maximum drawdown closes everything and stays out', () => {
    const { trades, halted, fills } = backtest(feedOf(tinyBars(falling)), [[1, 1, 1, 1, 1, 1, 1, 1]], {
      strategy: strategy({ policies: [maxDrawdown.create({ fraction: 0.1 })] }),
    });
    expect(halted).toBe(true);
    expect(fills.price.length).toBe(2);
    expect(trades.exitPrice[0]).toBe(80);
  });
  test('daily loss halts for the session only', () => {
    const day = 24 * 60;
    const candles = Array.from({ length: day + 4 }, (_, i) =>
      i < 3 ? ([100, 100, 100, 100] as const) : ([90, 90, 90, 90] as const),
    );
    const { fills } = backtest(feedOf(tinyBars(candles)), [new Float64Array(candles.length).fill(1)], {
      strategy: strategy({ policies: [dailyLoss.create({ fraction: 0.05 })] }),
    });
    expect(Array.from(fills.leg)).toEqual([1, 0, 1]);
    // The bar known at midnight still belongs to the first day; the next one decides, and fills at the open after it.
    expect(fills.time[2]).toBe(Date.UTC(2024, 0, 2, 0, 1));
  });
  test('gross and position limits cut and veto with a verdict', () => {
    const flat = Array.from({ length: 3 }, () => [10, 10, 10, 10] as const);
    const events = new EventLines();
    const { fills } = backtest(
      feedOf(tinyBars(flat, 'A'), tinyBars(flat, 'B'), tinyBars(flat, 'C')),
      [
        [1, 1, 1],
        [1, 1, 1],
        [1, 1, 1],
      ],
      {
        strategy: strategy({
          sizing: { kind: 'fraction', fraction: 0.4 },
          policies: [maxGross.create({ multiple: 0.6 }), maxPositions.create({ count: 2 })],
        }),
        events,
      },
    );
    expect(Array.from(fills.quantity)).toEqual([400, expect.closeTo(200, 6)]);
    expect(events.lines.filter((l) => l.includes('"verdict"')).length).toBeGreaterThanOrEqual(2);
  });
});

test('a tick belongs to the session that opened last before it, also where its bar was published late', () => {
  const calendar = calendarOf('XNYS');
  const sessions = calendar.sessionsBetween(Date.UTC(2024, 6, 1), Date.UTC(2024, 6, 10));
  for (const delay of [0, 15 * 60_000]) {
    const closes = Float64Array.from(sessions, ({ close }) => close + delay);
    const bars = {
      ...tinyBars(sessions.map(() => [1, 1, 1, 1] as const)),
      time: Float64Array.from(sessions, ({ open }) => open),
    };
    const feed = buildFeed([defaultInstrument('X', 'XNYS')], [bars], [closes], calendar);
    expect(feed.sessions.map(({ date }) => date)).toEqual(sessions.map(({ date }) => date));
    expect(Array.from(feed.sessionAt)).toEqual(sessions.map((_, i) => i));
  }
});

test('a sizing whose measure is unknown enters nothing', () => {
  const flat = Array.from({ length: 3 }, () => [10, 10, 10, 10] as const);
  const { fills } = backtest(feedOf(tinyBars(flat)), [[1, 1, 1]], {
    strategy: strategy({ sizing: { kind: 'volatility', target: 0.1, window: 20 } }),
  });
  expect(fills.price.length).toBe(0);
});
