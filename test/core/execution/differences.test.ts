import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bookEvent,
  commitDecision,
  commitIntents,
  type ExecutionContext,
  reconcile,
  submitOrders,
} from '../../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../../src/core/platform/index.js';
import {
  type Journal,
  type Lease,
  type NewIntent,
  type OrderRecord,
  type OrderRequest,
  openJournal,
  streamOf,
} from '../../../src/core/state/index.js';
import { entry, failure, request, SCOPE, T0, temporaryFolder } from '../state/helpers.js';
import { FakeVenue } from './fakeVenue.js';

/** What may stand between the journal and the venue without a halt: an order that may have filled unseen. */
let folder: { path: string; remove: () => Promise<void> };
let clock: ManualClock;
let venue: FakeVenue;
let journal: Journal;
let lease: Lease;
let context: ExecutionContext;
let slot = T0;

beforeEach(async () => {
  folder = await temporaryFolder();
  clock = new ManualClock(T0);
  venue = new FakeVenue(clock);
  journal = await openJournal(join(folder.path, 'journal.db'));
  lease = (await journal.acquireLease(streamOf(SCOPE), 'me', T0, 3_600_000))!;
  context = { journal, broker: venue, scope: SCOPE, clock, logger: silentLogger, limits: { settleDelays: [] } };
  const [bought] = await submitOrders(context, lease, await decide(entry()));
  venue.fill(venue.find(bought!.clientOrderId)!, '10');
  await reconcile(context);
});
afterEach(async () => {
  await journal.verify();
  await journal.close();
  await folder.remove();
});

const decide = async (...intents: NewIntent[]): Promise<readonly OrderRecord[]> => {
  slot += 60_000;
  return (await commitDecision(context, lease, { slot, report: 'r', time: clock.now(), body: null }, intents)).orders;
};
/** An exit of what is held that is on its way, and that nobody has seen at the venue. */
async function onItsWay(terms: Partial<OrderRequest> = {}): Promise<OrderRecord> {
  const leg = terms.side === 'buy' || terms.instrument !== undefined ? 'entry' : 'exit';
  const [order] = await decide({ leg, request: request({ side: 'sell', ...terms }) });
  await journal.markSending([order!.clientOrderId], lease, clock.now());
  return order!;
}
const protection = (terms: Partial<OrderRequest>): NewIntent => ({
  leg: 'stop',
  request: request({ side: 'sell', type: 'stop', ...terms }),
});
const halts = async () => expect((await failure(reconcile(context))).code).toBe('HALTED');

describe('three of ten that are held are missing at the venue', () => {
  beforeEach(() => void venue.external.set('SPY', '-3'));

  test('nothing is on its way: halted', halts);

  test('an exit on its way may have sold them: an open question, not a halt, and the executions are read again', async () => {
    const before = await journal.cursor(SCOPE);
    const { clientOrderId } = await onItsWay();
    await venue.submit(request({ instrument: 'GLD' }), 'by-hand');
    venue.fill(venue.open()[0]!, '10');
    const { differences, unresolved } = await reconcile(context);
    expect([differences, unresolved.map((order) => order.clientOrderId)]).toEqual([[], [clientOrderId]]);
    expect(await journal.cursor(SCOPE)).toBe(before);
    // It is given up in the end: then they are missing.
    clock.set(clock.now() + 120_000);
    await halts();
  });

  test('one for just as much may have sold them, one for less may not', async () => {
    await onItsWay({ quantity: '3' });
    expect((await reconcile(context)).differences).toEqual([]);
    venue.external.set('SPY', '-3.1');
    await halts();
  });

  test('one that buys may not', async () => {
    await onItsWay({ side: 'buy' });
    await halts();
  });

  test('one of another instrument may not', async () => {
    await onItsWay({ instrument: 'QQQ' });
    await halts();
  });

  test('one that the venue shows, unfilled, has not', async () => {
    await submitOrders(context, lease, await decide({ leg: 'exit', request: request({ side: 'sell' }) }));
    await halts();
  });

  test('one whose status nobody understands may have, for a while', async () => {
    const { clientOrderId, request } = await onItsWay();
    await venue.submit(request, clientOrderId);
    Object.assign(venue.open()[0]!, { status: 'unknown', venueStatus: 'pondering' });
    expect((await reconcile(context)).differences).toEqual([]);
    clock.set(clock.now() + 120_000);
    await halts();
  });
});

test('an order that never shows is given up after two minutes, not before', async () => {
  await onItsWay({ side: 'buy', instrument: 'QQQ' });
  const told: (string | undefined)[] = [];
  const hears = { ...context, onRejected: ({ reason }: OrderRecord) => void told.push(reason) };
  const status = async () => {
    const { open, listedAt } = await reconcile(hears);
    expect(listedAt).toBe(clock.now());
    return open.map((order) => order.status);
  };
  clock.set(clock.now() + 119_999);
  expect(await status()).toEqual(['unknown']);
  clock.set(clock.now() + 1);
  expect(await status()).toEqual([]);
  expect(told).toEqual(['it never reached the venue']);
  // One that was not even sent is over at once.
  await decide(entry({ instrument: 'GLD' }));
  await status();
  expect(told.slice(1)).toEqual(['its decision expired before it was sent']);
});

/** An entry that rests. */
const rests = async (instrument: string) => {
  const [order] = await submitOrders(context, lease, await decide(entry({ instrument })));
  return venue.find(order!.clientOrderId)!;
};

test('what is listed is not looked up, where the venue calls it by its own id too', async () => {
  await rests('QQQ');
  const list = venue.openOrders.bind(venue);
  venue.openOrders = async () => (await list()).map((order) => ({ ...order, clientOrderId: undefined }));
  venue.calls.length = 0;
  expect((await reconcile(context)).open).toMatchObject([{ instrument: 'QQQ', status: 'accepted' }]);
  expect(venue.calls).not.toContain('lookup');
});

describe('an order of which the venue keeps no record any more', () => {
  test.each([
    ['5', true],
    ['-5', false],
  ])('bought, where it holds %s beyond ours: doubtful %s', async (external, doubtful) => {
    const order = await rests('QQQ');
    const view = (await venue.orderByVenueId(order.venueOrderId))!;
    venue.end(order, 'canceled');
    venue.orderByClientId = async () => ({ ...view, status: 'expired', presumed: true });
    venue.external.set('QQQ', external);
    const { differences } = await reconcile(context, { onDifference: 'report' });
    expect(differences.map(({ explanation }) => explanation)).toEqual(
      doubtful ? [expect.stringContaining('keeps no record of this order')] : [],
    );
  });
});

test('a fill that was taken back does not count towards what the venue says is filled', async () => {
  const [sent] = await submitOrders(context, lease, await decide(entry({ instrument: 'QQQ', quantity: '20' })));
  const order = venue.find(sent!.clientOrderId)!;
  venue.bust(venue.fill(order, '10')!);
  order.filled = '16';
  const { differences } = await reconcile(context, { onDifference: 'report' });
  expect(differences).toMatchObject([{ kind: 'fills', owned: '0', venue: '16' }]);
  order.filled = '0';
});

describe('what the venue says while it is read', () => {
  test('a fill between the executions and the orders is no difference: the executions are read again', async () => {
    const over = await rests('QQQ');
    venue.fill(over, '10');
    await bookEvent(context, { type: 'order', order: (await venue.orderByVenueId(over.venueOrderId))! });
    expect(await journal.orders({ open: true })).toMatchObject([{ closing: 'filled' }]);
    const next = await rests('GLD');
    const list = venue.openOrders.bind(venue);
    venue.openOrders = async () => {
      if (next.filled === '0') venue.fill(next, '10');
      return list();
    };
    expect((await reconcile(context)).booked.map(({ instrument }) => instrument)).toEqual(['QQQ', 'GLD']);
  });

  test('a figure that it takes back while its executions are waited for is read again', async () => {
    const order = await rests('QQQ');
    venue.fill(order, '6');
    Object.assign(order, { filled: '10', status: 'filled' });
    clock.sleep = async (ms) => {
      clock.set(clock.now() + ms);
      Object.assign(order, { filled: '6', status: 'canceled' });
    };
    const { differences } = await reconcile({ ...context, limits: { settleDelays: [1000] } });
    expect([differences, await journal.orders({ open: true })]).toEqual([[], []]);
  });
});

test('an order that the venue had shown and does not know is waited for, and then halts', async () => {
  const exit = await decide({ leg: 'exit', request: request({ side: 'sell' }) });
  await submitOrders(context, lease, exit);
  venue.orders.delete(venue.open()[0]!.venueOrderId);
  clock.set(clock.now() + 119_999);
  expect((await reconcile(context)).differences).toEqual([]);
  clock.set(clock.now() + 1);
  const { message } = await failure(reconcile(context));
  expect(message).toContain('does not know it any more');
});

test('what was to replace another order and was not sent is never sent by itself', async () => {
  const [stop] = await submitOrders(
    context,
    lease,
    await commitIntents(context, lease, slot, [protection({ stopPrice: '90' })]),
  );
  const replaces = stop!.clientOrderId;
  const [next] = await commitIntents(context, lease, slot, [{ ...protection({ stopPrice: '91' }), replaces }]);
  expect((await reconcile(context, { sendable: () => true })).resend).toEqual([]);
  expect(await journal.order(next!.clientOrderId)).toMatchObject({ status: 'expired' });
});

test('the keys of another account: nothing is read or booked', async () => {
  const account = { ...(await venue.account()), id: 'A2' };
  const broker = Object.assign(Object.create(venue), { account: async () => account });
  expect(await failure(reconcile({ ...context, broker }))).toMatchObject({ code: 'CREDENTIALS' });
});

test('with a difference the executions are read again next time', async () => {
  const before = await journal.cursor(SCOPE);
  await submitOrders(context, lease, await decide(entry({ instrument: 'QQQ' })));
  venue.fill(venue.open()[0]!, '10');
  venue.external.set('SPY', '-3');
  await halts();
  expect(await journal.cursor(SCOPE)).toBe(before);
});
