import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  awaitOutcome,
  bookEvent,
  cancelOrder,
  commitDecision,
  commitIntents,
  type ExecutionContext,
  reconcile,
  replaceOrder,
  sendDecision,
  submitOrders,
} from '../../../src/core/execution/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import type { Journal, Lease, NewIntent } from '../../../src/core/state/index.js';
import { entry, failure, request, SCOPE, T0 } from '../state/helpers.js';
import type { FakeVenue, Fault, Operation } from './fakeVenue.js';
import { openExecution } from './open.js';

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

const decide = async (intents: readonly NewIntent[] = [entry()], slot = T0) =>
  (await commitDecision(context, lease, { slot, report: 'r', time: clock.now(), body: null }, intents)).orders;
const send = async (intents?: readonly NewIntent[]) => submitOrders(context, lease, await decide(intents));
/** Faults of one kind of call, in order; then none. */
const faults = (operation: Operation, ...list: (Fault | undefined)[]) => {
  venue.fault = (each) => (each === operation ? list.shift() : undefined);
};
const sells = (quantity = '10'): NewIntent => ({
  leg: 'exit',
  request: request({ side: 'sell', quantity, opens: false }),
});

test('an entry waits for the end of an earlier one: its cancel may lose against a fill', async () => {
  const [first] = await send([entry({ side: 'sell', opens: true })]);
  await cancelOrder(context, first!.clientOrderId);
  const next = async (slot: number) => {
    const orders = await decide([entry({ side: 'buy', opens: true })], slot);
    const [order] = await sendDecision(context, lease, orders, {});
    return order;
  };
  expect(await next(T0 + 60_000)).toMatchObject({ status: 'expired', reason: expect.stringMatching(/not over yet/) });
  expect(venue.accepted).toHaveLength(1);
  // It fills after all: what is held now is not what the decision saw.
  venue.fill(venue.find(first!.clientOrderId)!, '4');
  venue.finishCancels();
  expect(await next(T0 + 120_000)).toMatchObject({ status: 'expired' });
  expect(venue.accepted).toHaveLength(1);
  expect(await journal.position(SCOPE, 'SPY')).toMatchObject({ quantity: '-4' });
});

test('an entry waits for the exit of an earlier slot, on the side that is held too', async () => {
  const [bought] = await send([entry()]);
  venue.fill(venue.find(bought!.clientOrderId)!, '10');
  await reconcile(context);
  const [exit] = await submitOrders(context, lease, await decide([sells()], T0 + 60_000));
  const next = async (slot: number) => {
    const [order] = await sendDecision(context, lease, await decide([entry()], slot), {});
    return order;
  };
  expect(await next(T0 + 120_000)).toMatchObject({ status: 'expired', reason: expect.stringMatching(/not closed/) });
  expect(venue.accepted).toHaveLength(2);
  venue.fill(venue.find(exit!.clientOrderId)!, '10');
  expect(await next(T0 + 180_000)).toMatchObject({ status: 'accepted' });
  expect(venue.doubled).toEqual([]);
});

test('an entry takes down protection that has outlived its position: the fill was taken back', async () => {
  const [bought] = await send([entry()]);
  const trade = venue.fill(venue.find(bought!.clientOrderId)!, '10')!;
  await reconcile(context);
  const stop: NewIntent = { leg: 'stop', request: request({ side: 'sell', type: 'stop', stopPrice: '90' }) };
  const [resting] = await submitOrders(context, lease, await commitIntents(context, lease, T0, [stop]));
  venue.bust(trade);
  await reconcile(context);
  const next = async (slot: number) => (await sendDecision(context, lease, await decide([entry()], slot), {}))[0];
  expect(await next(T0 + 60_000)).toMatchObject({ status: 'expired', reason: expect.stringMatching(/not over yet/) });
  expect(venue.find(resting!.clientOrderId)).toMatchObject({ status: 'pending_cancel' });
  venue.finishCancels();
  expect(await next(T0 + 120_000)).toMatchObject({ status: 'accepted' });
  expect(venue.doubled).toEqual([]);
});

test('a reversal that goes on after a crash: its entry waits for its exit, though nothing is held any more', async () => {
  const [bought] = await send([entry()]);
  const trade = venue.fill(venue.find(bought!.clientOrderId)!, '10')!;
  await reconcile(context);
  const orders = await decide([sells(), entry({ side: 'sell', opens: true })], T0 + 60_000);
  // Killed between the two; the venue takes the fill back, and does not show the exit yet.
  await submitOrders(context, lease, [orders[0]!]);
  venue.bust(trade);
  await reconcile(context, { sendable: () => true });
  const after = await sendDecision(context, lease, [orders[1]!], {});
  expect(after).toMatchObject([{ status: 'expired' }]);
  expect(venue.doubled).toEqual([]);
});

test.each(['reducing', 'halted'] as const)(
  '%s between decision and sending: the exit goes out, the entry does not',
  async (to) => {
    const [bought] = await send([entry()]);
    venue.fill(venue.find(bought!.clientOrderId)!, '10');
    await reconcile(context);
    const orders = await decide([sells(), entry({ instrument: 'GLD' })], T0 + 60_000);
    await journal.setState(SCOPE, to, 'a person said so', clock.now());
    const after = await submitOrders(context, lease, orders);
    expect(after).toMatchObject([
      { leg: 'exit', status: 'accepted' },
      { leg: 'entry', status: 'expired', reason: `not sent: the strategy is ${to} (a person said so)` },
    ]);
    expect(venue.accepted).toHaveLength(2);
  },
);

test('an exit that was decided in an earlier start is not sent once the position is gone', async () => {
  const [bought] = await send([entry()]);
  venue.fill(venue.find(bought!.clientOrderId)!, '10');
  await reconcile(context);
  const exits = await decide([sells()], T0 + 60_000);
  // Killed here; meanwhile something else has closed it.
  const [other] = await submitOrders(context, lease, await decide([sells()], T0 + 120_000));
  venue.fill(venue.find(other!.clientOrderId)!, '10');
  await reconcile(context, { sendable: () => true });
  const [left] = await sendDecision(context, lease, exits, {});
  expect(left).toMatchObject({ status: 'canceled' });
  expect(venue.accepted).toHaveLength(2);
});

describe('placing', () => {
  test('the plain case: one order, adopted with the venue’s id', async () => {
    const [order] = await send();
    expect(order).toMatchObject({ status: 'accepted', venueOrderId: 'v1' });
    expect(venue.accepted).toEqual([order!.clientOrderId]);
  });

  test('exits leave before entries', async () => {
    const qqq: NewIntent = { leg: 'entry', request: request({ instrument: 'QQQ' }) };
    const orders = await send([qqq, sells()]);
    expect(venue.accepted).toEqual([orders[1]!.clientOrderId, orders[0]!.clientOrderId]);
  });

  test('F1 F2 F3 accepted, the reply lost: looked up and adopted, not sent again', async () => {
    faults('submit', 'lost-after');
    const [order] = await send();
    expect(order).toMatchObject({ status: 'accepted', venueOrderId: 'v1' });
    expect(venue.calls.filter((call) => call === 'submit')).toHaveLength(1);
  });

  test('F4 not accepted, no reply: sent once more under the same id', async () => {
    faults('submit', 'lost-before');
    const [order] = await send();
    expect(order).toMatchObject({ status: 'accepted' });
    expect(venue.accepted).toEqual([order!.clientOrderId]);
    expect(venue.calls.filter((call) => call === 'submit')).toHaveLength(2);
  });

  test('F4 no reply ever, nor to look-ups: unknown, and never a third time', async () => {
    venue.fault = (operation) => (operation === 'submit' ? 'lost-before' : operation === 'lookup' ? 'fail' : undefined);
    const [order] = await send();
    expect(order).toMatchObject({ status: 'unknown', reason: 'submit: no answer' });
    expect(venue.calls.filter((call) => call === 'submit')).toHaveLength(1);
  });

  test('F5 F6 accepted but invisible for long: the second sending is refused as a duplicate; adopted when it shows', async () => {
    venue.invisible = 20_000;
    faults('submit', 'lost-after');
    const [order] = await send();
    expect(order!.status).toBe('unknown');
    expect(venue.accepted).toHaveLength(1);
    clock.set(T0 + 60_000);
    const { unresolved } = await reconcile(context);
    expect(unresolved).toEqual([]);
    expect(await journal.order(order!.clientOrderId)).toMatchObject({ status: 'accepted', venueOrderId: 'v1' });
  });

  test('F7 too many requests: waited out with the same id, bounded', async () => {
    faults('submit', 'throttle', 'throttle');
    expect((await send())[0]).toMatchObject({ status: 'accepted' });
    // The venue names the instant, 50 ms ahead each time.
    expect(clock.now()).toBe(T0 + 100);
    venue.fault = (operation) => (operation === 'submit' ? 'throttle' : undefined);
    const [late] = await submitOrders(context, lease, await decide([entry()], T0 + 1));
    expect(late).toMatchObject({ status: 'expired', reason: 'not sent: too many requests' });
    expect(venue.accepted).toHaveLength(1);
  });

  test('F15 the look at an instrument outlasts the lease: nothing is sent', async () => {
    const orders = await decide([{ leg: 'entry', request: request({ side: 'sell', opens: true }) }]);
    venue.asset = async (instrument) => {
      clock.set(lease.deadline);
      return { instrument, tradable: true, shortable: true, fractionable: true };
    };
    await expect(submitOrders(context, lease, orders)).rejects.toMatchObject({ code: 'STATE' });
    expect(await journal.order(orders[0]!.clientOrderId)).toMatchObject({ status: 'expired' });
    expect(venue.accepted).toEqual([]);
  });

  test('a halt while an entry waits until the venue takes it again: it is not sent, exits are', async () => {
    faults('submit', 'throttle', 'throttle');
    venue.throttledFor = 8000;
    const exit: NewIntent = { leg: 'exit', request: request({ instrument: 'QQQ', side: 'sell', opens: false }) };
    const orders = await decide([exit, entry()]);
    clock.sleep = async (ms) => {
      clock.set(clock.now() + ms);
      await journal.setState(SCOPE, 'halted', 'a person', clock.now());
    };
    const after = await submitOrders(context, lease, orders);
    expect(after.map(({ leg, status, reason }) => [leg, status, reason])).toEqual([
      ['exit', 'accepted', undefined],
      ['entry', 'expired', 'not sent: the strategy is halted (a person)'],
    ]);
    expect(venue.accepted).toHaveLength(1);
  });

  test('F37 a refusal is recorded with its reason; the other orders go on', async () => {
    faults('submit', 'reject');
    const orders = await send([entry(), { leg: 'entry', request: request({ instrument: 'QQQ' }) }]);
    expect(orders.map((o) => [o.status, o.reason])).toEqual([
      ['rejected', 'submit refused'],
      ['accepted', undefined],
    ]);
  });

  test('F15 an expired decision is not sent', async () => {
    const orders = await decide();
    clock.set(T0 + 60_000);
    const [order] = await submitOrders(context, lease, orders, { validUntil: T0 + 60_000 });
    expect(order).toMatchObject({ status: 'expired' });
    expect(venue.accepted).toEqual([]);
  });

  test('a lease that ends while orders are being sent stops the rest', async () => {
    const instruments = ['A', 'B', 'C'];
    const orders = await decide(instruments.map((instrument) => ({ leg: 'entry', request: request({ instrument }) })));
    venue.fault = (operation) => {
      if (operation === 'submit') clock.set(lease.deadline);
      return undefined;
    };
    const one = { ...context, limits: { concurrency: 1 } };
    expect((await failure(submitOrders(one, lease, orders))).code).toBe('STATE');
    expect(venue.accepted).toHaveLength(1);
    expect((await journal.orders()).map((o) => o.status)).toEqual(['accepted', 'expired', 'expired']);
  });

  test('F14 the same slot again decides nothing', async () => {
    await send();
    const again = await commitDecision(context, lease, { slot: T0, report: 'r', time: T0, body: null }, [entry()]);
    expect(again.existed).toBe(true);
    expect(venue.accepted).toHaveLength(1);
  });
});

describe('after a crash', () => {
  const crashAt = (name: string): ExecutionContext => ({
    ...context,
    faultPoint: (point) => {
      if (point === name) throw new Error('killed');
    },
  });

  test('F9 killed after the intent: sent once if still valid, expired otherwise', async () => {
    for (const valid of [true, false]) {
      const slot = T0 + (valid ? 0 : 1);
      const decision = { slot, report: 'r', time: T0, body: null };
      await failure(commitDecision(crashAt('after-intent'), lease, decision, [entry()]));
      const { resend } = await reconcile(context, { sendable: () => valid });
      expect(resend).toHaveLength(valid ? 1 : 0);
      await submitOrders(context, lease, resend);
      const [order] = await journal.orders({ slot });
      expect(order!.status).toBe(valid ? 'accepted' : 'expired');
      if (valid) {
        venue.fill(venue.find(order!.clientOrderId)!, '10');
        await reconcile(context);
      }
    }
    expect(venue.accepted).toHaveLength(1);
  });

  test.each(['before-send', 'after-send', 'after-reply'])(
    'F10 killed %s: the rerun converges to one order',
    async (point) => {
      const orders = await decide();
      await failure(submitOrders(crashAt(point), lease, orders));
      const { resend } = await reconcile(context, { sendable: () => true });
      expect(resend).toHaveLength(point === 'before-send' ? 1 : 0);
      await submitOrders(context, lease, resend);
      expect(venue.accepted).toEqual([orders[0]!.clientOrderId]);
      expect((await journal.orders())[0]).toMatchObject({ status: 'accepted', venueOrderId: 'v1' });
    },
  );

  test('orders that the venue has said are filled are not asked for again where their executions tell it', async () => {
    const [order] = await send();
    const { clientOrderId } = order!;
    venue.fill(venue.find(clientOrderId)!, '10');
    await journal.recordReports([{ clientOrderId, status: 'filled', reportedQuantity: '10' }], T0);
    venue.calls.length = 0;
    expect((await reconcile(context)).booked).toHaveLength(1);
    expect(venue.calls).not.toContain('lookup');
    expect(await journal.order(clientOrderId)).toMatchObject({ status: 'filled', closing: undefined });
  });

  test('killed while fills are booked: each is booked once', async () => {
    await send();
    const order = venue.open()[0]!;
    venue.fill(order, '4');
    venue.fill(order, '6');
    await failure(reconcile(crashAt('during-fill-booking')));
    expect(await journal.fills()).toHaveLength(1);
    expect((await reconcile(context)).booked).toHaveLength(1);
    expect((await reconcile(context)).booked).toEqual([]);
    expect((await journal.orders())[0]).toMatchObject({ status: 'filled', filledQuantity: '10' });
  });

  test('an order that never arrived expires after a while, and comes back if the venue shows it after all', async () => {
    venue.invisible = 300_000;
    faults('submit', 'lost-after');
    const [order] = await send();
    clock.set(T0 + 200_000);
    await reconcile(context);
    expect((await journal.order(order!.clientOrderId))?.status).toBe('expired');
    clock.set(T0 + 400_000);
    await reconcile(context);
    expect((await journal.order(order!.clientOrderId))?.status).toBe('accepted');
  });

  describe('a process that was suspended while the venue answered', () => {
    /** It goes on ten minutes after this question, with the answer of before. */
    const suspendedAt = (question: 'orderByClientId' | 'orderByVenueId' | 'positions') => {
      const ask = venue[question].bind(venue) as (...args: unknown[]) => Promise<never>;
      venue[question] = async (...args: unknown[]) => {
        const answer = await ask(...args);
        clock.set(Math.max(clock.now(), T0 + 600_000));
        return answer;
      };
    };

    test('F6 does not give up an order that the venue could not show yet', async () => {
      venue.invisible = 20_000;
      faults('submit', 'lost-after');
      const [order] = await send();
      suspendedAt('orderByClientId');
      const { unresolved } = await reconcile(context);
      expect(unresolved).toMatchObject([{ clientOrderId: order!.clientOrderId, status: 'unknown' }]);
      expect((await reconcile(context)).unresolved).toEqual([]);
      expect((await journal.order(order!.clientOrderId))?.status).toBe('accepted');
    });

    test('F6 does not halt for an accepted order that the venue could not show yet', async () => {
      venue.invisible = 20_000;
      const [order] = await send();
      expect(order?.status).toBe('accepted');
      suspendedAt('orderByVenueId');
      expect((await reconcile(context)).differences).toEqual([]);
      expect((await reconcile(context)).listed).toHaveLength(1);
    });

    test('F6 does not halt for a position that an order explains which the venue could not show yet', async () => {
      const [bought] = await send();
      venue.fill(venue.open()[0]!, '10');
      await reconcile(context);
      expect((await journal.order(bought!.clientOrderId))?.status).toBe('filled');
      venue.invisible = 20_000;
      faults('submit', 'lost-after');
      const [sold] = await submitOrders(context, lease, await decide([sells()], T0 + 1));
      expect(sold?.status).toBe('unknown');
      venue.fill(venue.open()[0]!, '10');
      suspendedAt('positions');
      expect((await reconcile(context)).differences).toEqual([]);
      await reconcile(context);
      expect(await journal.positions(SCOPE)).toEqual([]);
    });
  });

  test('a fill that shows before its order is booked when the order shows', async () => {
    venue.invisible = 60_000;
    faults('submit', 'lost-after');
    const [order] = await send();
    venue.fill(venue.open()[0]!, '10');
    const early = await reconcile(context);
    expect([early.unresolved.length, early.booked.length]).toEqual([1, 0]);
    clock.set(T0 + 100_000);
    expect((await reconcile(context)).booked).toHaveLength(1);
    expect(await journal.order(order!.clientOrderId)).toMatchObject({ status: 'filled', filledQuantity: '10' });
  });

  test('without client order ids nothing is ever sent again', async () => {
    venue.capabilities = { ...venue.capabilities, clientOrderIds: false };
    faults('submit', 'lost-before');
    const [order] = await send();
    expect(order!.status).toBe('unknown');
    expect((await reconcile(context, { sendable: () => true })).resend).toEqual([]);
    expect(venue.calls.filter((call) => call === 'submit')).toHaveLength(1);
  });
});

describe('reconciliation', () => {
  test('F47 what others hold and order is external and left alone', async () => {
    venue.external.set('GLD', '7').set('SPY', '5');
    await send();
    venue.fill(venue.open()[0]!, '10');
    await venue.submit(request({ instrument: 'GLD' }), 'by-hand');
    const result = await reconcile(context);
    expect(result.external).toEqual([
      { instrument: 'GLD', quantity: '7' },
      { instrument: 'SPY', quantity: '5' },
    ]);
    expect(result.externalOrders.map((o) => o.clientOrderId)).toEqual(['by-hand']);
    expect(result.differences).toEqual([]);
    expect(await journal.positions(SCOPE)).toMatchObject([{ instrument: 'SPY', quantity: '10' }]);
  });

  test('the venue holds less than is owned: halted, exit 6, with the table', async () => {
    await send();
    venue.fill(venue.open()[0]!, '10');
    await reconcile(context);
    venue.external.set('SPY', '-4');
    const listed = await reconcile(context, { onDifference: 'report' });
    expect(listed.differences).toMatchObject([{ kind: 'position', owned: '10', venue: '6' }]);
    expect((await journal.state(SCOPE)).state).toBe('active');
    const error = await failure(reconcile(context));
    expect([error.code, error.exitCode]).toEqual(['HALTED', 6]);
    expect(error.message).toMatch(/SPY +position +10 +6/);
    expect(await journal.state(SCOPE)).toMatchObject({ state: 'halted' });
  });

  test('F30 a failed read concludes nothing', async () => {
    await send();
    for (const operation of ['account', 'open', 'positions', 'executions'] as const) {
      venue.fault = (each) => (each === operation ? 'fail' : undefined);
      expect((await failure(reconcile(context))).code).toBe('UNAVAILABLE');
    }
    venue.fault = () => undefined;
    expect((await journal.orders())[0]!.status).toBe('accepted');
    expect((await journal.state(SCOPE)).state).toBe('active');
  });

  test('F19 F28 executions that lag behind the order are waited for', async () => {
    await send();
    venue.fill(venue.open()[0]!, '10');
    venue.lagging = 2;
    const result = await reconcile(context);
    expect(result.differences).toEqual([]);
    expect(result.booked).toHaveLength(1);
    expect((await journal.orders())[0]!.status).toBe('filled');
  });

  test('an accepted order that the venue denies is a difference, not a reason to order again', async () => {
    await send();
    venue.orders.clear();
    expect((await reconcile(context, { sendable: () => true })).resend).toEqual([]);
    clock.set(T0 + 300_000);
    const error = await failure(reconcile(context, { sendable: () => true }));
    expect(error.code).toBe('HALTED');
    expect(error.message).toContain('does not know it any more');
  });

  test('an open order with this strategy’s name that the journal lacks: the wrong journal', async () => {
    await venue.submit(request(), 'ql-swing-0123456789abcdef');
    expect((await failure(reconcile(context))).message).toContain('is it the right journal?');
  });

  test('keys of another account are refused', async () => {
    const other = { ...context, scope: { ...SCOPE, account: 'B2' } };
    expect((await failure(reconcile(other))).code).toBe('CREDENTIALS');
  });

  test('a split is applied before anything is compared', async () => {
    await send();
    venue.fill(venue.open()[0]!, '10');
    await reconcile(context);
    venue.external.set('SPY', '30');
    const split = { instrument: 'SPY', date: '2026-01-06', type: 'split' as const, value: '4' };
    const actions = async () => [split];
    const result = await reconcile(context, { actions });
    expect(result.external).toEqual([]);
    expect((await reconcile(context, { actions })).external).toEqual([]);
    expect(await journal.positions(SCOPE)).toMatchObject([{ quantity: '40' }]);
  });

  describe('a night in which the venue applies an action at a time that nobody says', () => {
    const opens = T0 + 86_400_000;
    const split = (value: string) => ({ instrument: 'SPY', date: '2026-01-06', type: 'split' as const, value, opens });
    const owned = async () => (await journal.positions(SCOPE)).map(({ quantity }) => quantity);

    beforeEach(async () => {
      await send();
      venue.fill(venue.open()[0]!, '10');
      await reconcile(context);
    });

    test('it is late: what is owned stays in old units until the open, and is in new ones as soon as it shows', async () => {
      const actions = async () => [split('4')];
      expect((await reconcile(context, { actions })).differences).toEqual([]);
      expect(await owned()).toEqual(['10']);
      venue.external.set('SPY', '30');
      expect((await reconcile(context, { actions })).external).toEqual([]);
      expect(await owned()).toEqual(['40']);
    });

    test('it has not done it at the open: a difference', async () => {
      clock.set(opens);
      expect((await failure(reconcile(context, { actions: async () => [split('4')] }))).code).toBe('HALTED');
    });

    test('it is early: the source is asked anew, and what was announced explains what is there', async () => {
      venue.external.set('SPY', '-5');
      const asked: (readonly string[])[] = [];
      const announced = async (instruments: readonly string[]) => {
        asked.push(instruments);
        return [split('0.5')];
      };
      expect((await reconcile(context, { announced })).external).toEqual([]);
      expect(asked).toEqual([['SPY']]);
      expect(await owned()).toEqual(['5']);
      // Once for all: the next look has nothing to ask.
      await reconcile(context, { announced });
      expect(asked).toHaveLength(1);
    });

    test('it has more than before: the source is asked anew too, once', async () => {
      venue.external.set('SPY', '30');
      const asked: (readonly string[])[] = [];
      const announced = async (instruments: readonly string[]) => {
        asked.push(instruments);
        return [split('4')];
      };
      expect((await reconcile(context, { announced })).external).toEqual([]);
      expect(await owned()).toEqual(['40']);
      await reconcile(context, { announced });
      expect(asked).toEqual([['SPY']]);
    });

    test('external units of before may be taken for those of a split: they have to follow it', async () => {
      venue.external.set('SPY', '30');
      const asked: (readonly string[])[] = [];
      const announced = async (instruments: readonly string[]) => {
        asked.push(instruments);
        return [split('4')];
      };
      const { external } = await reconcile(context);
      const look = () => reconcile(context, { actions: async () => [split('4')], announced, external });
      await look();
      expect([asked, await owned()]).toEqual([[], ['10']]);
      venue.external.set('SPY', '150');
      expect((await look()).external).toEqual([{ instrument: 'SPY', quantity: '120' }]);
      expect(await owned()).toEqual(['40']);
    });

    test('what is missing of another instrument keeps none from being applied', async () => {
      await submitOrders(context, lease, await decide([entry({ instrument: 'QQQ' })], T0 + 60_000));
      venue.fill(venue.open()[0]!, '10');
      await reconcile(context);
      venue.external.set('SPY', '30').set('QQQ', '-3');
      const result = await reconcile(context, { actions: async () => [split('4')], onDifference: 'report' });
      expect(result.differences).toMatchObject([{ instrument: 'QQQ' }]);
      expect(await owned()).toContain('40');
    });

    test('a new name that the venue does not show yet: the old one stays', async () => {
      const rename = { instrument: 'SPY', date: '2026-01-06', type: 'rename' as const, becomes: 'SPX', opens };
      const actions = async () => [rename];
      const names = async () => (await journal.positions(SCOPE)).map(({ instrument }) => instrument);
      venue.external.set('SPY', '-10');
      await reconcile(context, { actions, onDifference: 'report' });
      expect(await names()).toEqual(['SPY']);
      venue.external.set('SPX', '10');
      await reconcile(context, { actions });
      expect(await names()).toEqual(['SPX']);
    });

    test('what was announced does not explain what is missing: a difference, and nothing is applied', async () => {
      venue.external.set('SPY', '-6');
      const announced = async () => [split('0.5')];
      expect((await failure(reconcile(context, { announced }))).code).toBe('HALTED');
      expect(await owned()).toEqual(['10']);
    });

    test('a new name: under the old one the venue holds none', async () => {
      venue.external.set('SPY', '-10');
      const rename = { instrument: 'SPY', date: '2026-01-06', type: 'rename' as const, becomes: 'SPYX', opens };
      expect((await failure(reconcile(context, { announced: async () => [rename] }))).code).toBe('HALTED');
      await journal.setState(SCOPE, 'active', 'looked at', clock.now());
      venue.external.set('SPYX', '10');
      await reconcile(context, { announced: async () => [rename] });
      expect(await journal.positions(SCOPE)).toMatchObject([{ instrument: 'SPYX', quantity: '10' }]);
    });
  });

  test('a bust after the fact takes the position back', async () => {
    await send();
    const trade = venue.fill(venue.open()[0]!, '10')!;
    await reconcile(context);
    venue.bust(trade);
    await reconcile(context);
    expect(await journal.positions(SCOPE)).toEqual([]);
  });

  test('F27 both exits fill: the reversed position is reported', async () => {
    await send();
    venue.fill(venue.open()[0]!, '10');
    await reconcile(context);
    const stop: NewIntent = { leg: 'stop', request: request({ side: 'sell', type: 'stop', stopPrice: '90' }) };
    const target: NewIntent = { leg: 'target', request: request({ side: 'sell', type: 'limit', limitPrice: '110' }) };
    const exits = await commitIntents(context, lease, T0, [stop, target]);
    await submitOrders(context, lease, exits);
    for (const order of venue.open()) venue.fill(order, '10');
    const { reversed } = await reconcile(context);
    expect(reversed).toMatchObject([{ instrument: 'SPY', quantity: '-10' }]);
  });
});

describe('cancel and replace', () => {
  test('F23 F24 the cancelled order stays open until the venue says it is over; the fill that won counts', async () => {
    const [order] = await send();
    const id = order!.clientOrderId;
    expect(await cancelOrder(context, id)).toMatchObject({ status: 'pending_cancel' });
    expect((await failure(commitIntents(context, lease, T0, [entry()]))).code).toBe('MISMATCH');
    expect((await awaitOutcome(context, [id], clock.now() + 5000))[0]!.status).toBe('pending_cancel');
    venue.fill(venue.open()[0]!, '10');
    expect((await awaitOutcome(context, [id], clock.now() + 5000))[0]).toMatchObject({
      status: 'filled',
      filledQuantity: '10',
    });
  });

  test('F22 partly filled, then cancelled: the position is what was filled', async () => {
    const [order] = await send();
    venue.fill(venue.open()[0]!, '3');
    await cancelOrder(context, order!.clientOrderId);
    venue.finishCancels();
    const [ended] = await awaitOutcome(context, [order!.clientOrderId], clock.now() + 5000);
    expect(ended).toMatchObject({ status: 'canceled', filledQuantity: '3' });
    expect(await journal.positions(SCOPE)).toMatchObject([{ quantity: '3' }]);
  });

  test('an unsent order is closed without asking; a finished one is left alone', async () => {
    const [order] = await decide();
    expect(await cancelOrder(context, order!.clientOrderId)).toMatchObject({ status: 'canceled' });
    expect(await cancelOrder(context, order!.clientOrderId)).toMatchObject({ status: 'canceled' });
    expect(venue.calls).toEqual([]);
  });

  test('F25 replaced: the new revision lives, the old one is over', async () => {
    const [order] = await send();
    const next = await replaceOrder(context, lease, order!.clientOrderId, entry({ quantity: '6' }), clock.now() + 5000);
    expect(next).toMatchObject({ revision: 1, status: 'accepted', request: { quantity: '6' } });
    expect((await journal.order(order!.clientOrderId))?.status).toBe('replaced');
    venue.fill(venue.open()[0]!, '6');
    await reconcile(context);
    expect(await journal.positions(SCOPE)).toMatchObject([{ quantity: '6' }]);
  });

  test('F25 the original fills first: the replacement is refused, no double size', async () => {
    const [order] = await send();
    venue.fill(venue.open()[0]!, '10');
    const next = await replaceOrder(context, lease, order!.clientOrderId, entry({ quantity: '6' }), clock.now() + 5000);
    expect(next).toMatchObject({ status: 'rejected' });
    expect(await journal.positions(SCOPE)).toMatchObject([{ quantity: '10' }]);
    expect((await journal.order(order!.clientOrderId))?.status).toBe('filled');
  });

  test('a replace whose answer is lost is found again', async () => {
    const [order] = await send();
    faults('replace', 'lost-after');
    const next = await replaceOrder(context, lease, order!.clientOrderId, entry({ quantity: '6' }), clock.now() + 5000);
    expect(next).toMatchObject({ status: 'accepted', venueOrderId: 'v2' });
    expect((await journal.order(order!.clientOrderId))?.status).toBe('replaced');
  });

  test('where a venue cannot replace, the new order waits for the end of the old one', async () => {
    Object.defineProperty(venue, 'replace', { value: undefined });
    const [order] = await send();
    const id = order!.clientOrderId;
    expect(await replaceOrder(context, lease, id, entry({ quantity: '6' }), clock.now() + 3000)).toBeUndefined();
    venue.finishCancels();
    await awaitOutcome(context, [id], clock.now() + 3000);
    const [next] = await commitIntents(context, lease, T0, [entry({ quantity: '6' })]);
    expect(next).toMatchObject({ revision: 1, status: 'intended' });
  });
});

describe('streams', () => {
  test('F18 duplicates and a fill before its order: booked once', async () => {
    const [order] = await send();
    const execution = venue.fill(venue.open()[0]!, '4')!;
    const view = (await venue.orderByVenueId('v1'))!;
    const older = { ...view, status: 'accepted' as const, filledQuantity: '0' };
    for (const event of [
      { type: 'execution' as const, execution },
      { type: 'order' as const, order: view, execution },
      { type: 'order' as const, order: older },
    ]) {
      expect(await bookEvent(context, event)).toBe(true);
    }
    expect(await journal.order(order!.clientOrderId)).toMatchObject({
      status: 'partially_filled',
      filledQuantity: '4',
    });
    expect(await journal.fills()).toHaveLength(1);
  });

  test('F17 a reconnection asks for a reconciliation; so does an event of an order on its way', async () => {
    expect(await bookEvent(context, { type: 'connected' })).toBe(false);
    expect(await bookEvent(context, { type: 'disconnected', reason: 'x' })).toBe(true);
    const orders = await decide();
    await journal.markSending([orders[0]!.clientOrderId], lease, T0);
    await venue.submit(request(), 'stranger');
    const foreign = (await venue.orderByClientId('stranger'))!;
    expect(await bookEvent(context, { type: 'order', order: foreign })).toBe(false);
  });
});
