import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ManualClock } from '../../../src/core/platform/index.js';
import {
  cutOff,
  dropAfter,
  dropBefore,
  emptyAfter,
  type Fault,
  htmlAfter,
  mutate,
  reply,
  replyAfter,
  statusAfter,
} from '../../fakes/alpaca/faults.js';
import { dailyBars, session, VenueRig, walk } from '../../support/venue.js';

/** The catalogue of FAULTS.md at the level of a start of `quantline trade`: faults of the venue's replies. */
const FRIDAY = '2026-11-27';
const SYMBOLS = ['AAPL', 'MSFT'];

let rig: VenueRig;
beforeEach(async () => {
  rig = await VenueRig.start({
    symbols: SYMBOLS,
    bars: (symbol) => dailyBars(walk(60, symbol.length + symbol.charCodeAt(0)), FRIDAY),
    now: session(FRIDAY).close + 5000,
  });
  (rig.clock as ManualClock).set(session(FRIDAY).close + 5000);
});
afterEach(() => rig.close());

const ORDERS = 'POST /v2/orders';

describe('placing', () => {
  test.each<[string, Fault, number?]>([
    ['F1: the socket dropped after acceptance', dropAfter],
    ['F2: 504 after acceptance', statusAfter(504)],
    ['F2: 502 after acceptance', statusAfter(502)],
    ['F2: 500 after acceptance', statusAfter(500)],
    ['F3: a body cut off', cutOff],
    ['F3: a web page', htmlAfter],
    ['F3: an empty body', emptyAfter],
    ['F4: dropped before acceptance', dropBefore, 2],
    [
      'F6: taken, and said to exist already',
      replyAfter(422, { code: 40010001, message: 'client_order_id must be unique' }),
    ],
    ['F6: the other spelling', replyAfter(422, { code: 40010001, message: 'client order id must be unique' })],
    ['F31: the answer has an unknown status', mutate((order: object) => ({ ...order, status: 'quantum' }))],
    ['F31: the answer has numbers for text', mutate((order: object) => ({ ...order, filled_qty: 0, qty: 10 }))],
    ['F31: the answer lacks its id', mutate((order: object) => ({ ...order, id: undefined }))],
    ['F7: 429 with a reset', reply(429, { message: 'too many requests.' }, { 'x-ratelimit-reset': '0' }), 2],
  ])('%s: one order an intent, and a rerun converges', async (_, fault, sendings = 1) => {
    rig.venue.arm(ORDERS, fault, 1);
    expect(await rig.start()).toMatchObject({
      exit: 'ok',
      session: { outcome: 'decided', orders: 2, rejected: 0, unsent: 0, unresolved: 0 },
    });
    expect(rig.venue.count(ORDERS)).toBe(1 + sendings);
    // Found by its id in the same start, not only by the next.
    const placed = await rig.journal((journal) => journal.orders());
    expect(placed.map(({ venueOrderId }) => venueOrderId)).toEqual(
      placed.map((order) => rig.venue.book.accepted.find((one) => one.client_order_id === order.clientOrderId)!.id),
    );
    const again = await rig.once();
    expect(again.positions).toHaveLength(2);
    expect(await rig.oracle()).toEqual({ accepted: 2, fills: 2 });
  });

  test('F4: no answer, nor to any look-up: told as open, exit 6; the next start adopts one, the other gets its old id', async () => {
    rig.venue.arm(ORDERS, dropBefore, 1);
    rig.venue.arm(ORDERS, dropAfter, 1);
    rig.venue.arm('GET /v2/orders:by_client_order_id', dropBefore, 99);
    const { exit, session: file } = await rig.start({ patience: '1s' });
    expect([exit, file.outcome, file.unresolved, file.unsent]).toEqual(['refused', 'decided', 2, 0]);
    expect(rig.said.filter((text) => /^the buy order for \w+ may or may not be at the venue/.test(text))).toHaveLength(
      2,
    );
    expect(rig.venue.count(ORDERS)).toBe(2);
    rig.venue.disarm();
    expect((await rig.start()).session).toMatchObject({ unresolved: 0, unsent: 0 });
    await rig.converges();
    expect(await rig.oracle()).toEqual({ accepted: 2, fills: 2 });
    expect(rig.venue.count(ORDERS)).toBe(3);
  });

  test('F5: accepted, and invisible for a while', async () => {
    rig.venue.book.rules.invisibleReads = 3;
    rig.venue.arm(ORDERS, dropAfter, 2);
    await rig.once();
    await rig.once();
    expect(await rig.oracle()).toEqual({ accepted: 2, fills: 2 });
  });

  test.each([
    ['insufficient buying power', 403, 40310000],
    ['trading in AAPL is halted', 403, 40310000],
    ['potential wash trade detected. use complex orders', 403, 40310000],
  ])('F37: %s: said once, not repeated, the other order goes on', async (message, status, code) => {
    rig.venue.arm(ORDERS, reply(status, { code, message }), 1);
    const { session: file, exit } = await rig.start();
    expect(file).toMatchObject({ outcome: 'decided', orders: 2, rejected: 1, unsent: 0 });
    expect(exit).toBe('refused');
    expect(rig.said.filter((text) => /the buy order for \w+ was rejected: ./.test(text))).toHaveLength(1);
    expect(rig.venue.count(ORDERS)).toBe(2);
    await rig.once();
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
  });
});

describe('reading', () => {
  test('F31: positions that lack what safety needs: nothing is traded on a guess', async () => {
    await rig.once();
    for (const field of ['qty', 'side', 'symbol']) {
      const without = mutate((list: object[]) => list.map((one) => ({ ...one, [field]: undefined })));
      rig.venue.arm('GET /v2/positions', without, 1);
      await expect(rig.once()).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        exitCode: 7,
        message: expect.stringContaining(`position lacks ${field}`),
      });
    }
    expect(rig.venue.book.accepted).toHaveLength(2);
  });

  test('F31: quantities below zero, and sides that contradict them: nothing is traded on a guess', async () => {
    await rig.once();
    await rig.once();
    const all = (change: object) => mutate((list: object[]) => list.map((one) => ({ ...one, ...change })));
    const lies: [string, Fault][] = [
      ['/v2/positions', all({ qty: '-5', side: 'long' })],
      ['/v2/positions', all({ qty: '1e3' })],
      ['/v2/account/activities', all({ qty: '-5' })],
      ['/v2/account', mutate((account: object) => ({ ...account, equity: 'NaN' }))],
    ];
    for (const [route, lie] of lies) {
      rig.venue.arm(`GET ${route}`, lie, 1);
      await expect(rig.once()).rejects.toMatchObject({ code: 'UNAVAILABLE', exitCode: 7 });
    }
    expect(rig.venue.book.accepted).toHaveLength(2);
    await rig.converges();
  });

  test('F47: an order by hand for several legs of options, without symbol and side, is left alone', async () => {
    const leg = (symbol: string) => ({
      id: symbol,
      symbol,
      side: 'buy',
      status: 'new',
      filled_qty: '0',
      ratio_qty: '1',
    });
    const legs = [leg('AAPL270115C00250000'), leg('AAPL270115C00260000')];
    const spread = { id: 'x', order_class: 'mleg', status: 'new', filled_qty: '0', qty: '1', type: 'limit', legs };
    rig.venue.arm(
      'GET /v2/orders',
      mutate((list: object[]) => [...list, spread]),
      1,
    );
    expect(await rig.once()).toMatchObject({ outcome: 'decided', orders: 2 });
    await rig.once();
    expect(await rig.oracle()).toEqual({ accepted: 2, fills: 2 });
  });

  test('F29: more orders and fills than a page holds are read, each once; a list that repeats itself is not', async () => {
    const { book } = rig.venue;
    book.rules.fillMarket = false;
    const byHand = { symbol: 'MSFT', side: 'buy', type: 'limit', qty: '1', limit_price: '1', time_in_force: 'gtc' };
    for (let i = 0; i < 501; i++) book.place(byHand);
    let page: unknown;
    rig.venue.arm(
      'GET /v2/orders',
      ({ process, send }) => {
        page ??= process().body;
        send({ status: 200, body: page });
      },
      2,
    );
    await expect(rig.once()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/repeats itself/),
    });
    expect(rig.venue.count(ORDERS)).toBe(0);
    expect(await rig.once({ patience: '1s' })).toMatchObject({ outcome: 'decided', orders: 2 });
    const [first, second] = book.accepted.slice(-2);
    for (let i = 0; i < 120; i++) book.fill(first!.id, 0.1);
    book.fill(first!.id);
    book.fill(second!.id);
    expect(await rig.once()).toMatchObject({ fills: 122, positions: [{}, {}] });
    // What somebody else has ordered is left alone.
    expect([...book.orders.values()].filter(({ status }) => status === 'new')).toHaveLength(501);
  });

  test.each<[string, Fault, RegExp]>([
    ['/v2/positions', reply(500, '<html>down</html>'), /positions: answered 500/],
    ['/v2/orders', reply(200, '<html>down</html>'), /orders: .*(page|JSON)/],
    ['/v2/account/activities', reply(200, {}), /activities/],
    ['/v2/account', reply(500, '<html>down</html>'), /account: answered 500/],
  ])('F30: %s fails: nothing is concluded and nothing is sent, exit 7', async (route, fault, message) => {
    rig.venue.arm(`GET ${route}`, fault, 50);
    await expect(rig.once()).rejects.toMatchObject({ code: 'UNAVAILABLE', exitCode: 7, message });
    expect(rig.venue.book.accepted).toEqual([]);
  });

  test('F30: an empty list of orders although some rest: asked for one by one, none is taken for over', async () => {
    rig.venue.book.rules.fillMarket = false;
    await rig.once({ patience: '1s' });
    rig.venue.arm('GET /v2/orders', reply(200, []), 50);
    rig.clock.set(rig.clock.now() + 600_000);
    const file = await rig.once({ patience: '1s' });
    expect(file.open_orders).toHaveLength(2);
    expect(rig.venue.count(ORDERS)).toBe(2);
  });

  test('F30: an empty list of positions although something is held: halted with the difference, exit 6', async () => {
    await rig.once();
    await rig.once();
    rig.venue.arm('GET /v2/positions', reply(200, []), 50);
    const result = await rig.start();
    expect(result.exit).toBe('refused');
    expect(result.session.reason).toMatch(/the venue holds none of it/);
    expect(rig.venue.book.accepted).toHaveLength(2);
  });

  test('F47: what somebody else holds is left alone; what they sold of ours halts', async () => {
    rig.venue.book.positions.set('AAPL', { qty: 7, average: 90 });
    await rig.once();
    const { positions } = await rig.once();
    const owned = Number(positions.find(({ instrument }) => instrument === 'AAPL')!.quantity);
    expect(rig.venue.book.positions.get('AAPL')!.qty).toBeCloseTo(owned + 7, 6);
    rig.venue.book.positions.set('AAPL', { qty: owned / 2, average: 90 });
    expect((await rig.start()).exit).toBe('refused');
  });
});
