import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultInstrument } from '../../../../src/core/domain/instrument.js';
import { AccountRisk } from '../../../../src/core/engine/live/account-risk.js';
import type { ReconcileResult } from '../../../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import { RiskDesk, type RiskPolicy } from '../../../../src/core/risk/index.js';
import * as maxLeverage from '../../../../src/core/risk/policies/max-leverage.js';
import * as maxOrders from '../../../../src/core/risk/policies/max-orders.js';
import * as patternDayTrader from '../../../../src/core/risk/policies/pattern-day-trader.js';
import { type ExecutionRecord, type Journal, openJournal, streamOf } from '../../../../src/core/state/index.js';
import { FakeVenue } from '../../execution/fakeVenue.js';
import { entry, fill, request, SCOPE, T0, temporaryFolder } from '../../state/helpers.js';

/** Monday 5 January 2026, ten in the morning in New York. */
const HOUR = 3_600_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let journal: Journal;
let risk: AccountRisk;
beforeEach(async () => {
  folder = await temporaryFolder();
  journal = await openJournal(join(folder.path, 'journal.sqlite'));
  const clock = new ManualClock(T0);
  const context = { journal, broker: new FakeVenue(clock), scope: SCOPE, clock, logger: silentLogger };
  risk = new AccountRisk(context, [defaultInstrument('SPY', 'XNYS')]);
});
afterEach(async () => {
  await journal.close();
  await folder.remove();
});

const nothing = {
  ...{ positions: [], externalOrders: [], listed: [], listedAt: T0 },
  account: {},
} as unknown as ReconcileResult;
async function deskWith(policy: RiskPolicy, time = T0, state = nothing): Promise<RiskDesk> {
  const desk = new RiskDesk([policy], 10_000);
  await risk.refresh(desk, state, new Float64Array(1), { SPY: 100 }, time);
  return desk;
}
async function order(strategy: string, slot: number, intent = entry(), now = slot): Promise<string> {
  const scope = { ...SCOPE, strategy };
  const lease = (await journal.acquireLease(streamOf(scope), 'me', now, 600_000, () => true))!;
  const decision = { slot, report: 'r', time: now, body: null };
  const known = await journal.decision(scope, slot);
  const { orders } =
    known === undefined
      ? await journal.recordDecision(scope, lease, decision, [intent])
      : { orders: await journal.recordIntents(scope, lease, slot, [intent], now) };
  return orders[0]!.clientOrderId;
}

test('day trades of the account: fills that come late, are taken back or corrected are counted as they are then', async () => {
  const count = async () => {
    const desk = await deskWith(patternDayTrader.create(patternDayTrader.settings.parse({})), T0 + 3 * HOUR);
    return desk.state.activity!.dayTrades(T0 + 3 * HOUR, 5);
  };
  const book = (id: string, execution: string, more: Partial<ExecutionRecord>) =>
    journal.recordExecutions([fill(id, execution, '10', '100', more)], T0);
  const id = await order('swing', T0);
  const other = await order('other', T0, entry({ instrument: 'QQQ' }));
  await book(id, 'sold', { side: 'sell', time: T0 + HOUR });
  expect(await count()).toBe(0);
  // The purchase before it is booked after it.
  await book(id, 'bought', { time: T0 });
  expect(await count()).toBe(1);
  await book(other, 'o1', { instrument: 'QQQ', time: T0 + HOUR });
  await book(other, 'o2', { instrument: 'QQQ', side: 'sell', time: T0 + 2 * HOUR });
  expect(await count()).toBe(2);
  await book(id, 'b', { kind: 'bust', refersTo: 'bought', time: T0 + 2 * HOUR });
  expect(await count()).toBe(1);
  await book(id, 'c', { kind: 'correction', refersTo: 'sold', time: T0 + HOUR, side: 'sell', quantity: '9' });
  await book(id, 'back', { time: T0 + 2.5 * HOUR, quantity: '9' });
  expect(await count()).toBe(2);
});

test('day trades by hand: the larger count of ours and the venue is taken', async () => {
  const policy = patternDayTrader.create(patternDayTrader.settings.parse({}));
  const desk = await deskWith(policy, T0 + 3 * HOUR, { ...nothing, account: { dayTrades: 3 } } as ReconcileResult);
  expect(desk.state.venueDayTrades).toBe(3);
  const proposal = { instrument: 'SPY', weight: 0.5, close: 1, price: 1, last: 1 };
  const allowed = (venueDayTrades: number) =>
    policy.review!(proposal, { ...desk.state, equity: 10_000, time: T0 + 3 * HOUR, venueDayTrades });
  expect([0, 2, 3, 4].map(allowed)).toEqual([0.5, 0.5, 0, 0]);
  expect(policy.review!(proposal, { ...desk.state, equity: 25_000, venueDayTrades: 9 })).toBe(0.5);
});

test('orders of the last minute: of all strategies of the account, planned ones by their slot, and no protection', async () => {
  const minute = 60_000;
  const signal = { purpose: 'signal' };
  await order('swing', T0 - minute, entry(signal), T0 - minute + 500);
  expect(await left(T0)).toBe(2);
  await order('swing', T0 - minute + 1, entry(signal), T0);
  expect(await left(T0)).toBe(1);
  // An exit that nobody has planned belongs to an older slot, and is of now.
  const exit = { leg: 'exit' as const, request: request({ side: 'sell', purpose: 'unprotected' }) };
  await order('swing', T0 - minute + 1, { ...exit, leg: 'stop' }, T0 - 1);
  expect(await left(T0)).toBe(1);
  await order('other', T0 - 10 * minute, entry({ instrument: 'QQQ', ...signal }));
  expect(await left(T0)).toBe(1);
  const sale = { ...exit, request: { ...exit.request, instrument: 'QQQ' } };
  const sold = await order('other', T0 - 10 * minute, sale, T0 - 1);
  expect(await left(T0)).toBe(0);
  // What was given up unsent is no order.
  await journal.recordReports([{ clientOrderId: sold, status: 'expired' }], T0);
  expect(await left(T0)).toBe(1);

  async function left(time: number): Promise<number> {
    const desk = await deskWith(maxOrders.create({ count: 2, seconds: 60 }), time);
    desk.begin(time, 10_000);
    let allowed = 0;
    for (; desk.review('SPY', 1, 100, 100, 100) !== 0; allowed++) desk.state.orders++;
    return allowed;
  }
});

test('prices of what others ordered: the venue’s, what that strategy saw last, what was paid, or none', async () => {
  const policy = maxLeverage.create({ multiple: 9 });
  const gross = async (positions: readonly Partial<ReconcileResult['positions'][number]>[] = []) =>
    (await deskWith(policy, T0, { ...nothing, positions } as ReconcileResult)).state.others.gross;
  const memory = { equity: 1, peak: 1, session: 1, sessionStart: 1, halted: false, lockouts: {}, closes: { GLD: 50 } };
  const scope = { ...SCOPE, strategy: 'other' };
  const lease = (await journal.acquireLease(streamOf(scope), 'x', T0, 600_000))!;
  const decision = { slot: T0, report: 'r', time: T0, body: { memory } };
  await journal.recordDecision(scope, lease, decision, [entry({ instrument: 'GLD' })]);
  expect(await gross()).toBe(500);
  const held = { instrument: 'GLD', quantity: '1', averagePrice: '40' };
  expect(await gross([{ ...held, marketPrice: '60' }])).toBe(660);
  expect(await gross([{ ...held, marketPrice: undefined }])).toBe(550);
  const unknown = { instrument: 'XYZ', quantity: '1', marketPrice: undefined };
  expect(await gross([{ ...unknown, averagePrice: '7' }])).toBe(507);
  expect(await gross([{ ...unknown, averagePrice: undefined }])).toBeNaN();
});
