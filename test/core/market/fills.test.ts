import { describe, expect, test } from 'vitest';
import { defaultInstrument } from '../../../src/core/domain/instrument.js';
import type { OrderIntent, Protection } from '../../../src/core/domain/orders.js';
import { applyAction, NO_COSTS, SimulatedExchange } from '../../../src/core/market/index.js';
import { roundingOf } from '../../../src/core/market/rounding.js';
import { play, type TinyCandle, venue } from '../../support/market.js';

const buy = (intent: Partial<OrderIntent> & { at?: number } = {}) => ({ quantity: 10, ...intent });
const flat: TinyCandle = [100, 101, 99, 100];

const STOP_99 = { type: 'stop', stopPrice: 99 } as const;
const PAIR = { type: 'limit', limitPrice: 99.5, either: { type: 'stop', stopPrice: 100.5 } } as const;

describe('the table of tiny candles: order, candles, expected fills', () => {
  const rows: readonly [string, Parameters<typeof play>[0], readonly TinyCandle[], readonly [number, number][]][] = [
    ['market: next open', [buy()], [[101, 103, 100, 102]], [[0, 101]]],
    ['limit buy below: the limit', [buy({ type: 'limit', limitPrice: 99.5 })], [[100, 101, 99, 100]], [[0, 99.5]]],
    ['limit buy, gap below: the open', [buy({ type: 'limit', limitPrice: 99.5 })], [[98, 99, 97, 98]], [[0, 98]]],
    ['limit buy only touched: no fill', [buy({ type: 'limit', limitPrice: 99 })], [flat], []],
    ['limit sell above', [buy({ side: 'sell', type: 'limit', limitPrice: 100.5 })], [flat], [[0, 100.5]]],
    [
      'limit sell, gap above',
      [buy({ side: 'sell', type: 'limit', limitPrice: 100.5 })],
      [[102, 103, 101, 102]],
      [[0, 102]],
    ],
    ['stop buy inside the bar: the stop', [buy({ type: 'stop', stopPrice: 100.5 })], [flat], [[0, 100.5]]],
    ['stop buy, gap through: the open', [buy({ type: 'stop', stopPrice: 100.5 })], [[103, 104, 102, 103]], [[0, 103]]],
    ['stop buy only reached exactly: elected', [buy({ type: 'stop', stopPrice: 101 })], [flat], [[0, 101]]],
    [
      'stop sell, gap through: the open',
      [buy({ side: 'sell', type: 'stop', stopPrice: 99.5 })],
      [[97, 98, 96, 97]],
      [[0, 97]],
    ],
    [
      'stop-limit reached, limit above the stop',
      [buy({ type: 'stop_limit', stopPrice: 100.5, limitPrice: 100.8 })],
      [flat],
      [[0, 100.5]],
    ],
    [
      'stop-limit gapped beyond its limit waits, then fills at the limit',
      [buy({ type: 'stop_limit', stopPrice: 100.5, limitPrice: 100.8 })],
      [
        [102, 103, 101.5, 102],
        [101.5, 102, 100.2, 101],
      ],
      [[1, 100.8]],
    ],
    [
      'stop-limit whose limit lies below the stop waits for a later bar: the path is unknown',
      [buy({ type: 'stop_limit', stopPrice: 100.5, limitPrice: 100.2 })],
      [flat, [100.4, 100.6, 99.9, 100.3]],
      [[1, 100.2]],
    ],
    ['oco: the limit is reached', [buy(PAIR)], [[100, 100.4, 99, 100]], [[0, 99.5]]],
    ['oco: the stop is reached', [buy(PAIR)], [[100, 101, 99.8, 100]], [[0, 100.5]]],
    ['oco: both inside the bar: the worse one, and it alone', [buy(PAIR)], [flat, flat], [[0, 100.5]]],
    ['oco: a gap below the limit: the open comes first', [buy(PAIR)], [[98, 101, 97, 98]], [[0, 98]]],
    ['oco: a gap above the stop: the open', [buy(PAIR)], [[103, 104, 99, 103]], [[0, 103]]],
    [
      'oco of a position’s exits: both inside the bar: the stop',
      [buy(), { leg: 'exit', side: 'sell', quantity: 10, at: 1, type: 'limit', limitPrice: 100.5, either: STOP_99 }],
      [flat, [100, 101, 98, 100]],
      [
        [0, 100],
        [1, 99],
      ],
    ],
    [
      'oto: the first fill triggers the rest, which works from the next bar on',
      [buy({ triggers: { first: 0.4, terms: { type: 'limit', limitPrice: 99.5 } } })],
      [flat, [100, 101, 99.5, 100], [100, 101, 99, 100]],
      [
        [0, 100],
        [2, 99.5],
      ],
    ],
    [
      'oto: what is never filled triggers nothing',
      [buy({ type: 'limit', limitPrice: 98, triggers: { first: 0.5, terms: { type: 'market' } } })],
      [flat, flat],
      [],
    ],
    ['a stop never reached waits', [buy({ type: 'stop', stopPrice: 105 })], [flat, flat], []],
    ['an order never fills on a bar that opened before it', [buy({ at: 1 })], [flat, [102, 103, 101, 102]], [[1, 102]]],
  ];
  test.each(rows)('%s', (_name, orders, candles, expected) => {
    expect(play(orders, candles).fills.map((f) => [f.bar, f.price])).toEqual(expected);
  });
});

describe('protection', () => {
  const rows: readonly [string, Protection, readonly TinyCandle[], readonly [number, number, string][]][] = [
    [
      'stop at 95',
      { stopLoss: 0.05 },
      [
        [100, 101, 99, 100],
        [99, 99.5, 94, 96],
      ],
      [[1, 95, 'stop_loss']],
    ],
    ['stop on the entry bar', { stopLoss: 0.05 }, [[100, 101, 94, 96]], [[0, 95, 'stop_loss']]],
    ['a gap through the stop fills at the open', { stopLoss: 0.05 }, [flat, [90, 92, 89, 91]], [[1, 90, 'stop_loss']]],
    ['target at 110', { takeProfit: 0.1 }, [flat, [105, 111, 104, 108]], [[1, 110, 'take_profit']]],
    [
      'a gap through the target fills at the open',
      { takeProfit: 0.1 },
      [flat, [115, 116, 114, 115]],
      [[1, 115, 'take_profit']],
    ],
    ['target only touched: not filled', { takeProfit: 0.1 }, [flat, [105, 110, 104, 108]], []],
    [
      'both in one bar: the stop',
      { stopLoss: 0.05, takeProfit: 0.1 },
      [flat, [100, 112, 94, 100]],
      [[1, 95, 'stop_loss']],
    ],
    [
      'open beyond the target and low below the stop: the open comes first',
      { stopLoss: 0.05, takeProfit: 0.1 },
      [flat, [112, 113, 94, 100]],
      [[1, 112, 'take_profit']],
    ],
    [
      'trailing stop follows the high of earlier bars only',
      { trailingStop: 0.1 },
      [
        [100, 100, 99, 100],
        [100, 120, 109, 118],
        [115, 116, 107, 110],
      ],
      [[2, 108, 'trailing_stop']],
    ],
    [
      'the nearer of stop and trailing stop holds',
      { stopLoss: 0.02, trailingStop: 0.1 },
      [
        [100, 100, 99, 100],
        [100, 101, 97, 98],
      ],
      [[1, 98, 'stop_loss']],
    ],
  ];
  test.each(rows)('long: %s', (_name, protection, candles, expected) => {
    const { fills } = play([buy({ protection })], candles);
    expect(fills.slice(1).map((f) => [f.bar, Number(f.price.toFixed(9)), f.reason])).toEqual(expected);
  });

  test('short: stop above, target below, mirrored', () => {
    const stop = play([buy({ side: 'sell', protection: { stopLoss: 0.05 } })], [flat, [104, 106, 103, 104]]);
    expect(stop.fills[1]).toMatchObject({ price: 105, reason: 'stop_loss' });
    const target = play([buy({ side: 'sell', protection: { takeProfit: 0.1 } })], [flat, [95, 96, 89, 91]]);
    expect(target.fills[1]).toMatchObject({ price: 90, reason: 'take_profit' });
  });

  test('after an entry inside the bar the target of that bar does not count, the stop does', () => {
    const protection = { stopLoss: 0.05, takeProfit: 0.01 };
    const order = buy({ type: 'limit', limitPrice: 99, protection });
    expect(play([order], [[100, 101, 98, 100]]).fills).toHaveLength(1);
    expect(play([order], [[100, 101, 90, 100]]).fills[1]).toMatchObject({ reason: 'stop_loss', price: 99 * 0.95 });
  });

  test('a signal exit at the open outranks protection and disarms it', () => {
    const { fills, exchange } = play(
      [buy({ protection: { stopLoss: 0.05 } }), { leg: 'exit', side: 'sell', quantity: 10, at: 1 }],
      [flat, [98, 99, 90, 91], [80, 81, 79, 80]],
    );
    expect(fills.map((f) => f.price)).toEqual([100, 98]);
    expect(exchange.ledger.quantity[0]).toBe(0);
  });

  test('protection covers what was filled: a partial entry is stopped out and its rest is cancelled', () => {
    const { fills, exchange, orders } = play(
      [buy({ quantity: 50, protection: { stopLoss: 0.05 } })],
      [
        [100, 101, 99, 100, 1000],
        [90, 91, 89, 90, 1000],
      ],
      { slippage: { kind: 'volume-share', limit: 0.025, impact: 0 } },
    );
    expect(fills.map((f) => [f.price, f.quantity, f.reason])).toEqual([
      [100, 25, 'signal'],
      [90, 25, 'stop_loss'],
    ]);
    expect(exchange.ledger.quantity[0]).toBe(0);
    expect(orders[0]).toMatchObject({ filled: 25, status: 'canceled' });
  });
});

test('a stop larger than the volume allows sells the rest at the next opens', () => {
  const { fills, exchange } = play(
    [buy({ quantity: 50, protection: { stopLoss: 0.05 } })],
    [
      [100, 101, 99, 100, 5000],
      [96, 97, 94, 95, 1000],
      [93, 94, 92, 93, 1000],
    ],
    { slippage: { kind: 'volume-share', limit: 0.025, impact: 0 } },
  );
  expect(fills.map((f) => [f.price, f.quantity, f.reason])).toEqual([
    [100, 50, 'signal'],
    [95, 25, 'stop_loss'],
    [93, 25, 'stop_loss'],
  ]);
  expect(exchange.ledger.quantity[0]).toBe(0);
});

test('all fills of a bar share its volume: a reversal’s entry gets what its exit leaves', () => {
  const { fills } = play(
    [buy({ quantity: 60 }), { leg: 'exit', side: 'sell', quantity: 60, at: 1 }, { side: 'sell', quantity: 80, at: 1 }],
    [
      [100, 101, 99, 100, 1000],
      [100, 101, 99, 100, 1000],
      [100, 101, 99, 100, 1000],
    ],
    { slippage: { kind: 'volume-share', limit: 0.1, impact: 0 } },
  );
  expect(fills.map((f) => [f.bar, f.quantity])).toEqual([
    [0, 60],
    [1, 60],
    [1, 40],
    [2, 40],
  ]);
});

describe('a target larger than the volume allows', () => {
  const held = buy({ quantity: 50, protection: { stopLoss: 0.05, takeProfit: 0.05 } });
  const entry: TinyCandle = [100, 101, 99, 100, 5000];
  const reached: TinyCandle = [104, 106, 104, 104, 1000];
  const slippage = { kind: 'volume-share', limit: 0.025, impact: 0 } as const;

  test.each<[string, Parameters<typeof play>[0], TinyCandle[], [number, number, string][]]>([
    ['the rest fills at its price', [], [[104, 106, 104, 104, 1000]], [[105, 25, 'take_profit']]],
    ['the stop beside it closes the rest', [], [[97, 98, 94, 95, 1000]], [[95, 25, 'stop_loss']]],
    ['both inside one bar: the stop', [], [[100, 106, 94, 100, 1000]], [[95, 25, 'stop_loss']]],
    ['a gap above: the open', [], [[107, 108, 94, 100, 1000]], [[107, 25, 'take_profit']]],
    [
      'an exit goes before the rest',
      [{ leg: 'exit', side: 'sell', quantity: 25, at: 2 }],
      [[104, 106, 104, 104, 1000]],
      [[104, 25, 'signal']],
    ],
  ])('%s', (_name, orders, candles, expected) => {
    const played = play([held, ...orders], [entry, reached, ...candles], { slippage });
    expect(played.fills.slice(1).map((f) => [f.price, f.quantity, f.reason])).toEqual([
      [105, 25, 'take_profit'],
      ...expected,
    ]);
    expect(played.exchange.ledger.quantity[0]).toBe(0);
    expect(played.exchange.orders(0)).toEqual([]);
  });

  test('a split moves the rest as well', () => {
    const { exchange, fills } = play([held], [entry, reached], { slippage });
    applyAction(exchange, { type: 'split', instrument: 0, ratio: 2 }, 2, 2);
    exchange.onBar(0, 2, { time: 2, open: 52, high: 53, low: 52, close: 52, volume: 1e6 });
    expect(fills.slice(1).map((f) => [f.price, f.quantity])).toEqual([
      [105, 25],
      [52.5, 50],
    ]);
    expect(exchange.ledger.quantity[0]).toBe(0);
    expect(exchange.orders(0)).toEqual([]);
  });
});

describe('pairs of orders', () => {
  test('one triggers other by money: what is left pays for the rest, and no more', () => {
    const order = { notional: 1000, triggers: { first: 0.5, terms: { type: 'stop', stopPrice: 110 } } } as const;
    const { fills, exchange } = play([order], [flat, [105, 112, 104, 111]], { cash: 1000 });
    expect(fills.map((f) => [f.price, Number(f.quantity.toFixed(9))])).toEqual([
      [100, 5],
      [110, Number((500 / 110).toFixed(9))],
    ]);
    expect(exchange.ledger.cash).toBeCloseTo(0, 9);
  });

  test('protection covers the part that is filled, and closing it cancels the rest', () => {
    const triggers = { first: 0.5, terms: { type: 'limit', limitPrice: 90 } } as const;
    const { fills, orders } = play([buy({ triggers, protection: { stopLoss: 0.05 } })], [flat, [99, 99, 94, 95]]);
    expect(fills.map((f) => [f.price, f.quantity])).toEqual([
      [100, 5],
      [95, 5],
    ]);
    expect(orders[0]).toMatchObject({ filled: 5, status: 'canceled' });
  });

  test('a partial fill cancels the other order of the pair; what is left works on', () => {
    const slippage = { kind: 'volume-share', limit: 0.01, impact: 0 } as const;
    const { fills, orders } = play([buy(PAIR)], [[100, 100.4, 99, 100, 400], flat, flat], { slippage });
    expect(fills.map((f) => [f.price, f.quantity])).toEqual([
      [99.5, 4],
      [99.5, 6],
    ]);
    expect(orders[0]).toMatchObject({ type: 'limit', status: 'filled', either: undefined });
  });

  test('a split moves both prices', () => {
    const { exchange, orders } = play([], []);
    exchange.submit(0, { instrument: 'X', side: 'buy', leg: 'entry', quantity: 10, ...PAIR }, 0);
    applyAction(exchange, { type: 'split', instrument: 0, ratio: 2 }, 0, 0);
    expect(orders[0]).toMatchObject({ limitPrice: 49.75, either: { type: 'stop', stopPrice: 50.25 } });
  });

  test.each([
    [{ either: { type: 'stop' } as const }, 'stop price missing'],
    [{ triggers: { first: 0.5, terms: { type: 'limit' } } } as const, 'limit price missing'],
    [{ triggers: { first: 1, terms: { type: 'market' } } } as const, 'the first part lies between 0 and 1'],
  ])('refuses %j', (intent, note) => {
    expect(play([buy(intent)], [flat]).orders[0]).toMatchObject({ status: 'rejected', note });
  });
});

test('a reversal’s entry waits until the rest of the position is closed', () => {
  const { exchange, fills } = play(
    [buy({ quantity: 50, protection: { takeProfit: 0.05 } }), buy({ side: 'sell', quantity: 40, at: 2 })],
    [[100, 101, 99, 100, 5000], [104, 106, 104, 105, 1000], flat, [106, 107, 105, 106], flat],
    { slippage: { kind: 'volume-share', limit: 0.025, impact: 0 } },
  );
  expect(fills.map((f) => [f.bar, f.price, f.quantity])).toEqual([
    [0, 100, 50],
    [1, 105, 25],
    [3, 106, 25],
    [4, 100, 40],
  ]);
  expect(exchange.ledger.quantity[0]).toBe(-40);
});

test('what is closed in parts is closed to the last unit of a fine grid', () => {
  const fine = roundingOf([defaultInstrument('X', '24/7', { lot: 1e-9 })], false);
  const settings = venue({ slippage: { kind: 'volume-share', limit: 0.1, impact: 0 } });
  const open = Array.from({ length: 40 }, (_, n) => {
    const exchange = new SimulatedExchange(1, settings, fine, { onOrder: () => {}, onFill: () => {} });
    const order = { instrument: 'X', type: 'market', quantity: fine.quantity(0, 300 + n * Math.SQRT2) } as const;
    exchange.submit(0, { ...order, side: 'buy', leg: 'entry' }, 0);
    for (const [i, volume] of [1e5, 1018.6 + n / 3, 1111.1, 777.7, 99.9, 1000].entries()) {
      if (i === 1) exchange.submit(0, { ...order, side: 'sell', leg: 'exit' }, 1);
      exchange.onBar(0, i, { time: i, open: 1, high: 1, low: 1, close: 1, volume });
    }
    return exchange.ledger.quantity[0]! + exchange.orders(0).length;
  });
  expect(open).toEqual(open.map(() => 0));
});

test('a stop that was reached is a market order for what the volume leaves of it', () => {
  const slippage = { kind: 'volume-share', limit: 0.01, impact: 0 } as const;
  const candles: TinyCandle[] = [
    [100, 101, 99, 100, 400],
    [98, 99, 97, 98],
  ];
  const { fills } = play([buy({ type: 'stop', stopPrice: 100.5 })], candles, { slippage });
  expect(fills.map((f) => [f.price, f.quantity])).toEqual([
    [100.5, 4],
    [98, 6],
  ]);
});

describe('slippage, costs, money', () => {
  test('fixed slippage is against the taker; limits do not slip', () => {
    const slippage = { kind: 'fixed', fraction: 0.001 } as const;
    expect(play([buy()], [flat], { slippage }).fills[0]!.price).toBeCloseTo(100.1, 12);
    expect(play([buy({ side: 'sell' })], [flat], { slippage }).fills[0]!.price).toBeCloseTo(99.9, 12);
    expect(play([buy({ type: 'limit', limitPrice: 99.5 })], [flat], { slippage }).fills[0]!.price).toBe(99.5);
  });

  test('volume share: cap per bar, impact by the square of the share, the rest later', () => {
    const slippage = { kind: 'volume-share', limit: 0.025, impact: 0.1 } as const;
    const candles: TinyCandle[] = [
      [100, 101, 99, 100, 2000],
      [100, 101, 99, 100, 400],
      [100, 101, 99, 100, 0],
      [100, 101, 99, 100, 9000],
    ];
    const { fills, exchange } = play([buy({ quantity: 70 })], candles, { slippage });
    expect(fills.map((f) => f.quantity)).toEqual([50, 10, 10]);
    expect(fills[0]!.price).toBeCloseTo(100 * (1 + 0.1 * 0.025 ** 2), 12);
    expect(exchange.largestShare).toBe(0.025);
  });

  test('a notional order spends its money, costs included, at the fill price', () => {
    const { exchange, fills } = play([{ notional: 10_000 }], [[50, 51, 49, 50]], {
      costs: { ...NO_COSTS, percent: 0.001, perOrder: 1 },
    });
    expect(fills[0]!.quantity).toBeCloseTo((10_000 - 1) / (50 * 1.001), 9);
    expect(exchange.ledger.cash).toBeCloseTo(0, 9);
  });

  test.each([
    [{ ...NO_COSTS, percent: 0.001 }, 1],
    [{ ...NO_COSTS, perShare: 0.005 }, 0.05],
    [{ ...NO_COSTS, perShare: 0.005, minimum: 1 }, 1],
    [{ ...NO_COSTS, perOrder: 2 }, 2],
    [{ ...NO_COSTS, perOrder: 50, maximumPercent: 0.01 }, 10],
  ])('commission %j of 10 at 100 is %d', (costs, expected) => {
    const { exchange } = play([buy()], [flat], { costs });
    expect(exchange.ledger.costs).toBeCloseTo(expected, 12);
  });

  test('an order by quantity beyond the buying power is rejected, with the reason', () => {
    const { orders, fills } = play([buy({ quantity: 101 })], [flat]);
    expect(fills).toEqual([]);
    expect(orders[0]).toMatchObject({ status: 'rejected', note: 'insufficient buying power' });
  });

  test('an exit larger than the position never turns it around', () => {
    const { exchange } = play([buy(), { leg: 'exit', side: 'sell', quantity: 25, at: 1 }], [flat, flat, flat]);
    expect(exchange.ledger.quantity[0]).toBe(0);
  });

  test.each([
    [{ type: 'limit' as const }, 'limit price missing'],
    [{ type: 'stop' as const }, 'stop price missing'],
    [{ quantity: 0 }, 'quantity must be positive'],
    [{ quantity: Number.NaN }, 'quantity must be positive'],
  ])('refuses %j', (intent, note) => {
    expect(play([buy(intent)], [flat]).orders[0]).toMatchObject({ status: 'rejected', note });
  });
});
