import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BarColumns } from '../../../src/core/domain/bars.js';
import { defaultInstrument } from '../../../src/core/domain/instrument.js';
import { seededRandom } from '../../../src/core/domain/random.js';
import { type BacktestResult, runBacktest } from '../../../src/core/engine/backtest.js';
import { EventLines } from '../../../src/core/engine/events.js';
import { type MarketFeed, spreadsOf } from '../../../src/core/engine/feed.js';
import type { Strategy } from '../../../src/core/engine/strategy.js';
import * as nextOpen from '../../../src/core/market/fills/next-open.js';
import * as quote from '../../../src/core/market/fills/quote.js';
import { type ExchangeSettings, NO_COSTS, type Rounding } from '../../../src/core/market/index.js';
import { roundingOf } from '../../../src/core/market/rounding.js';
import type { RiskPolicy } from '../../../src/core/risk/index.js';
import * as dailyLoss from '../../../src/core/risk/policies/daily-loss.js';
import * as maxDrawdown from '../../../src/core/risk/policies/max-drawdown.js';
import { exact, feedOf, randomCandles, strategy, tinyBars, venue } from '../../support/market.js';

const fraction = fc.double({ min: 0.002, max: 0.08, noNaN: true });
const maybe = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined });
/** Leaves out what is undefined: settings are absent or have a value. */
const present = <T extends object>(record: T) =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

const cases = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  instruments: fc.constantFrom(1, 1, 3),
  gaps: fc.boolean(),
  halts: fc.boolean(),
  protection: maybe(
    fc.record({ stopLoss: maybe(fraction), takeProfit: maybe(fraction), trailingStop: maybe(fraction) }),
  ),
  timeStop: fc.constantFrom(Number.POSITIVE_INFINITY, 1, 6, 25),
  reentry: fc.constantFrom('new-signal' as const, 'immediate' as const),
  short: fc.boolean(),
  entry: fc.constantFrom<Strategy['entry']>(
    { type: 'market' },
    { type: 'limit', offset: 0.003 },
    { type: 'stop', offset: 0.003 },
    { type: 'stop_limit', offset: 0.003, limit: 0.002 },
    {
      type: 'oco',
      orders: [
        { type: 'limit', offset: 0.002 },
        { type: 'stop', offset: 0.004 },
      ],
    },
    { type: 'oto', share: 0.4, orders: [{ type: 'market' }, { type: 'limit', offset: 0.003 }] },
  ),
  drawdown: maybe(fc.double({ min: 0.02, max: 0.4, noNaN: true })),
  daily: maybe(fc.double({ min: 0.005, max: 0.1, noNaN: true })),
  slippage: fc.constantFrom<ExchangeSettings['slippage']>(
    { kind: 'fixed', fraction: 0.0005 },
    { kind: 'volume-share', limit: 0.02, impact: 0.1 },
    { kind: 'square-root', limit: 0.02, factor: 1 },
  ),
  fill: fc.constantFrom(
    nextOpen.create({}),
    nextOpen.create({ limits: 'touch', first: 'stop' }),
    quote.create(quote.settings.parse({ spread: 0.004 })),
    quote.create(quote.settings.parse({ window: 5, limits: 'touch' })),
  ),
  leverage: fc.constantFrom(1, 3),
  lot: fc.constantFrom(0, 1e-9, 1),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

const N = 400;

/** A coarse tick, so that bars often touch a price exactly without trading through it. */
const tick = (price: number) => Math.round(price * 5) / 5;

/** Without lots every quantity is one, as it came out of a division. */
const roundingBy = (lot: number): Rounding => ({
  ...(lot === 0
    ? exact
    : roundingOf(
        [0, 1, 2].map((j) => defaultInstrument(`I${j}`, '24/7', { lot })),
        false,
      )),
  price: (_, p) => tick(p),
});

/** Quarter-hourly bars, so that a run has several sessions; calm enough for quiet stretches between the events. */
function market({ seed, instruments, gaps, halts }: Case): BarColumns[] {
  return Array.from({ length: instruments }, (_, j) => {
    const calm = randomCandles(N, seed + j).map(
      ([o, h, l, c, v], i) => [tick(o), tick(h), tick(l), tick(c), halts && i % 3 === 1 ? 0 : v!] as const,
    );
    const bars = tinyBars(calm, `I${j}`);
    const keep = (_: number, i: number) => !(gaps && (i + j) % 7 === 3);
    return {
      ...bars,
      time: bars.time.map((t) => bars.time[0]! + (t - bars.time[0]!) * 15).filter(keep),
      ...Object.fromEntries(
        (['open', 'high', 'low', 'close', 'volume'] as const).map((f) => [f, bars[f].filter(keep)]),
      ),
    };
  });
}

/** `changed`: from that tick on a strategy of the same settings takes over what the first one holds. */
function run(c: Case, quiet: boolean, changed?: number) {
  const bars = market(c);
  const random = seededRandom(c.seed);
  const scores = bars.map(({ time }) => {
    let s = 0;
    return time.map(() => {
      if (random.next() < 0.04) s = Math.floor(random.next() * 3) - 1;
      return random.next() < 0.02 ? Number.NaN : s;
    });
  });
  const policies = (): RiskPolicy[] => [
    ...(c.drawdown === undefined ? [] : [maxDrawdown.create({ fraction: c.drawdown })]),
    ...(c.daily === undefined ? [] : [dailyLoss.create({ fraction: c.daily })]),
  ];
  let ticks = 0;
  const everyTick: RiskPolicy = {
    name: 'every-tick',
    halts: () => {
      ticks++;
      return false;
    },
    ...(quiet && { floor: () => 0 }),
  };
  const limits = { enterLong: 1, exitLong: 0, enterShort: c.short ? -1 : Number.NEGATIVE_INFINITY, exitShort: 0 };
  const made = () =>
    strategy({
      thresholds: limits,
      entry: c.entry!,
      protection: c.protection && present(c.protection),
      timeStop: c.timeStop,
      reentry: c.reentry,
      policies: [...policies(), everyTick],
    });
  const signals = { scores, measures: undefined };
  const events = new EventLines();
  const feed = feedOf(...bars);
  const result = runBacktest(feed, signals, {
    strategy: made(),
    ...(changed !== undefined && { changes: [{ from: changed, strategy: made(), signals }] }),
    venue: venue({
      allowShort: c.short,
      leverage: c.leverage,
      slippage: c.slippage,
      fill: c.fill,
      costs: { ...NO_COSTS, perShare: 0.001 },
    }),
    rounding: roundingBy(c.lot),
    from: 10,
    to: feed.clock.length,
    closeAtEnd: false,
    events,
  });
  const { equity, ...rest } = result;
  checkFills(c, feed, result);
  return { ticks, outcome: { ...rest, equity: Array.from(equity.equity), events: events.lines } };
}

/** Every fill has volume, a price that its bar and the frictions allow, and crosses no zero; cash and units make equity. */
function checkFills(c: Case, feed: MarketFeed, { fills, finalEquity }: BacktestResult): void {
  const spreads = spreadsOf(feed, c.fill);
  const impossible: object[] = [];
  let cash = 10_000;
  const units = feed.bars.map(() => 0);
  for (let f = 0; f < fills.price.length; f++) {
    const j = fills.instrument[f]!;
    const side = fills.side[f]!;
    const price = fills.price[f]!;
    const quantity = fills.quantity[f]!;
    const bars = feed.bars[j]!;
    const i = bars.time.indexOf(fills.time[f]!);
    const volume = bars.volume[i]!;
    const share = quantity / volume;
    // What a taker pays beyond the bar: half of the spread, then slippage by its formula.
    const slipped = {
      ...{ fixed: 0.0005, 'entry-spread': 0, 'volume-share': 0.1 * share * share },
      'square-root': (Math.log(bars.high[i]! / bars.low[i]!) / Math.sqrt(4 * Math.LN2)) * Math.sqrt(share),
    }[c.slippage.kind];
    const worst = (side > 0 ? bars.high[i]! : bars.low[i]!) * (1 + (side * (spreads?.[j]?.[i] ?? 0)) / 2);
    const best = side > 0 ? bars.low[i]! : bars.high[i]!;
    const possible =
      volume > 0 &&
      (c.slippage.kind === 'fixed' || share <= 0.02 + 1e-9) &&
      side * price <= side * worst * (1 + side * slipped) + 1e-9 &&
      side * price >= side * best - 1e-9;
    if (!possible) impossible.push({ price, share, volume, best, worst, slipped });
    cash -= side * price * quantity + fills.costs[f]!;
    const before = units[j]!;
    const after = before + side * quantity;
    units[j] = Math.abs(after) < 1e-9 ? 0 : after;
    if (before * units[j]! < 0) impossible.push({ crosses: before, after });
  }
  const worth = units.reduce((sum, held, j) => sum + held * feed.bars[j]!.close.at(-1)!, cash);
  expect(impossible).toEqual([]);
  expect(worth).toBeCloseTo(finalEquity, 6);
}

test('a strategy that takes over another’s positions passes over quiet ticks like the first, with the same outcome', () => {
  let [visited, unchanged] = [0, 0];
  fc.assert(
    fc.property(cases, (c) => {
      const quick = run(c, true, 200);
      const slow = run(c, false, 200);
      expect(quick.outcome).toEqual(slow.outcome);
      visited += quick.ticks;
      unchanged += run(c, true).ticks;
    }),
    { numRuns: 50 },
  );
  expect(visited).toBeLessThan(1.04 * unchanged);
});

test('under every model: passing over quiet ticks changes nothing, fills are possible, money is conserved', () => {
  let visited = 0;
  let all = 0;
  fc.assert(
    fc.property(cases, (c) => {
      const quick = run(c, true);
      const slow = run(c, false);
      expect(quick.outcome).toEqual(slow.outcome);
      visited += quick.ticks;
      all += slow.ticks;
    }),
    { numRuns: 150 },
  );
  // The test is worth something only if there was something to pass over.
  expect(visited).toBeLessThan(0.8 * all);
  expect(visited).toBeGreaterThan(0.05 * all);
});
