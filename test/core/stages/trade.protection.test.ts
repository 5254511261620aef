import { afterEach, describe, expect, test } from 'vitest';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';

const FRIDAY = '2026-11-27';
const MINUTE = 60_000;
const OPEN = session(MONDAY).open;

/** Monday from the open on: up for three bars, then whatever a test says. */
const history = minuteBars(walk(42), FRIDAY, 5);
const LAST = history.at(-1)!.c;
const monday = (closes: readonly number[]) => minuteBars(closes, MONDAY, 5);

let rig: VenueRig;
afterEach(() => rig.close());

async function begin(closes: readonly number[], backtest: Record<string, unknown>, trainer = 'buy-and-hold') {
  rig = await VenueRig.start({
    interval: '5m',
    trainer,
    backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)', ...backtest },
    bars: () => history,
    now: session(FRIDAY).close + MINUTE,
  });
  rig.venue.book.rules.reserve = true;
  rig.venue.market.set('5Min', 'AAPL', [...history, ...monday(closes)]);
  at(closes.length);
}

/** Five seconds after bar n of Monday. */
function at(n: number, closes?: readonly number[]) {
  (rig.clock as ManualClock).set(OPEN + n * 5 * MINUTE + 5000);
  if (closes !== undefined) rig.venue.market.set('5Min', 'AAPL', [...history, ...monday(closes)]);
}

const open = () => rig.openOrders();
const exitsOf = () =>
  open()
    .filter(({ side }) => side === 'sell')
    .map(({ type, stop_price, limit_price, qty }) => ({
      type,
      at: Number(stop_price ?? limit_price),
      qty: Number(qty),
    }));
const cents = (price: number) => Math.ceil(Math.round(price * 1e6) / 1e4) / 100;

describe('exits at the venue', () => {
  test('go with the entry, then to their distance from the fill; a second start leaves them alone', async () => {
    await begin([LAST], { stopLoss: '2%', takeProfit: '4%' });
    // The fill is dearer than the close that the exits were priced at.
    rig.venue.book.prices.set('AAPL', LAST + 0.5);
    const first = await rig.once();
    expect(first.outcome).toBe('decided');
    expect(rig.venue.book.accepted[0]).toMatchObject({ order_class: 'bracket', type: 'market', time_in_force: 'gtc' });
    const filled = Number(rig.venue.book.fills[0]!.qty);
    expect(exitsOf()).toEqual([
      { type: 'stop', at: cents((LAST + 0.5) * 0.98), qty: filled },
      { type: 'limit', at: cents((LAST + 0.5) * 1.04), qty: filled },
    ]);
    const orders = rig.venue.book.orders.size;
    await rig.once();
    expect(rig.venue.book.orders.size).toBe(orders);
    await rig.oracle();
  });

  test('a trailing stop alone is trailed by the venue', async () => {
    await begin([LAST], { trailingStop: '3%' });
    await rig.once();
    expect(exitsOf()).toHaveLength(1);
    expect(open()[0]).toMatchObject({ type: 'trailing_stop', trail_percent: '3', time_in_force: 'gtc' });
    const notes = await rig.journal((journal) => journal.events({ types: ['note:exposed'] }));
    expect(notes).toHaveLength(1);
    await rig.oracle();
  });

  test('a trailing stop beside a target is moved after the bars that made a new high', async () => {
    await begin([LAST], { trailingStop: '1%', takeProfit: '20%' });
    rig.venue.book.prices.set('AAPL', LAST);
    await rig.once();
    const high = (LAST + 3) * 1.0005;
    at(2, [LAST, LAST + 3]);
    await rig.once();
    expect(exitsOf().find(({ type }) => type === 'stop')!.at).toBe(cents(high * 0.99));
    at(3, [LAST, LAST + 3, LAST + 1]);
    await rig.once();
    expect(exitsOf().find(({ type }) => type === 'stop')!.at).toBe(cents(high * 0.99));
  });

  test('F22: what has filled of an entry is protected; its remainder is given up after a while', async () => {
    await begin([LAST], { stopLoss: '2%', takeProfit: '4%' });
    const { book } = rig.venue;
    book.rules.fillMarket = false;
    const place = book.place.bind(book);
    book.place = (body) => {
      const order = place(body);
      if ('id' in order && order.order_class === 'bracket') book.fill(order.id, 3, LAST);
      return order;
    };
    await rig.once();
    const [entry, pair] = book.accepted;
    expect(entry).toMatchObject({ status: 'canceled', filled_qty: '3' });
    expect(pair).toMatchObject({ order_class: 'oco', qty: '3', side: 'sell' });
    expect(exitsOf()).toEqual([
      { type: 'limit', at: cents(LAST * 1.04), qty: 3 },
      { type: 'stop', at: cents(LAST * 0.98), qty: 3 },
    ]);
    const [note] = await rig.journal((journal) => journal.events({ types: ['note:exposed'] }));
    expect((note!.body as { seconds: number }).seconds).toBeGreaterThanOrEqual(30);
    await rig.oracle();
  });

  test('F26: a held stop leg is not placed again', async () => {
    await begin([LAST], { stopLoss: '2%', takeProfit: '4%' });
    rig.venue.book.prices.set('AAPL', LAST);
    await rig.once();
    expect(open().map(({ status }) => status)).toContain('held');
    at(2, [LAST, LAST]);
    await rig.once();
    expect(rig.venue.book.accepted).toHaveLength(1);
  });

  test('F23: an exit takes the protection down first; where that has filled, no second exit follows', async () => {
    await begin([LAST, LAST + 1], { stopLoss: '5%', takeProfit: '9%' }, 'momentum(1)');
    rig.venue.book.prices.set('AAPL', LAST + 1);
    await rig.once();
    expect(rig.venue.book.positions.get('AAPL')!.qty).toBeGreaterThan(0);
    at(3, [LAST, LAST + 1, LAST]);
    const { book } = rig.venue;
    const cancel = book.cancel.bind(book);
    // The stop fills while its cancel is on the way.
    book.cancel = (id) => {
      const stop = [...book.orders.values()].find(({ type, status }) => type === 'stop' && status === 'held');
      if (stop !== undefined) book.fill(stop.id, undefined, LAST * 0.95);
      return cancel(id);
    };
    await rig.once();
    expect(book.positions.get('AAPL')).toBeUndefined();
    expect(book.accepted.filter(({ side, type }) => side === 'sell' && type === 'market')).toEqual([]);
    await rig.oracle();
  });

  test('an exit without a race: protection down, position closed, nothing left', async () => {
    await begin([LAST, LAST + 1], { stopLoss: '5%', takeProfit: '9%' }, 'momentum(1)');
    rig.venue.book.prices.set('AAPL', LAST + 1);
    await rig.once();
    at(3, [LAST, LAST + 1, LAST]);
    const file = await rig.once();
    expect(file.positions).toEqual([]);
    expect(open()).toEqual([]);
    await rig.oracle();
  });

  test('F28: a stop that the venue rejects closes the position and ends the session with exit 6', async () => {
    await begin([LAST], { stopLoss: '2%', takeProfit: '4%' });
    rig.venue.book.rules.rejectStopLegs = true;
    const result = await rig.start();
    expect(result.exit).toBe('refused');
    expect(result.session).toMatchObject({
      outcome: 'halted',
      reason: expect.stringContaining('AAPL is not protected'),
    });
    expect(rig.venue.book.positions.get('AAPL')).toBeUndefined();
    expect(open()).toEqual([]);
    // Flat, the strategy is halted until somebody says otherwise.
    expect((await rig.start()).exit).toBe('refused');
    await rig.oracle();
  });

  test('F28: left to a person with --unprotected hold', async () => {
    await begin([LAST], { stopLoss: '2%', trailingStop: '3%' });
    rig.venue.book.rules.rejectStopLegs = true;
    const result = await rig.start({ unprotected: 'hold' });
    expect(result.exit).toBe('refused');
    expect(rig.venue.book.positions.get('AAPL')!.qty).toBeGreaterThan(0);
  });

  test('where the venue does not take the exits nothing is entered', async () => {
    await begin([LAST], { takeProfit: '1%', stopLoss: '5%' });
    rig.venue.book.prices.set('AAPL', LAST);
    rig.venue.book.rules.refuseClass = 'bracket';
    const refused = await rig.once();
    expect(refused).toMatchObject({ rejected: 1, positions: [] });
  });
});

test.each([
  ['stops', {}, (LAST / 2) * 0.8],
  // Of bars before the split the best price counts in new shares.
  ['trailing stops', { trailingStop: '10%' }, ((LAST * 1.0005) / 2) * 0.9],
])('a split is applied to what is owned and to resting %s before anything is compared', async (_, trailing, stopAt) => {
  await begin([LAST], { stopLoss: '20%', ...trailing });
  const { book, market } = rig.venue;
  book.prices.set('AAPL', LAST);
  await rig.once();
  const before = Number(book.fills[0]!.qty);
  // Tuesday: two for one, at the venue and in the prices.
  market.actions['forward_splits'] = [
    {
      id: 'a',
      symbol: 'AAPL',
      ex_date: '2026-12-01',
      new_rate: 2,
      old_rate: 1,
      process_date: '2026-12-01',
      cusip: '1',
    },
  ];
  const position = book.positions.get('AAPL')!;
  book.positions.set('AAPL', { qty: position.qty * 2, average: position.average / 2 });
  for (const order of open())
    Object.assign(order, {
      qty: String(Number(order.qty) * 2),
      stop_price: String(Math.round(Number(order.stop_price) * 50) / 100),
    });
  const day = (closes: readonly number[], date: string) => minuteBars(closes, date, 5);
  const full = Array.from({ length: 78 }, () => LAST);
  market.set('5Min', 'AAPL', [...history, ...day(full, MONDAY), ...day([LAST / 2], '2026-12-01')]);
  (rig.clock as ManualClock).set(session('2026-12-01').open + 5 * MINUTE + 5000);
  const after = await rig.once();
  expect(after.positions).toEqual([{ instrument: 'AAPL', quantity: String(before * 2) }]);
  expect(exitsOf()).toEqual([{ type: 'stop', at: cents(stopAt), qty: before * 2 }]);
});
