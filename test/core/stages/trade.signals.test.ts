import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Fault, hangAfter, reply } from '../../fakes/alpaca/faults.js';
import { Resident } from '../../support/resident.js';
import { MONDAY, minuteBars, session, walk } from '../../support/venue.js';

/** F45: SIGTERM in each phase of a resident session; the shell makes exit code 130 of it. */
const FRIDAY = '2026-11-27';
const FIVE = 5 * 60_000;
const { open: OPEN } = session(MONDAY);
const WAIT = { timeout: 10_000, interval: 10 };
const history = minuteBars(walk(42), FRIDAY, 5);

let resident: Resident;
afterEach(() => resident.close());

async function rigIn() {
  resident = await Resident.rig({
    interval: '5m',
    trainer: 'momentum(1)',
    backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)' },
    bars: () => history,
    now: session(FRIDAY).close + 60_000,
  });
  slot(1);
  return resident.rig.venue;
}

/** Just behind the end of bar n of the day; only the second rises. */
function slot(n: number, bars = n) {
  const day = minuteBars(
    Array.from({ length: bars }, (_, i) => 90 + (i % 2)),
    MONDAY,
    5,
  );
  resident.rig.venue.market.set('5Min', 'AAPL', [...history, ...day]);
  resident.rig.venue.book.prices.set('AAPL', 90);
  resident.clock.set(OPEN + n * FIVE + 3100);
}

/** While true, what `whileDown` answers is what the venue does. */
let down = false;
const whileDown =
  (fault: Fault): Fault =>
  (context) =>
    down ? fault(context) : context.send(context.process());

type Phase = (venue: Awaited<ReturnType<typeof rigIn>>) => Promise<unknown>;
const PHASES: [string, Phase][] = [
  ['waiting for a slot', async () => {}],
  [
    'waiting for a late bar',
    async (venue) => {
      const asked = venue.count('GET /v2/stocks/bars');
      slot(2, 1);
      await vi.waitFor(() => expect(venue.count('GET /v2/stocks/bars')).toBeGreaterThan(asked), WAIT);
    },
  ],
  [
    'while the venue does not answer',
    async (venue) => {
      venue.arm('GET /v2/account', whileDown(reply(503, { message: 'down' })), 1000);
      slot(2);
      await vi.waitFor(() => expect(resident.rig.said.join()).toMatch(/answered 503/), WAIT);
    },
  ],
  [
    'an order on its way that was taken',
    async (venue) => {
      venue.arm('POST /v2/orders', whileDown(hangAfter), 1);
      slot(2);
      await vi.waitFor(() => expect(venue.count('POST /v2/orders')).toBe(1), WAIT);
    },
  ],
  [
    'the streams on their way back',
    async (venue) => {
      venue.streams.refuse.push(...Array(50).fill(429));
      venue.streams.drop();
      await vi.waitFor(() => expect(resident.rig.said.join()).toMatch(/connecting again/), WAIT);
    },
  ],
];

describe('F45: SIGTERM', () => {
  test.each(PHASES)('%s: ends at once with its result, the lease is free, a rerun converges', async (_, reach) => {
    down = true;
    const venue = await rigIn();
    const { rig, clock } = resident;
    await resident.begin({ patience: '60s' });
    await resident.decided(OPEN + FIVE);
    await resident.quiet();
    await reach(venue);
    const began = performance.now();
    expect(await resident.end()).toMatchObject({ outcome: 'decided', reason: 'interrupted' });
    expect(performance.now() - began).toBeLessThan(8000);
    const holder = await rig.journal((one) => one.leaseHolder('alpaca-paper/PA3FAKE00001/swing', clock.now()));
    expect(holder).toBeUndefined();
    down = false;
    slot(2);
    await rig.start();
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
  });

  test('while --once waits for a fill: ends at once, names the order, and the next start books what came of it', async () => {
    const venue = await rigIn();
    const { rig } = resident;
    venue.book.rules.fillMarket = false;
    slot(2);
    const stop = new AbortController();
    const running = rig.start({ patience: '10m' }, { signal: stop.signal });
    await resident.accepted(1);
    const [order] = venue.book.accepted;
    await vi.waitFor(() => expect(venue.count('GET /v2/orders:by_client_order_id')).toBeGreaterThan(0), WAIT);
    stop.abort();
    const { session: file } = await running;
    expect(file).toMatchObject({ reason: 'interrupted', orders: 1, fills: 0, open_orders: [order!.client_order_id] });
    venue.book.fill(order!.id);
    expect((await rig.start()).session).toMatchObject({ fills: 1, open_orders: [] });
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
  });
});
