import { afterEach, describe, expect, test, vi } from 'vitest';
import { reply } from '../../fakes/alpaca/faults.js';
import { JumpClock } from '../../support/jumpClock.js';
import { MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';

const FRIDAY = '2026-11-27';
const MINUTE = 60_000;
const { open: OPEN, close: CLOSE } = session(MONDAY);

const history = minuteBars(walk(210), FRIDAY);
const LAST = history.at(-1)!.c;
/** Up and down in turns, so that momentum(1) trades with each minute. */
const day = minuteBars(
  Array.from({ length: 390 }, (_, i) => Math.round((LAST + (i % 2 === 0 ? 0.5 : -0.5)) * 100) / 100),
  MONDAY,
);

let rig: VenueRig;
let clock: JumpClock;
let running: ReturnType<VenueRig['start']> | undefined;
let stop: AbortController;
afterEach(async () => {
  stop.abort();
  await running?.catch(() => {});
  await rig.close();
});

/** A session that is running, some seconds before the end of minute n of Monday. */
async function begin(n: number, given: Record<string, unknown> = {}, backtest: Record<string, unknown> = {}) {
  clock = new JumpClock(session(FRIDAY).close + MINUTE);
  rig = await VenueRig.start({
    interval: '1m',
    trainer: 'momentum(1)',
    backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)', ...backtest },
    bars: () => history,
    now: clock.now(),
    clock,
  });
  stop = new AbortController();
  publish(n - 1);
  clock.set(OPEN + n * MINUTE - 3000);
  running = rig.start({ once: false, patience: '5s', ...given }, { signal: stop.signal });
  running.catch(() => {});
  await vi.waitFor(() => expect(rig.venue.streams.connections).toBeGreaterThanOrEqual(2), { timeout: 10_000 });
  await vi.waitFor(() => expect(rig.venue.streams.subscriptions.length).toBeGreaterThan(0));
}

/** What the vendor has over REST: the first n minutes of the day. */
const publish = (n: number) => rig.venue.market.set('1Min', 'AAPL', [...history, ...day.slice(0, n)]);

/** The end of minute n, its bar on the stream; the price follows. */
function minute(n: number, streamed = true) {
  const bar = day[n - 1]!;
  rig.venue.book.prices.set('AAPL', bar.c);
  clock.set(OPEN + n * MINUTE + 50);
  if (!streamed) return;
  rig.venue.streams.sendData([{ T: 'b', S: 'AAPL', ...bar, n: 10, vw: bar.c }], 'StockBar');
}

const decisions = () =>
  rig.journal(async (journal) =>
    (await journal.events({ types: ['decision'] })).map(({ body }) => (body as { slot: number }).slot),
  );
const decided = (n: number) =>
  vi.waitFor(async () => expect(await decisions()).toContain(OPEN + n * MINUTE), { timeout: 15_000, interval: 50 });
/** The decision is on record before its order leaves. */
const accepted = (n: number) => vi.waitFor(() => expect(rig.venue.book.accepted).toHaveLength(n), { timeout: 15_000 });
/** Fills are booked as the order stream tells them, or a look finds them. */
const booked = (n: number) =>
  vi.waitFor(async () => expect(await rig.journal((journal) => journal.fills())).toHaveLength(n), { timeout: 15_000 });
/** The venue has not been asked anything for a moment. */
async function quiet() {
  for (let seen = -1; seen !== rig.venue.requests.length; ) {
    seen = rig.venue.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
const end = async () => {
  stop.abort();
  return (await running!).session;
};

describe('trade, resident', () => {
  test('decides each slot on the bar of the stream, books fills as they come, and stops cleanly', async () => {
    await begin(3);
    const reads = rig.venue.count('GET /v2/stocks/bars');
    minute(3);
    await decided(3);
    await accepted(1);
    // The fill is booked from the order stream, between the slots.
    await booked(1);
    publish(3);
    minute(4);
    await decided(4);
    publish(4);
    await booked(2);
    expect(rig.venue.book.positions.size).toBe(0);
    const file = await end();
    expect(file).toMatchObject({ outcome: 'decided', slots: 2, missed_slots: 0, orders: 2, positions: [] });
    // In this order, what a person sees who watches it.
    const [bought, sold] = rig.venue.book.fills.map(({ qty }) => qty);
    const told = [
      'swing trades AAPL at alpaca-paper, account PA3FAKE00001; the next slot is 2026-11-30T14:33:00Z.',
      `entry: buy ${bought} AAPL, market.`,
      expect.stringMatching(`^bought ${bought} AAPL at \\d`),
      `exit: sell ${sold} AAPL, market.`,
      expect.stringMatching(`^sold ${sold} AAPL at \\d`),
    ];
    expect(rig.said.filter((line) => /trades|^entry|^exit|^bought|^sold/.test(line))).toEqual(told);
    expect(rig.venue.count('GET /v2/stocks/bars')).toBeGreaterThan(reads);
    expect(await rig.oracle()).toEqual({ accepted: 2, fills: 2 });
  });

  test.each([
    ['has taken', 'flatten holds it', false],
    ['has taken and given back', 'it was released', true],
  ])('ends within seconds once another %s its right to trade, though no slot is due', async (_, said, over) => {
    await begin(3);
    minute(3);
    await decided(3);
    await rig.journal(async (one) => {
      const name = 'alpaca-paper/PA3FAKE00001/swing';
      const taken = await one.acquireLease(name, 'flatten', clock.now(), 60_000, () => true);
      if (over) await one.releaseLease(taken!);
    });
    clock.set(clock.now() + 6000);
    await expect(running).rejects.toMatchObject({ code: 'STATE', message: expect.stringContaining(said) });
  });

  test('a fill gets its exits a second later, not at the next look', async () => {
    await begin(3, {}, { trailingStop: '5%' });
    minute(3);
    await accepted(2);
    expect(rig.venue.book.accepted.at(-1)).toMatchObject({ side: 'sell', type: 'trailing_stop' });
    expect(clock.now() - (OPEN + 3 * MINUTE)).toBeLessThan(20_000);
    await end();
  });

  test('looks at the venue ahead of a slot: no read lies between the last bar and the order', async () => {
    await begin(3);
    minute(3);
    await decided(3);
    await accepted(1);
    await booked(1);
    publish(3);
    await quiet();
    const looks = rig.venue.count('GET /v2/positions');
    clock.set(OPEN + 4 * MINUTE - 2990);
    await vi.waitFor(() => expect(rig.venue.count('GET /v2/positions')).toBeGreaterThan(looks), { timeout: 5000 });
    await quiet();
    const before = rig.venue.requests.length;
    minute(4);
    await accepted(2);
    const asked = rig.venue.requests.slice(before).map(({ method, path }) => `${method} ${path}`);
    expect(asked[0]).toBe('POST /v2/orders');
    await end();
  });

  test('F20, incident 32: a stream that drops is filled from REST, and no slot is lost', async () => {
    await begin(3);
    rig.venue.streams.drop();
    publish(3);
    minute(3, false);
    await decided(3);
    await accepted(1);
    publish(4);
    await vi.waitFor(() => expect(rig.venue.streams.subscriptions.length).toBeGreaterThan(1), { timeout: 10_000 });
    minute(4);
    await decided(4);
    await vi.waitFor(async () => expect((await rig.oracle()).fills).toBe(2), { timeout: 10_000 });
    await end();
  });

  test('F17: the stream drops and the order fills meanwhile: read again after the reconnection, booked once', async () => {
    await begin(3);
    rig.venue.book.rules.fillMarket = false;
    minute(3);
    await decided(3);
    await accepted(1);
    const { connections } = rig.venue.streams;
    rig.venue.streams.drop();
    rig.venue.book.fill(rig.venue.book.accepted[0]!.id, 1);
    rig.venue.book.fill(rig.venue.book.accepted[0]!.id);
    await booked(2);
    expect(rig.venue.streams.connections).toBeGreaterThan(connections);
    await end();
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 2 });
  });

  test('F18: events that come in reverse, then twice each: every fill is booked once, no order goes back', async () => {
    await begin(3);
    const { book, streams } = rig.venue;
    book.rules.fillMarket = false;
    streams.reorder = true;
    minute(3);
    await decided(3);
    await accepted(1);
    book.fill(book.accepted[0]!.id, 1);
    book.fill(book.accepted[0]!.id);
    streams.flush();
    streams.reorder = false;
    await booked(2);
    publish(3);
    streams.duplicate = true;
    minute(4);
    await decided(4);
    await accepted(2);
    book.fill(book.accepted[1]!.id, 1);
    book.fill(book.accepted[1]!.id);
    await booked(4);
    expect(await end()).toMatchObject({ positions: [], open_orders: [], fills: 4 });
    expect(await rig.oracle()).toEqual({ accepted: 2, fills: 4 });
  });

  test('F17, F18, F23 at once: a part fills, the exit cancels the rest, which fills while the stream is away; all told twice', async () => {
    await begin(3);
    const { book, streams } = rig.venue;
    book.rules.fillMarket = false;
    streams.duplicate = true;
    minute(3);
    await accepted(1);
    const entry = book.accepted[0]!;
    book.fill(entry.id, 1);
    await booked(1);
    publish(3);
    book.rules.holdCancels = true;
    minute(4);
    await vi.waitFor(() => expect(entry.status).toBe('pending_cancel'), { timeout: 15_000 });
    streams.drop();
    book.fill(entry.id);
    book.rules.fillMarket = true;
    publish(4);
    // Whichever slot gets through to it: one exit for all that was bought, and nothing is sold short.
    await vi.waitFor(() => expect(streams.subscriptions.length).toBeGreaterThan(1), { timeout: 10_000 });
    minute(5);
    publish(5);
    minute(6);
    await vi.waitFor(() => expect(book.positions.size).toBe(0), { timeout: 15_000 });
    const sold = book.accepted.filter(({ side }) => side === 'sell').map(({ qty }) => Number(qty));
    expect(sold).toEqual([Number(entry.qty)]);
    await vi.waitFor(() => rig.oracle(), { timeout: 10_000 });
    await end();
  });

  test('a slot without its bar is missed, said and journaled; the next one is decided', async () => {
    await begin(3);
    minute(3, false);
    clock.set(OPEN + 3 * MINUTE + 6000);
    await vi.waitFor(() => expect(rig.said.join('\n')).toMatch(/passed undecided/), { timeout: 15_000 });
    publish(4);
    minute(4, false);
    await decided(4);
    const file = await end();
    expect(file.missed_slots).toBe(1);
    const notes = await rig.journal((journal) => journal.events({ types: ['note:missed-slots'] }));
    expect(notes).toHaveLength(1);
  });

  test('F16, F19: an order stream that is mute is noticed by looking', async () => {
    await begin(3);
    rig.venue.streams.mute = true;
    minute(3);
    await decided(3);
    publish(3);
    clock.set(clock.now() + 45_000);
    await booked(1);
    await end();
    await rig.oracle();
  });

  test('F21: keys that are revoked end the session, and what is left open is said', async () => {
    await begin(3);
    minute(3);
    await decided(3);
    publish(3);
    await booked(1);
    rig.venue.keys.secret = 'another';
    publish(4);
    minute(4);
    await expect(running).rejects.toMatchObject({ code: 'CREDENTIALS' });
    expect(rig.said.join('\n')).toMatch(/Left unattended at alpaca-paper: \d+ AAPL/);
  });

  test('--at-close flatten closes what is held ahead of the close', async () => {
    await begin(383, { atClose: 'flatten', closeLead: '5m' });
    minute(383);
    await decided(383);
    publish(384);
    await vi.waitFor(() => expect(rig.venue.book.positions.size).toBe(1), { timeout: 5000 });
    clock.set(CLOSE - 5 * MINUTE + 100);
    await vi.waitFor(() => expect(rig.venue.book.positions.size).toBe(0), { timeout: 10_000 });
    const [exit] = rig.venue.book.accepted.slice(-1);
    expect(exit).toMatchObject({ side: 'sell', type: 'market' });
    publish(387);
    const before = rig.venue.book.accepted.length;
    minute(387);
    await decided(387);
    expect(rig.venue.book.accepted).toHaveLength(before);
    await end();
  });

  test('--at-close flatten while the venue does not answer: tried again until nothing is held', async () => {
    await begin(383, { atClose: 'flatten', closeLead: '5m' });
    minute(383);
    await accepted(1);
    await booked(1);
    publish(384);
    let down = true;
    rig.venue.arm(
      'GET /v2/account',
      (context) => (down ? reply(503, { message: 'down' })(context) : context.send(context.process())),
      1000,
    );
    clock.set(CLOSE - 5 * MINUTE + 100);
    await vi.waitFor(() => expect(rig.venue.count('GET /v2/account')).toBeGreaterThan(3), { timeout: 10_000 });
    expect(rig.venue.book.positions.size).toBe(1);
    down = false;
    for (let i = 1; i < 20 && rig.venue.book.positions.size > 0; i++) {
      clock.set(CLOSE - 5 * MINUTE + i * 6000);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(rig.venue.book.positions.size).toBe(0);
    expect(await end()).toMatchObject({ positions: [] });
    await rig.oracle();
  });
});
