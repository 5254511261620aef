import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TradeEvent } from '../../../src/core/engine/live/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { status } from '../../../src/core/stages/status.js';
import { mutate } from '../../fakes/alpaca/faults.js';
import type { FakeBar, FakeQuote } from '../../fakes/alpaca/market.js';
import { dailyBars, MONDAY, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

const FRIDAY = '2026-11-27';
const closes = walk(60);
const SECOND = 1000;
const HOUR = 3_600_000;

const near = (p: number): FakeQuote => ({ bid: p - 0.05, ask: p + 0.05, last: p, t: '2026-11-27T17:59:00Z' });
const far = (p: number, traded: string): FakeQuote => ({ ...near(p * 1.2), last: p, traded });

let rig: VenueRig;
let clock: ManualClock;
beforeEach(async () => {
  // The dataset ends on Wednesday; Thursday is a holiday, Friday a half day.
  rig = await VenueRig.start({
    bars: () => dailyBars(closes.slice(0, -2), '2026-11-25'),
    now: session('2026-11-25').close + HOUR,
  });
  rig.venue.market.set('1Day', 'AAPL', dailyBars(closes, MONDAY));
  clock = rig.clock as ManualClock;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rig.close();
});

/** The market as it is known at an instant: the venue does not know the future. */
function known(date: string) {
  const all = dailyBars(closes, MONDAY);
  rig.venue.market.set(
    '1Day',
    'AAPL',
    all.filter(({ t }) => t.slice(0, 10) <= date),
  );
}

describe('trade --once at a venue', () => {
  test('brings the bars up to date, decides the slot once, and adopts what it did before', async () => {
    clock.set(session(FRIDAY).close + 5 * SECOND);
    known(FRIDAY);
    const first = await rig.once();
    expect(first).toMatchObject({
      outcome: 'decided',
      venue: 'alpaca-paper',
      account: 'PA3FAKE00001',
      last_slot: '2026-11-27T18:00:00Z',
      orders: 1,
    });
    const [order] = rig.venue.book.accepted;
    expect(order).toMatchObject({ symbol: 'AAPL', side: 'buy', type: 'market', time_in_force: 'day' });
    const again = await rig.once();
    expect(again).toMatchObject({ outcome: 'nothing', orders: 0, reason: expect.stringContaining('decided before') });
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
    expect(again.positions).toHaveLength(1);
  });

  // Alpaca takes orders for the opening auction from 19:00 until 9:28.
  test.each([
    ['a day before', 20 * HOUR, 'day'],
    ['half a day before', 13 * HOUR, 'opg'],
    ['after the cut-off', 90 * SECOND, 'day'],
  ])('F34: whole shares go into the opening auction while it takes orders: %s', async (_, ahead, timeInForce) => {
    await rig.close();
    rig = await VenueRig.start({
      bars: () => dailyBars(closes, FRIDAY),
      now: session(FRIDAY).close + HOUR,
      backtest: { lot: 'whole' },
    });
    rig.venue.book.rules.fillMarket = false;
    rig.clock.set(session(MONDAY).open - ahead);
    await rig.once({ maxDecisionAge: '3d', patience: '1s' });
    expect(rig.venue.book.accepted[0]).toMatchObject({ time_in_force: timeInForce, notional: null });
    expect(Number.isInteger(Number(rig.venue.book.accepted[0]!.qty))).toBe(true);
  });

  test('F15: a late start finds the decision expired and sends nothing', async () => {
    clock.set(session(FRIDAY).close + 13 * HOUR);
    known(FRIDAY);
    const late = await rig.once();
    expect(late).toMatchObject({ outcome: 'nothing', reason: expect.stringContaining('too old'), orders: 0 });
    expect(rig.venue.book.accepted).toEqual([]);
    expect((await rig.once({ maxDecisionAge: '2d' })).outcome).toBe('decided');
  });

  test('F32: a bar that is late means no decision; once it is there the slot is decided', async () => {
    clock.set(session(FRIDAY).close + 5 * SECOND);
    known('2026-11-25');
    await expect(rig.once()).rejects.toMatchObject({
      code: 'NO_DATA',
      message: expect.stringMatching(/lacks the bar 2026-11-27T14:30:00Z of AAPL/),
    });
    expect(rig.venue.book.accepted).toEqual([]);
    known(FRIDAY);
    expect((await rig.once()).outcome).toBe('decided');
  });

  test('F32: a gap between the dataset and now, or a spike, means no decision', async () => {
    clock.set(session(MONDAY).close + 5 * SECOND);
    const bars = dailyBars(closes, MONDAY);
    rig.venue.market.set(
      '1Day',
      'AAPL',
      bars.filter(({ t }) => !t.startsWith(FRIDAY)),
    );
    await expect(rig.once()).rejects.toMatchObject({ code: 'QUALITY', message: expect.stringContaining('gaps') });
    const spiked = bars.map((bar) => (bar.t.startsWith(FRIDAY) ? { ...bar, o: 1e4, h: 1e4, l: 1e4, c: 1e4 } : bar));
    rig.venue.market.set('1Day', 'AAPL', spiked);
    await expect(rig.once()).rejects.toMatchObject({ code: 'QUALITY', message: expect.stringContaining('outliers') });
    expect(rig.venue.book.accepted).toEqual([]);
  });

  const halved = (bar: FakeBar) => ({ ...bar, o: bar.o / 2, h: bar.h / 2, l: bar.l / 2, c: bar.c / 2 });
  test.each<[string, (last: FakeBar) => readonly object[], string]>([
    ['no close', (last) => [{ ...last, c: null }], 'missing'],
    ['a close that is no number', (last) => [{ ...last, c: 'NaN' }], 'missing'],
    ['a price below zero', (last) => [{ ...last, l: -1 }], 'price'],
    ['a price of zero', (last) => [{ ...last, l: 0 }], 'price'],
    ['high below low', (last) => [{ ...last, h: last.l * 0.99, l: last.h }], 'range'],
    ['two bars of one time', (last) => [last, halved(last)], 'go back in time'],
    ['bars out of order', (last) => [last, { ...last, t: '2026-11-25T05:00:00Z' }], 'go back in time'],
    ['a split that no action explains', (last) => [halved(last)], 'splits'],
  ])('F32: %s in the newest bar: no decision, exit 4 with the reason', async (_, newest, check) => {
    clock.set(session(FRIDAY).close + 5 * SECOND);
    known(FRIDAY);
    const lie = mutate(({ bars: { AAPL = [] }, ...page }: { bars: Record<string, FakeBar[]> }) => ({
      ...page,
      bars: { AAPL: AAPL.flatMap((bar) => (bar.t.startsWith(FRIDAY) ? newest(bar) : [bar])) },
    }));
    rig.venue.arm('GET /v2/stocks/bars', lie, 99);
    await expect(rig.once()).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining(check) });
    expect(rig.venue.book.accepted).toEqual([]);
  });

  const NOON = '2026-11-27T17:00:00Z';
  const WEDNESDAY = '2026-11-25T20:59:00Z';
  test.each<[string, (close: number) => FakeQuote, number]>([
    ['0 everywhere', () => ({ bid: 0, ask: 0, last: 0, t: NOON }), 0],
    ['0 for the last trade and the bid', (p) => ({ bid: 0, ask: p, last: 0, t: NOON }), 0],
    ['0 for bid and ask beside a last trade', (p) => ({ bid: 0, ask: 0, last: p, t: NOON }), 1],
    ['of the session before', (p) => ({ bid: p, ask: p, last: p, t: WEDNESDAY }), 0],
    ['of today far from a last trade of the session before', (p) => far(p, WEDNESDAY), 0],
    ['of today beside a last trade of the session before', (p) => ({ ...near(p), last: p * 2, traded: WEDNESDAY }), 1],
    ['of today', near, 1],
  ])('F32: a quote %s: distance is not taken from it, nor size', async (_, quote, orders) => {
    clock.set(session(FRIDAY).close + 5 * SECOND);
    known(FRIDAY);
    const close = dailyBars(closes, MONDAY).at(-2)!.c;
    rig.venue.market.quotes.set('AAPL', quote(close));
    const { last_slot: slot } = await rig.once({ risk: 'price-collar(5%)' });
    expect(rig.venue.book.accepted).toHaveLength(orders);
    const scope = { venue: 'alpaca-paper', account: 'PA3FAKE00001', strategy: 'swing' };
    const decision = await rig.journal((one) => one.decision(scope, Date.parse(slot!)));
    const { verdicts = [] } = decision!.body as { verdicts?: unknown[] };
    const refused = { instrument: 'AAPL', policy: 'price-collar', allowed: 0, reason: expect.stringContaining('last') };
    expect(verdicts).toEqual(orders === 1 ? [] : [expect.objectContaining(refused)]);
    // All of the money at the close of the bar, whatever the quote says.
    if (orders === 1) expect(Number(rig.venue.book.accepted[0]!.notional)).toBeCloseTo(100_000, -3);
  });

  test.each(['UTC', 'Pacific/Auckland', 'America/Los_Angeles'])(
    'F34: run in %s: on a holiday, a weekend and before the close the last slot is that of the session before',
    async (zone) => {
      vi.stubEnv('TZ', zone);
      expect(new Date(0).getTimezoneOffset() === 0).toBe(zone === 'UTC');
      known(FRIDAY);
      for (const [instant, slot] of [
        [session('2026-11-25').close + 26 * HOUR, '2026-11-25T21:00:00Z'],
        [session(FRIDAY).close - SECOND, '2026-11-25T21:00:00Z'],
        [session(FRIDAY).close + SECOND, '2026-11-27T18:00:00Z'],
        [session(FRIDAY).close + 30 * HOUR, '2026-11-27T18:00:00Z'],
      ] as const) {
        clock.set(instant);
        expect((await rig.once()).last_slot).toBe(slot);
      }
    },
  );

  test('F35: a clock that is off against the venue’s', async () => {
    clock.set(session(FRIDAY).close + 5 * SECOND);
    known(FRIDAY);
    for (const [minutes, said] of [
      [-10, /600.0 s ahead/],
      [10, /600.0 s behind/],
    ] as const) {
      rig.venue.now = () => clock.now() + minutes * 60_000;
      await expect(rig.once()).rejects.toMatchObject({ code: 'CONFIG', exitCode: 3, message: said });
    }
    expect(rig.venue.book.accepted).toEqual([]);
    rig.venue.now = () => clock.now() + 5 * SECOND;
    expect((await rig.once()).outcome).toBe('decided');
    expect(rig.said.join('\n')).toMatch(/5.0 s behind/);
  });

  test('F34: a venue that keeps other hours than the calendar', async () => {
    clock.set(session(FRIDAY).close - HOUR);
    rig.venue.hours = (now) => ({ open: false, nextOpen: now + 20 * HOUR, nextClose: now + 27 * HOUR });
    await expect(rig.once()).rejects.toMatchObject({ code: 'MISMATCH', message: expect.stringMatching(/is closed/) });
  });

  test.each([
    [true, 'nothing'],
    [false, 'ok'],
  ])(
    'F12, F14: of many starts in one second one trades; the others, and later ones, under --strict-slot %s, end in %s',
    async (strictSlot, idle) => {
      clock.set(session(FRIDAY).close + 5 * SECOND);
      known(FRIDAY);
      const all = await Promise.all(Array.from({ length: 8 }, () => rig.start({ strictSlot })));
      const ended = all.map(({ exit, session: { outcome } }) => `${outcome} ${exit}`).sort();
      expect(ended).toEqual(['decided ok', ...Array(7).fill(`slot-taken ${idle}`)]);
      const again = await rig.start({ strictSlot });
      expect([again.session.outcome, again.exit]).toEqual(['nothing', idle]);
      expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
    },
  );

  test('a slot that passed undecided is told once, by the start that finds it so, and counted once', async () => {
    const all = dailyBars(closes, '2026-12-02');
    const days = ['2026-11-27', MONDAY, '2026-12-01', '2026-12-02'] as const;
    const told: number[] = [];
    const notify = (event: TradeEvent) => void (event.type === 'missed' && told.push(event.slot));
    const at = (day: string, bars: string, late = 5 * SECOND) => {
      clock.set(session(day).close + late);
      rig.venue.market.set(
        '1Day',
        'AAPL',
        all.filter(({ t }) => t.slice(0, 10) <= bars),
      );
      return rig.start({}, {}, { hooks: { notify } });
    };
    await at(days[0], days[0]);
    // The bars stay away for two days; the last start comes too late to decide.
    await expect(at(days[1], days[0])).rejects.toMatchObject({ code: 'NO_DATA' });
    await expect(at(days[2], days[0])).rejects.toMatchObject({ code: 'NO_DATA' });
    for (const missed of [2, 0])
      expect((await at(days[3], days[3], 20 * HOUR)).session).toMatchObject({
        outcome: 'nothing',
        missed_slots: missed,
        reason: expect.stringContaining('too old'),
      });
    expect(told).toEqual(days.slice(1).map((day) => session(day).close));
    const [{ missed_slots } = { missed_slots: undefined }] = await status(optionsOf('status', {}), rig.runtime);
    expect(missed_slots).toBe(3);
  });

  test('the simulated venue on live bars fills at the next bar’s open, also over slots that were missed', async () => {
    clock.set(session(FRIDAY).close + 5 * SECOND);
    known(FRIDAY);
    const sim = { broker: 'sim', source: 'iex' };
    expect(await rig.once(sim)).toMatchObject({ outcome: 'decided', venue: 'sim', fills: 0 });
    clock.set(session(MONDAY).close + 5 * SECOND);
    known(MONDAY);
    const next = await rig.once(sim);
    expect(next).toMatchObject({ last_slot: '2026-11-30T21:00:00Z', fills: 1 });
    const [fill] = await rig.journal((journal) => journal.fills());
    expect(Number(fill!.price)).toBeCloseTo(dailyBars(closes, MONDAY).at(-1)!.o, 6);
    expect(rig.venue.count('POST /v2/orders')).toBe(0);
  });

  test('another source has to agree with the end of the dataset', async () => {
    clock.set(session(FRIDAY).close + 5 * SECOND);
    known(FRIDAY);
    const off = dailyBars(closes, MONDAY).map((bar) => ({
      ...bar,
      o: bar.o / 2,
      h: bar.h / 2,
      l: bar.l / 2,
      c: bar.c / 2,
    }));
    rig.venue.market.set('1Day', 'AAPL', off);
    await expect(rig.once({ source: 'iex' })).rejects.toMatchObject({ code: 'MISMATCH' });
  });
});
