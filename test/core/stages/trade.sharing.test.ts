import { cpSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { flatten } from '../../../src/core/stages/flatten.js';
import { dailyBars, MONDAY, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

/** Two strategies in one account of $100,000: `swing` trades AAPL, `other` MSFT, both with all of the money. */
const FRIDAY = '2026-11-27';
const closes = walk(60);
const SNAPSHOTS = 'GET /v2/stocks/snapshots';

const bars = (last: string) => dailyBars(closes, MONDAY).filter(({ t }) => t.slice(0, 10) <= last);
const start = (symbol: string) =>
  VenueRig.start({
    symbols: [symbol],
    bars: () => bars('2026-11-25'),
    now: session('2026-11-25').close + 3_600_000,
  });

let rig: VenueRig;
let second: VenueRig;
beforeAll(async () => {
  second = await start('MSFT');
});
afterAll(() => second.close());
beforeEach(async () => {
  rig = await start('AAPL');
  const { book, market, assets } = rig.venue;
  assets.set('MSFT', {});
  for (const symbol of ['AAPL', 'MSFT']) market.set('1Day', symbol, bars(FRIDAY));
  book.prices.set('MSFT', book.prices.get('AAPL')!);
  cpSync(second.runtime.workspace, rig.runtime.workspace, { recursive: true });
  rig.clock.set(session(FRIDAY).close + 5000);
});
afterEach(() => rig.close());

const swing = (risk?: string) => rig.once({ ...(risk !== undefined && { risk }) });
const other = (risk: string) => rig.once({ report: second.report.id, strategy: 'other', risk });
/** Money that was ordered, by symbol: what is left of an amount, or units at their limit or the last price. */
const ordered = (symbol: string) =>
  rig.venue.book.accepted
    .filter((order) => order.symbol === symbol)
    .reduce(
      (sum, { notional, qty, limit_price }) =>
        sum + Number(notional ?? Number(qty) * Number(limit_price ?? rig.venue.book.prices.get(symbol))),
      0,
    );

test('each owns what it bought, and limits of the account see both', async () => {
  await swing();
  const { book } = rig.venue;
  // Its fill is not booked yet: the venue lists the order no more, and holds what it bought.
  rig.clock.set(session(FRIDAY).close + 20_000);
  // The first holds about all of the account's money: half as much again is left of one and a half.
  await other('max-leverage(1.5)');
  const [first, second] = book.fills.map(({ order, qty, price }) => ({
    of: order.symbol,
    money: Number(qty) * Number(price),
  }));
  expect([first!.of, second!.of]).toEqual(['AAPL', 'MSFT']);
  expect(second!.money).toBeGreaterThan(0.97 * (150_000 - first!.money));
  expect(second!.money).toBeLessThanOrEqual(150_000 - first!.money + 1000);
  rig.clock.set(session(MONDAY).open + 3_600_000);
  await other('max-leverage(1.5)');
  await swing();
  const owned = await rig.journal((journal) => journal.positions({ venue: 'alpaca-paper', account: 'PA3FAKE00001' }));
  expect(owned.map(({ strategy, instrument }) => [strategy, instrument]).sort()).toEqual([
    ['other', 'MSFT'],
    ['swing', 'AAPL'],
  ]);
  const closed = await flatten(optionsOf('flatten', { strategy: 'other', broker: 'alpaca' }), rig.runtime);
  expect(closed.rows).toMatchObject([{ strategy: 'other', outcome: 'flat' }]);
  expect([...book.positions].map(([symbol, { qty }]) => [symbol, qty > 0])).toContainEqual(['AAPL', true]);
  expect(book.positions.get('MSFT')?.qty ?? 0).toBe(0);
  await rig.oracle();
});

describe('orders that have not filled count', () => {
  beforeEach(() => {
    rig.venue.book.rules.fillMarket = false;
  });

  test.each([
    ['max-leverage(1.4)', 'max-leverage', 40_000],
    ['max-net(1.4,account)', 'max-net', 40_000],
    ['max-orders(1)', 'max-orders', 0],
  ])('those of another strategy, by %s', async (risk, policy, left) => {
    await swing('max-order($100000)');
    expect(ordered('AAPL')).toBeGreaterThan(99_000);
    await other(risk);
    expect(Math.abs(ordered('MSFT') - (left === 0 ? 0 : 140_000 - ordered('AAPL')))).toBeLessThan(200);
    const scope = { venue: 'alpaca-paper', account: 'PA3FAKE00001', strategy: 'other' };
    const decision = await rig.journal((journal) => journal.lastDecision(scope));
    expect(decision?.body).toMatchObject({ verdicts: [{ policy }] });
  });

  test('those of people, at their limit; exits that hang on them do not', async () => {
    const bracket = { order_class: 'bracket', take_profit: { limit_price: '120' }, stop_loss: { stop_price: '80' } };
    const bought = { symbol: 'MSFT', side: 'buy', qty: '500', type: 'limit', limit_price: '90', time_in_force: 'gtc' };
    rig.venue.book.place({ ...bought, ...bracket });
    await swing('max-leverage(1)');
    expect(ordered('AAPL')).toBeGreaterThan(54_000);
    expect(ordered('AAPL')).toBeLessThanOrEqual(55_000);
  });

  test('two that decide at one moment: the second to record decides again', async () => {
    let meanwhile: Promise<unknown> | undefined;
    // The first has looked at the account and asks for the last trade, when the second decides and orders.
    rig.venue.arm(SNAPSHOTS, ({ process, send }) => {
      meanwhile = other('max-leverage(1)').then(() => send(process()));
    });
    await swing('max-leverage(1.3),price-collar(50%)');
    await meanwhile;
    expect(rig.said.join('\n')).toContain('decided again');
    expect(ordered('MSFT')).toBeGreaterThan(99_000);
    expect(Math.abs(ordered('AAPL') + ordered('MSFT') - 130_000)).toBeLessThan(200);
    await rig.oracle();
  });

  test('two starts at once', async () => {
    await Promise.all([swing('max-leverage(1)'), other('max-leverage(1)')]);
    expect(ordered('AAPL') + ordered('MSFT')).toBeLessThanOrEqual(100_000);
    expect(ordered('AAPL') + ordered('MSFT')).toBeGreaterThan(99_000);
    await rig.oracle();
  });
});

describe('price-collar', () => {
  test.each([
    ['near the last trade', 101, 1],
    ['far from it', 120, 0],
    ['without one', 0, 0],
  ])('%s', async (_, last, orders) => {
    const { book } = rig.venue;
    const close = dailyBars(closes, MONDAY).at(-2)!.c;
    if (last > 0) book.prices.set('AAPL', (close * last) / 100);
    else rig.venue.arm(SNAPSHOTS, ({ send }) => send({ status: 200, body: {} }));
    await swing('price-collar(5%)');
    expect(book.accepted).toHaveLength(orders);
  });
});
