import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  acceptVenue,
  commitDecision,
  planAcceptance,
  reconcile,
  submitOrders,
} from '../../../src/core/execution/index.js';
import { streamOf } from '../../../src/core/state/index.js';
import { entry, failure, SCOPE, T0 } from '../state/helpers.js';
import { openExecution } from './open.js';

/** Taking over what the venue holds after a difference that stays: ten of SPY at 100 are owned. */
let rig: Awaited<ReturnType<typeof openExecution>>;
const TREND = { ...SCOPE, strategy: 'trend' };

const buy = async (scope = SCOPE, slot = T0, instrument = 'SPY', fills = true) => {
  const { journal, venue, clock } = rig;
  const context = { ...rig.context, scope };
  const lease =
    scope === SCOPE ? rig.lease : (await journal.acquireLease(streamOf(scope), 'they', clock.now(), 3_600_000))!;
  const decision = { slot, report: 'r', time: clock.now(), body: null };
  const { orders } = await commitDecision(context, lease, decision, [entry({ instrument })]);
  const [sent] = await submitOrders(context, lease, orders);
  if (fills) venue.fill(venue.find(sent!.clientOrderId)!, '10');
  await reconcile(context);
  return sent!;
};
const accept = async () => {
  const plan = await planAcceptance(rig.context);
  await acceptVenue(rig.context, plan, 'by hand');
  return plan;
};
const code = async () => (await failure(reconcile(rig.context))).code;

beforeEach(async () => {
  rig = await openExecution();
  await buy();
});
afterEach(async () => {
  await rig.journal.verify();
  await rig.close();
});

test.each([
  ['-3', '7'],
  ['-10', '0'],
  ['-14', '0'],
])('%s at the venue by hand: %s are left, nothing is realised and nothing is sent', async (moved, left) => {
  const { venue, journal, context } = rig;
  const before = (await journal.position(SCOPE, 'SPY'))!.realised;
  venue.external.set('SPY', moved);
  expect(await code()).toBe('HALTED');
  const [sent, asked] = [venue.accepted.length, await planAcceptance(context)];
  expect((await journal.position(SCOPE, 'SPY'))!.quantity).toBe('10');
  expect(asked.disposals).toMatchObject([{ instrument: 'SPY', before: '10', units: left, owned: '10' }]);
  const { disposals } = await accept();
  expect(await journal.position(SCOPE, 'SPY')).toMatchObject({ quantity: left, realised: before });
  expect((await reconcile(context)).differences).toEqual([]);
  const [event] = await journal.events({ scope: SCOPE, types: ['corporate-action'] });
  const { held } = disposals[0]!;
  expect(event!.body).toMatchObject({ type: 'disposal', units: left, reason: 'by hand', owned: '10', held });
  expect(venue.accepted).toHaveLength(sent);
  // Once is enough.
  expect((await accept()).differences).toEqual([]);
});

test('what other strategies own of it stays theirs, and of other instruments too', async () => {
  const { venue, journal } = rig;
  await buy(TREND, T0 + 60_000, 'QQQ');
  venue.external.set('SPY', '-4');
  await accept();
  expect(await journal.positions(TREND)).toMatchObject([{ instrument: 'QQQ', quantity: '10' }]);
  expect(await journal.position(SCOPE, 'SPY')).toMatchObject({ quantity: '6' });
});

test('an order of the strategy that the venue does not know any more ends as one that was given up', async () => {
  const { venue, journal, clock, context } = rig;
  const order = await buy(SCOPE, T0 + 60_000, 'GLD', false);
  venue.orders.delete(venue.open()[0]!.venueOrderId);
  clock.set(clock.now() + 600_000);
  expect(await code()).toBe('HALTED');
  expect((await accept()).lost).toEqual([order.clientOrderId]);
  expect(await journal.order(order.clientOrderId)).toMatchObject({ status: 'expired' });
  expect((await reconcile(context)).differences).toEqual([]);
});

test('a venue that does not answer is not taken for an empty one', async () => {
  const { venue, journal } = rig;
  venue.external.set('SPY', '-10');
  venue.fault = (operation) => (operation === 'positions' ? 'fail' : undefined);
  expect((await failure(accept())).code).toBe('UNAVAILABLE');
  expect((await journal.position(SCOPE, 'SPY'))!.quantity).toBe('10');
});

test('refused where an order of another strategy may have traded it, and for an order that the journal does not hold', async () => {
  const { venue, journal, context } = rig;
  venue.external.set('SPY', '-4');
  await buy(TREND, T0 + 60_000, 'GLD', false);
  // One instrument has one owner, except after such events.
  const rename = { instrument: 'GLD', date: '2026-01-06', type: 'rename' as const, becomes: 'SPY' };
  await journal.recordCorporateAction(TREND, rename, T0 + 60_000);
  expect((await failure(planAcceptance(context))).message).toContain('an order of trend works');
  venue.external.delete('SPY');
  const [known] = await journal.orders({ scope: SCOPE });
  await venue.submit(known!.request, `${known!.clientOrderId.slice(0, -1)}~`);
  expect((await failure(planAcceptance(context))).message).toContain('cancel the order');
});
