import { describe, expect, test } from 'vitest';
import type { CorporateAction } from '../../../src/core/domain/bars.js';
import type { OrderIntent, Protection } from '../../../src/core/domain/orders.js';
import { accountColumns } from '../../../src/core/engine/account.js';
import { buyAndHold } from '../../../src/core/evaluation/robustness/index.js';
import {
  applyAction,
  EXIT_REASONS,
  type Flow,
  type Rounding,
  SimulatedExchange,
  type VenueAction,
} from '../../../src/core/market/index.js';
import { backtest, exact, feedWith, strategy, type TinyCandle, tinyBars, venue } from '../../support/market.js';

type Step = TinyCandle | VenueAction | Partial<OrderIntent>;
const whole: Rounding = {
  quantity: (_, q) => Math.floor(q + 1e-9),
  sum: (_, q) => Math.round(q),
  price: (_, p) => Math.round(p * 100) / 100,
};

/** Plays candles, actions and orders of one instrument in turn (a second one exists for renames). */
function play(steps: readonly Step[], rounding = exact) {
  const fills: [number, number, string][] = [];
  const flows: Flow[] = [];
  const exchange = new SimulatedExchange(2, venue({ allowShort: true }), rounding, {
    onOrder: () => {},
    onFill: (order, { price, quantity }) => fills.push([price, quantity, order.reason]),
    onFlow: (flow) => flows.push(flow),
  });
  let bar = 0;
  for (const step of steps) {
    if ('ratio' in step || 'amount' in step || 'becomes' in step) applyAction(exchange, step, bar, bar);
    else if (Symbol.iterator in step) {
      const [open, high, low, close] = step;
      exchange.onBar(0, bar, { time: bar, open, high, low, close, volume: 1e6 });
      bar++;
    } else {
      exchange.submit(0, { instrument: 'X', side: 'buy', leg: 'entry', type: 'market', quantity: 10, ...step }, bar);
    }
  }
  return { exchange, fills, flows, ledger: exchange.ledger };
}

const at100: TinyCandle = [100, 101, 99, 100];
const split = (ratio: number): VenueAction => ({ type: 'split', instrument: 0, ratio });
const dividend = (amount: number): VenueAction => ({ type: 'dividend', instrument: 0, amount });
const protection = (one: Protection) => ({ protection: one });

describe('dividends on the ex-date', () => {
  test.each([
    ['a long is paid', [{}, at100, dividend(2)], 9000 + 20],
    ['a short pays', [{ side: 'sell' as const }, at100, dividend(2)], 11_000 - 20],
    ['who holds nothing has no part in it', [dividend(2)], 10_000],
    ['an entry that fills on the ex-date comes too late', [{}, dividend(2), at100], 9000],
  ] as [string, Step[], number][])('%s', (_name, steps, cash) => {
    expect(play(steps).ledger.cash).toBe(cash);
  });

  test('belong to the round trip: carry, and part of its profit', () => {
    const { ledger } = play([{}, at100, dividend(2), { leg: 'exit', side: 'sell' }, [98, 99, 97, 98]]);
    const trades = ledger.trades.toColumns();
    expect([trades.grossPnl[0], trades.carry[0], trades.pnl[0]]).toEqual([-20, 20, 0]);
    expect(ledger.cash).toBe(10_000);
  });
});

describe('splits', () => {
  test('units, entry, mark: the value stays', () => {
    const { ledger } = play([{}, at100, split(4)]);
    expect([ledger.quantity[0], ledger.entryPrice[0], ledger.mark[0]]).toEqual([40, 25, 25]);
    expect(ledger.equity()).toBe(10_000);
  });

  test('the stop is in new shares: no false alarm at the split, hit at its level', () => {
    const { fills } = play(
      [protection({ stopLoss: 0.1 }), at100, split(4), [25, 26, 24, 25], [24, 24, 22, 23]].map(asStep),
    );
    expect(fills).toEqual([
      [100, 10, 'signal'],
      [22.5, 40, 'stop_loss'],
    ]);
  });

  test('target and trailing stop are as well', () => {
    const target = play([protection({ takeProfit: 0.25 }), at100, split(2), [60, 63, 59, 62]].map(asStep));
    expect(target.fills.at(-1)).toEqual([62.5, 20, 'take_profit']);
    const trail = play(
      [protection({ trailingStop: 0.1 }), [100, 120, 99, 118], split(2), [58, 58, 53, 54]].map(asStep),
    );
    expect(trail.fills.at(-1)).toEqual([54, 20, 'trailing_stop']);
  });

  test('a resting order is for as many new shares at its price in them', () => {
    const { fills } = play([{ type: 'limit', limitPrice: 80 }, at100, split(2), [50, 51, 39, 41]]);
    expect(fills).toEqual([[40, 20, 'signal']]);
  });

  test('a fraction that the venue does not keep is paid at the last price', () => {
    const { ledger, flows } = play([{ quantity: 15 }, at100, split(0.1)], whole);
    expect(ledger.quantity[0]).toBe(1);
    expect(ledger.cash).toBe(8500 + 0.5 * 1000);
    expect(ledger.equity()).toBe(10_000);
    expect(flows).toMatchObject([{ kind: 'split', cash: 500, units: -14, priceFactor: 10 }]);
  });

  test('a reverse split of less than a share ends the position', () => {
    const { ledger } = play([{ quantity: 5, ...protection({ stopLoss: 0.1 }) }, at100, split(0.1)], whole);
    expect(ledger.quantity[0]).toBe(0);
    expect(EXIT_REASONS[ledger.trades.toColumns().exitReason[0]!]).toBe('split');
    expect(ledger.equity()).toBe(10_000);
  });
});

test('a rename moves position and protection to the new name, and cancels what rests under the old one', () => {
  const { exchange, ledger } = play(
    [protection({ stopLoss: 0.1 }), at100, { type: 'limit', limitPrice: 90 }].map(asStep),
  );
  applyAction(exchange, { type: 'rename', instrument: 0, becomes: 1 }, 5, 5);
  expect([ledger.quantity[0], ledger.quantity[1], ledger.entryPrice[1], ledger.mark[1]]).toEqual([0, 10, 100, 100]);
  expect(exchange.orders(0)).toEqual([]);
  exchange.onBar(1, 0, { time: 6, open: 95, high: 95, low: 85, close: 86, volume: 1e6 });
  expect(ledger.quantity[1]).toBe(0);
  const { instrument, exitPrice, pnl } = ledger.trades.toColumns();
  expect([instrument[0], exitPrice[0], pnl[0]]).toEqual([1, 90, -100]);
});

test('a delisting closes at the last price, or at what was paid, and says so', () => {
  for (const [amount, cash] of [
    [Number.NaN, 9960],
    [50, 9500],
  ] as const) {
    const { ledger, exchange } = play([
      { ...protection({ stopLoss: 0.5 }) },
      [100, 101, 95, 96],
      { type: 'limit', limitPrice: 90 },
      { type: 'delisting', instrument: 0, amount },
    ] as Step[]);
    expect(ledger.cash).toBe(cash);
    expect(exchange.orders(0)).toEqual([]);
    expect(EXIT_REASONS[ledger.trades.toColumns().exitReason[0]!]).toBe('delisting');
    expect(ledger.turnover).toBe(1000);
  }
});

describe('in a backtest', () => {
  const day = Date.UTC(2024, 0, 2);
  const candles = (n: number, price: number): TinyCandle[] =>
    Array.from({ length: n }, () => [price, price + 1, price - 1, price]);
  const series = (id: string, prices: readonly (readonly [number, number])[], start = day - 5 * 60_000) =>
    tinyBars(
      prices.flatMap(([n, price]) => candles(n, price)),
      id,
      start,
    );
  const hold = (feed: Parameters<typeof backtest>[0], more = {}) =>
    backtest(
      feed,
      feed.bars.map(({ time }) => new Float64Array(time.length).fill(1)),
      { strategy: strategy({ sizing: { kind: 'fraction', fraction: 0.5 } }), ...more },
    );
  const actions: CorporateAction[] = [
    { type: 'dividend', instrument: 'X', date: '2024-01-02', amount: 2 },
    { type: 'split', instrument: 'X', date: '2024-01-02', ratio: 4 },
  ];

  test('a split of four changes nothing but the count, and the dividend is of the old shares', () => {
    const feed = feedWith(
      actions,
      series('X', [
        [5, 100],
        [5, 24.5],
      ]),
    );
    const result = hold(feed);
    expect(result.finalEquity).toBeCloseTo(10_000, 9);
    expect([...result.flows.cash]).toEqual([100, 0]);
    const { cash, gross } = accountColumns(feed, result.fills, result.flows, 10_000, 0, feed.clock.length);
    expect(cash.at(-1)).toBe(5100);
    expect(gross.at(-1)).toBe(200 * 24.5);
    expect(cash.map((c, k) => c + gross[k]!)).toEqual(result.equity.equity);
  });

  test('without the actions it would be a crash', () => {
    expect(
      hold(
        feedWith(
          [],
          series('X', [
            [5, 100],
            [5, 24.5],
          ]),
        ),
      ).finalEquity,
    ).toBeLessThan(7000);
  });

  test('buy and hold keeps its shares through a split and puts dividends back in', () => {
    const feed = feedWith(
      actions,
      series('X', [
        [5, 100],
        [5, 24.5],
      ]),
    );
    expect(buyAndHold(feed, 0, feed.clock.length, 10_000).at(-1)).toBeCloseTo(10_000, 9);
  });

  test('a delisted instrument pays at the first tick of the others, and is not bought again', () => {
    const gone: CorporateAction[] = [{ type: 'delisting', instrument: 'X', date: '2024-01-02' }];
    const feed = feedWith(
      gone,
      series('X', [
        [4, 100],
        [1, 90],
      ]),
      series('Y', [[10, 50]]),
    );
    const result = hold(feed, { closeAtEnd: true });
    const x = result.trades.instrument.indexOf(0);
    expect([result.trades.exitPrice[x], EXIT_REASONS[result.trades.exitReason[x]!]]).toEqual([90, 'delisting']);
    expect(result.trades.exitTime[x]).toBe(day + 60_000);
    expect([...result.trades.instrument]).toEqual([0, 1]);
  });

  test('actions before the traded range are no business of the ledger', () => {
    const feed = feedWith(
      actions,
      series('X', [
        [5, 100],
        [5, 24.5],
      ]),
    );
    expect(hold(feed, { from: 6 }).flows.known).toHaveLength(0);
  });
});

function asStep(step: object): Step {
  return step as Step;
}
