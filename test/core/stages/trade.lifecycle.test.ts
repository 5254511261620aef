import { afterEach, describe, expect, test } from 'vitest';
import type { TradeEvent } from '../../../src/core/engine/live/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import type { TradeExtras } from '../../../src/core/stages/trade.js';
import type { Fault } from '../../fakes/alpaca/faults.js';
import { listen } from '../../fakes/loopback.js';
import { MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';

/** The catalogue of FAULTS.md at the level of a start of `quantline trade`: orders that end otherwise than asked. */
const FRIDAY = '2026-11-27';
const MINUTE = 60_000;
const OPEN = session(MONDAY).open;
const history = minuteBars(walk(42), FRIDAY, 5);
const LAST = history.at(-1)!.c;

let rig: VenueRig;
afterEach(() => rig.close());

async function begin(backtest: Record<string, unknown>, trainer: string) {
  rig = await VenueRig.start({
    interval: '5m',
    trainer,
    backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)', ...backtest },
    bars: () => history,
    now: session(FRIDAY).close + MINUTE,
  });
  (rig.clock as ManualClock).set(session(FRIDAY).close + MINUTE);
  rig.venue.book.rules.reserve = true;
}

/** A start five seconds after bar n of Monday, which closed at the last of `closes`; the venue trades at it. */
function at(
  closes: readonly number[],
  given: Record<string, unknown> = {},
  ...more: readonly [Partial<Runtime>?, TradeExtras?]
) {
  (rig.clock as ManualClock).set(OPEN + closes.length * 5 * MINUTE + 5000);
  rig.venue.market.set('5Min', 'AAPL', [...history, ...minuteBars(closes, MONDAY, 5)]);
  rig.venue.book.prices.set('AAPL', closes.at(-1)!);
  return rig.start(given, ...more);
}

const fillFirst =
  (id: string): Fault =>
  ({ process, send }) => {
    rig.venue.book.fill(id);
    send(process());
  };
const held = () => rig.venue.book.positions.get('AAPL')?.qty ?? 0;
const open = () => rig.openOrders();
const exits = () => rig.venue.book.accepted.filter(({ side, type }) => side === 'sell' && type === 'market');

describe('exits', () => {
  test('F24: while a cancel is pending for minutes no other exit is sent; once it is over, one is', async () => {
    await begin({ stopLoss: '5%', takeProfit: '9%' }, 'momentum(1)');
    await at([LAST, LAST + 1]);
    const size = held();
    expect(size).toBeGreaterThan(0);
    const { book } = rig.venue;
    book.rules.holdCancels = true;
    await at([LAST, LAST + 1, LAST]);
    await at([LAST, LAST + 1, LAST, LAST - 1]);
    expect(exits()).toEqual([]);
    expect(held()).toBe(size);
    book.rules.holdCancels = false;
    for (const { id, status } of [...book.orders.values()]) if (status === 'pending_cancel') book.finishCancel(id);
    await at([LAST, LAST + 1, LAST, LAST - 1, LAST - 2]);
    expect(exits()).toHaveLength(1);
    expect([held(), open()]).toEqual([0, []]);
    await rig.converges();
  });

  test('a webhook that takes the news and never answers holds no order; that is said once', async () => {
    await begin({ stopLoss: '5%', takeProfit: '9%' }, 'momentum(1)');
    const { book } = rig.venue;
    book.rules.fillMarket = false;
    await at([LAST, LAST + 1]);
    book.fill(book.accepted[0]!.id);
    book.rules.fillMarket = true;
    const asked: { open: boolean }[] = [];
    const stuck = await listen((request) => {
      const one = { open: true };
      asked.push(one);
      request.socket.on('close', () => {
        one.open = false;
      });
    });
    // What the news are doing as the exit reaches the venue: they were told first, and are still without an answer.
    let told: readonly boolean[] = [];
    rig.venue.arm('POST /v2/orders', ({ process, send }) => {
      told = asked.map(({ open }) => open);
      send(process());
    });
    try {
      const secrets = { ...rig.runtime.secrets, QUANTLINE_NOTIFY_URL: stuck.url };
      await at([LAST, LAST + 1, LAST], { notify: 'webhook', notifyOn: 'fill' }, { secrets });
    } finally {
      await stuck.close();
    }
    expect(told).toEqual([true]);
    expect([exits().length, held()]).toEqual([1, 0]);
    expect(rig.said.filter((text) => /notification/.test(text))).toEqual([
      expect.stringMatching(/^2 of the notifications did not get through \(Webhook\)/),
    ]);
  });

  test('a fill and a refusal are told where only a look finds them, each once', async () => {
    await begin({}, 'momentum(1)');
    const { book } = rig.venue;
    const told: string[] = [];
    const hooks = {
      notify: (event: TradeEvent) =>
        void told.push(
          `${event.type} ${event.type === 'fill' ? event.execution.side : event.type === 'reject' ? event.order.reason : ''}`,
        ),
    };
    await at([LAST, LAST + 1], {}, {}, { hooks });
    expect(told).toEqual(['fill buy']);
    // Taken, and refused a moment later.
    rig.venue.arm('POST /v2/orders', ({ process, send }) => {
      book.rules.fillMarket = false;
      const reply = process();
      const order = book.accepted.at(-1)!;
      send({ ...reply, body: structuredClone(reply.body) });
      book.end(order.id, 'rejected');
    });
    const { session } = await at([LAST, LAST + 1, LAST], {}, {}, { hooks });
    expect(session).toMatchObject({ orders: 1, rejected: 1 });
    expect(told.slice(1)).toEqual([expect.stringMatching(/^reject/)]);
  });

  test('F25: a stop is replaced, and fills before the replacement counts: one exit, both ids followed', async () => {
    await begin({ trailingStop: '1%', takeProfit: '20%' }, 'buy-and-hold');
    await at([LAST]);
    const { book } = rig.venue;
    book.rules.loseReplaces = true;
    await at([LAST, LAST + 3]);
    const next = book.accepted.at(-1)!;
    const stop = book.order(next.replaces!);
    expect([next.status, stop.status]).toEqual(['accepted', 'pending_replace']);
    book.rejectReplace(stop.id);
    book.fill(stop.id, undefined, LAST);
    await at([LAST, LAST + 3, LAST]);
    expect([held(), open(), exits()]).toEqual([0, [], []]);
    await rig.converges();
  });

  describe('F27: both exits fill', () => {
    async function bothFill(given: Record<string, unknown>) {
      await begin({ stopLoss: '2%', takeProfit: '4%' }, 'buy-and-hold');
      await at([LAST]);
      const { book } = rig.venue;
      const [target, stop] = book.accepted[0]!.legs as [string, string];
      book.fill(target);
      book.order(stop).status = 'new';
      book.fill(stop, undefined, LAST * 0.98);
      return at([LAST, LAST], given);
    }

    test('the reversed position is reported, exit 6, and closed', async () => {
      const result = await bothFill({});
      expect(result).toMatchObject({
        exit: 'refused',
        session: { outcome: 'halted', reason: expect.stringMatching(/turned it over, to -\d+/) },
      });
      expect(held()).toBe(0);
      expect(rig.venue.book.accepted.at(-1)).toMatchObject({ side: 'buy', type: 'market' });
      await rig.converges();
      expect((await rig.start()).exit).toBe('refused');
    });

    test('and left to a person with --unprotected hold', async () => {
      const result = await bothFill({ unprotected: 'hold' });
      expect(result).toMatchObject({ exit: 'refused', session: { outcome: 'halted' } });
      expect(held()).toBeLessThan(0);
      expect(rig.venue.book.accepted).toHaveLength(1);
      await rig.oracle();
    });
  });

  test('F28: a pair of exits that the venue refuses closes the position, exit 6', async () => {
    await begin({ stopLoss: '2%', takeProfit: '4%' }, 'buy-and-hold');
    const { book } = rig.venue;
    book.rules.fillMarket = false;
    book.rules.refuseClass = 'oco';
    const place = book.place.bind(book);
    book.place = (body) => {
      const order = place(body);
      if ('id' in order && order.order_class === 'bracket') book.fill(order.id, 3, LAST);
      else book.rules.fillMarket = true;
      return order;
    };
    const result = await at([LAST]);
    expect(result).toMatchObject({
      exit: 'refused',
      session: { reason: expect.stringMatching(/AAPL is not protected/) },
    });
    expect(exits()).toEqual([expect.objectContaining({ qty: '3' })]);
    book.rules.fillMarket = true;
    for (const { id, status } of exits()) if (status === 'new') book.fill(id);
    await rig.start();
    expect([held(), open()]).toEqual([0, []]);
    await rig.converges();
  });
});

describe('turning a position over in one slot', () => {
  const up = [LAST, LAST + 1];
  const down = [...up, LAST - 1];

  test('the exit first; the entry on the other side once it has filled', async () => {
    await begin({}, 'momentum(1,short)');
    await at(up);
    const long = held();
    expect(long).toBeGreaterThan(0);
    expect((await at(down)).session).toMatchObject({ outcome: 'decided', rejected: 0 });
    expect(held()).toBeLessThan(0);
    expect(rig.venue.book.accepted.map(({ side, qty }) => [side, Number(qty)])).toEqual([
      ['buy', long],
      ['sell', long],
      ['sell', -held()],
    ]);
    await rig.converges();
  });

  test('while the exit does not fill nothing is entered', async () => {
    await begin({}, 'momentum(1,short)');
    await at(up);
    rig.venue.book.rules.fillMarket = false;
    await at(down);
    expect(rig.venue.book.accepted).toHaveLength(2);
    rig.venue.book.fill(rig.venue.book.accepted[1]!.id);
    await rig.converges();
    expect(held()).toBe(0);
  });

  test.each([1, 2])('killed at sending %i of the slot: the next start ends where one that lived would', async (n) => {
    await begin({}, 'momentum(1,short)');
    await at(up);
    let sends = 0;
    const faultPoint = (name: string) => {
      if (name === 'after-send' && ++sends === n) throw new Error('killed');
    };
    Object.assign(rig.runtime, { faultPoint });
    const { book } = rig.venue;
    book.rules.fillMarket = n !== 1;
    await expect(at(down)).rejects.toThrow('killed');
    Object.assign(rig.runtime, { faultPoint: undefined });
    expect(book.accepted).toHaveLength(n + 1);
    book.rules.fillMarket = true;
    // The next start finds the exit unfilled; it fills while it is waited for.
    const exit = book.accepted[1]!;
    if (exit.status === 'new') rig.venue.arm(`GET /v2/orders:by_client_order_id`, fillFirst(exit.id), 1);
    await rig.start();
    expect(held()).toBeLessThan(0);
    await rig.converges();
    expect(rig.venue.book.accepted).toHaveLength(3);
  });
});
