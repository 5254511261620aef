import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ahead } from '../../../../src/core/engine/live/ahead.js';
import { commitIntents, type ExecutionContext } from '../../../../src/core/execution/index.js';
import type { ManualClock } from '../../../../src/core/platform/index.js';
import type { CorporateActionRecord, Journal, Lease } from '../../../../src/core/state/index.js';
import { openExecution } from '../../execution/open.js';
import { entry, SCOPE, T0 } from '../../state/helpers.js';

let journal: Journal;
let clock: ManualClock;
let lease: Lease;
let context: ExecutionContext;
let close: () => Promise<void>;
let ahead: Ahead;

beforeEach(async () => {
  ({ journal, clock, lease, context, close } = await openExecution());
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
});
