import { describe, expect, test } from 'vitest';
import type { OrderIntent, Protection } from '../../../src/core/domain/orders.js';
import * as nextOpen from '../../../src/core/market/fills/next-open.js';
import * as thisClose from '../../../src/core/market/fills/this-close.js';
import { type ExchangeSettings, SimulatedExchange } from '../../../src/core/market/index.js';
import { exact, type TinyCandle, venue } from '../../support/market.js';

interface Fill {
  readonly bar: number;
  readonly time: number;
  readonly price: number;
  readonly quantity: number;
  readonly reason: string;
}

/** Sends each order after the candle `after` (−1: before the first) and lists the fills. */
function play(
  orders: readonly (Partial<OrderIntent> & { after?: number })[],
  candles: readonly TinyCandle[],
  settings: Partial<ExchangeSettings> = {},
): Fill[] {
  const fills: Fill[] = [];
  let bar = 0;
  const exchange = new SimulatedExchange(1, venue({ allowShort: true, ...settings }), exact, {
    onOrder: () => {},
    onFill: (order, { time, price, quantity }) => fills.push({ bar, time, price, quantity, reason: order.reason }),
  });
  const send = (i: number) => {
    for (const { after = -1, ...intent } of orders) {
      if (after !== i) continue;
      exchange.submit(0, { instrument: 'X', side: 'buy', leg: 'entry', type: 'market', ...intent }, (i + 1) * 60);
    }
  };
  send(-1);
  candles.forEach(([open, high, low, close], i) => {
    bar = i;
    exchange.onBar(0, i, { time: i * 60, open, high, low, close, volume: 1e6 });
    send(i);
  });
  return fills;
}

const flat: TinyCandle = [100, 101, 99, 100];
const protect = (protection: Protection) => ({ quantity: 10, protection });
const brief = (fills: readonly Fill[]) => fills.map(({ bar, price, reason }) => [bar, price, reason]);

describe('stop and target in one bar', () => {
  const both = { stopLoss: 0.05, takeProfit: 0.1 };
  const wild: TinyCandle = [115, 116, 94, 100];
  test.each([
    ['next-open: the open beyond the target comes first', 'open', [1, 115, 'take_profit']],
    ['next-open(touch,stop): the stop is taken', 'stop', [1, 95, 'stop_loss']],
  ] as const)('%s', (_name, first, exit) => {
    const fill = nextOpen.create({ limits: 'touch', first });
    expect(brief(play([protect(both)], [flat, wild], { fill }))).toEqual([[0, 100, 'signal'], exit]);
  });

  test('stop first: an open beyond the target still fills there where the stop is not reached', () => {
    const fill = nextOpen.create({ limits: 'touch', first: 'stop' });
    expect(brief(play([protect(both)], [flat, [115, 116, 112, 113]], { fill }))[1]).toEqual([1, 115, 'take_profit']);
  });
});

test('stop and target may be measured from another price than the fill', () => {
  const order = protect({ stopLoss: 0.05, takeProfit: 0.1, anchor: 200 });
  expect(brief(play([order], [[200, 201, 196, 198], flat]))[1]).toEqual([1, 100, 'stop_loss']);
  expect(brief(play([order], [[190, 191, 190, 190], flat]))[1]).toEqual([0, 190, 'stop_loss']);
  expect(brief(play([order], [flat]))).toEqual([
    [0, 100, 'signal'],
    [0, 100, 'stop_loss'],
  ]);
});

describe('this-close', () => {
  const fill = thisClose.create({ limits: 'through', first: 'open' });
  const candles: TinyCandle[] = [
    [100, 101, 99, 100.5],
    [103, 110, 90, 104],
    [105, 106, 104, 105.5],
  ];

  test('fills at the close that was decided on, at that instant; protection holds from the next bar on', () => {
    const fills = play([{ ...protect({ stopLoss: 0.05 }), after: 0 }], candles, { fill });
    expect(fills).toMatchObject([
      { time: 60, price: 100.5, reason: 'signal' },
      { time: 60, price: 100.5 * 0.95, reason: 'stop_loss' },
    ]);
  });

  test('a reversal leaves and enters at one close', () => {
    const fills = play(
      [
        { quantity: 10, after: 0 },
        { leg: 'exit', side: 'sell', quantity: 10, after: 1 },
        { side: 'sell', quantity: 5, after: 1 },
      ],
      candles,
      { fill },
    );
    expect(fills.map(({ time, price }) => [time, price])).toEqual([
      [60, 100.5],
      [120, 104],
      [120, 104],
    ]);
  });

  test('before the first bar there is no close to fill at, and no live order does this', () => {
    expect(play([{ quantity: 10 }], candles.slice(0, 1), { fill })).toEqual([]);
    expect(fill.liveOrder).toBeUndefined();
  });
});

test('a spread at the entry: the exit is not worsened, by signal or by stop', () => {
  const slippage = { kind: 'entry-spread', fraction: 0.01 } as const;
  const exit = { leg: 'exit', side: 'sell', quantity: 10, after: 0 } as const;
  expect(play([{ quantity: 10 }, exit], [flat, flat], { slippage }).map(({ price }) => price)).toEqual([101, 100]);
  expect(play([{ side: 'sell', quantity: 10 }], [flat], { slippage })[0]!.price).toBe(99);
  const stopped = play([protect({ stopLoss: 0.1 })], [flat, [95, 96, 90, 91]], { slippage });
  expect(stopped.map(({ price }) => price)).toEqual([101, 101 * 0.9]);
});

test('a share of the buying power is spent at the fill, whatever the notional was', () => {
  const order = { notional: 1, share: 0.5 };
  expect(play([order], [[50, 51, 49, 50]])[0]!.quantity).toBe(100);
  expect(play([order], [[50, 51, 49, 50]], { leverage: 2 })[0]!.quantity).toBe(200);
});

test('a reversal whose bar opens beyond the stop closes and turns at that open', () => {
  const fills = play(
    [
      protect({ stopLoss: 0.05 }),
      { leg: 'exit', side: 'sell', quantity: 10, after: 0 },
      { side: 'sell', quantity: 10, after: 0 },
    ],
    [flat, [90, 91, 89, 90]],
  );
  expect(brief(fills)).toEqual([
    [0, 100, 'signal'],
    [1, 90, 'signal'],
    [1, 90, 'signal'],
  ]);
});
