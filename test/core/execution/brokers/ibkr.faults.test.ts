import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BrokerEvent, bookEvent, reconcile, sendOutcome } from '../../../../src/core/execution/index.js';
import { amendOrder } from '../../../../src/core/execution/outcome.js';
import type { TwsOrder } from '../../../fakes/tws/book.js';
import { buy, Rig, T0 } from '../../../fakes/tws/rig.js';
import type { Fault } from '../../../fakes/tws/server.js';
import * as wire from '../../../fakes/tws/wire.js';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.start({ timeoutSeconds: 0.5 });
});
afterEach(() => rig.close());

const placed = () => rig.venue.count('placeOrder');
const refs = () => rig.venue.book.accepted.map(({ orderRef }) => orderRef);

const dropAfter: Fault = ({ process, drop }) => {
  process(true);
  drop();
};
const cutOff: Fault = ({ process, raw, drop }) => {
  process(true);
  raw(wire.frame(wire.openOrder(rig.venue.book.accepted.at(-1)!)).subarray(0, 40));
  setTimeout(drop, 10);
};
const unseen: Fault = ({ process }) => process(true);
const answers =
  (code: number, message: string): Fault =>
  ({ error }) =>
    error(code, message);

describe('placing an order', () => {
  it.each([
    ['F1 accepted, the connection dropped before anything was said', dropAfter],
    ['F3 accepted, the message cut off in its middle', cutOff],
    ['F44 accepted, and no openOrder ever comes', unseen],
  ])('%s: found by its reference and adopted, sent once', async (_name, fault) => {
    rig.venue.arm('placeOrder', fault);
    const [order] = await rig.place(buy());
    expect(order).toMatchObject({ status: 'filled', venueOrderId: String(rig.venue.book.accepted[0]!.permId) });
    expect(placed()).toBe(1);
    await rig.oracle();
  });

  it('F4 dropped and never taken: unknown, not sent again, and closed once TWS has kept silent about it', async () => {
    rig.venue.arm('placeOrder', ({ drop }) => drop());
    const [order] = await rig.submit(buy());
    expect(order).toMatchObject({ status: 'unknown' });
    expect(placed()).toBe(1);
    expect(rig.said.join('\n')).toContain('may or may not have been taken');
    await rig.settle();
    expect((await rig.journal.orders({ scope: rig.scope }))[0]?.status).toBe('unknown');
    rig.clock.set(rig.clock.now() + 200_000);
    expect((await rig.settle())[0]).toMatchObject({ status: 'expired', reason: 'it never reached the venue' });
    expect(placed()).toBe(1);
    await rig.oracle();
  });

  it('F5 the lists lag behind: kept as unknown, adopted when they show it', async () => {
    rig.venue.arm('placeOrder', dropAfter);
    const empty: Fault = ({ send }) => send([53, 1]);
    rig.venue.arm('reqAllOpenOrders', empty, 50);
    rig.venue.arm('reqCompletedOrders', ({ send }) => send([102]), 50);
    rig.venue.arm('reqExecutions', ({ send, fields }) => send([55, 1, fields[2]]), 50);
    const [order] = await rig.submit(buy({ type: 'limit', limitPrice: '50' }));
    expect(order).toMatchObject({ status: 'unknown', revision: 0 });
    rig.venue.disarm();
    expect((await rig.settle())[0]).toMatchObject({ status: 'accepted' });
    expect(placed()).toBe(1);
    await rig.oracle();
  });

  it('F5 only its executions show a filled order', async () => {
    rig.venue.arm('placeOrder', dropAfter);
    rig.venue.arm('reqCompletedOrders', ({ send }) => send([102]), 50);
    const [order] = await rig.place(buy());
    expect(order).toMatchObject({ status: 'filled', filledQuantity: '10' });
    expect(placed()).toBe(1);
  });

  it('F7 too many messages: not taken, sent again, once accepted', async () => {
    rig.venue.arm('placeOrder', answers(100, 'Max rate of messages per second has been exceeded:max=50'));
    const [order] = await rig.place(buy());
    expect(order?.status).toBe('filled');
    expect(placed()).toBe(2);
    await rig.oracle();
  });

  it('F8 stays below the pace that TWS takes', async () => {
    const slow = rig.another({ maxRequestsPerSecond: 10, clientId: 18, timeoutSeconds: 5 });
    const started = performance.now();
    await Promise.all(Array.from({ length: 12 }, () => slow.asset('AAPL').then(() => slow.clock())));
    expect(performance.now() - started).toBeGreaterThan(800);
    await slow.close();
  });

  it('F44 error 103, the number was used before: a new number, the same reference, placed once', async () => {
    rig.venue.arm('placeOrder', answers(103, 'Duplicate order id'));
    await rig.place(buy());
    await expect.poll(async () => (await rig.settle())[0]?.status).toBe('filled');
    const ids = rig.venue.requests.filter(({ name }) => name === 'placeOrder').map(({ fields }) => fields[1]);
    expect(new Set(ids).size).toBe(2);
    await rig.oracle();
  });

  const pair = buy({
    ...{ side: 'sell', type: 'limit', opens: false, timeInForce: 'gtc' },
    ...{ takeProfit: { limitPrice: '110' }, stopLoss: { stopPrice: '95' } },
  });

  const notTaken = [
    [103, 'Duplicate order id'],
    [504, 'Not connected'],
  ] as const;

  it.each(notTaken)(
    'F44 error %i for both exits of a pair: sent again, no other order is cancelled',
    async (...said) => {
      await rig.place(buy());
      rig.venue.arm('placeOrder', answers(...said), 2);
      const [exits] = await rig.submit(pair);
      expect(exits?.status).toBe('accepted');
      expect(placed()).toBe(5);
      expect(rig.venue.count('cancelOrder')).toBe(0);
      await rig.oracle();
    },
  );

  it.each(notTaken)('F44 error %i for one exit of a pair: the other one does not stay behind', async (...said) => {
    await rig.place(buy());
    rig.venue.arm('placeOrder', ({ process }) => process());
    rig.venue.arm('placeOrder', answers(...said));
    await rig.submit(pair);
    await expect.poll(async () => (await rig.settle()).at(-1)?.status).toBe('canceled');
    expect(placed()).toBe(3);
    expect((await rig.broker.openOrders()).length).toBe(0);
    await rig.oracle();
  });

  it.each([
    ['an order', buy(), 1],
    ['a pair of exits', pair, 2],
  ])(
    'F44 error 504 for %s again and again: certainly not sent, so it is over and no question stays',
    async (_, request, parts) => {
      await rig.place(buy());
      rig.venue.arm('placeOrder', answers(504, 'Not connected'), 99);
      const [order] = await rig.submit(request);
      expect(order).toMatchObject({ status: 'expired', reason: expect.stringMatching(/not sent.*\(504\)/) });
      const tried = placed() - 1;
      expect(tried).toBeGreaterThan(parts);
      expect(tried % parts).toBe(0);
      expect(rig.venue.count('cancelOrder')).toBe(0);
      await rig.oracle();
    },
  );

  it('F37 error 503, TWS is too old for the order: refused, no repeat', async () => {
    rig.venue.arm('placeOrder', answers(503, 'The TWS is out of date and must be upgraded.'));
    expect((await rig.submit(buy()))[0]).toMatchObject({ status: 'rejected' });
    expect(placed()).toBe(1);
  });

  it('F44 a second order with the same reference is refused here, because TWS would take it', async () => {
    await rig.submit(buy({ type: 'limit', limitPrice: '50' }));
    const [ref] = refs();
    expect(sendOutcome(await rig.broker.submit(buy(), ref!).catch((e: unknown) => e))).toBe('duplicate');
    expect(placed()).toBe(1);
  });

  it.each([
    [201, 'Order rejected - reason:The account does not have enough available funds', /not enough buying power/],
    [201, 'Order rejected - reason:The contract is not available for short sale.', /cannot be sold short/],
    [201, 'Order rejected - reason:Trading is halted for this security', /halted/],
    [110, 'The price does not conform to the minimum price variation for this contract.', /finer than the tick/],
    [460, 'No trading permission.', /the account may not trade/],
    [200, 'No security definition has been found for the request', /not known at Interactive Brokers/],
    [10243, 'Fractional-sized order cannot be placed via API', /fractions of it/],
  ])('F37 refused with %i "%s": one clear reason, no repeat, the other symbol goes on', async (code, message, said) => {
    rig.venue.arm(
      'placeOrder',
      ({ fields, error, process }) => (fields[3] === 'AAPL' ? error(code, message) : process()),
      9,
    );
    const [refused, other] = await rig.place(buy(), buy({ instrument: 'MSFT' }));
    expect(refused).toMatchObject({ status: 'rejected', reason: expect.stringMatching(said) });
    expect(refused?.reason).toContain(`(${code})`);
    expect(other?.status).toBe('filled');
    expect(placed()).toBe(2);
    await rig.oracle();
  });

  it('F37 a warning is no refusal; a code that is not known leaves it open and is looked up', async () => {
    rig.venue.arm('placeOrder', ({ error, process }) => {
      error(399, 'Order Message:\nBUY 10 AAPL\nWarning: your order will not be placed at the exchange until 09:30.');
      process();
    });
    expect((await rig.place(buy()))[0]?.status).toBe('filled');
    rig.venue.arm('placeOrder', ({ error, process }) => {
      process(true);
      error(9999, 'something new');
    });
    expect((await rig.place(buy()))[0]?.status).toBe('filled');
    expect(placed()).toBe(2);
    await rig.oracle();
  });

  it('F21 a read-only API: everything stops with exit code 3 and the switch to turn', async () => {
    rig.venue.readOnly = true;
    const error: unknown = await rig.submit(buy(), buy({ instrument: 'MSFT' })).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'CREDENTIALS', exitCode: 3, hint: expect.stringContaining('Read-Only API') });
    await expect(rig.broker.openOrders()).rejects.toMatchObject({ code: 'CREDENTIALS' });
    expect(rig.venue.book.accepted).toEqual([]);
  });

  it('F44 the connection to Interactive Brokers is lost (1100): nothing is sent, nothing counts as read', async () => {
    await rig.broker.account();
    rig.venue.notice(1100, 'Connectivity between IBKR and Trader Workstation has been lost.');
    await expect.poll(() => rig.said.join()).toContain('1100');
    const [order] = await rig.submit(buy());
    expect(order).toMatchObject({ status: 'expired', reason: expect.stringMatching(/not sent.*1100/) });
    for (const read of [rig.broker.openOrders(), rig.broker.positions(), rig.broker.executions(undefined)])
      await expect(read).rejects.toMatchObject({ code: 'UNAVAILABLE', exitCode: 7 });
    expect(placed()).toBe(0);
    rig.venue.notice(1102, 'Connectivity between IBKR and Trader Workstation has been restored - data maintained.');
    await expect.poll(() => rig.said.join()).toContain('1102');
    expect((await rig.place(buy()))[0]?.status).toBe('filled');
    await rig.oracle();
  });

  it('F44 lost already when the connection is made', async () => {
    rig.venue.greeting = [wire.errorMessage(-1, 2110, 'Connectivity between Trader Workstation and server is broken.')];
    await expect(rig.broker.positions()).rejects.toThrow(/lost its connection/);
  });
});

describe('F44 the nightly restart', () => {
  it('a restart between two orders: found again by permId and reference, though numbers start anew', async () => {
    const [first] = await rig.submit(buy({ type: 'limit', limitPrice: '99.5' }));
    await rig.venue.restart(() => {
      rig.venue.nextId = 1;
      for (const order of rig.venue.book.orders) rig.venue.forgottenIds.add(order);
    });
    const [second] = await rig.place(buy({ instrument: 'MSFT' }));
    expect(second).toMatchObject({ status: 'filled', instrument: 'MSFT' });
    const orders = await rig.settle();
    expect(orders.find((one) => one.clientOrderId === first!.clientOrderId)).toMatchObject({
      status: 'accepted',
      venueOrderId: first!.venueOrderId,
    });
    await rig.oracle();
  });

  it('while TWS is down: unavailable, with what to do; the order counts as not sent', async () => {
    await rig.broker.account();
    await rig.venue.restart(async () => {
      await expect(rig.broker.account()).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        hint: expect.stringMatching(/restarts? once a day/),
      });
      const [order] = await rig.submit(buy());
      expect(order).toMatchObject({ status: 'expired', reason: expect.stringMatching(/not sent/) });
    });
    expect(placed()).toBe(0);
    expect((await rig.place(buy()))[0]?.status).toBe('filled');
    await rig.oracle();
  });

  it('nothing that was meant for a dead connection is sent on the next one', async () => {
    await rig.broker.account();
    rig.venue.arm('placeOrder', ({ drop }) => drop());
    await rig.submit(buy());
    await rig.broker.account();
    await rig.broker.clock();
    expect(placed()).toBe(1);
    expect(rig.venue.book.accepted).toEqual([]);
  });

  it('an order that ended before the records of today begin is over, unless the venue holds what may come from it', async () => {
    const [day] = await rig.submit(buy({ type: 'limit', limitPrice: '50' }));
    const order = rig.venue.book.orders[0]!;
    rig.venue.book.end(order, 'Cancelled', 'Expired');
    rig.clock.set(T0 + 86_400_000);
    rig.venue.newDay();
    expect((await rig.settle())[0]).toMatchObject({ clientOrderId: day!.clientOrderId, status: 'expired' });
    expect(await rig.journal.state(rig.scope)).toMatchObject({ state: 'active' });

    await rig.submit(buy({ instrument: 'MSFT', type: 'limit', limitPrice: '150' }));
    rig.venue.book.fill(rig.venue.book.orders[1]!);
    rig.clock.set(T0 + 2 * 86_400_000);
    rig.venue.newDay();
    await expect(rig.settle()).rejects.toMatchObject({
      code: 'HALTED',
      exitCode: 6,
      message: expect.stringContaining('keeps no record of this order'),
    });
    // TWS has forgotten it, so that nobody can book it: a person looks.
    rig.venue.book.executions.length = 0;
  });
});

it('F47 an attached exit that was cancelled by hand and is forgotten with its day is over, and halts nothing', async () => {
  await rig.submit(buy({ timeInForce: 'gtc', stopLoss: { stopPrice: '90' } }));
  await rig.settle();
  const stop = rig.venue.book.orders.at(-1)!;
  expect((await rig.journal.orders({ scope: rig.scope, open: true })).map(({ leg }) => leg)).toEqual(['stop']);
  rig.venue.book.end(stop, 'Cancelled', 'by hand');
  rig.clock.set(T0 + 86_400_000);
  rig.venue.newDay();
  await rig.settle();
  expect(await rig.journal.orders({ scope: rig.scope, open: true })).toEqual([]);
  expect(await rig.journal.state(rig.scope)).toMatchObject({ state: 'active' });
});

it('an exit of yesterday that fills today is filled, not taken for one whose record is gone', async () => {
  await rig.submit(buy({ timeInForce: 'gtc', stopLoss: { stopPrice: '90' } }));
  await rig.settle();
  rig.clock.set(T0 + 86_400_000);
  rig.venue.newDay();
  rig.venue.book.fill(rig.venue.book.orders.at(-1)!);
  const stop = (await rig.settle()).find(({ leg }) => leg === 'stop');
  expect(stop).toMatchObject({ status: 'filled', venueStatus: 'Filled', filledQuantity: '10' });
});

describe('order life cycle', () => {
  const limit = buy({ type: 'limit', limitPrice: '99.5' });
  const resting = async (request = limit): Promise<TwsOrder> => {
    const [order] = await rig.submit(request);
    return rig.venue.book.orders.find(({ permId }) => String(permId) === order!.venueOrderId)!;
  };
  const bracket = buy({
    type: 'limit',
    limitPrice: '100',
    timeInForce: 'gtc',
    takeProfit: { limitPrice: '110' },
    stopLoss: { stopPrice: '95' },
  });
  const legs = () => rig.venue.book.orders.slice(1);

  it('F22 partly filled, then cancelled', async () => {
    const order = await resting();
    rig.venue.book.fill(order, 1);
    expect((await rig.settle())[0]).toMatchObject({ status: 'partially_filled', filledQuantity: '1' });
    await rig.broker.cancel(String(order.permId));
    expect((await rig.settle())[0]).toMatchObject({ status: 'canceled', filledQuantity: '1', averagePrice: '99.5' });
    await rig.oracle();
  });

  it('F23 a cancel races a fill: the position follows the fills', async () => {
    rig.venue.book.rules.holdCancels = true;
    const order = await resting();
    await rig.broker.cancel(String(order.permId));
    rig.venue.book.fill(order);
    expect((await rig.settle())[0]).toMatchObject({ status: 'filled', filledQuantity: '10' });
    await rig.broker.cancel(String(order.permId));
    expect((await rig.broker.positions())[0]).toMatchObject({ instrument: 'AAPL', quantity: '10' });
    await rig.oracle();
  });

  it('F24 pending_cancel stays open for as long as it lasts', async () => {
    rig.venue.book.rules.holdCancels = true;
    const order = await resting();
    await rig.broker.cancel(String(order.permId));
    for (let i = 0; i < 3; i++) {
      rig.clock.set(rig.clock.now() + 60_000);
      expect((await rig.settle())[0]?.status).toBe('pending_cancel');
    }
    rig.venue.book.finishCancel(order);
    expect((await rig.settle())[0]?.status).toBe('canceled');
    await rig.oracle();
  });

  it.each<[string, Fault]>([
    ['shown at its new price', ({ process }) => process()],
    ['taken and never answered', unseen],
    ['refused, because it has just filled', ({ error }) => error(104, 'Cannot modify a filled order.')],
  ])('F25 an order is moved, %s, and fills: one order, one fill, no double size', async (_, fault) => {
    const order = await resting();
    const [record] = await rig.journal.orders({ scope: rig.scope });
    rig.venue.arm('placeOrder', (given) => {
      if (fault !== unseen) rig.venue.book.fill(order, 4);
      fault(given);
    });
    await amendOrder(rig.context, rig.lease, record!, { ...record!.request, limitPrice: '99.75' });
    rig.venue.book.fill(order);
    const [after, ...others] = await rig.settle();
    expect([after?.status, after?.filledQuantity, others]).toEqual(['filled', '10', []]);
    expect(placed()).toBe(2);
    expect((await rig.broker.positions())[0]).toMatchObject({ instrument: 'AAPL', quantity: '10' });
    await rig.oracle();
  });

  it('F26 a bracket leaves TWS as a whole; its exits are seen before and after the entry fills', async () => {
    rig.venue.arm('placeOrder', ({ process }) => process());
    const entry = await resting(bracket);
    const sent = rig.venue.requests
      .filter(({ name }) => name === 'placeOrder')
      .map(({ fields }) => wire.readOrder(fields));
    expect(sent.map(({ orderType, transmit, parentId }) => [orderType, transmit, parentId])).toEqual([
      ['LMT', false, 0],
      ['LMT', false, entry.orderId],
      ['STP', true, entry.orderId],
    ]);
    expect((await rig.broker.openOrders()).map(({ type }) => type).sort()).toEqual(['limit', 'limit', 'stop']);
    rig.venue.book.fill(entry);
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['target', 'accepted'],
      ['stop', 'accepted'],
    ]);
    rig.venue.book.fill(legs()[0]!);
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['target', 'filled'],
      ['stop', 'canceled'],
    ]);
    expect(await rig.broker.openOrders()).toEqual([]);
    await rig.oracle();
  });

  const pair = buy({
    ...{ type: 'limit', limitPrice: '100', timeInForce: 'gtc', opens: true, quantity: '4' },
    triggers: { first: 0.4, terms: { type: 'limit', limitPrice: '95' }, quantity: '6' },
  });
  /** Neither open orders nor completed ones are listed; executions are. */
  const listNothing = () => {
    rig.venue.arm('reqAllOpenOrders', ({ send }) => send([53, 1]), 50);
    rig.venue.arm('reqCompletedOrders', ({ send }) => send([102]), 50);
  };
  /** Its last part is sent, and the connection dropped before anything was said. */
  const sendUnheard = async (request: typeof pair, parts: number) => {
    rig.venue.arm('placeOrder', unseen, parts - 1);
    rig.venue.arm('placeOrder', dropAfter);
    listNothing();
    const [order] = await rig.submit(request);
    expect(order?.status).toBe('unknown');
    return rig.venue.book.orders;
  };

  it.each([
    ['second order of a pair of entries', pair, 2, 1, ['entry', '6']],
    ['target of a bracket', bracket, 3, 1, ['target', '10']],
    ['stop of a bracket', bracket, 3, 2, ['stop', '10']],
  ] as const)('F44 only executions show that an order and the %s have filled: both are ours', async (...row) => {
    const [, request, parts, index, [leg, quantity]] = row;
    const orders = await sendUnheard(request, parts);
    rig.venue.book.fill(orders[0]!);
    rig.venue.book.fill(orders[index]!);
    const known = await rig.settle();
    expect(known.map((order) => [order.leg, order.status, order.filledQuantity])).toEqual([
      ['entry', 'filled', request.quantity],
      [leg, 'filled', quantity],
    ]);
    expect(known[1]).toMatchObject({ parent: known[0]!.clientOrderId, venueOrderId: String(orders[index]!.permId) });
    await rig.oracle();
  });

  it('F44 only an execution shows that an order has filled: what hangs on it is ours once it is listed', async () => {
    const orders = await sendUnheard(pair, 2);
    rig.venue.book.fill(orders[0]!);
    expect((await rig.settle()).map(({ status }) => status)).toEqual(['filled']);
    rig.venue.disarm();
    const { externalOrders } = await reconcile(rig.context);
    expect(externalOrders).toEqual([]);
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['entry', 'accepted'],
    ]);
    rig.venue.book.fill(orders[1]!, 2);
    listNothing();
    expect((await rig.settle())[1]).toMatchObject({ status: 'partially_filled', filledQuantity: '2' });
    await rig.oracle();
  });

  it('F18 the stream tells of the second order of a pair before the journal knows it: everything is read again', async () => {
    const orders = await sendUnheard(pair, 2);
    rig.venue.book.fill(orders[0]!);
    rig.venue.book.fill(orders[1]!);
    await rig.settle();
    const { executions } = await rig.broker.executions(undefined);
    for (const execution of executions.toReversed())
      expect(await bookEvent(rig.context, { type: 'execution', execution })).toBe(true);
    const stranger = { ...executions[1]!, executionId: 'x', venueOrderId: '7' };
    expect(await bookEvent(rig.context, { type: 'execution', execution: stranger })).toBe(false);
  });

  it('F27 both exits of a bracket fill: the reversed position is reported', async () => {
    const entry = await resting(bracket);
    rig.venue.book.fill(entry);
    const [target, stop] = legs() as [TwsOrder, TwsOrder];
    rig.venue.book.fill(target);
    Object.assign(stop, { status: 'Submitted', total: 10 });
    rig.venue.book.fill(stop, 10, 95);
    const { reversed } = await reconcile(rig.context);
    expect(reversed).toMatchObject([{ instrument: 'AAPL', quantity: '-10' }]);
    await rig.oracle();
  });

  it('F28 an exit is refused: the entry does not stay behind without it', async () => {
    rig.venue.arm('placeOrder', ({ process }) => process(), 2);
    rig.venue.arm('placeOrder', answers(110, 'The price does not conform to the minimum price variation.'));
    const [order] = await rig.submit(bracket);
    expect(order?.status).toBe('canceled');
    expect(rig.said.join()).toMatch(/A part of it was refused/);
    expect(rig.venue.book.open()).toEqual([]);
    await rig.oracle();
  });

  it('a pair of exits reduces: a partly filled target shrinks the stop, a cancel ends both', async () => {
    await rig.place(buy());
    const pair = buy({
      side: 'sell',
      type: 'limit',
      opens: false,
      timeInForce: 'gtc',
      takeProfit: { limitPrice: '110' },
      stopLoss: { stopPrice: '95' },
    });
    const [order] = await rig.submit(pair);
    const [target, stop] = legs() as [TwsOrder, TwsOrder];
    expect([target.ocaGroup, stop.ocaGroup]).toEqual([order!.clientOrderId, order!.clientOrderId]);
    expect([target.ocaType, stop.ocaType]).toEqual([2, 2]);
    rig.venue.book.fill(target, 4);
    expect(stop.total).toBe(6);
    await rig.broker.cancel(order!.venueOrderId!);
    expect((await rig.settle()).map(({ status }) => status)).toEqual(['filled', 'canceled', 'canceled']);
    await rig.oracle();
  });

  it('a corrected execution stands in the place of the one before, also when it was corrected twice', async () => {
    const order = await resting();
    const execution = rig.venue.book.fill(order);
    await rig.settle();
    const once = rig.venue.book.correct(execution, 10, 99.25);
    await rig.settle();
    rig.venue.book.correct(once, 9, 99.25);
    // Only the last version is listed any more.
    rig.venue.book.executions.splice(0, 2);
    await rig.settle();
    const fills = (await rig.journal.fills({ scope: rig.scope })).filter((fill) => !fill.void);
    expect(fills.map(({ quantity, price }) => [quantity, price])).toEqual([['9', '99.25']]);
    expect((await rig.journal.positions(rig.scope))[0]).toMatchObject({ quantity: '9' });
  });
});

describe('replies that lie', () => {
  it.each([
    ['never answered', (() => {}) as Fault],
    ['dropped', (({ drop }) => drop()) as Fault],
    [
      'half an answer, then dropped',
      (({ drop, send }) => {
        send(wire.openOrder(rig.venue.book.orders[0]!));
        setTimeout(drop, 10);
      }) as Fault,
    ],
  ])('F30 %s: a failure, not emptiness', async (_name, fault) => {
    await rig.submit(buy({ type: 'limit', limitPrice: '50' }));
    const reads: [wire.MessageName, () => Promise<unknown>][] = [
      ['reqPositions', () => rig.broker.positions()],
      ['reqAllOpenOrders', () => rig.broker.openOrders()],
      ['reqExecutions', () => rig.broker.executions(undefined)],
      ['reqAccountSummary', () => rig.broker.account()],
      ['reqCurrentTime', () => rig.broker.clock()],
      ['reqCompletedOrders', () => rig.broker.orderByClientId('x')],
    ];
    for (const [message, read] of reads) {
      rig.venue.arm(message, fault);
      await expect(read(), message).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    expect(await rig.broker.openOrders()).toHaveLength(1);
  });

  it('F31 a status that is not known keeps an order open; what safety needs and is missing fails the read', async () => {
    await rig.submit(buy({ type: 'limit', limitPrice: '50' }));
    const order = rig.venue.book.orders[0]!;
    order.status = 'Quantum';
    expect((await rig.broker.openOrders())[0]).toMatchObject({ status: 'unknown', venueStatus: 'Quantum' });
    // It is said, once, and the order stays open.
    for (let i = 0; i < 2; i++) expect(await rig.settle()).toMatchObject([{ status: 'accepted' }]);
    expect(rig.said.filter((line) => line.includes('"Quantum", a status that is not known here'))).toHaveLength(1);
    order.status = 'Inactive';
    expect((await rig.broker.openOrders())[0]).toMatchObject({ status: 'unknown', venueStatus: 'Inactive' });
    const lies: [wire.MessageName, readonly wire.Field[], () => Promise<unknown>, RegExp][] = [
      ['reqAllOpenOrders', wire.openOrder({ ...order, permId: 0 }), () => rig.broker.openOrders(), /permId/],
      ['reqAllOpenOrders', wire.openOrder({ ...order, action: '' as 'BUY' }), () => rig.broker.openOrders(), /action/],
      [
        'reqPositions',
        wire.position('DU1234567', order.contract, Number.NaN, 1),
        () => rig.broker.positions(),
        /quantity/,
      ],
    ];
    for (const [message, fields, read, said] of lies) {
      rig.venue.arm(message, ({ send, process }) => {
        send(fields);
        if (message === 'reqPositions') process();
        else send([53, 1]);
      });
      await expect(read(), String(said)).rejects.toThrow(said);
    }
    rig.venue.arm('reqAccountSummary', ({ send, fields }) => send([64, 1, fields[2]]));
    await expect(rig.broker.account()).rejects.toThrow(/account lacks TotalCashValue|account lacks NetLiquidation/);
  });

  it('F36 what answers is not TWS, or nothing answers', async () => {
    const closed = rig.another({ port: 1 });
    await expect(closed.account()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/no connection.*ECONNREFUSED/),
    });
    await closed.close();
    rig.venue.arm('startApi', () => {});
    const silent = rig.another({ clientId: 5, timeoutSeconds: 0.2 });
    await expect(silent.account()).rejects.toThrow(/no handshake within/);
    await silent.close();
  });

  it('F35 tells the venue’s own time', async () => {
    rig.venue.now = () => T0 + 600_000;
    expect((await rig.broker.clock()).now - rig.clock.now()).toBe(600_000);
  });

  it('F47 orders placed by hand are seen, and cannot be cancelled from here', async () => {
    rig.venue.book.add(
      {
        ...wire.readOrder(Array.from({ length: 70 }, () => '')),
        orderId: 0,
        action: 'BUY',
        total: 5,
        orderType: 'LMT',
        lmtPrice: 10,
        account: 'DU1234567',
        transmit: true,
        symbol: 'AAPL',
      },
      rig.venue.contracts[0]!,
      0,
    );
    const [manual] = await rig.broker.openOrders();
    expect(manual).toMatchObject({ clientOrderId: undefined, instrument: 'AAPL', quantity: '5' });
    await expect(rig.broker.cancel(manual!.venueOrderId)).rejects.toThrow(/placed in TWS by hand/);
  });
});

describe('F38 paper and live', () => {
  it('an account is paper by its id, whatever the port', async () => {
    const live = rig.another({}, true);
    await expect(live.account()).rejects.toMatchObject({
      code: 'CREDENTIALS',
      exitCode: 3,
      message: expect.stringMatching(/DU1234567 is a paper account/),
    });
    await live.close();
    rig.venue.accounts = ['U7654321'];
    const paper = rig.another();
    await expect(paper.submit(buy(), 'x')).rejects.toMatchObject({
      code: 'CREDENTIALS',
      message: expect.stringMatching(/holds real money, but --live/),
    });
    await paper.close();
    expect(placed()).toBe(0);
    const right = rig.another({}, true);
    expect(await right.account()).toMatchObject({ id: 'U7654321', paper: false });
    expect(right.venue).toBe('ibkr-live');
    await right.close();
  });

  it('several accounts of one login: one has to be named', async () => {
    rig.venue.accounts = ['DU1234567', 'DU2222222'];
    await expect(rig.another({ clientId: 3 }).account()).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/2 accounts/),
    });
    const named = rig.another({ account: 'DU2222222', clientId: 4 });
    expect((await named.account()).id).toBe('DU2222222');
    await named.close();
  });

  it('F44 the client id is in use: reads go on under another one, orders are not sent and say why', async () => {
    rig.venue.taken.add(17);
    expect(await rig.broker.openOrders()).toEqual([]);
    const [order] = await rig.submit(buy());
    expect(order).toMatchObject({
      status: 'expired',
      reason: expect.stringMatching(/client id 17 is used by another program/),
    });
    expect(placed()).toBe(0);
  });

  it('F44 a program that has just been stopped gives the client id free: it is waited for, and all orders together', async () => {
    rig.venue.taken.add(17);
    await rig.broker.openOrders();
    const from = rig.clock.now();
    const sleep = rig.clock.sleep.bind(rig.clock);
    rig.clock.sleep = async (ms, signal) => {
      await sleep(ms, signal);
      if (rig.clock.now() - from >= 5000) rig.venue.taken.delete(17);
    };
    const orders = await rig.submit(buy(), buy({ instrument: 'MSFT' }));
    expect(orders.map(({ venueOrderId }) => venueOrderId)).not.toContain(undefined);
    expect(rig.clock.now() - from).toBeLessThan(7000);
  });
});

describe('the stream', () => {
  let heard: BrokerEvent[] = [];
  const hears = (until: (events: BrokerEvent[]) => boolean) =>
    expect.poll(() => until(heard), { timeout: 10_000, interval: 10 }).toBe(true);
  const collect = (signal: AbortController, until: (events: BrokerEvent[]) => boolean): Promise<BrokerEvent[]> => {
    const events: BrokerEvent[] = [];
    heard = events;
    return (async () => {
      for await (const event of rig.broker.events!(signal.signal)) {
        events.push(event);
        await bookEvent(rig.context, event);
        if (until(events)) break;
      }
      signal.abort();
      return events;
    })();
  };
  const has =
    (type: string, times = 1) =>
    (events: BrokerEvent[]) =>
      events.filter((one) => one.type === type).length >= times;

  /** A pause of the poll takes real time here, or the loop would never rest. */
  beforeEach(() => {
    rig.clock.sleep = (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        setTimeout(resolve, Math.min(ms, 150)).unref();
      });
  });

  it('F18 F44 every message comes twice: an order and its execution with its costs, booked once each', async () => {
    const [order] = await rig.submit(buy({ type: 'limit', limitPrice: '99' }));
    rig.venue.twice = true;
    const stop = new AbortController();
    const events = collect(stop, has('execution'));
    await hears(has('connected'));
    rig.venue.book.fill(rig.venue.book.orders[0]!);
    const execution = (await events).find((one) => one.type === 'execution');
    expect(execution).toMatchObject({
      execution: { quantity: '10', price: '99', costs: '1', clientOrderId: order!.clientOrderId },
    });
    expect(await rig.journal.order(order!.clientOrderId)).toMatchObject({ status: 'filled', filledQuantity: '10' });
    expect(await rig.journal.fills()).toHaveLength(1);
    await rig.oracle();
  });

  it('F19 F16 a fill that was never announced is found by the poll', async () => {
    await rig.submit(buy({ type: 'limit', limitPrice: '99' }));
    rig.venue.mute = true;
    const stop = new AbortController();
    const events = collect(stop, has('execution'));
    rig.venue.book.fill(rig.venue.book.orders[0]!);
    expect((await events).map(({ type }) => type)).toContain('execution');
    await rig.oracle();
  });

  it('F17 F44 a fill while the connection is away, told by nobody: read again after it, booked once', async () => {
    await rig.submit(buy({ type: 'limit', limitPrice: '99' }));
    const stop = new AbortController();
    const events = collect(stop, has('connected', 2));
    await hears(has('connected'));
    await rig.venue.restart(() => void rig.venue.book.fill(rig.venue.book.orders[0]!));
    await events;
    const read = async () => (await rig.settle().catch(() => []))[0]?.status;
    await expect.poll(read, { timeout: 10_000 }).toBe('filled');
    expect(await rig.journal.fills()).toHaveLength(1);
    await rig.oracle();
  });

  it('F17 F44 connection lost and back (1101), then dropped: each time everything is to be read again', async () => {
    const stop = new AbortController();
    const events = collect(stop, has('connected', 3));
    await hears(has('connected'));
    rig.venue.notice(1100, 'Connectivity lost.');
    rig.venue.notice(1101, 'Connectivity restored - data lost.');
    await hears(has('connected', 2));
    rig.venue.dropAll();
    expect((await events).filter(({ type }) => type !== 'order').map(({ type }) => type)).toEqual([
      'connected',
      'disconnected',
      'connected',
      'disconnected',
      'connected',
    ]);
  });

  it('F16 a connection that is open and answers nothing is opened again', async () => {
    const stop = new AbortController();
    const events = collect(stop, has('connected', 2));
    rig.venue.arm('reqCurrentTime', () => {});
    expect((await events).map(({ type }) => type)).toEqual(['connected', 'disconnected', 'connected']);
    expect(rig.said.join('\n')).toContain('no complete answer to the time');
  });

  it('F20 while TWS is down it is tried again with growing pauses, without a storm', async () => {
    await rig.broker.account();
    const stop = new AbortController();
    const events = collect(stop, has('connected', 2));
    await hears(has('connected'));
    await rig.venue.restart(() => new Promise((resolve) => setTimeout(resolve, 700)));
    const types = (await events).map(({ type }) => type);
    expect(types.filter((type) => type === 'disconnected').length).toBeLessThan(9);
    expect(rig.said.join('\n')).toMatch(/Trying again in 1 s[\s\S]*Trying again in 2 s/);
  });
});
