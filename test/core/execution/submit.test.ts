import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { QuantlineError } from '../../../src/core/errors/index.js';
import {
  bookEvent,
  commitDecision,
  type ExecutionContext,
  type OrderHint,
  pollOrders,
  reconcile,
  sendError,
  submitOrders,
} from '../../../src/core/execution/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import type { Journal, Lease, NewIntent } from '../../../src/core/state/index.js';
import { entry, failure, SCOPE, T0 } from '../state/helpers.js';
import type { FakeVenue, Fault, Operation } from './fakeVenue.js';
import { openExecution } from './open.js';

/** When an order may leave, leave again, or not: each condition of `submitOrders` by itself. */
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

const decide = async (intents: readonly NewIntent[] = [entry()], leaves = false) => {
  const decision = { slot: T0, report: 'r', time: T0, body: null };
  return (await commitDecision(context, lease, decision, intents, { leaves: () => leaves })).orders;
};
/** Of the slot after it. */
const decideNext = async () => {
  const decision = { slot: T0 + 60_000, report: 'r', time: T0, body: null };
  return (await commitDecision(context, lease, decision, [entry({ instrument: 'QQQ' })])).orders;
};
const three = ['A', 'B', 'C'].map((instrument): NewIntent => entry({ instrument }));
const faults = (operation: Operation, ...list: (Fault | undefined)[]) => {
  venue.fault = (each) => (each === operation ? list.shift() : undefined);
};
/** Errors of the next sendings, in order; then none. */
const answers = (...errors: Error[]) => {
  const submit = venue.submit.bind(venue);
  venue.submit = async (...order) => {
    const error = errors.shift();
    if (error === undefined) return submit(...order);
    venue.calls.push('submit');
    throw error;
  };
};
const calls = (operation: Operation) => venue.calls.filter((each) => each === operation).length;
const revoked = () => new QuantlineError('CREDENTIALS', 'the keys were not accepted');

test('nothing to send asks for nothing', async () => {
  expect(await submitOrders({ ...context, journal: undefined as never }, lease, [])).toEqual([]);
});

describe('what ends an order before it has left', () => {
  test('the end of the command', async () => {
    const stop = new AbortController();
    stop.abort();
    const after = await submitOrders({ ...context, signal: stop.signal }, lease, await decide());
    expect(after).toMatchObject([{ status: 'expired', reason: 'stopped before it was sent' }]);
    expect(calls('submit')).toBe(0);
  });

  test('keys that the venue does not take: the rest is not sent, and the error is that of the keys', async () => {
    answers(revoked());
    const orders = await decide(three);
    const one = { ...context, limits: { concurrency: 1 } };
    expect((await failure(submitOrders(one, lease, orders))).code).toBe('CREDENTIALS');
    expect(calls('submit')).toBe(1);
    expect((await journal.orders()).map(({ status, reason }) => [status, reason])).toEqual([
      ['rejected', 'the keys were not accepted'],
      ['expired', 'not sent: an earlier order failed'],
      ['expired', 'not sent: an earlier order failed'],
    ]);
  });

  test('a decision that has expired: the venue is not asked about its instrument either', async () => {
    const orders = await decide([entry({ side: 'sell', opens: true })]);
    let asked = 0;
    venue.asset = async (instrument) => {
      asked++;
      return { instrument, tradable: true, shortable: true, fractionable: true };
    };
    await submitOrders(context, lease, orders, { validUntil: T0 });
    expect(asked).toBe(0);
  });
});

describe('orders that were marked as leaving with their decision', () => {
  const leaving = async () => {
    const orders = await decide([entry()], true);
    expect(orders).toMatchObject([{ status: 'sending' }]);
    return { orders, leaving: new Set(orders.map(({ clientOrderId }) => clientOrderId)) };
  };

  test('are not marked again, and a refusal ends them', async () => {
    const { orders, ...options } = await leaving();
    faults('submit', 'reject');
    journal.markSending = () => Promise.reject(new Error('marked already'));
    expect(await submitOrders(context, lease, orders, options)).toMatchObject([{ status: 'rejected' }]);
  });

  test('are over where the strategy was halted before they left', async () => {
    const { orders, ...options } = await leaving();
    await journal.setState(SCOPE, 'halted', 'a person', T0);
    // The state of their transaction holds for a second.
    clock.set(T0 + 1000);
    expect(await submitOrders(context, lease, orders, options)).toMatchObject([{ status: 'expired' }]);
    expect(calls('submit')).toBe(0);
  });
});

describe('an order that an earlier sending may have brought there', () => {
  /** Sent without an answer, and nothing is known from look-ups either. */
  async function unknown() {
    faults('submit', 'lost-before');
    const orders = await decide();
    const fault = venue.fault;
    venue.fault = (operation) => (operation === 'lookup' ? 'fail' : fault(operation));
    expect(await submitOrders(context, lease, orders)).toMatchObject([{ status: 'unknown' }]);
    venue.fault = () => undefined;
    const { resend, unresolved } = await reconcile(context, { sendable: () => true });
    expect(unresolved).toEqual([]);
    return resend;
  }

  test('stays unknown where the strategy is halted by then', async () => {
    const resend = await unknown();
    expect(resend).toHaveLength(1);
    await journal.setState(SCOPE, 'halted', 'a person', T0);
    expect(await submitOrders(context, lease, resend)).toMatchObject([{ status: 'unknown' }]);
  });

  test.each<[string, () => void]>([
    ['refused', () => faults('submit', 'reject')],
    ['too late', () => clock.set(lease.deadline)],
  ])('stays unknown where it is %s at the next', async (_, act) => {
    const resend = await unknown();
    act();
    await submitOrders(context, lease, resend).catch(() => {});
    expect(await journal.orders()).toMatchObject([{ status: 'unknown' }]);
  });

  test('stays unknown where the second sending of the same start is refused', async () => {
    faults('submit', 'lost-before', 'reject');
    expect(await submitOrders(context, lease, await decide())).toMatchObject([{ status: 'unknown' }]);
    expect(calls('submit')).toBe(2);
  });
});

describe('an answer that leaves it open', () => {
  test('is said with the id that is looked up, the instrument named once', async () => {
    answers(sendError('ambiguous', 'SPY: no answer'));
    const [order] = await submitOrders(context, lease, await decide());
    expect(said).toEqual([`SPY: no answer Looking the order up under ${order!.clientOrderId}.`]);
  });

  test('twice: the order is sent a second time, never a third', async () => {
    faults('submit', 'lost-before', 'lost-before');
    expect(await submitOrders(context, lease, await decide())).toMatchObject([{ status: 'unknown' }]);
    expect(calls('submit')).toBe(2);
  });

  test('that says it exists already: it is not sent again, though no look-up shows it', async () => {
    answers(sendError('duplicate', 'client order id must be unique'));
    expect(await submitOrders(context, lease, await decide())).toMatchObject([{ status: 'unknown' }]);
    expect(calls('submit')).toBe(1);
  });

  test('and a last look-up that fails: what earlier ones did not show may be there by now', async () => {
    answers(sendError('ambiguous', 'no answer'));
    let looks = 0;
    venue.fault = (operation) => (operation === 'lookup' && ++looks === 6 ? 'fail' : undefined);
    expect(await submitOrders(context, lease, await decide())).toMatchObject([{ status: 'unknown' }]);
    expect([looks, calls('submit')]).toEqual([6, 1]);
  });

  test('and keys that the look-up is refused for: one look, the error is that of the keys', async () => {
    answers(sendError('ambiguous', 'no answer'));
    let looks = 0;
    const lookUp = venue.orderByClientId.bind(venue);
    venue.orderByClientId = async () => {
      looks++;
      throw revoked();
    };
    expect((await failure(submitOrders(context, lease, await decide()))).code).toBe('CREDENTIALS');
    expect([looks, calls('submit')]).toEqual([1, 1]);
    expect(await journal.orders()).toMatchObject([{ status: 'unknown' }]);
    venue.orderByClientId = lookUp;
  });

  test('is looked up by when it was sent and what was sent, by later starts too', async () => {
    const hints: (OrderHint | undefined)[] = [];
    venue.capabilities = { ...venue.capabilities, clientOrderIds: false };
    const lookUp = venue.orderByClientId.bind(venue);
    venue.orderByClientId = (id: string, hint?: OrderHint) => {
      hints.push(hint);
      return lookUp(id);
    };
    faults('submit', 'lost-before');
    const [order] = await submitOrders(context, lease, await decide());
    clock.set(clock.now() + 30_000);
    await reconcile(context);
    expect(hints.at(-1)).toMatchObject({ sentAt: T0, request: order!.request, recorded: order!.request });
    // Once the venue's own id is known nothing else is asked for: an order alike is not this one.
    expect((await journal.order(order!.clientOrderId))!.venueOrderId).toBeUndefined();
    const [next] = await submitOrders(context, lease, await decideNext());
    await pollOrders(context, [next!.clientOrderId]);
    expect(hints.at(-1)).toMatchObject({ venueOrderId: next!.venueOrderId });
    expect(hints.at(-1)).not.toHaveProperty('isOther');
  });
});

test('a venue without client ids whose stream is ahead of its answer: the order is known as this one, and stays it', async () => {
  venue.capabilities = { ...venue.capabilities, clientOrderIds: false };
  const submit = venue.submit.bind(venue);
  venue.submit = async (...order) => {
    const taken = await submit(...order);
    expect(await bookEvent(context, { type: 'order', order: taken })).toBe(true);
    return taken;
  };
  expect(await submitOrders(context, lease, await decide())).toMatchObject([{ status: 'accepted' }]);
  expect(said).toEqual([]);
});

test('an order that the venue does not find by our id is found by its own', async () => {
  const [order] = await submitOrders(context, lease, await decide());
  venue.orderByClientId = async () => undefined;
  venue.fill(venue.find(order!.clientOrderId)!, '10');
  expect(await pollOrders(context, [order!.clientOrderId])).toMatchObject([{ status: 'filled' }]);
});

describe('a venue that is asked too often', () => {
  const busy = (throttledFor: number) => {
    venue.throttledFor = throttledFor;
    venue.fault = (operation) => (operation === 'submit' ? 'throttle' : undefined);
  };

  test('is asked three times more, and then the order is over', async () => {
    busy(50);
    expect(await submitOrders(context, lease, await decide())).toMatchObject([{ status: 'expired' }]);
    expect(calls('submit')).toBe(4);
    expect(said[0]).toBe('SPY: too many requests Trying again at 2026-01-05T15:00:00.050Z.');
  });

  test('that names no instant: after half a second, one, and two', async () => {
    answers(...[1, 2, 3].map(() => sendError('not_sent', 'busy')));
    expect(await submitOrders(context, lease, await decide())).toMatchObject([{ status: 'accepted' }]);
    expect(clock.now()).toBe(T0 + 3500);
  });

  test.each<[string, number, number]>([
    ['longer than a decision waits', 31_000, 3_600_000],
    ['until the lease is over', 20_000, 20_000],
  ])('for %s: not waited for', async (_, wait, ttl) => {
    busy(wait);
    const short = { ...lease, deadline: T0 + ttl };
    expect(await submitOrders(context, short, await decide())).toMatchObject([
      { status: 'expired', reason: 'not sent: too many requests' },
    ]);
    expect([clock.now(), calls('submit')]).toEqual([T0, 1]);
  });
});
