import { stat } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tokenFile } from '../../../../src/core/clients/schwab/index.js';
import { create, settings } from '../../../../src/core/execution/brokers/schwab.js';
import { type OrderRequest, reconcile, replaceOrder } from '../../../../src/core/execution/index.js';
import * as faults from '../../../fakes/alpaca/faults.js';
import { buy, contextOf, logIn, Rig, T0 } from '../../../fakes/schwab/rig.js';
import { orderJson } from '../../../fakes/schwab/server.js';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.start(1);
});
afterEach(() => rig.close());

const PLACE = 'POST /trader/v1/accounts/{hash}/orders';
const LIST = 'GET /trader/v1/accounts/{hash}/orders';
const ORDER = 'GET /trader/v1/accounts/{hash}/orders/{id}';
const posts = () => rig.venue.count(PLACE);
const limit = buy({ type: 'limit', limitPrice: '99.5' });
const DAY = 86_400_000;

describe('placing an order', () => {
  it.each([
    ['F1 taken, the socket dropped before the reply', faults.dropAfter],
    ['F2 taken, answered 504', faults.statusAfter(504)],
    ['F2 taken, answered 500', faults.statusAfter(500)],
    ['F3 taken, answered 200 with a page', faults.htmlAfter],
    ['F3 taken, answered 200 without a body', faults.emptyAfter],
    ['F43 taken, never answered', faults.hangAfter],
  ])('%s: found in the list by what was sent, placed once', async (_name, fault) => {
    rig.venue.arm(PLACE, fault);
    const [order] = await rig.place(buy());
    expect(order).toMatchObject({ status: 'filled', venueOrderId: String(rig.venue.book.roots[0]!.id) });
    expect(posts()).toBe(1);
    await rig.oracle();
  });

  it.each(['none', 'other'] as const)('F43 201 whose Location names %s: matched by listing', async (location) => {
    await rig.place(buy({ instrument: 'MSFT', quantity: '3' }));
    rig.venue.location = location;
    const [order] = await rig.place(buy());
    expect(order).toMatchObject({ status: 'filled', venueOrderId: String(rig.venue.book.roots[1]!.id) });
    expect(posts()).toBe(2);
    await rig.oracle();
  });

  it('F4 F43 no answer and not in the list: unknown, never sent again', async () => {
    rig.venue.arm(PLACE, faults.hang);
    const [order] = await rig.submit(buy());
    expect(order).toMatchObject({ status: 'unknown', revision: 0 });
    expect(order?.reason).toMatch(/may or may not have been taken/);
    await rig.settle();
    expect(posts()).toBe(1);
    await rig.oracle();
  });

  it('F5 the list lags behind: kept as unknown, adopted once it is there', async () => {
    rig.venue.hidden = true;
    rig.venue.arm(PLACE, faults.dropAfter);
    const [order] = await rig.submit(limit);
    expect(order?.status).toBe('unknown');
    rig.venue.hidden = false;
    expect((await rig.settle())[0]).toMatchObject({ status: 'accepted' });
    expect(posts()).toBe(1);
    await rig.oracle();
  });

  it('F5 an order that cannot be read back yet is not taken for refused', async () => {
    rig.venue.arm(ORDER, faults.reply(404, { message: 'Order not found' }));
    expect((await rig.place(buy()))[0]?.status).toBe('filled');
    expect(posts()).toBe(1);
    await rig.oracle();
  });

  it('two orders that look alike: neither is taken for ours, nothing is sent', async () => {
    rig.venue.arm(PLACE, ({ process, destroy }) => {
      process();
      process();
      destroy();
    });
    const [order] = await rig.submit(limit);
    expect(order?.status).toBe('unknown');
    expect(posts()).toBe(1);
    await expect(rig.settle()).rejects.toThrow(/2 orders at Schwab look like the one/);
  });

  it('an order like ours that belongs to another of our orders is not taken twice', async () => {
    const [first] = await rig.submit(limit);
    rig.venue.arm(PLACE, faults.hang);
    const [second] = await rig.submit(limit);
    expect(first?.venueOrderId).toBeDefined();
    expect(second).toMatchObject({ status: 'unknown', venueOrderId: undefined });
    await rig.oracle();
  });

  it('of two that look alike, the one that is known to be another order of ours is left out', async () => {
    const [first] = await rig.submit(limit);
    rig.venue.arm(PLACE, faults.dropAfter);
    const [second] = await rig.submit(limit);
    expect(first?.venueOrderId).toBe(String(rig.venue.book.roots[0]!.id));
    expect(second).toMatchObject({ status: 'accepted', venueOrderId: String(rig.venue.book.roots[1]!.id) });
    expect(posts()).toBe(2);
    await rig.oracle();
  });

  it('F43 201 whose Location names an order of ours with the same terms: that one is not taken twice', async () => {
    await rig.submit(limit);
    rig.venue.location = 'other';
    const [second] = await rig.submit(limit);
    expect(second).toMatchObject({ status: 'accepted', venueOrderId: String(rig.venue.book.roots[1]!.id) });
    expect(posts()).toBe(2);
    await rig.oracle();
  });

  it('an order that was left open before a split is matched by what was sent', async () => {
    rig.venue.hidden = true;
    rig.venue.arm(PLACE, faults.dropAfter);
    expect((await rig.submit(limit))[0]?.status).toBe('unknown');
    rig.venue.hidden = false;
    const split = { type: 'split', instrument: 'AAPL', date: '2026-11-24', value: '3' } as const;
    await rig.journal.recordCorporateAction(rig.scope, split, rig.clock.now());
    const [order] = await rig.settle();
    expect(order).toMatchObject({ status: 'accepted', venueOrderId: String(rig.venue.book.roots[0]!.id) });
    await rig.oracle();
  });

  it('F47 orders by hand for options, of one leg and of several, are left alone', async () => {
    // Our transcription knows no options, which are not traded here.
    rig.venue.lies = /instruction must be/;
    const leg = (instruction: string, strike: string) => ({
      instruction,
      quantity: 1,
      instrument: { symbol: `AAPL  270115C00${strike}000`, assetType: 'OPTION' },
    });
    const order = {
      orderStrategyType: 'SINGLE',
      orderType: 'LIMIT',
      session: 'NORMAL',
      duration: 'DAY',
      price: '1',
    } as const;
    rig.venue.book.place({ ...order, orderLegCollection: [leg('SELL_TO_CLOSE', '250')] });
    rig.venue.book.place({
      ...order,
      orderType: 'NET_DEBIT',
      orderLegCollection: [leg('BUY_TO_OPEN', '250'), leg('SELL_TO_OPEN', '260')],
    });
    const [ours] = await rig.place(buy());
    expect(ours).toMatchObject({ status: 'filled', venueOrderId: String(rig.venue.book.roots[2]!.id) });
    await rig.settle();
    expect(await rig.journal.orders({ scope: rig.scope })).toHaveLength(1);
  });

  it('an order by hand with another quantity, price or time is not taken for ours', async () => {
    const wire = (price: string, quantity: number) => ({
      orderStrategyType: 'SINGLE' as const,
      orderType: 'LIMIT',
      session: 'NORMAL',
      duration: 'DAY',
      price,
      orderLegCollection: [{ instruction: 'BUY', quantity, instrument: { symbol: 'AAPL', assetType: 'EQUITY' } }],
    });
    rig.venue.book.place(wire('99.5', 11));
    rig.venue.book.place(wire('99.49', 10));
    rig.clock.set(T0 + 600_000);
    rig.venue.arm(PLACE, faults.hang);
    expect((await rig.submit(limit))[0]?.status).toBe('unknown');
  });

  it.each([
    ['Retry-After as seconds', { 'Retry-After': '9' }],
    ['Retry-After as a date', { 'Retry-After': new Date(T0 + 9000).toUTCString() }],
  ])('F7 429 on placing, %s: waited for, placed once', async (_name, headers) => {
    rig.venue.arm(PLACE, faults.reply(429, { message: 'Too many requests' }, headers));
    expect((await rig.place(buy()))[0]?.status).toBe('filled');
    expect(rig.clock.now()).toBeGreaterThanOrEqual(T0 + 9000);
    expect(posts()).toBe(2);
    await rig.oracle();
  });

  it.each([
    ['You do not have enough buying power', /not enough buying power/],
    ['Short sale is not permitted: shares cannot be borrowed', /cannot be sold short/],
    ['Trading in this security is halted', /halted/],
    ['The purchase would use funds that have not settled', /not enough|not settled/],
    ['Account restricted', /account may not trade/],
  ])('F37 refused with "%s": one clear reason, no repeat, the other symbol goes on', async (message, said) => {
    rig.venue.arm(
      PLACE,
      ({ send, process }) => {
        const body = rig.venue.requests.at(-1)!.body as { orderLegCollection: { instrument: { symbol: string } }[] };
        send(body.orderLegCollection[0]!.instrument.symbol === 'AAPL' ? { status: 400, body: { message } } : process());
      },
      9,
    );
    const [refused, other] = await rig.place(buy(), buy({ instrument: 'MSFT' }));
    expect(refused).toMatchObject({ status: 'rejected', reason: expect.stringMatching(said) });
    expect(refused?.reason).toContain(message);
    expect(other?.status).toBe('filled');
    expect(posts()).toBe(2);
  });

  it('F37 taken and refused a moment later: the status says why', async () => {
    rig.venue.book.rejectLater = 'You do not have enough buying power for this order.';
    const [order] = await rig.submit(buy());
    expect(order).toMatchObject({ status: 'rejected', reason: expect.stringMatching(/not enough buying power/) });
    expect(posts()).toBe(1);
  });
});

describe('F33 what Schwab would refuse is refused before the network', () => {
  it.each<[string, OrderRequest, RegExp]>([
    ['off the tick', { ...limit, limitPrice: '150.123' }, /not on the tick/],
    ['an exponent', { ...limit, limitPrice: '1e-7' }, /not a positive decimal/],
    ['separators', buy({ quantity: '1,000' }), /not a positive decimal/],
    ['negative', buy({ quantity: '-5' }), /not a positive decimal/],
    ['nothing', buy({ quantity: '0' }), /not a positive decimal/],
    ['a binary fraction', buy({ quantity: '0.30000000000000004' }), /fractions of it are not traded/],
    ['a stop on the winning side', { ...limit, stopLoss: { stopPrice: '101' } }, /losing side/],
  ])('%s', async (_name, request, message) => {
    const [order] = await rig.submit(request);
    expect(order).toMatchObject({ status: 'rejected', reason: expect.stringMatching(message) });
    expect(posts()).toBe(0);
  });
});

describe('F43 the login', () => {
  const file = () => tokenFile(rig.venue.secrets, contextOf(rig.venue, rig.rigParts).stateDir);

  it('ends on the seventh day, in the middle of a run: everything stops with the way forward, exit code 3', async () => {
    await rig.place(buy());
    rig.clock.set(T0 + 7 * DAY);
    const error: unknown = await rig.submit(buy(), buy({ instrument: 'MSFT' })).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'CREDENTIALS',
      exitCode: 3,
      message: expect.stringContaining('ended at 2026-11-30T15:00:00Z'),
      hint: expect.stringContaining('quantline login schwab'),
    });
    expect(posts()).toBe(1);
    expect(rig.venue.count('POST /v1/oauth/token')).toBe(0);
  });

  it('is announced a day before, once, also to whoever sends notifications', async () => {
    const told: [string, number][] = [];
    const context = {
      ...contextOf(rig.venue, rig.rigParts),
      onExpiring: (text: string, at: number) => void told.push([text, at]),
    };
    const broker = create(settings.parse({}), context);
    await broker.account();
    expect(told).toEqual([]);
    rig.clock.set(T0 + 6 * DAY);
    await broker.account();
    await broker.account();
    expect(told).toEqual([[expect.stringMatching(/ends at 2026-11-30T15:00:00Z.*login schwab/), T0 + 7 * DAY]]);
    expect(rig.said.filter((text) => text.includes('ends at'))).toHaveLength(1);
    await broker.close();
  });

  it('a refresh that Schwab refuses (unsupported_token_type): stop, log in again, no retry', async () => {
    rig.venue.refreshToken = 'revoked';
    rig.clock.set(T0 + DAY);
    const before = rig.venue.requests.length;
    await expect(rig.submit(buy())).rejects.toMatchObject({
      code: 'CREDENTIALS',
      message: expect.stringMatching(/400, unsupported_token_type/),
      hint: expect.stringContaining('quantline login schwab'),
    });
    expect(rig.venue.requests.slice(before).map(({ route }) => route)).toEqual(['POST /v1/oauth/token']);
  });

  it('an access token is renewed before its end, and once after a 401, of a write as well', async () => {
    await rig.broker.account();
    rig.clock.set(T0 + 1_790_000);
    await rig.broker.account();
    expect(rig.venue.count('POST /v1/oauth/token')).toBe(1);
    rig.venue.accessToken = 'changed behind our back';
    expect((await rig.place(buy()))[0]?.status).toBe('filled');
    expect(rig.venue.count('POST /v1/oauth/token')).toBe(2);
    expect(rig.venue.book.roots).toHaveLength(1);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    await rig.oracle();
  });

  it('F21 a token that is refused though new: stop, no loop', async () => {
    rig.venue.arm(PLACE, faults.reply(401, { message: 'no' }), 9);
    await expect(rig.submit(buy())).rejects.toMatchObject({
      code: 'CREDENTIALS',
      message: expect.stringMatching(/does not accept the renewed/),
    });
    expect(posts()).toBe(2);
    expect(rig.venue.book.roots).toEqual([]);
  });

  it('F8 429 on reads in a burst of two processes: both wait for the instant that is named, both finish', async () => {
    const [one, other] = [1, 2].map(() => create(settings.parse({}), contextOf(rig.venue, rig.rigParts)));
    const free = T0 + 9000;
    let refused = 0;
    rig.venue.arm(
      LIST,
      ({ process, send }) => {
        const busy = rig.clock.now() < free;
        if (busy) refused++;
        const date = new Date(free).toUTCString();
        send(
          busy ? { status: 429, body: { message: 'Too many requests' }, headers: { 'Retry-After': date } } : process(),
        );
      },
      99,
    );
    expect(await Promise.all([one!.openOrders(), other!.openOrders()])).toEqual([[], []]);
    expect(rig.clock.now()).toBeGreaterThanOrEqual(free);
    expect([refused > 0, refused < 5]).toEqual([true, true]);
    await Promise.all([one!.close(), other!.close()]);
  });

  it('F8 of several processes one renews the token, the others read it', async () => {
    rig.clock.set(T0 + 3_600_000);
    const brokers = Array.from({ length: 6 }, () => create(settings.parse({}), contextOf(rig.venue, rig.rigParts)));
    await Promise.all(brokers.map((broker) => broker.account()));
    expect(rig.venue.count('POST /v1/oauth/token')).toBe(1);
    await Promise.all(brokers.map((broker) => broker.close()));
  });
});

describe('order life cycle', () => {
  const resting = async (request: OrderRequest = limit) => {
    const [order] = await rig.submit(request);
    return rig.venue.book.all.find(({ id }) => String(id) === order!.venueOrderId)!;
  };
  const bracket = buy({
    type: 'limit',
    limitPrice: '100',
    timeInForce: 'gtc',
    takeProfit: { limitPrice: '110' },
    stopLoss: { stopPrice: '95' },
  });

  it('F22 partly filled, then cancelled', async () => {
    const order = await resting();
    rig.venue.book.fill(order, 1);
    expect((await rig.settle())[0]).toMatchObject({ status: 'partially_filled', filledQuantity: '1' });
    rig.venue.book.fill(order, 3, 99.25);
    await rig.broker.cancel(String(order.id));
    expect((await rig.settle())[0]).toMatchObject({ status: 'canceled', filledQuantity: '4' });
    await rig.oracle();
  });

  it('F23 F24 a cancel stays pending, and a fill wins', async () => {
    rig.venue.book.holdCancels = true;
    const order = await resting();
    await rig.broker.cancel(String(order.id));
    expect((await rig.settle())[0]?.status).toBe('pending_cancel');
    rig.venue.book.fill(order);
    expect((await rig.settle())[0]).toMatchObject({ status: 'filled', filledQuantity: '10' });
    await rig.broker.cancel(String(order.id));
    await rig.oracle();
  });

  it('F26 the exits of a bracket are seen before and after the entry fills', async () => {
    const entry = await resting(bracket);
    expect((await rig.broker.openOrders()).map(({ type, venueStatus }) => [type, venueStatus]).sort()).toEqual([
      ['limit', 'AWAITING_PARENT_ORDER'],
      ['limit', 'WORKING'],
      ['stop', 'AWAITING_PARENT_ORDER'],
    ]);
    rig.venue.book.fill(entry);
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['target', 'accepted'],
      ['stop', 'accepted'],
    ]);
    rig.venue.book.trade('AAPL', 94);
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['target', 'canceled'],
      ['stop', 'filled'],
    ]);
    expect(await rig.broker.positions()).toEqual([]);
    await rig.oracle();
  });

  it('F1 the reply to a bracket is lost, and its entry and an exit fill before it is looked up: both are ours', async () => {
    rig.venue.arm(PLACE, (fault) => {
      faults.dropAfter(fault);
      rig.venue.book.fill(rig.venue.book.all[0]!);
      rig.venue.book.trade('AAPL', 94);
    });
    await rig.place(bracket);
    expect((await rig.settle()).map(({ leg, status }) => [leg, status])).toEqual([
      ['entry', 'filled'],
      ['target', 'canceled'],
      ['stop', 'filled'],
    ]);
    await rig.oracle();
  });

  it('F27 both exits of a bracket fill: the reversed position is reported', async () => {
    const entry = await resting(bracket);
    rig.venue.book.fill(entry);
    await rig.settle();
    const [target, stop] = entry.children[0]!.children;
    rig.venue.book.fill(target!);
    stop!.status = 'WORKING';
    rig.venue.book.fill(stop!, 10, 95);
    const { reversed } = await reconcile(rig.context);
    expect(reversed).toMatchObject([{ instrument: 'AAPL', quantity: '-10' }]);
    await rig.oracle();
  });

  it('F28 an exit is rejected as its entry fills: the journal knows it', async () => {
    const entry = await resting(bracket);
    rig.venue.book.fill(entry);
    rig.venue.book.end(entry.children[0]!.children[1]!, 'REJECTED', 'Stop price is too close');
    expect((await rig.settle()).map(({ leg, status, reason }) => [leg, status, reason])).toEqual([
      ['entry', 'filled', undefined],
      ['target', 'accepted', undefined],
      ['stop', 'rejected', expect.stringContaining('Stop price is too close')],
    ]);
  });

  it.each([
    ['answered', undefined],
    ['taken, the socket dropped before the reply', faults.dropAfter],
  ])(
    'F25 a stop is replaced within its bracket, %s: one order in the journal, whose fill is ours',
    async (_, fault) => {
      const entry = await resting({ ...bracket, timeInForce: 'day' });
      rig.venue.book.fill(entry);
      const stop = (await rig.settle()).find(({ leg }) => leg === 'stop')!;
      if (fault !== undefined) rig.venue.arm('PUT /trader/v1/accounts/{hash}/orders/{id}', fault);
      const until = rig.clock.now() + 3000;
      const request = { ...stop.request, stopPrice: '96' };
      // It was entered longer ago than the attempt looks back.
      rig.clock.set(rig.clock.now() + 600_000);
      await replaceOrder(rig.context, rig.lease, stop.clientOrderId, { leg: 'stop', request }, until);
      const legs = async () =>
        (await rig.settle())
          .filter(({ leg }) => leg === 'stop')
          .map(({ status, venueOrderId }) => [status, venueOrderId]);
      const fresh = String(rig.venue.book.all.at(-1)!.id);
      expect(await legs()).toEqual([
        ['replaced', stop.venueOrderId],
        ['accepted', fresh],
      ]);
      expect((await rig.journal.orderByVenueId('schwab-live', '12345678', fresh))?.parent).toBe(stop.parent);
      rig.venue.book.trade('AAPL', 95.5);
      expect((await legs()).at(-1)).toEqual(['filled', fresh]);
      expect(await rig.journal.positions(rig.scope)).toEqual([]);
    },
  );

  it('F25 the first of a pair of entries is not replaced in place: it is taken down before the new one', async () => {
    const [first] = await rig.submit(buy({ ...limit, either: { type: 'stop', stopPrice: '120' } }));
    expect(first?.status).toBe('accepted');
    const request = { ...first!.request, quantity: '3' };
    const until = rig.clock.now() + 3000;
    const next = await replaceOrder(rig.context, rig.lease, first!.clientOrderId, { leg: 'entry', request }, until);
    expect(next).toMatchObject({ status: 'intended', request: { quantity: '3' } });
    expect(rig.venue.count('PUT /trader/v1/accounts/{hash}/orders/{id}')).toBe(0);
    expect((await rig.settle()).filter(({ parent }) => parent !== undefined)).toMatchObject([{ status: 'canceled' }]);
  });

  it('a pair of exits: the target stands for it, and its fill is ours', async () => {
    await rig.place(buy());
    const pair = buy({
      side: 'sell',
      type: 'limit',
      opens: false,
      timeInForce: 'gtc',
      takeProfit: { limitPrice: '110' },
      stopLoss: { stopPrice: '95' },
    });
    await rig.submit(pair);
    rig.venue.book.trade('AAPL', 111);
    const orders = await rig.settle();
    expect(orders.map(({ status, filledQuantity }) => [status, filledQuantity])).toEqual([
      ['filled', '10'],
      ['filled', '10'],
      ['canceled', '0'],
    ]);
    await rig.oracle();
  });

  it('a cancel is asked again after an answer that says nothing, and a page does not count as taken', async () => {
    const order = await resting();
    const CANCEL = 'DELETE /trader/v1/accounts/{hash}/orders/{id}';
    rig.venue.arm(CANCEL, faults.reply(503, { message: 'later' }));
    rig.venue.arm(CANCEL, faults.reply(200, '<html>login</html>'));
    await rig.broker.cancel(String(order.id));
    expect(rig.venue.count(CANCEL)).toBe(3);
    expect((await rig.broker.orderByVenueId(String(order.id)))?.status).toBe('canceled');
    await expect(rig.broker.cancel('1')).rejects.toMatchObject({ code: 'REFUSED' });
  });
});

describe('replies that lie', () => {
  it('F29 a list that is full is read in parts', async () => {
    for (let i = 0; i < 7; i++) {
      rig.clock.set(T0 + i * 60_000);
      rig.venue.book.place({ ...(await sent()), price: `${90 + i}` });
    }
    // The host cuts at three, whatever was asked.
    rig.venue.arm(
      LIST,
      faults.mutate((list: unknown[]) => (list.length > 3 ? Array.from({ length: 3000 }, () => list[0]) : list)),
      99,
    );
    expect((await rig.broker.openOrders()).map(({ limitPrice }) => limitPrice).sort()).toEqual(
      Array.from({ length: 7 }, (_, i) => `${90 + i}`),
    );
  });
  const sent = async () => ({
    orderStrategyType: 'SINGLE' as const,
    orderType: 'LIMIT',
    session: 'NORMAL',
    duration: 'GOOD_TILL_CANCEL',
    orderLegCollection: [{ instruction: 'BUY', quantity: 1, instrument: { symbol: 'AAPL', assetType: 'EQUITY' } }],
  });

  it.each([
    ['500', 500, { message: 'internal' }],
    ['a page', 200, '<html></html>'],
    ['another form', 200, '"text"'],
    ['null', 200, 'null'],
    ['nothing', 200, ''],
  ])('F30 answered with %s: a failure, not emptiness', async (_name, status, body) => {
    await rig.broker.account();
    const reads: [string, () => Promise<unknown>][] = [
      ['GET /trader/v1/accounts/{hash}', () => rig.broker.positions()],
      ['GET /trader/v1/accounts/{hash}', () => rig.broker.account()],
      [LIST, () => rig.broker.openOrders()],
      [LIST, () => rig.broker.executions(undefined)],
      [ORDER, () => rig.broker.orderByVenueId('1')],
      ['GET /marketdata/v1/quotes', () => rig.broker.asset('AAPL')],
    ];
    for (const [route, read] of reads) {
      rig.venue.arm(route, faults.reply(status, body), 4);
      await expect(read(), route).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      rig.venue.disarm();
    }
  });

  it('F30 a 404 from something in between does not say that there is no order', async () => {
    rig.venue.arm(ORDER, faults.reply(404, '<html>404</html>'));
    await expect(rig.broker.orderByVenueId('1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await rig.broker.orderByVenueId('1')).toBeUndefined();
  });

  it('F31 an unknown status keeps an order open; what safety needs and is missing stops the read', async () => {
    rig.venue.lies = /status must be|isClosingOnlyRestricted/;
    const [order] = await rig.submit(limit);
    const json = orderJson(rig.venue.book.roots[0]!);
    const reply = (change: object) => rig.venue.arm(ORDER, faults.reply(200, { ...json, ...change, extra: [1] }));
    reply({ status: 'QUANTUM' });
    expect(await rig.broker.orderByVenueId(order!.venueOrderId!)).toMatchObject({
      status: 'unknown',
      venueStatus: 'QUANTUM',
    });
    // It is said, once, and the order stays open.
    rig.venue.book.roots[0]!.status = 'QUANTUM';
    for (let i = 0; i < 2; i++) expect(await rig.settle()).toMatchObject([{ status: 'accepted' }]);
    expect(rig.said.filter((line) => line.includes('"QUANTUM", a status that is not known here'))).toHaveLength(1);
    for (const field of ['status', 'filledQuantity', 'orderLegCollection', 'orderId']) {
      reply({ [field]: undefined });
      await expect(rig.broker.orderByVenueId(order!.venueOrderId!), field).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
    }
    rig.venue.account['isClosingOnlyRestricted'] = undefined;
    rig.venue.account['accountNumber'] = '12345678';
    expect(await rig.broker.account()).toMatchObject({ blocked: true, reason: 'isClosingOnlyRestricted is missing' });
    rig.venue.account['isClosingOnlyRestricted'] = true;
    expect(await rig.broker.account()).toMatchObject({ blocked: true, reason: 'it may only close positions' });
  });

  it('counts day trades, those by hand too, where the account says them', async () => {
    rig.venue.account['roundTrips'] = 2;
    expect((await rig.broker.account()).dayTrades).toBe(2);
    rig.venue.account['roundTrips'] = undefined;
    expect(await rig.broker.account()).not.toHaveProperty('dayTrades');
  });

  it('F35 tells the venue’s own time', async () => {
    rig.venue.now = () => T0 + 600_000;
    expect((await rig.broker.clock()).now - rig.clock.now()).toBe(600_000);
  });

  it('F36 a redirect takes no token anywhere, and the order counts as not sent', async () => {
    rig.venue.arm(
      PLACE,
      ({ response }) => void response.writeHead(307, { location: 'http://127.0.0.1:9/steal' }).end(),
      9,
    );
    const [order] = await rig.submit(buy());
    expect(order).toMatchObject({ status: 'expired', reason: expect.stringMatching(/not sent/) });
    expect(rig.venue.book.roots).toEqual([]);
    await rig.oracle();
  });

  it('F37 what an asset is: shortable, halted, unknown', async () => {
    rig.venue.symbols.set('HARD', { hard: true });
    rig.venue.symbols.set('STOP', { halted: true });
    expect(await rig.broker.asset('AAPL')).toMatchObject({ tradable: true, shortable: true, fractionable: false });
    expect(await rig.broker.asset('HARD')).toMatchObject({ tradable: true, shortable: false });
    expect(await rig.broker.asset('STOP')).toMatchObject({ halted: true });
    expect(await rig.broker.asset('NONE')).toMatchObject({ tradable: false, shortable: false });
    expect(rig.venue.violations).toEqual([]);
  });
});

describe('F38 real money only', () => {
  it('without --live: exit code 3 and the simulated venue by name; nothing is sent', () => {
    const context = { ...contextOf(rig.venue, rig.rigParts), live: false };
    expect(() => create(settings.parse({}), context)).toThrow(
      expect.objectContaining({ code: 'GUARD', exitCode: 3, hint: expect.stringContaining('--broker sim') }),
    );
  });

  it('without keys, without a login, with a file that others can read: exit code 3 and what to do', async () => {
    const context = contextOf(rig.venue, rig.rigParts);
    expect(() => create(settings.parse({}), { ...context, secrets: {} })).toThrow(
      /SCHWAB_APP_KEY and SCHWAB_APP_SECRET/,
    );
    expect(() =>
      create(settings.parse({}), {
        ...context,
        secrets: { ...context.secrets, SCHWAB_BASE_URL: 'https://evil.example' },
      }),
    ).toThrow(/not the vendor's host/);
    const fresh = create(settings.parse({}), { ...context, stateDir: `${context.stateDir}-none` });
    await expect(fresh.account()).rejects.toMatchObject({
      code: 'CREDENTIALS',
      hint: expect.stringMatching(/login schwab/),
    });
    await fresh.close();
    const { chmod } = await import('node:fs/promises');
    await chmod(tokenFile(rig.venue.secrets, context.stateDir), 0o644);
    await expect(rig.broker.account()).rejects.toThrow(/can be read by others/);
    await logIn(rig.venue, context.stateDir);
    expect((await rig.broker.account()).paper).toBe(false);
  });

  it('several accounts of one login: one has to be named, and numbers are not printed whole', async () => {
    rig.venue.accounts = [...rig.venue.accounts, { accountNumber: '87654321', hashValue: 'B2' }];
    const error = await rig.broker.account().catch((e: Error) => e);
    expect(error).toMatchObject({ code: 'CONFIG', message: expect.stringMatching(/2 accounts \(…5678, …4321\)/) });
    const named = create({ ...settings.parse({}), account: '12345678' }, contextOf(rig.venue, rig.rigParts));
    expect((await named.account()).id).toBe('12345678');
    await named.close();
  });
});
