import { expect, test } from 'vitest';
import { accountColumns } from '../../../src/core/engine/account.js';
import {
  CostModel,
  type Fill,
  Financing,
  type RateRow,
  SimulatedExchange,
  US_REGULATORY_FEES,
} from '../../../src/core/market/index.js';
import * as marginCall from '../../../src/core/risk/policies/margin-call.js';
import { backtest, exact, feedOf, strategy, type TinyCandle, tinyBars, venue } from '../../support/market.js';

const rates: readonly RateRow[] = [
  { kind: 'margin', symbol: '*', from: '2020-01-01', rate: 0.036 },
  { kind: 'credit', symbol: '*', from: '2020-01-01', rate: 0.018 },
  { kind: 'borrow', symbol: '*', from: '2020-01-01', rate: 0.0036 },
  { kind: 'borrow', symbol: 'HARD', from: '2020-01-01', rate: 0.36 },
  { kind: 'borrow', symbol: 'HARD', from: '2024-01-05', rate: 0.72 },
];
const night = (date: string) => Date.parse(`${date}T12:00:00Z`);

function held(quantity: number, price: number, cash: number) {
  const exchange = new SimulatedExchange(2, venue({ cash }), exact, { onOrder: () => {}, onFill: () => {} });
  exchange.ledger.quantity[1] = quantity;
  exchange.ledger.mark[1] = price;
  return { ledger: exchange.ledger, financing: new Financing(exchange, rates, ['EASY', 'HARD']) };
}

test.each([
  ['a debit pays the margin rate', 100, 100, -5000, -0.5],
  ['cash earns the credit rate', 0, 100, 10_000, 0.5],
  // 100 · ⌈102⌉ · 0.36 / 360, and 1 % of what is left beside the proceeds.
  ['a short pays the lender; its proceeds earn nothing', -100, 100, 20_000, -10.2 + 0.5],
  ['a collateral price is rounded up to a dollar', -100, 100.5, 10_050, -10.3],
])('one night: %s', (_name, quantity, price, cash, expected) => {
  const { ledger, financing } = held(quantity, price, cash);
  financing.accrue(night('2024-01-02'));
  expect(ledger.cash).toBe(cash);
  financing.accrue(night('2024-01-02') + 3_600_000);
  expect(ledger.cash).toBe(cash);
  financing.accrue(night('2024-01-03'));
  expect(ledger.cash - cash).toBeCloseTo(expected, 9);
  expect(ledger.carry).toBeCloseTo(expected, 9);
});

test('a weekend counts three nights; the rate is the one of the date', () => {
  const { ledger, financing } = held(-100, 100, 10_000);
  financing.accrue(night('2024-01-05'));
  financing.accrue(night('2024-01-08'));
  expect(ledger.cash - 10_000).toBeCloseTo(-3 * 20.4, 9);
});

test('commissions and fees follow their dates', () => {
  const costs = new CostModel({
    ...{ percent: 0, perShare: 0, perOrder: 0, minimum: 0, maximumPercent: Number.POSITIVE_INFINITY },
    fees: US_REGULATORY_FEES,
    schedule: [
      { from: '2010-01-01', percent: 0, perShare: 0.01, perOrder: 0, minimum: 1, maximumPercent: 0.01 },
      { from: '2019-10-01', percent: 0, perShare: 0, perOrder: 0, minimum: 0, maximumPercent: 1 },
    ],
  });
  const fill = (date: string): Fill => ({ time: night(date), price: 50, quantity: 1000, costs: 0, share: 0 });
  const buy = (date: string) => costs.ofFill(1, fill(date), true);
  const sale = (date: string) => costs.ofFill(-1, fill(date), true);
  expect([buy('2005-01-03'), buy('2019-09-30'), buy('2019-10-01')]).toEqual([10, 10, 0]);
  expect(sale('2024-01-02')).toBeCloseTo(50_000 * 0.0000278 + 0.166, 9);
  expect(sale('2025-06-02')).toBeCloseTo(0.166, 9);
  expect(sale('2026-04-06')).toBeCloseTo(50_000 * 0.0000206 + 0.195, 9);
  expect(costs.quantityFor(1000, 10, night('2024-01-02'))).toBe(100);
});

const candles = (prices: readonly number[]): TinyCandle[] => prices.map((p) => [p, p, p, p]);
const evening = Date.UTC(2024, 0, 1, 23, 56);

test('a backtest on margin pays for the night, and its columns know', () => {
  const feed = feedOf(tinyBars(candles([100, 100, 100, 100, 100]), 'X', evening));
  const result = backtest(feed, [[1, 1, 1, 1, 1]], {
    strategy: strategy({ sizing: { kind: 'equal', fraction: 2 } }),
    venue: venue({ leverage: 2, rates }),
  });
  // Bought for 20,000 with 10,000 of debt; 3.6 % for one night.
  expect(result.finalEquity).toBeCloseTo(10_000 - 1, 9);
  expect([...result.flows.cash]).toEqual([-1]);
  const { cash } = accountColumns(feed, result.fills, result.flows, 10_000, 0, 5);
  expect(cash.at(-1)).toBeCloseTo(-10_001, 9);
});

test('a margin call closes everything at the next open', () => {
  // 4 times levered: equity is 25 % of what is held; at 92 it is 6,800 of 36,800: 18 %.
  const feed = feedOf(tinyBars(candles([100, 100, 97, 92, 91, 91, 91]), 'X', evening));
  const run = (maintenance: number) =>
    backtest(feed, [[1, 1, 1, 1, 1, Number.NaN, Number.NaN]], {
      strategy: strategy({
        sizing: { kind: 'equal', fraction: 4 },
        policies: [marginCall.create({ maintenance })],
      }),
      venue: venue({ leverage: 4 }),
    });
  const { trades } = run(0.2);
  expect([trades.exitPrice[0], trades.exitReason[0]]).toEqual([91, 5]);
  expect(run(0.03).trades.pnl).toHaveLength(0);
});

test('an entry is cut to the buying power', () => {
  const { fills } = backtest(feedOf(tinyBars(candles([100, 100, 100]), 'X', evening)), [[1, 1, 1]], {
    strategy: strategy({ sizing: { kind: 'equal', fraction: 4 } }),
    venue: venue({ leverage: 2 }),
  });
  expect(fills.price[0]! * fills.quantity[0]!).toBe(20_000);
});
