import { afterEach, describe, expect, test } from 'vitest';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';

/** Renames and delistings of what is held, at the venue. */
const FRIDAY = '2026-11-27';
const TUESDAY = '2026-12-01';
const MINUTE = 60_000;
const history = minuteBars(walk(42), FRIDAY, 5);
const LAST = history.at(-1)!.c;
const flat = (n: number, date: string) =>
  minuteBars(
    Array.from({ length: n }, () => LAST),
    date,
    5,
  );

let rig: VenueRig;
afterEach(() => rig.close());

/** Bought on Monday; on Tuesday the vendor has no bars of the old name any more. */
async function tuesday(kind: string, action: Record<string, unknown>) {
  rig = await VenueRig.start({
    interval: '5m',
    backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)', stopLoss: '20%' },
    bars: () => history,
    now: session(FRIDAY).close + MINUTE,
  });
  const clock = rig.clock as ManualClock;
  rig.venue.market.set('5Min', 'AAPL', [...history, ...flat(1, MONDAY)]);
  clock.set(session(MONDAY).open + 5 * MINUTE + 5000);
  await rig.once();
  rig.venue.market.actions[kind] = [{ id: 'a', process_date: TUESDAY, ...action }];
  rig.venue.market.set('5Min', 'AAPL', [...history, ...flat(78, MONDAY)]);
  clock.set(session(TUESDAY).open + 5 * MINUTE + 5000);
}
const positions = () => rig.journal((journal) => journal.positions({ venue: 'alpaca-paper', account: 'PA3FAKE00001' }));
const state = () =>
  rig.journal((journal) => journal.state({ venue: 'alpaca-paper', account: 'PA3FAKE00001', strategy: 'swing' }));

describe('at the venue', () => {
  test('a delisting for cash closes the lots before anything is compared', async () => {
    await tuesday('cash_mergers', { acquiree_symbol: 'AAPL', acquiree_cusip: '1', effective_date: TUESDAY, rate: 101 });
    const { book } = rig.venue;
    book.positions.delete('AAPL');
    for (const order of book.orders.values()) if (order.status === 'new') book.end(order.id, 'canceled');
    await rig.once().catch((error: unknown) => expect(error).toMatchObject({ code: 'NO_DATA' }));
    expect(await positions()).toEqual([]);
    expect(await state()).toMatchObject({ state: 'active' });
    expect(book.accepted).toHaveLength(1);
  });

  test('a rename moves the lots before anything is compared', async () => {
    await tuesday('name_changes', { old_symbol: 'AAPL', new_symbol: 'APLX', old_cusip: '1', new_cusip: '1' });
    const { book } = rig.venue;
    const held = book.positions.get('AAPL')!;
    book.positions.delete('AAPL');
    book.positions.set('APLX', held);
    for (const order of book.orders.values()) order.symbol = 'APLX';
    await rig.once().catch((error: unknown) => expect(error).toMatchObject({ code: 'NO_DATA' }));
    expect(await positions()).toMatchObject([{ instrument: 'APLX', quantity: String(held.qty) }]);
    expect(await state()).toMatchObject({ state: 'active' });
    expect(book.accepted).toHaveLength(1);
  });
});
