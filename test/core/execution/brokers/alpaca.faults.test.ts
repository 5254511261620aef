import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  bookExecutions,
  commitDecision,
  type OrderRequest,
  reconcile,
  submitOrders,
} from '../../../../src/core/execution/index.js';
import { streamOf } from '../../../../src/core/state/index.js';
import * as faults from '../../../fakes/alpaca/faults.js';
import { buy, Rig, T0 } from '../../../fakes/alpaca/rig.js';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.start({ timeoutSeconds: 1 });
});
afterEach(() => rig.close());

const ROUTE = 'POST /v2/orders';
const amount = (notional: string): OrderRequest => ({
  instrument: 'AAPL',
  side: 'buy',
  type: 'market',
  timeInForce: 'day',
  notional,
});
const posts = () => rig.venue.count(ROUTE);

describe('crypto, whose fee Alpaca keeps in the coins that were bought', () => {
  const coins = (more: Partial<OrderRequest> = {}): OrderRequest =>
    buy({ instrument: 'BTC/USD', timeInForce: 'gtc', quantity: '1', ...more });
  beforeEach(() => {
    rig.venue.assets.set('BTC/USD', {});
    rig.venue.book.prices.set('BTC/USD', 100);
  });
  const owned = async () => (await rig.journal.position(rig.scope, 'BTC/USD'))?.quantity;

  it('the lots are cut to what the venue holds, the loss is booked, and what is there can be sold', async () => {
    rig.venue.book.feeInKind = 0.0025;
    await rig.place(coins());
    expect(await owned()).toBe('0.9975');
    const [position] = await rig.journal.positions(rig.scope);
    expect(position).toMatchObject({ realised: '-0.25', averagePrice: '100' });
    await rig.place(coins());
    expect(await owned()).toBe('1.995');
    await rig.settle();
    expect(await owned()).toBe('1.995');
    await rig.place(coins({ side: 'sell', quantity: '1.995', opens: false }));
    expect(rig.venue.book.positions.has('BTC/USD')).toBe(false);
    await rig.oracle();
  });

  it('an order that has filled in part pays its fee too', async () => {
    rig.venue.book.feeInKind = 0.0025;
    const [order] = await rig.place(coins({ type: 'limit', limitPrice: '100', quantity: '4' }));
    rig.venue.book.fill(order!.venueOrderId!, 1);
    await rig.settle();
    expect(await owned()).toBe('0.9975');
    rig.venue.book.fill(order!.venueOrderId!);
    await rig.settle();
    expect(await owned()).toBe('3.99');
  });

  describe('two strategies own it: a sale of the first, which has paid its fee, is taken back late', () => {
    const theirOwn = async () => (await rig.journal.position(other.scope, 'BTC/USD'))?.quantity;
    let other: typeof rig.context;
    beforeEach(async () => {
      rig.venue.book.feeInKind = 0.0025;
      other = { ...rig.context, scope: { ...rig.scope, strategy: 'other' } };
      const theirs = (await rig.journal.acquireLease(streamOf(other.scope), 'x', rig.clock.now(), 600_000))!;
      await rig.place(coins({ quantity: '5' }));
      const [out] = await rig.place(coins({ side: 'sell', opens: false, quantity: '4.9875' }));
      rig.clock.set(rig.clock.now() + 1000);
      const decision = { slot: rig.clock.now(), report: 'r', time: rig.clock.now(), body: null };
      const intents = [{ leg: 'entry' as const, request: coins({ quantity: '2' }) }];
      await submitOrders(other, theirs, (await commitDecision(other, theirs, decision, intents)).orders);
      await bookExecutions(other, (await other.broker.executions(undefined)).executions);
      const [sold] = await rig.journal.fills({ clientOrderId: out!.clientOrderId });
      const { void: _, ...fill } = sold!;
      const bust = { ...fill, executionId: 'b', kind: 'bust' as const, refersTo: fill.executionId };
      await rig.journal.recordExecutions([bust], T0);
      rig.venue.book.move('BTC/USD', 4.9875, 100);
    });

    it('the one that has bought since books the fee, whoever looks first', async () => {
      expect((await reconcile(rig.context)).differences).toEqual([]);
      expect([await owned(), await theirOwn()]).toEqual(['4.9875', '2']);
      expect((await reconcile(other)).differences).toEqual([]);
      expect([await owned(), await theirOwn()]).toEqual(['4.9875', '1.995']);
      expect((await reconcile(rig.context)).external).toEqual([]);
      // More than such a fee is nobody's: both halt.
      rig.venue.book.move('BTC/USD', -0.1, 100);
      for (const context of [rig.context, other])
        await expect(reconcile(context)).rejects.toMatchObject({ code: 'HALTED' });
    });

    it.each([
      ['first', 'other'],
      ['other', 'first'],
    ])('both have bought: each books its own share, %s before %s', async (...order) => {
      const [bought] = await rig.journal.fills({ scope: rig.scope });
      const { void: _, ...fill } = bought!;
      await rig.journal.recordExecutions([{ ...fill, executionId: 'late', quantity: '4', time: T0 + 1 }], T0);
      rig.venue.book.move('BTC/USD', 4 * 0.9975, 100);
      for (const who of order) expect((await reconcile(who === 'first' ? rig.context : other)).differences).toEqual([]);
      // 4.9875 and four more, and two, less a quarter of a per cent of the latter.
      expect([await owned(), await theirOwn()]).toEqual(['8.9775', '1.995']);
      expect((await reconcile(rig.context)).external).toEqual([]);
    });
  });

  it('beside a sale under way nothing is taken for a fee', async () => {
    await rig.place(coins());
    await rig.place(coins({ side: 'sell', opens: false, type: 'limit', limitPrice: '200' }));
    rig.venue.book.move('BTC/USD', -0.0025, 100);
    await expect(rig.settle()).rejects.toMatchObject({ code: 'HALTED' });
    expect(await owned()).toBe('1');
  });

  it('of shares nothing is kept: less of them than a fee halts', async () => {
    await rig.place(buy({ quantity: '1000' }));
    rig.venue.book.move('AAPL', -1, 100);
    await expect(rig.settle()).rejects.toMatchObject({ code: 'HALTED' });
  });

  it('more than a fee is missing: halted; another strategy does not book it', async () => {
    await rig.place(coins());
    const other = { ...rig.context, scope: { ...rig.scope, strategy: 'other' } };
    rig.venue.book.move('BTC/USD', -0.0025, 100);
    expect((await reconcile(other)).differences).toEqual([]);
    expect(await owned()).toBe('1');
    rig.venue.book.move('BTC/USD', -0.001, 100);
    await expect(rig.settle()).rejects.toMatchObject({ code: 'HALTED' });
    expect(await owned()).toBe('1');
  });
});

describe('placing an order', () => {
  it.each([
    ['F1 accepted, socket dropped before the reply', faults.dropAfter],
    ['F2 accepted, answered 504', faults.statusAfter(504)],
    ['F2 accepted, answered 503', faults.statusAfter(503)],
    ['F2 accepted, answered 502', faults.statusAfter(502)],
    ['F2 accepted, answered 500', faults.statusAfter(500)],
    ['F3 accepted, the body cut off', faults.cutOff],
    ['F3 accepted, answered with a page', faults.htmlAfter],
    ['F3 accepted, answered without a body', faults.emptyAfter],
    ['F3 accepted, never answered', faults.hangAfter],
    [
      'F31 accepted, the answer lacks the id',
      faults.mutate(({ client_order_id: _, ...order }: Record<string, unknown>) => order),
    ],
    [
      'F31 accepted, the answer lacks its status',
      faults.mutate(({ status: _, ...order }: Record<string, unknown>) => order),
    ],
  ])('%s: looked up and adopted, sent once', async (_name, fault) => {
    rig.venue.arm(ROUTE, fault);
    const [order] = await rig.place(buy());
    expect(order).toMatchObject({ status: 'filled', venueOrderId: rig.venue.book.accepted[0]!.id });
    expect(posts()).toBe(1);
    expect(rig.venue.count('GET /v2/orders:by_client_order_id')).toBeGreaterThan(0);
    await rig.oracle();
  });

  it('F4 not accepted, no answer: looked up over a window, then sent once more under the same id', async () => {
    rig.venue.arm(ROUTE, faults.hang);
    const [order] = await rig.place(buy());
    expect(order?.status).toBe('filled');
    expect(posts()).toBe(2);
    const ids = rig.venue.requests
      .filter(({ method, path }) => `${method} ${path}` === ROUTE)
      .map(({ body }) => (body as { client_order_id: string }).client_order_id);
    expect(new Set(ids).size).toBe(1);
    await rig.oracle();
  });

  it('F4 no answer twice: unknown, to be reviewed, never a new id', async () => {
    rig.venue.arm(ROUTE, faults.hang, 2);
    const [order] = await rig.submit(buy());
    expect(order).toMatchObject({ status: 'unknown', revision: 0 });
    expect(posts()).toBe(2);
    await rig.oracle();
  });

  it('F5 the look-up lags behind: found in the list of recent orders', async () => {
    rig.venue.book.rules.invisibleReads = 50;
    rig.venue.arm(ROUTE, faults.statusAfter(504));
    const [order] = await rig.place(buy());
    expect(order?.status).toBe('filled');
    expect(posts()).toBe(1);
    await rig.oracle();
  });

  it.each(['client_order_id must be unique', 'client order id must be unique'])(
    'F6 sent again and answered "%s": already placed, adopted',
    async (message) => {
      rig.venue.arm(ROUTE, ({ process, response }) => {
        process();
        response
          .writeHead(422, { 'content-type': 'application/json' })
          .end(JSON.stringify({ code: 40010001, message }));
      });
      const [order] = await rig.place(buy());
      expect(order?.status).toBe('filled');
      expect(posts()).toBe(1);
      await rig.oracle();
    },
  );

  it.each([
    ['Reset without Retry-After', { 'X-RateLimit-Reset': String(T0 / 1000 + 8) }],
    ['Retry-After as seconds', { 'Retry-After': '9' }],
    ['Retry-After as a date', { 'Retry-After': new Date(T0 + 9000).toUTCString() }],
  ])('F7 429 on placing, %s: waited for, the same id, and the message says when', async (_name, headers) => {
    rig.venue.arm(ROUTE, faults.reply(429, { code: 42910000, message: 'too many requests.' }, headers));
    const [order] = await rig.place(buy());
    expect(order?.status).toBe('filled');
    expect(rig.clock.now()).toBeGreaterThanOrEqual(T0 + 9000);
    expect(rig.said.join()).toContain('free again at 2026-11-23T15:00:09Z');
    expect(posts()).toBe(2);
    await rig.oracle();
  });

  it('F7 429 for longer than the decision lives: not sent, and it says so', async () => {
    rig.venue.arm(ROUTE, faults.reply(429, { message: 'too many requests.' }, { 'Retry-After': '600' }), 9);
    const [order] = await rig.submit(buy());
    expect(order?.status).toBe('expired');
    expect(order?.reason).toMatch(/free again at 2026-11-23T15:10:00Z/);
    expect(rig.venue.book.accepted).toEqual([]);
  });

  it.each([
    ['insufficient buying power', 403, /not enough buying power/],
    ['insufficient qty available for order (requested: 10, available: 0)', 403, /not enough buying power or shares/],
    ['asset "AAPL" cannot be sold short', 403, /cannot be sold short/],
    ['asset AAPL is not fractionable', 422, /fractions of it are not traded/],
    ['potential wash trade detected. use complex orders', 422, /wash trade/],
    ['potential wash trade detected. use complex orders', 403, /wash trade/],
    ['trading halted for AAPL', 422, /trading in it is halted/],
    ['account is restricted to liquidation only', 403, /the account may not trade/],
    ['asset "AAPL" is not tradable', 422, /not traded at Alpaca/],
  ])(
    'F37 refused with "%s" (%i): one clear reason, no repeat, the other symbol goes on',
    async (message, status, said) => {
      rig.venue.arm(
        ROUTE,
        ({ send, process }) => {
          const { symbol } = rig.venue.requests.at(-1)!.body as { symbol: string };
          send(symbol === 'AAPL' ? { status, body: { code: 40310000, message } } : process());
        },
        9,
      );
      const [refused, other] = await rig.place(buy(), buy({ instrument: 'MSFT' }));
      expect(refused).toMatchObject({ status: 'rejected', reason: expect.stringMatching(said) });
      expect(refused?.reason).toContain(message);
      expect(other?.status).toBe('filled');
      expect(posts()).toBe(2);
      await rig.oracle();
    },
  );

  it.each<[string, OrderRequest, Record<string, unknown>, RegExp]>([
    ['hard to borrow', buy({ side: 'sell' }), { borrow_status: 'hard_to_borrow' }, /cannot be sold short/],
    ['not shortable', buy({ side: 'sell' }), { shortable: false }, /cannot be sold short/],
    ['not fractionable', buy({ quantity: '0.5' }), { fractionable: false }, /fractions of it are not traded/],
    ['by amount, not fractionable', { ...amount('50') }, { fractionable: false }, /fractions of it are not traded/],
    ['not traded', buy({ side: 'sell' }), { tradable: false }, /it is not traded/],
  ])('F37 asked before it is sent, %s: refused without an order', async (_name, request, asset, said) => {
    rig.venue.assets.set('AAPL', asset);
    const [refused, other] = await rig.place(request, buy({ instrument: 'MSFT' }));
    expect(refused).toMatchObject({ status: 'rejected', reason: expect.stringMatching(said) });
    expect(other?.status).toBe('filled');
    expect(posts()).toBe(1);
    await rig.oracle();
  });

  it('F37 a short sale of what cannot be asked about is not sent; a whole share bought is not asked about', async () => {
    rig.venue.arm('GET /v2/assets/AAPL', faults.reply(500, { message: 'internal' }), 99);
    const [short, long] = await rig.submit(buy({ side: 'sell' }), buy({ instrument: 'MSFT' }));
    expect(short).toMatchObject({
      status: 'expired',
      reason: expect.stringMatching(/not sent, the venue could not be asked/),
    });
    expect(rig.venue.count('GET /v2/assets/MSFT')).toBe(0);
    expect(long?.venueOrderId).toBeDefined();
    expect(rig.venue.book.accepted.map(({ symbol }) => symbol)).toEqual(['MSFT']);
  });

  it('an amount of money becomes a fraction, and is booked as the venue filled it', async () => {
    rig.venue.book.prices.set('AAPL', 80);
    const [order] = await rig.place(amount('100.50'));
    expect(order).toMatchObject({ status: 'filled', filledQuantity: '1.25625', averagePrice: '80' });
    expect((await rig.broker.positions())[0]?.quantity).toBe('1.25625');
    await rig.oracle();
  });

  it('F21 keys revoked between two orders: everything stops, nothing is sent again', async () => {
    rig.venue.keys.secret = 'rotated';
    await expect(rig.submit(buy(), buy({ instrument: 'MSFT' }))).rejects.toThrow(/does not accept these keys/);
    expect(posts()).toBeLessThanOrEqual(2);
    expect(rig.venue.book.accepted).toEqual([]);
  });
});

describe('order life cycle', () => {
  const limit = buy({ type: 'limit', limitPrice: '99.50' });
  const resting = async (request = limit) => {
    const [order] = await rig.submit(request);
    return rig.venue.book.order(order!.venueOrderId!);
  };

  it('F22 partly filled, then cancelled; partly filled, then done for the day', async () => {
    const first = await resting();
    rig.venue.book.fill(first.id, 1);
    await rig.broker.cancel(first.id);
    expect((await rig.settle())[0]).toMatchObject({ status: 'canceled', filledQuantity: '1', averagePrice: '99.5' });
    const second = await resting();
    rig.venue.book.fill(second.id, 4);
    rig.venue.book.end(second.id, 'done_for_day');
    expect((await rig.settle())[1]).toMatchObject({ status: 'partially_filled', filledQuantity: '4' });
    rig.venue.book.fill(second.id);
    expect((await rig.settle())[1]).toMatchObject({ status: 'filled', filledQuantity: '10' });
    await rig.oracle();
  });

  it('F23 a cancel races a fill: the position follows the fills', async () => {
    rig.venue.book.rules.holdCancels = true;
    const order = await resting();
    await rig.broker.cancel(order.id);
    rig.venue.book.fill(order.id);
    expect((await rig.settle())[0]).toMatchObject({ status: 'filled', filledQuantity: '10' });
    await rig.broker.cancel(order.id);
    expect((await rig.broker.positions())[0]).toMatchObject({ instrument: 'AAPL', quantity: '10' });
    await rig.oracle();
  });

  it('F24 pending_cancel stays open for as long as it lasts', async () => {
    rig.venue.book.rules.holdCancels = true;
    const order = await resting();
    await rig.broker.cancel(order.id);
    for (let i = 0; i < 5; i++) {
      rig.clock.set(rig.clock.now() + 60_000);
      expect((await rig.settle())[0]?.status).toBe('pending_cancel');
      expect(await rig.broker.openOrders()).toHaveLength(1);
    }
    rig.venue.book.finishCancel(order.id);
    expect((await rig.settle())[0]?.status).toBe('canceled');
    await rig.oracle();
  });

  it('F25 a replace is acknowledged, then the original fills: both ids are known', async () => {
    rig.venue.book.rules.loseReplaces = true;
    const order = await resting();
    const next = await rig.broker.replace!(order.id, { ...limit, limitPrice: '99.75' }, 'second-id');
    expect(next).toMatchObject({ clientOrderId: 'second-id', replaces: order.id, limitPrice: '99.75' });
    expect(await rig.broker.orderByVenueId(order.id)).toMatchObject({
      status: 'pending_replace',
      replacedBy: next.venueOrderId,
    });
    rig.venue.book.rejectReplace(order.id);
    rig.venue.book.fill(order.id);
    expect(await rig.broker.orderByVenueId(next.venueOrderId)).toMatchObject({
      status: 'rejected',
      filledQuantity: '0',
    });
    expect((await rig.broker.positions())[0]?.quantity).toBe('10');
    expect(rig.venue.violations).toEqual([]);
  });

  it('a replace sends only what changes, and is not repeated', async () => {
    const order = await resting();
    await rig.broker.replace!(order.id, { ...limit, limitPrice: '99.75' }, 'second-id');
    const patch = rig.venue.requests.find(({ method }) => method === 'PATCH')!;
    expect(patch.body).toEqual({ client_order_id: 'second-id', limit_price: '99.75', time_in_force: 'day' });
    expect(rig.venue.violations).toEqual([]);
  });

  const bracket = buy({
    type: 'limit',
    limitPrice: '100.00',
    timeInForce: 'gtc',
    takeProfit: { limitPrice: '110.00' },
    stopLoss: { stopPrice: '95.00' },
  });

  it('F26 the held stop of a bracket is seen, before and after the entry fills', async () => {
    const entry = await resting(bracket);
    expect((await rig.broker.openOrders()).map((order) => [order.type, order.venueStatus]).sort()).toEqual([
      ['limit', 'held'],
      ['limit', 'new'],
      ['stop', 'held'],
    ]);
    rig.venue.book.fill(entry.id);
    expect((await rig.broker.openOrders()).map((order) => [order.type, order.venueStatus]).sort()).toEqual([
      ['limit', 'new'],
      ['stop', 'held'],
    ]);
    await rig.settle();
    expect(rig.venue.book.accepted).toHaveLength(1);
    rig.venue.book.fill(entry.legs[0]!);
    expect(await rig.broker.openOrders()).toEqual([]);
    await rig.oracle();
  });

  it.each([
    ['nothing but its entry', 0],
    ['its entry and an exit', 1],
  ])('F1 the reply to a bracket is lost, and %s fills before it is looked up: its exits are ours', async (_, more) => {
    rig.venue.arm(ROUTE, (fault) => {
      faults.dropAfter(fault);
      const [entry] = rig.venue.book.accepted;
      for (const id of [entry!.id, ...entry!.legs.slice(0, more)]) rig.venue.book.fill(id);
    });
    await rig.place(bracket);
    const { externalOrders } = await reconcile(rig.context);
    expect(externalOrders).toEqual([]);
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['target', more === 1 ? 'filled' : 'accepted'],
      ['stop', more === 1 ? 'canceled' : 'accepted'],
    ]);
    await rig.oracle();
  });

  it('F30 what hangs on a filled order cannot be read: nothing is concluded, and it is looked up again', async () => {
    rig.venue.arm(ROUTE, (fault) => {
      faults.dropAfter(fault);
      rig.venue.book.fill(rig.venue.book.accepted[0]!.id);
    });
    rig.venue.arm('GET /v2/orders/{id}', faults.reply(500, {}), 99);
    const [order] = await rig.submit(bracket);
    expect(order).toMatchObject({ status: 'sending', closing: undefined });
    await expect(rig.settle()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    rig.venue.disarm();
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['target', 'accepted'],
      ['stop', 'accepted'],
    ]);
  });

  it('F27 both exits of a bracket fill: the reversed position is reported', async () => {
    const entry = await resting(bracket);
    rig.venue.book.fill(entry.id);
    await rig.settle();
    const [target, stop] = entry.legs as [string, string];
    const held = rig.venue.book.order(stop);
    rig.venue.book.fill(target);
    held.status = 'new';
    rig.venue.book.fill(stop, 10, 95);
    const { reversed } = await reconcile(rig.context);
    expect(reversed).toMatchObject([{ instrument: 'AAPL', quantity: '-10' }]);
    await rig.oracle();
  });

  it('F28 the stop leg is rejected: the journal knows it', async () => {
    rig.venue.book.rules.rejectStopLegs = true;
    const entry = await resting(bracket);
    rig.venue.book.fill(entry.id);
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['target', 'accepted'],
      ['stop', 'rejected'],
    ]);
  });
});

describe('replies that lie', () => {
  it('F29 more than 500 open orders are all read; a list that repeats itself fails', async () => {
    rig.venue.book.rules.fillMarket = false;
    for (let i = 0; i < 620; i++)
      rig.venue.book.place({
        symbol: 'AAPL',
        side: 'buy',
        type: 'limit',
        qty: '1',
        limit_price: '1',
        time_in_force: 'day',
      });
    expect(await rig.broker.openOrders()).toHaveLength(620);
    const page = [...rig.venue.book.orders.keys()].length;
    expect(page).toBe(620);
    let first: unknown;
    rig.venue.arm(
      'GET /v2/orders',
      ({ process, send }) => {
        first ??= process().body;
        send({ status: 200, body: first });
      },
      9,
    );
    await expect(rig.broker.openOrders()).rejects.toThrow(/repeats itself/);
  });

  it('F29 more than 100 fills are all read, each once', async () => {
    rig.venue.book.rules.fillMarket = false;
    const order = rig.venue.book.place({
      symbol: 'AAPL',
      side: 'buy',
      type: 'market',
      qty: '250',
      time_in_force: 'day',
    });
    for (let i = 0; i < 250; i++) rig.venue.book.fill((order as { id: string }).id, 1);
    const { executions, cursor } = await rig.broker.executions(undefined);
    expect(new Set(executions.map((one) => one.executionId)).size).toBe(250);
    expect((await rig.broker.executions(cursor)).cursor).toBe(cursor);
    rig.venue.arm(
      'GET /v2/account/activities',
      faults.mutate((page: unknown[]) => page.slice(0, 40)),
    );
    const short = await rig.broker.executions(undefined);
    expect(short.executions).toHaveLength(40);
    rig.clock.set(rig.clock.now() + 60_000);
    expect((await rig.broker.executions(short.cursor)).executions).toHaveLength(250);
  });

  it.each([
    ['500', 500, { message: 'internal' }],
    ['a page', 200, '<html></html>'],
    ['an object', 200, {}],
    ['null', 200, 'null'],
    ['nothing', 200, ''],
  ])(
    'F30 positions, orders, fills and account answered with %s: a failure, not emptiness',
    async (_name, status, body) => {
      const reads: [string, () => Promise<unknown>][] = [
        ['GET /v2/positions', () => rig.broker.positions()],
        ['GET /v2/orders', () => rig.broker.openOrders()],
        ['GET /v2/account/activities', () => rig.broker.executions(undefined)],
        ['GET /v2/account', () => rig.broker.account()],
        ['GET /v2/clock', () => rig.broker.clock()],
        ['GET /v2/orders:by_client_order_id', () => rig.broker.orderByClientId('x')],
      ];
      for (const [route, read] of reads) {
        rig.venue.arm(route, faults.reply(status, body), 4);
        await expect(read(), route).rejects.toMatchObject({ code: 'UNAVAILABLE' });
        for (const fault of (rig.venue as unknown as { faults: { times: number }[] }).faults) fault.times = 0;
      }
    },
  );

  it('F30 a 404 from something in between does not say that there is no order', async () => {
    rig.venue.arm('GET /v2/orders:by_client_order_id', faults.reply(404, '<html>404 not found</html>'));
    await expect(rig.broker.orderByClientId('x')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await rig.broker.orderByClientId('x')).toBeUndefined();
  });

  it('F31 unknown statuses keep an order open; numbers are read as text; PDT fields may be gone', async () => {
    const [order] = await rig.submit(buy({ type: 'limit', limitPrice: '99.50' }));
    const lie = faults.mutate((one: Record<string, unknown>) => ({
      ...one,
      status: 'quantum',
      qty: 10,
      filled_qty: 0,
      extra: [1],
    }));
    rig.venue.arm('GET /v2/orders/{id}', lie);
    expect(await rig.broker.orderByVenueId(order!.venueOrderId!)).toMatchObject({
      status: 'unknown',
      venueStatus: 'quantum',
      quantity: '10',
      filledQuantity: '0',
    });
    // It is said, once, and the order stays open.
    const list = faults.mutate((all: Record<string, unknown>[]) => all.map((one) => ({ ...one, status: 'quantum' })));
    rig.venue.arm('GET /v2/orders', list, 2);
    rig.venue.arm('GET /v2/orders/{id}', lie, 2);
    for (let i = 0; i < 2; i++) expect(await rig.settle()).toMatchObject([{ status: 'accepted' }]);
    expect(rig.said.filter((line) => line.includes('"quantum", a status that is not known here'))).toHaveLength(1);
    rig.venue.arm(
      'GET /v2/account',
      faults.mutate((one: Record<string, unknown>) => ({ ...one, cash: 1e-7, equity: 12.5 })),
    );
    expect(await rig.broker.account()).toMatchObject({
      cash: '0.0000001',
      equity: '12.5',
      blocked: false,
      paper: true,
    });
  });

  it('F31 what safety needs and is missing stops the read or blocks the account', async () => {
    rig.venue.book.place({ symbol: 'AAPL', side: 'buy', type: 'market', qty: '1', time_in_force: 'day' });
    const without = (field: string) =>
      faults.mutate((one: Record<string, unknown>[] | Record<string, unknown>) => {
        for (const each of Array.isArray(one) ? one : [one]) delete each[field];
        return one;
      });
    for (const field of ['qty', 'side', 'symbol']) {
      rig.venue.arm('GET /v2/positions', without(field));
      await expect(rig.broker.positions()).rejects.toThrow(new RegExp(`position lacks ${field}`));
    }
    rig.venue.arm('GET /v2/account', without('trading_blocked'));
    expect(await rig.broker.account()).toMatchObject({ blocked: true, reason: 'trading_blocked is missing' });
    rig.venue.arm('GET /v2/account', without('buying_power'));
    await expect(rig.broker.account()).rejects.toThrow(/account lacks buying_power/);
  });

  it('F37 a blocked account says why', async () => {
    rig.venue.account['account_blocked'] = true;
    rig.venue.account['status'] = 'ACCOUNT_CLOSED';
    expect(await rig.broker.account()).toMatchObject({
      blocked: true,
      reason: 'account blocked, status ACCOUNT_CLOSED',
    });
    await rig.broker.suspend!(true);
    expect((await rig.broker.account()).reason).toMatch(/trade suspended by user/);
    await rig.broker.suspend!(false);
    expect((await rig.broker.account()).reason).not.toMatch(/suspended/);
    expect(rig.venue.violations).toEqual([]);
  });

  it('F35 tells the venue’s own time', async () => {
    rig.venue.now = () => T0 + 600_000;
    expect((await rig.broker.clock()).now - rig.clock.now()).toBe(600_000);
  });

  it('F36 a redirect takes no keys anywhere, and the order counts as not sent', async () => {
    rig.venue.arm(ROUTE, ({ response }) => {
      response.writeHead(307, { location: 'http://127.0.0.1:9/steal' }).end();
    });
    const [order] = await rig.place(buy());
    expect(order?.status).toBe('filled');
    expect(posts()).toBe(2);
    await rig.oracle();
  });
});
