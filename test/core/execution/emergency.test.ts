import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  commitDecision,
  commitIntents,
  type ExecutionContext,
  reconcile,
  submitOrders,
} from '../../../src/core/execution/index.js';
import {
  alarmText,
  closeAtMarket,
  emergency,
  isExiting,
  overfilled,
  turnedOver,
  unmanaged,
} from '../../../src/core/execution/protection/emergency.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import type { Journal, Lease, NewIntent, OrderRecord } from '../../../src/core/state/index.js';
import { entry, request, SCOPE, T0 } from '../state/helpers.js';
import type { FakeVenue } from './fakeVenue.js';
import { openExecution } from './open.js';

/** The emergency exit, step by step: what is taken down, what is sent, and what the strategy may do after it. */
let clock: ManualClock;
let venue: FakeVenue;
let journal: Journal;
let lease: Lease;
let context: ExecutionContext;
let close: () => Promise<void>;
let said: readonly string[];
beforeEach(async () => {
  ({ clock, venue, journal, lease, context, said, close } = await openExecution());
});
afterEach(() => close());

const WHY = 'its stop was refused';
const STOP: NewIntent = {
  leg: 'stop',
  request: request({ side: 'sell', type: 'stop', stopPrice: '90', opens: false }),
};

/** A position of ten, as the journal knows it, with exits at the venue. */
async function held(side: 'buy' | 'sell' = 'buy', exits: readonly NewIntent[] = []) {
  const decision = { slot: T0 - 60_000, report: 'r', time: T0, body: null };
  const { orders } = await commitDecision(context, lease, decision, [entry({ side, opens: true })]);
  const [bought] = await submitOrders(context, lease, orders);
  venue.fill(venue.find(bought!.clientOrderId)!, '10');
  await reconcile(context);
  await submitOrders(context, lease, await commitIntents(context, lease, decision.slot, exits));
  return (await journal.position(SCOPE, 'SPY'))!;
}
const sent = async () =>
  (await journal.orders({ scope: SCOPE })).filter(({ leg }) => leg === 'exit').map(({ request }) => request);

test('takes down what rests, then closes at market what is held, in the slot of the last decision', async () => {
  const position = await held('buy', [STOP]);
  clock.sleep = async (ms) => {
    clock.set(clock.now() + ms);
    venue.finishCancels();
  };
  const alarm = await emergency(context, lease, position, WHY, 'exit');
  expect(alarm).toEqual({ instrument: 'SPY', reason: WHY });
  expect(await sent()).toEqual([
    {
      ...{ instrument: 'SPY', side: 'sell', type: 'market', timeInForce: 'day', quantity: '10' },
      ...{ opens: false, purpose: 'unprotected' },
    },
  ]);
  const [exit] = await journal.orders({ scope: SCOPE, open: true });
  expect(exit).toMatchObject({ leg: 'exit', slot: T0 - 60_000, status: 'accepted' });
  expect(said[0]).toBe(`SPY is not protected: ${WHY}.`);
  expect(await journal.state(SCOPE)).toMatchObject({ state: 'reducing', reason: `SPY is not protected: ${WHY}` });
});

test('a short position is bought back', async () => {
  await emergency(context, lease, await held('sell'), WHY, 'exit');
  expect(await sent()).toMatchObject([{ side: 'buy', quantity: '10', opens: false }]);
});

test('left to a person where the policy says so: nothing is taken down, nothing is sent', async () => {
  await emergency(context, lease, await held('buy', [STOP]), WHY, 'hold');
  expect(await sent()).toEqual([]);
  expect(venue.calls).not.toContain('cancel');
  expect((await journal.state(SCOPE)).state).toBe('reducing');
});

test('an exit under way is not joined by another, nor taken down', async () => {
  const position = await held('buy', [{ leg: 'exit', request: request({ side: 'sell', opens: false }) }]);
  await emergency(context, lease, position, WHY, 'exit');
  expect(await sent()).toHaveLength(1);
  expect(venue.calls).not.toContain('cancel');
});

test('a cancel that does not end in time: no exit beside what may still fill', async () => {
  const position = await held('buy', [STOP]);
  const before = clock.now();
  await emergency(context, lease, position, WHY, 'exit');
  expect(clock.now() - before).toBe(10_000);
  expect(venue.calls).toContain('cancel');
  expect(await sent()).toEqual([]);
});

test('a strategy that is halted stays so', async () => {
  const position = await held();
  await journal.setState(SCOPE, 'halted', 'a person', T0);
  await emergency(context, lease, position, WHY, 'hold');
  expect(await journal.state(SCOPE)).toMatchObject({ state: 'halted', reason: 'a person' });
});

test('nothing was ever held, or nothing is any more: nothing is sent', async () => {
  await closeAtMarket(context, lease, 'SPY', 'unprotected');
  await held();
  await closeAtMarket(context, lease, 'SPY', 'unprotected');
  venue.fill(venue.open()[0]!, '10');
  await reconcile(context);
  await closeAtMarket(context, lease, 'SPY', 'unprotected');
  expect(await sent()).toHaveLength(1);
});

describe('what nobody decides about', () => {
  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'a name that the report does not know',
      async () => unmanaged(context, await held()),
      /^10 are held, and the report/,
    ],
    ['both orders of a pair', async () => overfilled(context, await held(), '10', '5'), /filled, 10 in place of 5/],
  ])('%s: the strategy may only reduce, and no exit is sent', async (_, act, reason) => {
    const alarm = await act();
    expect(alarm).toEqual({ instrument: 'SPY', reason: expect.stringMatching(reason), lacks: 'management' });
    expect(await journal.state(SCOPE)).toMatchObject({ state: 'reducing', reason: alarmText(alarm as never) });
    expect(alarmText(alarm as never)).toMatch(/^SPY is not managed: /);
    expect(await sent()).toEqual([]);
  });
});

test('a position that was turned over is closed, and said so', async () => {
  const position = await held('sell');
  const alarm = await turnedOver(context, lease, position, 'exit');
  expect(alarm.reason).toBe('more than one exit has filled and turned it over, to -10');
  expect(await sent()).toMatchObject([{ side: 'buy', quantity: '10' }]);
});

test.each([
  ['exit', 'accepted', true],
  ['stop', 'accepted', false],
  ['stop', 'partially_filled', true],
  ['target', 'partially_filled', true],
  ['entry', 'partially_filled', false],
] as const)('an order of the leg %s that is %s: is an exit under way: %s', (leg, status, under) => {
  expect(isExiting({ leg, status } as OrderRecord)).toBe(under);
});
