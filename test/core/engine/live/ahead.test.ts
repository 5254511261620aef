import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ahead } from '../../../../src/core/engine/live/ahead.js';
import { commitIntents, type ExecutionContext, submitOrders } from '../../../../src/core/execution/index.js';
import type { ManualClock } from '../../../../src/core/platform/index.js';
import type { CorporateActionRecord, Journal, Lease } from '../../../../src/core/state/index.js';
import type { FakeVenue } from '../../execution/fakeVenue.js';
import { openExecution } from '../../execution/open.js';
import { entry, SCOPE, T0 } from '../../state/helpers.js';

let journal: Journal;
let clock: ManualClock;
let venue: FakeVenue;
let lease: Lease;
let context: ExecutionContext;
let close: () => Promise<void>;
let ahead: Ahead;

beforeEach(async () => {
  ({ journal, clock, venue, lease, context, close } = await openExecution());
  ahead = new Ahead(context);
});
afterEach(() => close());

const split: CorporateActionRecord = { instrument: 'SPY', date: '2026-01-05', type: 'split', value: '2' };
const leave = () => commitIntents(context, lease, T0, [entry()]);

describe('a reconciliation ahead of a slot', () => {
  test('serves the slot once', async () => {
    ahead.hear({ type: 'connected' });
    const state = await ahead.reconcile({ actions: async () => [split] });
    expect(await ahead.take(T0, async () => [split])).toMatchObject({
      state: { ...state, booked: [] },
      standing: { state: 'active' },
    });
    expect(await ahead.take(T0, async () => [split])).toBeUndefined();
  });

  const cases: Record<string, () => unknown> = {
    'the stream had not connected': () => {
      ahead = new Ahead(context);
      return ahead.reconcile({});
    },
    'the venue said something': () => ahead.hear({ type: 'connected' }),
    'the stream is gone': () => ahead.hear({ type: 'disconnected', reason: 'gone' }),
    'it is too old': () => clock.set(T0 + 10_000),
    'a person halts the strategy': () => journal.setState(SCOPE, 'reducing', 'enough', T0),
    'an order is on record': leave,
    'the stream was lost before it looked again': () => {
      ahead.hear({ type: 'disconnected', reason: 'gone' });
      return ahead.reconcile({});
    },
    'it looked again, and failed': async () => {
      venue.fault = (operation) => (operation === 'positions' ? 'fail' : undefined);
      await ahead.reconcile({}).catch(() => {});
    },
    'an order that may not be sent again is not at the venue': async () => {
      const orders = await leave();
      venue.fault = (operation) =>
        operation === 'submit' ? 'lost-before' : operation === 'lookup' ? 'fail' : undefined;
      await submitOrders(context, lease, orders);
      venue.fault = () => undefined;
      const { unresolved, resend } = await ahead.reconcile({});
      expect([unresolved.length, resend.length]).toEqual([1, 0]);
    },
    'an order stands open whose fate is not known': async () => {
      await leave();
      const [order] = await journal.orders({ scope: SCOPE });
      await journal.recordReports([{ clientOrderId: order!.clientOrderId, status: 'unknown' }], T0);
      await ahead.reconcile({ sendable: () => true });
    },
  };
  for (const [name, happen] of Object.entries(cases)) {
    test(`does not hold where ${name}`, async () => {
      ahead.hear({ type: 'connected' });
      await ahead.reconcile({});
      await happen();
      expect(await ahead.take(T0, async () => [])).toBeUndefined();
    });
  }

  test('does not hold for a corporate action that it did not know', async () => {
    ahead.hear({ type: 'connected' });
    await ahead.reconcile({});
    expect(await ahead.take(T0, async () => [split])).toBeUndefined();
  });

  test('does not hold for a slot that has its decision', async () => {
    ahead.hear({ type: 'connected' });
    await journal.recordDecision(SCOPE, lease, { slot: T0, report: 'r', time: T0, body: {} }, []);
    await ahead.reconcile({});
    expect(await ahead.take(T0, async () => [])).toBeUndefined();
    expect(await ahead.take(T0 + 1, async () => [])).toBeDefined();
  });

  test('does not hold where the venue said something while it was read', async () => {
    ahead.hear({ type: 'connected' });
    const reading = ahead.reconcile({});
    ahead.hear({ type: 'connected' });
    await reading;
    expect(await ahead.take(T0, async () => [])).toBeUndefined();
  });

  test('does not hold where the venue said something while the journal was read after it, or actions were asked for', async () => {
    const something = { type: 'connected' } as const;
    ahead.hear(something);
    const head = journal.head.bind(journal);
    journal.head = () => {
      ahead.hear(something);
      return head();
    };
    await ahead.reconcile({});
    journal.head = head;
    expect(await ahead.take(T0, async () => [])).toBeUndefined();
    await ahead.reconcile({});
    const asked = async () => {
      ahead.hear(something);
      return [];
    };
    expect(await ahead.take(T0, asked)).toBeUndefined();
  });

  test('tells of no fill twice: what it has booked was told as it was found', async () => {
    const [order] = await submitOrders(context, lease, await leave());
    ahead.hear({ type: 'connected' });
    venue.fill(venue.find(order!.clientOrderId)!, '10');
    expect((await ahead.reconcile({})).booked).toHaveLength(1);
    expect((await ahead.take(T0, async () => []))?.state).toMatchObject({
      booked: [],
      positions: [{ quantity: '10' }],
    });
  });
});

test('knows at a look what was external at the one before: the source is asked about what is new only', async () => {
  await submitOrders(context, lease, await leave());
  venue.fill(venue.open()[0]!, '10');
  const asked: (readonly string[])[] = [];
  const announced = async (instruments: readonly string[]) => {
    asked.push(instruments);
    return [];
  };
  for (const units of ['0', '30', '30', '150']) {
    venue.external.set('SPY', units);
    await ahead.reconcile({ announced });
  }
  expect(asked).toEqual([['SPY'], ['SPY']]);
});
