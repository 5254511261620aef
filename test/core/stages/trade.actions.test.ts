import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { TradeEvent } from '../../../src/core/engine/live/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { flatten } from '../../../src/core/stages/flatten.js';
import { MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

/** Renames and delistings of what is held, at the venue, beside an instrument that goes on. */
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

const OTHER = 'MSFT';
const REVERSE = { symbol: 'AAPL', old_cusip: '1', new_cusip: '2', new_rate: 1, old_rate: 2, ex_date: TUESDAY };
let rig: VenueRig;
afterEach(() => rig.close());

/** Bought on Monday; on Tuesday the vendor has no bars of the old name any more. */
async function tuesday(kind: string, action: Record<string, unknown>) {
  rig = await VenueRig.start({
    interval: '5m',
    backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)', stopLoss: '20%' },
    symbols: ['AAPL', OTHER],
    bars: () => history,
    now: session(FRIDAY).close + MINUTE,
  });
  const clock = rig.clock as ManualClock;
  for (const symbol of ['AAPL', OTHER]) rig.venue.market.set('5Min', symbol, [...history, ...flat(1, MONDAY)]);
  clock.set(session(MONDAY).open + 5 * MINUTE + 5000);
  await rig.once();
  rig.venue.market.actions[kind] = [{ id: randomUUID(), process_date: TUESDAY, ...action }];
  rig.venue.market.set('5Min', 'AAPL', [...history, ...flat(78, MONDAY)]);
  rig.venue.market.set('5Min', OTHER, [...history, ...flat(78, MONDAY), ...flat(1, TUESDAY)]);
  clock.set(session(TUESDAY).open + 5 * MINUTE + 5000);
}
const positions = () => rig.journal((journal) => journal.positions({ venue: 'alpaca-paper', account: 'PA3FAKE00001' }));
const state = () =>
  rig.journal((journal) => journal.state({ venue: 'alpaca-paper', account: 'PA3FAKE00001', strategy: 'swing' }));

describe('at the venue', () => {
  test('a delisting for cash closes the lots before anything is compared; the others go on', async () => {
    await tuesday('cash_mergers', { acquiree_symbol: 'AAPL', acquiree_cusip: '1', effective_date: TUESDAY, rate: 101 });
    const { book } = rig.venue;
    book.positions.delete('AAPL');
    for (const order of book.orders.values())
      if (order.status === 'new' && order.symbol === 'AAPL') book.end(order.id, 'canceled');
    const { exit, session: file } = await rig.start();
    expect(file).toMatchObject({ outcome: 'decided', last_slot: '2026-12-01T14:35:00Z' });
    expect(exit).toBe('ok');
    expect(rig.said.join('\n')).toContain('AAPL is not traded any more since 2026-12-01');
    expect((await positions()).map(({ instrument }) => instrument)).toEqual([OTHER]);
    expect(await state()).toMatchObject({ state: 'active' });
    expect(book.accepted).toHaveLength(2);
    // Nothing waits for it in later slots either.
    (rig.clock as ManualClock).set(session(TUESDAY).open + 10 * MINUTE + 5000);
    rig.venue.market.set('5Min', OTHER, [...history, ...flat(78, MONDAY), ...flat(2, TUESDAY)]);
    expect(await rig.once()).toMatchObject({ outcome: 'decided', last_slot: '2026-12-01T14:40:00Z' });
    expect(book.accepted).toHaveLength(2);
    expect(rig.venue.violations).toEqual([]);
  });

  test('a delisting that no vendor reports: nothing is decided, and what is held is told with its price, its age and what to do', async () => {
    await tuesday('cash_mergers', { acquiree_symbol: 'OTHER', acquiree_cusip: '1', effective_date: TUESDAY, rate: 1 });
    const news: TradeEvent[] = [];
    const hooks = { notify: (event: TradeEvent) => void (event.type === 'unprotected' && news.push(event)) };
    await expect(rig.start({}, {}, { hooks })).rejects.toMatchObject({
      code: 'NO_DATA',
      exitCode: 4,
      message: expect.stringMatching(/AAPL/),
    });
    const { qty } = rig.venue.book.positions.get('AAPL')!;
    const told = `${qty} are held and no bar has come since 2026-11-30T20:55:00Z (last price ${LAST}, 17 hours old)`;
    expect(news).toMatchObject([{ type: 'unprotected', alarm: { instrument: 'AAPL', lacks: 'management' } }]);
    for (const text of [(news[0] as { alarm: { reason: string } }).alarm.reason, rig.said.join('\n')]) {
      expect(text).toContain(told);
      expect(text).toContain('quantline flatten --strategy swing');
    }
    // Its stop stands at the venue, and the other instrument is named by none of it.
    expect(rig.openOrders().map(({ symbol, type }) => [symbol, type])).toContainEqual(['AAPL', 'stop']);
    expect(JSON.stringify(news)).not.toContain(OTHER);
  });

  test('a reverse split that the venue applies on the eve, with its orders cancelled: asked of the source, owned and protected in new units', async () => {
    await tuesday('reverse_splits', REVERSE);
    (rig.clock as ManualClock).set(session(MONDAY).close + 4 * 60 * MINUTE);
    const { book } = rig.venue;
    const held = book.positions.get('AAPL')!;
    const owned = Math.floor(held.qty / 2);
    book.positions.set('AAPL', { ...held, qty: owned });
    for (const order of rig.openOrders()) if (order.symbol === 'AAPL') book.end(order.id, 'canceled');
    const { exit } = await rig.start();
    expect(exit).toBe('ok');
    expect(await state()).toMatchObject({ state: 'active' });
    expect(await positions()).toMatchObject([{ instrument: 'AAPL', quantity: String(owned) }, { instrument: OTHER }]);
    const exits = rig.openOrders().filter(({ symbol, side }) => symbol === 'AAPL' && side === 'sell');
    expect(exits.map(({ qty }) => qty)).toEqual([String(owned)]);
    expect(rig.venue.violations).toEqual([]);
  });

  test('a rename to what the model does not know is announced: reducing, exit 6, told to people; the others go on', async () => {
    await tuesday('name_changes', { old_symbol: 'AAPL', new_symbol: 'APLX', old_cusip: '1', new_cusip: '1' });
    const { book } = rig.venue;
    const held = book.positions.get('AAPL')!;
    book.positions.delete('AAPL');
    book.positions.set('APLX', held);
    for (const order of book.orders.values()) if (order.symbol === 'AAPL') order.symbol = 'APLX';
    const news: TradeEvent[] = [];
    const start = () => rig.start({}, {}, { hooks: { notify: (event) => void news.push(event) } });
    const reason = `APLX is not managed: ${held.qty} are held, and the report that trades does not know it (renamed?)`;
    for (const again of [false, true]) {
      const { exit, session: file } = await start();
      expect(exit).toBe('refused');
      expect(file).toMatchObject({ outcome: 'halted', reason });
      expect(await state(), String(again)).toMatchObject({ state: 'reducing', reason });
    }
    expect(rig.said.join('\n')).toContain('AAPL is APLX since 2026-12-01');
    expect(news.filter(({ type }) => type === 'unprotected')).toMatchObject(
      Array(2).fill({ type: 'unprotected', alarm: { instrument: 'APLX' } }),
    );
    expect((await positions()).map(({ instrument, quantity }) => [instrument, quantity])).toEqual([
      ['APLX', String(held.qty)],
      [OTHER, String(book.positions.get(OTHER)!.qty)],
    ]);
    expect(book.accepted).toHaveLength(2);
    // A person closes it, by its new name.
    rig.venue.assets.set('APLX', {});
    book.prices.set('APLX', LAST);
    const { rows } = await flatten(optionsOf('flatten', { strategy: 'swing', broker: 'alpaca' }), rig.runtime);
    expect(rows).toMatchObject([{ outcome: 'flat', problems: [] }]);
    expect(book.positions.get('APLX')?.qty ?? 0).toBe(0);
  });

  test('flattening after a rename and before any start: the exits stay; after a start it is closed by its new name', async () => {
    await tuesday('name_changes', { old_symbol: 'AAPL', new_symbol: 'APLX', old_cusip: '1', new_cusip: '1' });
    const { book } = rig.venue;
    book.positions.set('APLX', book.positions.get('AAPL')!);
    book.positions.delete('AAPL');
    for (const order of book.orders.values()) if (order.symbol === 'AAPL') order.symbol = 'APLX';
    rig.venue.assets.set('APLX', {});
    book.prices.set('APLX', LAST);
    const exits = () => rig.openOrders().filter(({ symbol }) => symbol === 'APLX');
    const before = exits();
    expect(before).toHaveLength(1);
    const flat = () => flatten(optionsOf('flatten', { strategy: 'swing', broker: 'alpaca' }), rig.runtime);
    expect(await flat()).toMatchObject({
      exit: 'refused',
      rows: [
        { outcome: 'problem', problems: expect.arrayContaining([expect.stringMatching(/^AAPL: .*trade --once/)]) },
      ],
    });
    expect(exits()).toEqual(before);
    expect(book.positions.get(OTHER)?.qty ?? 0).toBe(0);
    await rig.start();
    expect((await positions()).map(({ instrument }) => instrument)).toEqual(['APLX']);
    expect(await flat()).toMatchObject({ exit: 'ok', rows: [{ outcome: 'flat', problems: [] }] });
    expect(book.positions.get('APLX')?.qty ?? 0).toBe(0);
    expect(exits()).toEqual([]);
  });
});
