import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ahead } from '../../../../src/core/engine/live/ahead.js';
import { commitIntents, type ExecutionContext } from '../../../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import { type CorporateActionRecord, type Journal, openJournal, streamOf } from '../../../../src/core/state/index.js';
import { FakeVenue } from '../../execution/fakeVenue.js';
import { entry, SCOPE, T0, temporaryFolder } from '../../state/helpers.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let journal: Journal;
let clock: ManualClock;
let context: ExecutionContext;
let ahead: Ahead;

beforeEach(async () => {
  folder = await temporaryFolder();
  journal = await openJournal(join(folder.path, 'journal.sqlite'));
  clock = new ManualClock(T0);
  context = { journal, broker: new FakeVenue(clock), scope: SCOPE, clock, logger: silentLogger };
  ahead = new Ahead(context);
});
afterEach(async () => {
  await journal.close();
  await folder.remove();
});

const split: CorporateActionRecord = { instrument: 'SPY', date: '2026-01-05', type: 'split', value: '2' };
const leave = async () => {
  const lease = (await journal.acquireLease(streamOf(SCOPE), 'test', T0, 600_000))!;
  await commitIntents(context, lease, T0, [entry()]);
};

describe('a reconciliation ahead of a slot', () => {
  test('serves the slot once', async () => {
    ahead.hear({ type: 'connected' });
    const state = await ahead.reconcile({ actions: async () => [split] });
    expect(await ahead.take([split])).toEqual({ ...state, booked: [] });
    expect(await ahead.take([split])).toBeUndefined();
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
      expect(await ahead.take([])).toBeUndefined();
    });
  }

  test('does not hold for a corporate action that it did not know', async () => {
    ahead.hear({ type: 'connected' });
    await ahead.reconcile({});
    expect(await ahead.take([split])).toBeUndefined();
  });

  test('does not hold where the venue said something while it was read', async () => {
    ahead.hear({ type: 'connected' });
    const reading = ahead.reconcile({});
    ahead.hear({ type: 'connected' });
    await reading;
    expect(await ahead.take([])).toBeUndefined();
  });
});
