import { afterEach, describe, expect, test } from 'vitest';
import type { FakeBar } from '../../fakes/alpaca/market.js';
import { Resident } from '../../support/resident.js';
import { minuteBars, session, walk } from '../../support/venue.js';

/** F34 for a resident session: slots, closes and openings over days that the calendar makes different. */
const MINUTE = 60_000;
const FIVE = 5 * MINUTE;

let resident: Resident;
afterEach(() => resident.close());

/** A session's bars of five minutes, up and down in turns, so that momentum(1) trades with each. */
function day(date: string, from: number): FakeBar[] {
  const { open, close } = session(date);
  const closes = Array.from({ length: (close - open) / FIVE }, (_, i) => from + (i % 2 === 0 ? 0.5 : -0.5));
  return minuteBars(closes, date, 5);
}

interface Days {
  readonly history: string;
  readonly days: readonly string[];
  readonly now: number;
}

/** A rig on the bars of some days, and the jump to just behind a slot, with what the vendor has by then. */
async function rigOn({ history: first, days, now }: Days) {
  const history = minuteBars(walk(78), first, 5);
  const last = Math.round(history.at(-1)!.c);
  resident = await Resident.rig({
    interval: '5m',
    trainer: 'momentum(1)',
    backtest: { from: first, lot: 'whole', sizing: 'fraction(10%)' },
    bars: () => history,
    now: session(first).close + MINUTE,
  });
  const { rig, clock } = resident;
  const bars = days.flatMap((date) => day(date, last));
  const slot = (time: number) => {
    const known = bars.filter(({ t }) => Date.parse(t) + FIVE <= time);
    rig.venue.market.set('5Min', 'AAPL', [...history, ...known]);
    rig.venue.book.prices.set('AAPL', known.at(-1)?.c ?? last);
    // Later than the grace for a stream, which is silent here.
    clock.set(time + 3100);
  };
  slot(now);
  return slot;
}

const utc = (text: string) => Date.parse(`${text}Z`);

describe('F34: trade, resident', () => {
  test.each([
    ['the end of daylight saving time', '2026-10-29', '2026-10-30T20:00', '2026-11-02T14:30', '2026-11-02T21:00'],
    ['the start of daylight saving time', '2027-03-11', '2027-03-12T21:00', '2027-03-15T13:30', '2027-03-15T20:00'],
    ['a half day and a weekend', '2026-11-25', '2026-11-27T18:00', '2026-11-30T14:30', '2026-11-30T21:00'],
  ])('over %s: slots, the flattening before each close, the next open', async (_, history, closes, opens, ends) => {
    const [close, open, end] = [utc(closes), utc(opens), utc(ends)];
    const days = [closes, opens].map((text) => text.slice(0, 10));
    const slot = await rigOn({ history, days, now: close - 2 * FIVE });
    const { rig, clock } = resident;
    const { book } = rig.venue;
    await resident.begin({ atClose: 'flatten', closeLead: '4m' });
    // A bar that rises, the last but one before the close: bought, and sold ahead of the close.
    slot(close - FIVE);
    await resident.accepted(1);
    await resident.booked(1);
    clock.set(close - 4 * MINUTE + 100);
    await resident.flat();
    slot(close);
    await resident.decided(close);
    // A day and more goes by; the first slot of the next session is its first bar's end.
    slot(open + FIVE);
    await resident.accepted(3);
    await resident.booked(3);
    clock.set(end - 64 * MINUTE);
    clock.set(end - 4 * MINUTE - 1000);
    clock.set(end - 4 * MINUTE + 100);
    await resident.flat();
    expect(book.accepted.map(({ side }) => side)).toEqual(['buy', 'sell', 'buy', 'sell']);
    for (const [i, at] of [close, end].entries()) {
      const { created } = book.accepted[2 * i + 1]!;
      expect(created).toBeGreaterThanOrEqual(at - 4 * MINUTE);
      expect(created).toBeLessThan(at - 3 * MINUTE);
    }
    expect((await resident.decisions()).slice(-3)).toEqual([close - FIVE, close, open + FIVE]);
    await resident.end();
  });

  test.each([
    ['a Saturday', '2026-11-28T15:00'],
    ['a holiday', '2026-11-26T15:00'],
  ])('started on %s: nothing is sent until the first slot of the next session', async (_, start) => {
    const now = utc(start);
    const next = now < utc('2026-11-27T00:00') ? '2026-11-27' : '2026-11-30';
    const { open } = session(next);
    const slot = await rigOn({ history: '2026-11-25', days: ['2026-11-27', '2026-11-30'], now });
    await resident.begin({ atClose: 'flatten', closeLead: '4m' });
    slot(open + FIVE);
    await resident.accepted(1);
    expect(await resident.decisions()).toEqual([open + FIVE]);
    expect(resident.rig.venue.book.accepted[0]!.created).toBeGreaterThanOrEqual(open + FIVE);
    expect(await resident.end()).toMatchObject({ outcome: 'decided', slots: 1 });
  });
});
