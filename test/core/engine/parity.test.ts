import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { CorporateAction } from '../../../src/core/domain/bars.js';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { seededRandom } from '../../../src/core/domain/random.js';
import { runBacktest } from '../../../src/core/engine/backtest.js';
import { EventLines } from '../../../src/core/engine/events.js';
import { type Signals, spreadsOf } from '../../../src/core/engine/feed.js';
import { LiveRunner, ReplaySource } from '../../../src/core/engine/live/index.js';
import type { Strategy } from '../../../src/core/engine/strategy.js';
import * as sim from '../../../src/core/execution/brokers/sim/index.js';
import * as quote from '../../../src/core/market/fills/quote.js';
import { type ExchangeSettings, NO_COSTS, US_REGULATORY_FEES } from '../../../src/core/market/index.js';
import { roundingOf } from '../../../src/core/market/rounding.js';
import { ManualClock, silentLogger, systemClock } from '../../../src/core/platform/index.js';
import * as dailyLoss from '../../../src/core/risk/policies/daily-loss.js';
import * as marginCall from '../../../src/core/risk/policies/margin-call.js';
import * as maxDrawdown from '../../../src/core/risk/policies/max-drawdown.js';
import * as maxGross from '../../../src/core/risk/policies/max-gross.js';
import * as maxLeverage from '../../../src/core/risk/policies/max-leverage.js';
import * as maxNet from '../../../src/core/risk/policies/max-net.js';
import * as maxOrder from '../../../src/core/risk/policies/max-order.js';
import * as maxOrders from '../../../src/core/risk/policies/max-orders.js';
import * as maxQuantity from '../../../src/core/risk/policies/max-quantity.js';
import * as noTrade from '../../../src/core/risk/policies/no-trade.js';
import * as patternDayTrader from '../../../src/core/risk/policies/pattern-day-trader.js';
import * as priceCollar from '../../../src/core/risk/policies/price-collar.js';
import * as settledCash from '../../../src/core/risk/policies/settled-cash.js';
import { openJournal, streamOf } from '../../../src/core/state/index.js';
import { feedWith, randomCandles, strategy, type TinyCandle, tinyBars, venue } from '../../support/market.js';

interface Case {
  readonly name: string;
  readonly strategy: () => Partial<Strategy>;
  readonly venue?: Partial<ExchangeSettings>;
  readonly instruments?: number;
  readonly fractional?: boolean;
  /** Policies of whose verdicts there must be some. */
  readonly verdicts?: readonly string[];
  /** Entries are taken back. */
  readonly canceled?: true;
  /** Restart the live side (new broker, journal and runner objects) every so many slots. */
  readonly restart?: number;
  /** Corporate actions at midnight, after 70 bars; what a rename or a delisting ends has no bars after it. */
  readonly actions?: readonly CorporateAction[];
  /** Every fourth bar has no volume. */
  readonly halts?: boolean;
  /** Scores in the step, by what is held. */
  readonly inStep?: Signals['inStep'];
}

/** A target that depends on bar and position: halves and wholes, both sides, none at times. */
const seesPosition = (j: number, i: number, weight: number): number => {
  if ((i + j) % 17 === 0) return Number.NaN;
  const target = Math.sin((i + 3 * j) / 4);
  return Math.abs(weight) > 0.9 ? target / 2 : target;
};

const short = { enterLong: 1, exitLong: 0, enterShort: -1, exitShort: 0 };
const costs = {
  percent: 0.0005,
  perShare: 0.001,
  perOrder: 0.5,
  minimum: 1,
  maximumPercent: 0.05,
  fees: US_REGULATORY_FEES,
};
const CASES: readonly Case[] = [
  { name: 'long only, all in', strategy: () => ({}) },
  {
    name: 'long and short with reversals and costs',
    strategy: () => ({ thresholds: short }),
    venue: { allowShort: true, costs },
  },
  {
    name: 'stop, target and trailing stop; waits for a new signal',
    strategy: () => ({ thresholds: short, protection: { stopLoss: 0.01, takeProfit: 0.015, trailingStop: 0.012 } }),
    venue: { allowShort: true, costs: { ...NO_COSTS, percent: 0.001 } },
  },
  {
    name: 'entries at a limit, with protection',
    strategy: () => ({
      thresholds: short,
      entry: { type: 'limit', offset: 0.002 },
      protection: { stopLoss: 0.02, takeProfit: 0.02 },
    }),
    venue: { allowShort: true, costs },
  },
  {
    name: 'entries by a pair of which one cancels the other, with protection and restarts',
    strategy: () => ({
      thresholds: short,
      entry: {
        type: 'oco',
        orders: [
          { type: 'limit', offset: 0.002 },
          { type: 'stop', offset: 0.003 },
        ],
      },
      protection: { stopLoss: 0.02, takeProfit: 0.02 },
    }),
    venue: { allowShort: true, slippage: { kind: 'volume-share', limit: 0.01, impact: 0.1 } },
    restart: 6,
  },
  {
    name: 'entries in two parts, the first triggers the second; bars without a trade',
    strategy: () => ({
      thresholds: short,
      entry: { type: 'oto', share: 0.4, orders: [{ type: 'market' }, { type: 'limit', offset: 0.002 }] },
      protection: { stopLoss: 0.02, trailingStop: 0.03 },
    }),
    venue: { allowShort: true, costs },
    halts: true,
    restart: 6,
  },
  ...(['abdi-ranaldo', 0.003] as const).map(
    (spread): Case => ({
      name: `bid and ask by ${spread}, the square-root law of impact`,
      strategy: () => ({ thresholds: short, protection: { stopLoss: 0.01, takeProfit: 0.015 } }),
      venue: {
        allowShort: true,
        fill: quote.create(quote.settings.parse({ spread, window: 5 })),
        slippage: { kind: 'square-root', limit: 0.05, factor: 1 },
      },
      halts: spread === 0.003,
      restart: 12,
    }),
  ),
  { name: 'entries at a stop-limit', strategy: () => ({ entry: { type: 'stop_limit', offset: 0.001, limit: 0.004 } }) },
  {
    name: 'immediate re-entry and a time stop',
    strategy: () => ({ protection: { stopLoss: 0.008 }, reentry: 'immediate', timeStop: 5 }),
  },
  {
    name: 'partial fills by volume share',
    strategy: () => ({ thresholds: short, protection: { stopLoss: 0.01, takeProfit: 0.02 } }),
    venue: { allowShort: true, slippage: { kind: 'volume-share', limit: 0.01, impact: 0.1 } },
  },
  {
    name: 'reversals that take several bars, and signals that leave them half way',
    strategy: () => ({ thresholds: short }),
    venue: { allowShort: true, slippage: { kind: 'volume-share', limit: 0.00001, impact: 0.1 } },
    canceled: true,
    restart: 9,
  },
  {
    name: 'risk policies that cut, veto and halt',
    strategy: () => ({
      sizing: { kind: 'fraction', fraction: 0.7 },
      policies: [
        maxGross.create({ multiple: 0.9 }),
        dailyLoss.create({ fraction: 0.02 }),
        maxDrawdown.create({ fraction: 0.3 }),
      ],
    }),
    verdicts: ['max-gross'],
    restart: 3,
  },
  {
    name: 'limits that see entries at a limit, which rest',
    strategy: () => ({
      thresholds: short,
      entry: { type: 'limit', offset: 0.004 },
      sizing: { kind: 'fraction', fraction: 0.4 },
      policies: [maxGross.create({ multiple: 0.7 }), maxNet.create({ multiple: 0.5, of: 'strategy' })],
    }),
    venue: { allowShort: true, slippage: { kind: 'volume-share', limit: 0.01, impact: 0.1 } },
    verdicts: ['max-gross', 'max-net'],
    restart: 8,
  },
  {
    name: 'limits per order, net, rate and list',
    strategy: () => ({
      thresholds: short,
      sizing: { kind: 'fraction', fraction: 0.5 },
      policies: [
        maxOrder.create({ value: 3000 }),
        maxQuantity.create({ units: 25 }),
        maxNet.create({ multiple: 0.4, of: 'account' }),
        maxLeverage.create({ multiple: 0.5 }),
        maxOrders.create({ count: 2, seconds: 180 }),
        noTrade.create({ symbols: ['C'] }),
        priceCollar.create({ fraction: 0.01 }),
      ],
    }),
    venue: { allowShort: true, leverage: 2 },
    verdicts: ['max-order', 'max-quantity', 'max-net', 'max-orders', 'no-trade'],
    restart: 3,
  },
  {
    name: 'settled cash only',
    strategy: () => ({ sizing: { kind: 'fraction', fraction: 0.5 }, policies: [settledCash.create()] }),
    verdicts: ['settled-cash'],
    restart: 11,
  },
  {
    name: 'pattern day trader',
    strategy: () => ({
      thresholds: short,
      sizing: { kind: 'fraction', fraction: 0.3 },
      policies: [patternDayTrader.create({ trades: 9, equity: 25_000, sessions: 5, until: '2027-10-20' })],
    }),
    venue: { allowShort: true },
    verdicts: ['pattern-day-trader'],
    restart: 13,
  },
  {
    name: 'whole shares, leverage',
    strategy: () => ({ thresholds: short, sizing: { kind: 'equal', fraction: 2 } }),
    venue: { allowShort: true, leverage: 2 },
    fractional: false,
  },
  {
    name: 'restarted every few slots',
    strategy: () => ({
      thresholds: short,
      protection: { stopLoss: 0.01, trailingStop: 0.012 },
      policies: [dailyLoss.create({ fraction: 0.2 })],
    }),
    venue: { allowShort: true, slippage: { kind: 'volume-share', limit: 0.02, impact: 0.1 } },
    restart: 7,
  },
  {
    name: 'a model that sees its own position, with target positions, protection and restarts',
    strategy: () => ({ thresholds: short, rebalance: 0.1, protection: { stopLoss: 0.015, takeProfit: 0.02 } }),
    venue: { allowShort: true, costs },
    inStep: seesPosition,
    restart: 9,
  },
  {
    name: 'target positions, long only, whole shares, under risk',
    strategy: () => ({
      rebalance: 0.1,
      sizing: { kind: 'fraction', fraction: 0.5 },
      policies: [maxGross.create({ multiple: 0.8 }), dailyLoss.create({ fraction: 0.2 })],
    }),
    fractional: false,
    inStep: seesPosition,
  },
];

const on = { date: '2024-01-02' };
const protection = { stopLoss: 0.05, takeProfit: 0.06, trailingStop: 0.07 };
const WITH_ACTIONS: readonly Case[] = [
  ...[true, false].map(
    (fractional): Case => ({
      name: `a split in three and a dividend, ${fractional ? 'fractions' : 'whole shares'}`,
      strategy: () => ({ thresholds: short, protection, entry: { type: 'limit', offset: 0.001 } }),
      venue: { allowShort: true, costs },
      fractional,
      restart: 9,
      actions: [
        { type: 'split', instrument: 'A', ...on, ratio: 3 },
        { type: 'dividend', instrument: 'A', ...on, amount: 0.5 },
        { type: 'dividend', instrument: 'B', ...on, amount: 0.7 },
        { type: 'split', instrument: 'C', ...on, ratio: 0.3 },
      ],
    }),
  ),
  {
    name: 'interest and borrow fees over midnight, dated commissions, and margin calls',
    strategy: () => ({
      thresholds: short,
      sizing: { kind: 'equal', fraction: 3 },
      policies: [marginCall.create({ maintenance: 0.34 })],
    }),
    venue: {
      ...{ allowShort: true, leverage: 3 },
      costs: {
        ...costs,
        schedule: [
          { ...costs, from: '2020-01-01' },
          { ...costs, from: '2024-01-02', percent: 0 },
        ],
      },
      rates: [
        { kind: 'margin', symbol: '*', from: '2020-01-01', rate: 0.05 },
        { kind: 'borrow', symbol: '*', from: '2020-01-01', rate: 0.5 },
        { kind: 'borrow', symbol: 'A', from: '2020-01-01', rate: 0.9 },
      ],
    },
    restart: 10,
    actions: [],
  },
  {
    name: 'a rename and two delistings',
    strategy: () => ({ thresholds: short, protection: { stopLoss: 0.05, takeProfit: 0.06 } }),
    venue: { allowShort: true, costs },
    instruments: 5,
    restart: 8,
    actions: [
      { type: 'rename', instrument: 'A', ...on, becomes: 'D' },
      { type: 'delisting', instrument: 'B', ...on, amount: 3 },
      { type: 'delisting', instrument: 'C', ...on },
    ],
  },
];

const N = 100;

test.each([...CASES, ...WITH_ACTIONS])('both runners emit the same events: $name', async (c) => {
  const ends = new Set(
    (c.actions ?? []).filter((a) => 'becomes' in a || a.type === 'delisting').map((a) => a.instrument),
  );
  const series = ['A', 'B', 'C', 'D', 'E'].slice(0, c.instruments ?? 3).map((id, j) => {
    const candles = randomCandles(N, 11 + j).map((candle, i): TinyCandle => {
      return c.halts === true && i % 4 === 2 ? [candle[0], candle[1], candle[2], candle[3], 0] : candle;
    });
    const bars = tinyBars(candles, id, Date.UTC(2024, 0, 1, 22, 50));
    // B lacks every fifth bar: it must neither fill nor decide there. D is what A becomes.
    const keep = (_: number, i: number) =>
      (id !== 'B' || i % 5 !== 3) && (!ends.has(id) || i < 70) && (id !== 'D' || i >= 70);
    return {
      ...bars,
      ...Object.fromEntries(
        (['time', 'open', 'high', 'low', 'close', 'volume'] as const).map((f) => [f, bars[f].filter(keep)]),
      ),
    };
  });
  const feed = feedWith(c.actions ?? [], ...series);
  const random = seededRandom(5);
  // Signals that hold for a while, with missing ones in between.
  const scores = series.map(({ time }) => {
    let s = 0;
    return time.map(() => {
      if (random.next() < 0.15) s = Math.floor(random.next() * 3) - 1;
      return random.next() < 0.05 ? Number.NaN : s;
    });
  });
  const signals = { scores, measures: undefined, ...(c.inStep !== undefined && { inStep: c.inStep }) };
  const rounding = roundingOf(feed.instruments, c.fractional ?? true);
  const exchange = venue(c.venue);

  const expected = new EventLines();
  const result = runBacktest(feed, signals, {
    strategy: strategy(c.strategy()),
    venue: exchange,
    rounding,
    from: 20,
    to: feed.clock.length,
    closeAtEnd: false,
    events: expected,
  });

  const folder = mkdtempSync(join(tmpdir(), 'quantline-parity-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const actual = new EventLines();
  const market = new ManualClock(0);
  const start = async () => {
    const broker = await sim.create(
      { account: 'paper' },
      {
        clock: market,
        logger: silentLogger,
        secrets: {},
        live: false,
        stateDir: folder,
        instruments: feed.instruments,
        calendar: calendarOf('24/7'),
        exchange,
        fractional: c.fractional ?? true,
      },
    );
    const journal = await openJournal(join(folder, 'journal.sqlite'));
    const scope = { venue: broker.venue, account: 'paper', strategy: 'parity' };
    const source = new ReplaySource(feed, signals, 20, feed.clock.length, spreadsOf(feed, exchange.fill));
    const runner = new LiveRunner({
      execution: { journal, broker, scope, clock: systemClock, logger: silentLogger },
      source,
      instruments: feed.instruments,
      calendars: feed.instruments.map(() => calendarOf('24/7')),
      strategy: strategy(c.strategy()),
      rounding,
      fractional: c.fractional ?? true,
      report: 'r',
      events: actual,
    });
    await runner.catchUp(await runner.lastSlot(), (tick) => market.set(tick.time));
    const lease = (await journal.acquireLease(streamOf(scope), 'test', systemClock.now(), 600_000))!;
    return { broker, journal, source, runner, lease };
  };
  let live = await start();
  let equity = Number.NaN;
  let slots = 0;
  for (let time = Number.NEGATIVE_INFINITY; ; ) {
    const tick = await live.source.next(time);
    if (tick === undefined) break;
    market.set(tick.time);
    const outcome = await live.runner.tick(tick, live.lease);
    expect(outcome.decided).toBe(true);
    equity = outcome.equity;
    time = tick.time;
    if (c.restart !== undefined && ++slots % c.restart === 0) {
      await live.journal.releaseLease(live.lease);
      await live.journal.close();
      await live.broker.close();
      live = await start();
    }
  }
  await live.journal.close();
  await live.broker.close();
  expect(expected.lines.filter((line) => line.includes('"fill"')).length).toBeGreaterThan(3);
  expect(expected.lines.filter((line) => line.includes('"type":"action"'))).toHaveLength(c.actions?.length ?? 0);
  if (c.canceled)
    expect(expected.lines.filter((line) => line.includes('"status":"canceled"')).length).toBeGreaterThan(3);
  // Something was held when they came.
  expect(result.flows.known.length > 0).toBe(c.actions !== undefined);
  for (const name of c.verdicts ?? []) expect(expected.lines.join('\n')).toContain(`"policy":"${name}"`);
  expect(actual.lines.join('\n')).toBe(expected.lines.join('\n'));
  expect(equity).toBe(result.finalEquity);
});
