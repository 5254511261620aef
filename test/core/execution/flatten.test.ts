import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { QuantlineError } from '../../../src/core/errors/index.js';
import {
  commitDecision,
  commitIntents,
  type ExecutionContext,
  flatten,
  planFlatten,
  reconcile,
  sendError,
  submitOrders,
} from '../../../src/core/execution/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import {
  type Journal,
  type Lease,
  type NewIntent,
  type OrderRequest,
  streamOf,
} from '../../../src/core/state/index.js';
import { entry, failure, request, SCOPE, T0 } from '../state/helpers.js';
import type { FakeVenue } from './fakeVenue.js';
import { openExecution } from './open.js';

/** Each step of a flattening by itself: what is cancelled, what is closed, and what is left alone and said. */
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

const stop = (more: Partial<OrderRequest> = {}): NewIntent => ({
  leg: 'stop',
  request: request({ side: 'sell', type: 'stop', stopPrice: '90', opens: false, ...more }),
});

let slot = T0;
/** Enters and fills ten of an instrument. */
async function held(instrument = 'SPY', side: 'buy' | 'sell' = 'buy') {
  const decision = { slot: slot++, report: 'r', time: T0, body: null };
  const { orders } = await commitDecision(context, lease, decision, [entry({ instrument, side, opens: true })]);
  const [order] = await submitOrders(context, lease, orders);
  const trade = venue.fill(venue.find(order!.clientOrderId)!, '10')!;
  await reconcile(context);
  return trade;
}
/** Another strategy of the account: ten of QQQ, and an order for more of it that rests. */
async function beside() {
  const other = { ...context, scope: { ...SCOPE, strategy: 'other' } };
  const theirs = (await journal.acquireLease(streamOf(other.scope), 'x', T0, 3_600_000))!;
  const decide = async (intent: NewIntent) => {
    const decision = { slot: slot++, report: 'r', time: T0, body: null };
    const { orders } = await commitDecision(other, theirs, decision, [intent]);
    return (await submitOrders(other, theirs, orders))[0]!;
  };
  const bought = await decide(entry({ instrument: 'QQQ' }));
  venue.fill(venue.find(bought.clientOrderId)!, '10');
  await reconcile(other);
  await decide(entry({ instrument: 'QQQ', type: 'limit', limitPrice: '1' }));
}
/** An order that rests. */
const rests = async (intent: NewIntent) =>
  (await submitOrders(context, lease, await commitIntents(context, lease, slot++, [intent])))[0]!;
const flat = (all = false, wait = 3000) => flatten(context, lease, slot++, { until: clock.now() + wait, all });
/** Cancels and market orders are over at once. */
function prompt() {
  clock.sleep = async (ms) => {
    clock.set(clock.now() + ms);
    venue.finishCancels();
    for (const order of venue.open()) if (order.request.type === 'market') venue.fill(order, '10');
  };
}
const exits = () => venue.accepted.map((id) => venue.find(id)!.request).filter(({ purpose }) => purpose === 'flatten');

test('closes what is long and what is short, and cancels entries before exits', async () => {
  await held('SPY');
  await held('QQQ', 'sell');
  const resting = await rests(stop());
  const entering = await rests(entry({ instrument: 'GLD', type: 'limit', limitPrice: '1' }));
  const cancelled: string[] = [];
  const cancel = venue.cancel.bind(venue);
  venue.cancel = (id) => {
    cancelled.push(id);
    return cancel(id);
  };
  prompt();
  const result = await flat();
  expect(cancelled).toEqual([entering.venueOrderId, resting.venueOrderId]);
  expect(exits()).toMatchObject([
    { instrument: 'QQQ', side: 'buy', quantity: '10', type: 'market', opens: false },
    { instrument: 'SPY', side: 'sell', quantity: '10', type: 'market', opens: false },
  ]);
  expect(result).toMatchObject({ flat: true, problems: [], external: [] });
  expect(result.cancelled).toHaveLength(2);
});

test('an exit whose cancel is not over is joined by no other; other instruments are closed', async () => {
  await held('SPY');
  await held('QQQ');
  const resting = await rests(stop());
  const { flat: isFlat, problems, cancelled } = await flat();
  expect(exits()).toMatchObject([{ instrument: 'QQQ' }]);
  expect(problems).toEqual([
    `SPY: the order ${resting.clientOrderId} is still pending_cancel`,
    'SPY: an exit is still open; a second one would double it',
  ]);
  expect([isFlat, cancelled]).toEqual([false, []]);
});

test('an entry whose cancel is not over does not keep what is held; it is not flat until that is over', async () => {
  await held();
  await rests(entry({ type: 'limit', limitPrice: '1' }));
  venue.onAccept = ({ type }, id) => {
    if (type === 'market') venue.fill(venue.find(id)!, '10');
  };
  const { flat: isFlat, problems } = await flat();
  expect(exits()).toMatchObject([{ instrument: 'SPY', quantity: '10' }]);
  expect(await journal.positions(SCOPE)).toEqual([]);
  expect([isFlat, problems.length]).toEqual([false, 1]);
});

test.each([
  ['less', '-4', ['6'], /^SPY: .*journal 10, venue 6/],
  ['more', '4', ['10'], undefined],
  ['nothing', '-10', [], /nothing is sent/],
  ['the other side', '-12', [], /the venue -2; nothing is sent/],
])('the venue holds %s than is owned: never more is closed than both hold', async (_, by, closed, problem) => {
  await held();
  venue.external.set('SPY', by);
  const { problems } = await flat();
  expect(exits().map(({ quantity }) => quantity)).toEqual(closed);
  expect(problems.filter((text) => problem?.test(text)).length).toBe(problem === undefined ? 0 : 1);
  venue.external.delete('SPY');
});

describe('a position that the venue does not hold under its name, with its exit at work', () => {
  /** Ten of SPY, their stop, and what the venue shows of them. */
  async function gone(instead: Readonly<Record<string, string>>) {
    await held('SPY');
    await held('QQQ');
    const resting = await rests(stop());
    venue.external.set('SPY', '-10');
    for (const [name, quantity] of Object.entries(instead)) venue.external.set(name, quantity);
    prompt();
    return resting.clientOrderId;
  }
  const working = () =>
    venue.open().flatMap(({ clientOrderId, request: { type } }) => (type === 'market' ? [] : [clientOrderId]));
  afterEach(() => venue.external.clear());

  test('and something else instead, perhaps it by a new name: its exit stays and what to do is said; the rest is closed', async () => {
    const resting = await gone({ SPYX: '10' });
    await rests(entry({ type: 'limit', limitPrice: '1' }));
    const planned = await planFlatten(context, false);
    expect([planned.cancel.map(({ leg }) => leg), planned.close]).toEqual([
      ['entry'],
      [{ instrument: 'QQQ', quantity: '10' }],
    ]);
    const result = await flat();
    expect(working()).toEqual([resting]);
    expect(result.cancelled.map(({ leg }) => leg)).toEqual(['entry']);
    expect(exits()).toMatchObject([{ instrument: 'QQQ' }]);
    expect(result.flat).toBe(false);
    expect(result.problems).toContainEqual(expect.stringMatching(/^SPY: .*exits are left.*quantline trade --once/));
  });

  test.each([
    ['and nothing instead', {}],
    ['and only something on the other side', { SPYX: '-10' }],
  ])('%s, so it was closed there: an exit that stayed would open the other side', async (_, instead) => {
    await gone(instead);
    const { problems } = await flat();
    expect(working()).toEqual([]);
    expect(problems).toContainEqual(expect.stringMatching(/^SPY: the journal holds 10, the venue 0; nothing is sent$/));
  });

  test('with --all, what is there instead is closed, and no exit stays behind', async () => {
    await gone({ SPYX: '10' });
    const { external } = await flat(true);
    expect(working()).toEqual([]);
    expect(external).toMatchObject([{ instrument: 'SPYX', action: 'close', outcome: 'done' }]);
  });
});

test.each([false, true])('another strategy keeps what it holds and has ordered (--all: %s)', async (all) => {
  await held();
  await beside();
  prompt();
  expect(await flat(all)).toMatchObject({ flat: true, problems: [], external: [] });
  expect(exits()).toMatchObject([{ instrument: 'SPY' }]);
  expect(venue.held('QQQ')).toBe('10');
  expect(venue.open().map(({ request: { instrument, type } }) => [instrument, type])).toEqual([['QQQ', 'limit']]);
});

test('what is flat while the market is closed waits for no opening', async () => {
  venue.clock = async () => ({ now: clock.now(), open: false, nextOpen: T0 + 1, nextClose: undefined });
  expect(await flat()).not.toHaveProperty('opensAt');
  await held();
  expect(await flat()).toMatchObject({ flat: false, opensAt: T0 + 1 });
});

test('a cancel that the venue works on is not asked for again', async () => {
  await rests(entry({ type: 'limit', limitPrice: '1' }));
  const { problems } = await flat(false, 20_000);
  expect(venue.calls.filter((call) => call === 'cancel')).toHaveLength(1);
  expect(problems).toHaveLength(1);
});

describe('a cancel that fails', () => {
  const failing = (error: Error) => {
    venue.cancel = () => Promise.reject(error);
  };

  test('is said, and the rest goes on', async () => {
    await held('QQQ');
    await rests(entry({ type: 'limit', limitPrice: '1' }));
    failing(sendError('rejected', 'it cannot be cancelled'));
    const { problems } = await flat();
    expect(problems[0]).toMatch(/^SPY: the order ql-\S+ is still \w+; it cannot be cancelled$/);
    expect(exits()).toMatchObject([{ instrument: 'QQQ' }]);
  });

  test('and is taken later: why it failed at first is not said any more', async () => {
    const { clientOrderId } = await rests(entry({ type: 'limit', limitPrice: '1' }));
    const refusals = [sendError('rejected', 'it cannot be cancelled')];
    const cancel = venue.cancel.bind(venue);
    venue.cancel = async (id) => {
      const error = refusals.pop();
      if (error !== undefined) throw error;
      return cancel(id);
    };
    const { problems } = await flat(false, 20_000);
    expect(problems).toEqual([`SPY: the order ${clientOrderId} is still pending_cancel`]);
  });

  test.each([new QuantlineError('CREDENTIALS', 'the keys were not accepted'), new Error('a bug')])(
    'ends it where it is %s',
    async (error) => {
      await held('QQQ');
      await rests(entry({ type: 'limit', limitPrice: '1' }));
      failing(error);
      await expect(flat()).rejects.toBe(error);
      expect(exits()).toEqual([]);
    },
  );
});

test.each([
  ['reject', 'rejected', /SPY: the exit is rejected, submit refused/],
  ['lost-before', 'unknown', /SPY: the exit is unknown, submit: no answer/],
] as const)('an exit that meets %s is said', async (fault, status, problem) => {
  await held();
  venue.fault = (operation) =>
    operation === 'submit' ? fault : operation === 'lookup' && fault !== 'reject' ? 'fail' : undefined;
  const result = await flat();
  expect(result.exits).toMatchObject([{ status }]);
  expect(result.problems).toEqual([expect.stringMatching(problem)]);
  expect(result.flat).toBe(false);
});

describe('what others did, with --all', () => {
  const byHand = (more: Partial<OrderRequest> = {}) =>
    venue.submit(request({ instrument: 'GLD', type: 'limit', limitPrice: '1', ...more }), 'by-hand');
  const notes = async () => (await journal.events({ types: ['note:external-cancel', 'note:external-exit'] })).length;

  test('without it nothing of theirs is touched', async () => {
    venue.external.set('GLD', '7');
    await byHand();
    await flat();
    expect([venue.open().length, exits()]).toEqual([1, []]);
    expect(await notes()).toBe(0);
  });

  test('their orders are cancelled and their positions closed, long and short, each step noted before it', async () => {
    venue.external.set('GLD', '7').set('TLT', '-3');
    await byHand();
    const submit = venue.submit.bind(venue);
    const noted: number[] = [];
    venue.submit = async (...order) => {
      noted.push(await notes());
      return submit(...order);
    };
    const { external, problems } = await flat(true);
    expect(external).toEqual([
      { instrument: 'GLD', action: 'cancel', quantity: '10', outcome: 'done' },
      { instrument: 'GLD', action: 'close', quantity: '7', outcome: 'done' },
      { instrument: 'TLT', action: 'close', quantity: '-3', outcome: 'done' },
    ]);
    expect(problems).toEqual([]);
    expect(noted).toEqual([2, 3]);
    expect([...venue.orders.values()].slice(1).map(({ request: { side, quantity } }) => [side, quantity])).toEqual([
      ['sell', '7'],
      ['buy', '3'],
    ]);
  });

  test.each([
    ['taken, its answer lost', 'lost-after', 'done'],
    ['lost', 'lost-before', 'submit: no answer'],
    ['refused', 'reject', 'submit refused'],
  ] as const)('an exit that is %s', async (_, fault, outcome) => {
    venue.external.set('GLD', '7');
    venue.fault = (operation) => (operation === 'submit' ? fault : undefined);
    const { external, problems } = await flat(true);
    expect(external).toMatchObject([{ action: 'close', outcome }]);
    expect(problems).toEqual(outcome === 'done' ? [] : [`GLD: ${outcome}`]);
  });

  test('a refusal is one, though the venue shows an order with the same terms', async () => {
    venue.external.set('GLD', '7');
    await byHand();
    const [alike] = await venue.openOrders();
    venue.orderByClientId = async () => alike;
    venue.fault = (operation) => (operation === 'submit' ? 'reject' : undefined);
    expect((await flat(true)).problems).toEqual(['GLD: submit refused']);
  });

  test('what fills before its cancel is through is closed as well', async () => {
    await byHand();
    clock.sleep = async (ms) => {
      clock.set(clock.now() + ms);
      for (const order of venue.open()) if (order.request.type === 'limit') venue.fill(order, '10');
    };
    expect((await flat(true)).external).toMatchObject([
      { action: 'cancel', quantity: '10' },
      { action: 'close', quantity: '10', outcome: 'done' },
    ]);
  });

  test('what is bought again by hand after it is closed again', async () => {
    for (const again of [false, true]) {
      venue.external.set('GLD', '7');
      expect((await flat(true)).external, String(again)).toMatchObject([{ action: 'close', outcome: 'done' }]);
      for (const order of venue.open()) venue.end(order, 'canceled');
      clock.set(clock.now() + 1000);
    }
  });

  test('a cancel that is refused is said; keys that are not taken end it', async () => {
    await byHand();
    venue.cancel = () => Promise.reject(sendError('rejected', 'no'));
    const { external, problems } = await flat(true);
    expect([external, problems]).toEqual([[expect.objectContaining({ action: 'cancel', outcome: 'no' })], ['GLD: no']]);
    venue.cancel = () => Promise.reject(new QuantlineError('CREDENTIALS', 'the keys were not accepted'));
    expect((await failure(flat(true))).code).toBe('CREDENTIALS');
  });
});

describe('a plan', () => {
  test('takes a fill for ours once, whoever lists it twice; a bust is none', async () => {
    const trade = await held();
    const listed = venue.executions.bind(venue);
    venue.executions = async (cursor) => {
      const page = await listed(cursor);
      return { ...page, executions: [...page.executions, ...page.executions] };
    };
    const decision = { slot: slot++, report: 'r', time: T0, body: null };
    const { orders } = await commitDecision(context, lease, decision, [
      entry({ instrument: 'QQQ', side: 'sell', opens: true }),
    ]);
    const [order] = await submitOrders(context, lease, orders);
    venue.fill(venue.find(order!.clientOrderId)!, '4');
    expect((await planFlatten(context, true)).close).toEqual([
      { instrument: 'SPY', quantity: '10' },
      { instrument: 'QQQ', quantity: '-4' },
    ]);
    venue.bust(trade);
    expect((await planFlatten(context, false)).close.map(({ quantity }) => quantity)).toContain('10');
  });

  test('closes what its own strategy owns, and takes orders of others down with all that hangs on them', async () => {
    await held();
    await beside();
    await rests(entry({ instrument: 'TLT', type: 'limit', limitPrice: '1' }));
    const bracket = request({ instrument: 'GLD', type: 'limit', limitPrice: '9', stopLoss: { stopPrice: '8' } });
    await venue.submit(bracket, 'by-hand');
    const plan = await planFlatten(context, true);
    expect(plan.close).toEqual([{ instrument: 'SPY', quantity: '10' }]);
    expect(plan.closeExternal).toEqual([]);
    expect(plan.cancelExternal.map(({ instrument, type }) => [instrument, type])).toEqual([
      ['GLD', 'limit'],
      ['GLD', 'stop'],
    ]);
    expect(plan.cancel).toMatchObject([{ instrument: 'TLT' }]);
    const own = await planFlatten(context, false);
    expect([own.cancelExternal, own.closeExternal]).toEqual([[], []]);
  });
});

test('a venue that moves with ticks alone is not waited for, and has no hours', async () => {
  await held();
  Object.assign(venue, { onTick: () => {} });
  venue.clock = async () => ({ now: clock.now(), open: false, nextOpen: T0 + 1, nextClose: undefined });
  const before = clock.now();
  const result = await flat();
  expect([clock.now(), result.flat, 'opensAt' in result]).toEqual([before, false, false]);
});
