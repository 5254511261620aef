import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ExchangeSettings,
  type Fill,
  SimulatedExchange,
  snapshotFromJson,
  snapshotToJson,
} from '../../../src/core/market/index.js';
import { exact, randomCandles, venue } from '../../support/market.js';

const settings: Partial<ExchangeSettings> = {
  allowShort: true,
  leverage: 3,
  costs: { percent: 0.001, perShare: 0.01, perOrder: 1, minimum: 2, maximumPercent: 0.05, fees: [] },
  slippage: { kind: 'volume-share', limit: 0.05, impact: 0.1 },
};

const action = fc.record({
  bar: fc.nat(59),
  side: fc.constantFrom('buy' as const, 'sell' as const),
  leg: fc.constantFrom('entry' as const, 'exit' as const),
  type: fc.constantFrom('market' as const, 'limit' as const, 'stop' as const, 'stop_limit' as const),
  quantity: fc.integer({ min: 1, max: 300 }),
  offset: fc.double({ min: 0.97, max: 1.03, noNaN: true }),
  stop: fc.option(fc.double({ min: 0.001, max: 0.05, noNaN: true }), { nil: undefined }),
  target: fc.option(fc.double({ min: 0.001, max: 0.05, noNaN: true }), { nil: undefined }),
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

interface Booking {
  side: number;
  quantity: number;
  price: number;
  costs: number;
}

/** `interrupt`: writes the venue down before that bar and goes on with a fresh one that reads it back. */
function play(seed: number, actions: readonly Action[], interrupt = -1) {
  const candles = randomCandles(60, seed);
  const bookings: Booking[] = [];
  const listener = {
    onOrder() {},
    onFill: (order: { side: number }, { price, quantity, costs }: Fill) =>
      bookings.push({ side: order.side, quantity, price, costs }),
  };
  let exchange = new SimulatedExchange(1, venue(settings), exact, listener);
  const equity: number[] = [];
  candles.forEach(([open, high, low, close, volume], i) => {
    if (i === interrupt) {
      const text = snapshotToJson(exchange.snapshot());
      exchange = new SimulatedExchange(1, venue(settings), exact, listener);
      exchange.restore(snapshotFromJson(text));
    }
    for (const a of actions.filter((x) => x.bar === i)) {
      const opening = exchange.ledger.quantity[0]!;
      // An entry against an open position is not something the planner sends: reversals exit first.
      if (a.leg === 'entry' && opening !== 0 && Math.sign(opening) !== (a.side === 'buy' ? 1 : -1)) continue;
      if (a.leg === 'exit' && (opening === 0 || Math.sign(opening) === (a.side === 'buy' ? 1 : -1))) continue;
      if (a.leg === 'entry' && exchange.orders(0).some((o) => o.side !== (a.side === 'buy' ? 1 : -1))) continue;
      exchange.submit(
        0,
        {
          instrument: 'X',
          side: a.side,
          leg: a.leg,
          type: a.type,
          quantity: a.quantity,
          limitPrice: close * a.offset,
          stopPrice: close * (2 - a.offset),
          protection: { ...(a.stop && { stopLoss: a.stop }), ...(a.target && { takeProfit: a.target }) },
        },
        i * 60,
      );
    }
    exchange.onBar(0, i, { time: i * 60, open, high, low, close, volume: volume! });
    equity.push(exchange.ledger.equity());
  });
  return { exchange, bookings, equity, candles };
}

const market = fc.tuple(fc.nat(1e6), fc.array(action, { minLength: 1, maxLength: 40 }));

test('money is conserved: cash and units are exactly what the fills say, equity moves by price and costs alone', () => {
  fc.assert(
    fc.property(market, ([seed, actions]) => {
      const { exchange, bookings, equity, candles } = play(seed, actions);
      const cash = bookings.reduce((sum, b) => sum - b.side * b.quantity * b.price - b.costs, 10_000);
      const units = bookings.reduce((sum, b) => sum + b.side * b.quantity, 0);
      expect(exchange.ledger.cash).toBeCloseTo(cash, 6);
      expect(exchange.ledger.quantity[0]).toBeCloseTo(units, 6);
      expect(equity.at(-1)).toBeCloseTo(cash + units * candles.at(-1)![3], 6);
      expect(exchange.ledger.costs).toBeCloseTo(
        bookings.reduce((sum, b) => sum + b.costs, 0),
        6,
      );
    }),
    { numRuns: 300 },
  );
});

test('round trips add up: closed profit plus the open position is the change of equity', () => {
  fc.assert(
    fc.property(market, ([seed, actions]) => {
      const { exchange, equity } = play(seed, actions);
      const { ledger } = exchange;
      if (ledger.quantity[0] !== 0) return;
      const pnl = ledger.trades.toColumns().pnl.reduce((sum, x) => sum + x, 0);
      expect(10_000 + pnl).toBeCloseTo(equity.at(-1)!, 6);
    }),
    { numRuns: 300 },
  );
});

test('a venue written down and read back at any bar goes on identically', () => {
  fc.assert(
    fc.property(market, fc.nat(59), ([seed, actions], at) => {
      expect(play(seed, actions, at).equity).toEqual(play(seed, actions).equity);
    }),
    { numRuns: 200 },
  );
});

test('fills never exceed the cap of the volume and never cross zero', () => {
  fc.assert(
    fc.property(market, ([seed, actions]) => {
      const { bookings } = play(seed, actions);
      let units = 0;
      for (const b of bookings) {
        const after = units + b.side * b.quantity;
        expect(Math.abs(units) < 1e-9 || Math.abs(after) < 1e-9 || Math.sign(after) === Math.sign(units)).toBe(true);
        units = after;
      }
    }),
    { numRuns: 200 },
  );
});
