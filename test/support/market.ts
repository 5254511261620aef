import type { BarColumns, CorporateAction } from '../../src/core/domain/bars.js';
import { calendarOf } from '../../src/core/domain/calendars/index.js';
import { defaultInstrument } from '../../src/core/domain/instrument.js';
import type { OrderIntent } from '../../src/core/domain/orders.js';
import { seededRandom } from '../../src/core/domain/random.js';
import { type BacktestOptions, type BacktestResult, runBacktest } from '../../src/core/engine/backtest.js';
import { buildFeed, type MarketFeed } from '../../src/core/engine/feed.js';
import { defaultThresholds, type Strategy } from '../../src/core/engine/strategy.js';
import * as nextOpen from '../../src/core/market/fills/next-open.js';
import {
  type ExchangeSettings,
  NO_COSTS,
  NO_SLIPPAGE,
  type Rounding,
  SimulatedExchange,
  type VenueOrder,
} from '../../src/core/market/index.js';

/** open, high, low, close[, volume] */
export type TinyCandle = readonly [number, number, number, number, number?];

const START = Date.UTC(2024, 0, 1);
const MINUTE = 60_000;

/** Minute bars of one 24/7 instrument. */
export function tinyBars(candles: readonly TinyCandle[], id = 'X', start = START): BarColumns {
  const column = (f: (c: TinyCandle, i: number) => number) => Float64Array.from(candles, f);
  return {
    instrument: id,
    interval: '1m',
    time: column((_, i) => start + i * MINUTE),
    open: column((c) => c[0]),
    high: column((c) => c[1]),
    low: column((c) => c[2]),
    close: column((c) => c[3]),
    volume: column((c) => c[4] ?? 1_000_000),
  };
}

export const feedOf = (...bars: readonly BarColumns[]): MarketFeed => feedWith([], ...bars);

/** With corporate actions, dated by the UTC day. */
export function feedWith(actions: readonly CorporateAction[], ...bars: readonly BarColumns[]): MarketFeed {
  return buildFeed(
    bars.map((b) => defaultInstrument(b.instrument, '24/7')),
    bars,
    bars.map((b) => b.time.map((t) => t + MINUTE)),
    calendarOf('24/7'),
    actions,
  );
}

export const exact: Rounding = { quantity: (_, q) => q, sum: (_, q) => q, price: (_, p) => p };

export const venue = (overrides: Partial<ExchangeSettings> = {}): ExchangeSettings => ({
  cash: 10_000,
  costs: NO_COSTS,
  slippage: NO_SLIPPAGE,
  fill: nextOpen.create({ limits: 'through' }),
  leverage: 1,
  allowShort: false,
  ...overrides,
});

export interface TinyFill {
  bar: number;
  price: number;
  quantity: number;
  reason: string;
}

/** Sends orders before the first candle (or before candle `at`) and lists the fills. */
export function play(
  orders: readonly (Partial<OrderIntent> & { at?: number })[],
  candles: readonly TinyCandle[],
  settings: Partial<ExchangeSettings> = {},
  spread = 0,
): { fills: TinyFill[]; exchange: SimulatedExchange; orders: VenueOrder[] } {
  const fills: TinyFill[] = [];
  const seen: VenueOrder[] = [];
  let bar = -1;
  const exchange = new SimulatedExchange(1, venue({ allowShort: true, ...settings }), exact, {
    onOrder: (order) => {
      if (!seen.includes(order)) seen.push(order);
    },
    onFill: (order, { price, quantity }) => fills.push({ bar, price, quantity, reason: order.reason }),
  });
  candles.forEach(([open, high, low, close, volume], i) => {
    for (const { at, ...intent } of orders) {
      if ((at ?? 0) !== i) continue;
      exchange.submit(0, { instrument: 'X', side: 'buy', leg: 'entry', type: 'market', ...intent }, i * 60);
    }
    bar = i;
    exchange.onBar(0, i, { time: i * 60, open, high, low, close, volume: volume ?? 1e6, spread });
  });
  return { fills, exchange, orders: seen };
}

export const strategy = (overrides: Partial<Strategy> = {}): Strategy => ({
  thresholds: defaultThresholds('position', false),
  entry: { type: 'market' },
  sizing: { kind: 'equal', fraction: 1 },
  protection: undefined,
  timeStop: Number.POSITIVE_INFINITY,
  reentry: 'new-signal',
  policies: [],
  ...overrides,
});

export function backtest(
  feed: MarketFeed,
  scores: readonly (readonly number[] | Float64Array)[],
  overrides: Partial<BacktestOptions> = {},
): BacktestResult {
  return runBacktest(
    feed,
    { scores: scores.map((s) => Float64Array.from(s)), measures: undefined },
    {
      strategy: strategy(),
      venue: venue(),
      rounding: exact,
      from: 0,
      to: feed.clock.length,
      closeAtEnd: false,
      ...overrides,
    },
  );
}

/** A random walk of n minute candles; equal seeds give equal candles. */
export function randomCandles(n: number, seed: number): TinyCandle[] {
  const random = seededRandom(seed);
  const candles: TinyCandle[] = [];
  let price = 100;
  for (let i = 0; i < n; i++) {
    const open = price * (1 + (random.next() - 0.5) * 0.01);
    const close = open * (1 + (random.next() - 0.5) * 0.02);
    const high = Math.max(open, close) * (1 + random.next() * 0.01);
    const low = Math.min(open, close) * (1 - random.next() * 0.01);
    candles.push([open, high, low, close, 100 + Math.floor(random.next() * 10_000)]);
    price = close;
  }
  return candles;
}
