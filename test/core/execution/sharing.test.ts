import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultInstrument } from '../../../src/core/domain/instrument.js';
import {
  commitDecision,
  commitIntents,
  type ExecutionContext,
  keepPairs,
  ProtectionKeeper,
  reconcile,
  submitOrders,
} from '../../../src/core/execution/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { type Journal, type Lease, type NewIntent, streamOf } from '../../../src/core/state/index.js';
import { entry, failure, request, SCOPE, T0 } from '../state/helpers.js';
import type { FakeVenue } from './fakeVenue.js';
import { openExecution } from './open.js';

/** Orders and positions beside each other: of strategies in one account, and exits beside what they protect. */
let clock: ManualClock;
let venue: FakeVenue;
let journal: Journal;
let lease: Lease;
let context: ExecutionContext;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ clock, venue, journal, lease, context, close } = await openExecution());
});
afterEach(() => close());

const decide = async (of: ExecutionContext, held: Lease, intents: readonly NewIntent[], slot = T0) =>
  (await commitDecision(of, held, { slot, report: 'r', time: clock.now(), body: null }, intents)).orders;
const enter = async (more: Parameters<typeof entry>[0] = {}) =>
  (await submitOrders(context, lease, await decide(context, lease, [entry(more)])))[0]!;
const filled = async (more: Parameters<typeof entry>[0] = {}) => {
  const order = await enter(more);
  const trade = venue.fill(venue.find(order.clientOrderId)!, '10')!;
  await reconcile(context);
  return trade;
};

describe('strategies in one account', () => {
  let other: ExecutionContext;
  let theirs: Lease;
  beforeEach(async () => {
    other = { ...context, scope: { ...SCOPE, strategy: 'trend' } };
    theirs = (await journal.acquireLease(streamOf(other.scope), 'they', T0, 3_600_000))!;
  });

  test('a fill of another strategy that it has not booked yet halts nobody else; its own loss does', async () => {
    await filled();
    const exit: NewIntent = { leg: 'exit', request: request({ side: 'sell', opens: false }) };
    await submitOrders(context, lease, await decide(context, lease, [exit], T0 + 1));
    venue.fill(venue.open()[0]!, '10');
    expect((await reconcile(other)).differences).toEqual([]);
    await reconcile(context);
    await submitOrders(other, theirs, await decide(other, theirs, [entry({ instrument: 'QQQ' })]));
    venue.fill(venue.open()[0]!, '10');
    await reconcile(other);
    // A person sells what it holds: it halts, and the first goes on.
    venue.external.set('QQQ', '-10');
    expect((await failure(reconcile(other))).code).toBe('HALTED');
    expect((await reconcile(context)).differences).toEqual([]);
  });

  test('what another strategy holds is left out of a decision, and the rest is ordered', async () => {
    await filled();
    const orders = await decide(other, theirs, [entry(), entry({ instrument: 'QQQ' })]);
    expect(orders.map(({ instrument }) => instrument)).toEqual(['QQQ']);
    expect(await journal.decision(other.scope, T0)).toBeDefined();
  });
});

describe('exits', () => {
  const keeper = (protection: { stopLoss?: number; takeProfit?: number }, high: number) =>
    new ProtectionKeeper(
      context,
      [defaultInstrument('SPY', 'XNYS')],
      { protection, emergency: 'exit' },
      { best: () => Number.NaN, last: () => ({ high, low: 100 }) },
    );
  const resting = () => venue.open().map(({ request: { side, type, quantity } }) => `${side} ${type} ${quantity}`);

  test('an exit that has outlived its position is cancelled: the fill was taken back', async () => {
    const trade = await filled();
    await keeper({ stopLoss: 0.1 }, 101).keep(lease);
    expect(resting()).toEqual(['sell stop 10']);
    venue.bust(trade);
    await reconcile(context);
    expect(await keeper({ stopLoss: 0.1 }, 101).keep(lease)).toEqual([]);
    expect(venue.open()).toMatchObject([{ status: 'pending_cancel' }]);
  });

  test('a target that is watched is taken although the venue is slow to cancel the stop', async () => {
    await filled();
    const both = { stopLoss: 0.1, takeProfit: 0.2 };
    await keeper(both, 101).keep(lease);
    // Reached: the stop is taken down, which takes the venue longer than anybody waits; it is not armed again.
    await keeper(both, 125).keep(lease);
    venue.finishCancels();
    await reconcile(context);
    await keeper(both, 125).keep(lease);
    expect(resting()).toEqual(['sell market 10']);
  });
});

test('what an entry was to trigger goes with it: the venue has left it behind', async () => {
  venue.capabilities = { ...venue.capabilities, pairedEntries: 'two-orders' };
  const terms = { type: 'limit', limitPrice: '90' } as const;
  await enter({ type: 'limit', limitPrice: '95', quantity: '4', triggers: { first: 0.4, terms, quantity: '6' } });
  await reconcile(context);
  expect(venue.open()).toHaveLength(2);
  // A person cancels the first in the venue's own screen.
  venue.open()[0]!.status = 'canceled';
  await reconcile(context);
  await keepPairs(context);
  expect(venue.open()).toMatchObject([{ status: 'pending_cancel' }]);
});

test('a figure from before an execution was taken back is no difference while the venue does not show the order', async () => {
  const { clientOrderId } = await enter();
  const order = venue.find(clientOrderId)!;
  const trade = venue.fill(order, '4')!;
  await reconcile(context);
  expect(await journal.order(clientOrderId)).toMatchObject({ reportedQuantity: '4', filledQuantity: '4' });
  venue.bust(trade);
  order.visibleFrom = clock.now() + 30_000;
  expect((await reconcile(context)).differences).toEqual([]);
});

test('an entry from before a split that is booked after it is owned in new units, stop and all', async () => {
  await enter();
  venue.fill(venue.open()[0]!, '10');
  clock.set(T0 + 1_800_000);
  venue.act({ instrument: 'SPY', ratio: '4' }, false);
  const split = { instrument: 'SPY', date: '2026-01-06', type: 'split' as const, value: '4', from: T0 + 1000 };
  // Only what is owned is asked about: nothing is, before the fill is booked.
  const actions = async () => ((await journal.positions(SCOPE)).length === 0 ? [] : [split]);
  const { external, differences } = await reconcile(context, { actions });
  expect([external, differences]).toEqual([[], []]);
  expect(await journal.positions(SCOPE)).toMatchObject([{ quantity: '40', averagePrice: '25' }]);
  // An exit of before it that shows up late counts in old units too.
  const [stop] = await commitIntents(context, lease, T0, [
    { leg: 'stop', request: request({ side: 'sell', type: 'stop', stopPrice: '90' }) },
  ]);
  const late = { executionId: 'late', clientOrderId: stop!.clientOrderId, instrument: 'SPY', side: 'sell' } as const;
  // Read together with one of after it, or alone: the journal, verified below, comes to the same.
  const fills = [
    { ...late, quantity: '3', price: '90', time: T0 + 500, kind: 'fill' },
    { ...late, executionId: 'after', quantity: '1', price: '30', time: T0 + 2000, kind: 'fill' },
  ] as const;
  await journal.recordExecutions(fills.slice(0, 1), clock.now());
  await journal.recordExecutions(fills.slice(1), clock.now() + 1);
  expect(await journal.position(SCOPE, 'SPY')).toMatchObject({ quantity: '27', realised: '-25' });
});
