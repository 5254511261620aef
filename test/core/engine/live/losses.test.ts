import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allocateBars, calendarOf, defaultInstrument } from '../../../../src/core/domain/index.js';
import { defaultThresholds } from '../../../../src/core/engine/index.js';
import { GrowingFeed, LiveRunner } from '../../../../src/core/engine/live/index.js';
import { reconcile } from '../../../../src/core/execution/index.js';
import { roundingOf } from '../../../../src/core/market/index.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import * as dailyLoss from '../../../../src/core/risk/policies/daily-loss.js';
import * as maxDrawdown from '../../../../src/core/risk/policies/max-drawdown.js';
import type { RiskPolicy } from '../../../../src/core/risk/policy.js';
import { type Journal, openJournal, streamOf } from '../../../../src/core/state/index.js';
import { FakeVenue } from '../../execution/fakeVenue.js';
import { failure, SCOPE, temporaryFolder } from '../../state/helpers.js';

/** A strategy that always wants to be long, every slot in a process of its own, as `--once` is; the equity is given. */
const HOUR = 3_600_000;
const calendar = calendarOf('XNYS');
const instruments = [defaultInstrument('SPY', 'XNYS')];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clock: ManualClock;
let venue: FakeVenue;
let equity: number;
let told: string[];
beforeEach(async () => {
  folder = await temporaryFolder();
  clock = new ManualClock(0);
  venue = new FakeVenue(clock);
  told = [];
  const { account } = venue;
  venue.account = async () => ({ ...(await account.call(venue)), equity: String(equity) });
});
afterEach(() => folder.remove());

async function withJournal<T>(work: (journal: Journal) => Promise<T>): Promise<T> {
  const journal = await openJournal(join(folder.path, 'journal.db'));
  try {
    return await work(journal);
  } finally {
    await journal.close();
  }
}

/** One start for the slot at `time` (UTC) with this equity; what it orders fills at once. Whether it halted, and orders. */
function slot(time: string, worth: number, policies: readonly RiskPolicy[]) {
  const at = Date.parse(`${time}Z`);
  clock.set(at);
  equity = worth;
  return withJournal(async (journal) => {
    const execution = { journal, broker: venue, scope: SCOPE, clock, logger: silentLogger };
    const bars = allocateBars('SPY', '1h', 1);
    bars.time[0] = at - HOUR;
    for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][0] = 100;
    const consume = (_: unknown, from: number, to: number, out: Float64Array) => out.fill(1, from, to);
    const feed = new GrowingFeed([bars], () => ({ score: { consume }, measure: undefined }) as never, calendar);
    const runner = new LiveRunner({
      ...{ execution, instruments, report: 'r', fractional: false, calendars: [calendar] },
      source: {
        instruments: ['SPY'],
        next: async () => undefined,
        past: () => [],
        barAt: () => 0,
        extremes: () => undefined,
        newest: () => undefined,
      },
      strategy: {
        thresholds: defaultThresholds('position', false),
        sizing: { kind: 'fraction', fraction: 0.1 },
        protection: undefined,
        timeStop: Number.POSITIVE_INFINITY,
        reentry: 'new-signal',
        policies,
      },
      rounding: roundingOf(instruments, false),
      hooks: { notify: (event) => void (event.type === 'halt' && told.push(event.reason)) },
    });
    const lease = (await journal.acquireLease(streamOf(SCOPE), 'me', at, HOUR, () => true))!;
    const { halted } = await runner.tick(feed.tick(at, [at - HOUR], at + HOUR), lease);
    const orders = venue.open().map(({ request }) => request.side);
    for (const order of venue.open()) venue.fill(order, order.request.quantity!);
    await reconcile(execution);
    return [halted, ...orders];
  });
}

describe('daily loss', () => {
  const limit = () => [dailyLoss.create({ fraction: 0.03 })];

  test('halts for its session, over restarts and over midnight in London; the next session starts anew', async () => {
    expect(await slot('2026-11-02T16:00', 100_000, limit())).toEqual([false, 'buy']);
    // A limit that is exactly met is met.
    expect(await slot('2026-11-02T17:00', 97_000, limit())).toEqual([false]);
    expect(await slot('2026-11-02T18:00', 96_999, limit())).toEqual([true, 'sell']);
    expect(await slot('2026-11-02T19:00', 99_000, limit())).toEqual([true]);
    // Eight in the evening in New York: still Monday's session.
    expect(await slot('2026-11-03T01:00', 99_000, limit())).toEqual([true]);
    expect(await slot('2026-11-03T16:00', 99_000, limit())).toEqual([false, 'buy']);
    expect(await slot('2026-11-03T17:00', 96_031, limit())).toEqual([false]);
    expect(await slot('2026-11-03T18:00', 96_029, limit())).toEqual([true, 'sell']);
    // The next session begins with the halt of its own.
    expect(await slot('2026-11-04T16:00', 93_000, limit())).toEqual([true]);
    // Told and noted once a session, not with every start.
    expect(told).toEqual([
      'risk: daily-loss, equity 96999.00, peak 100000.00',
      'risk: daily-loss, equity 96029.00, peak 100000.00',
      'risk: daily-loss, equity 93000.00, peak 100000.00',
    ]);
    const notes = await withJournal((journal) => journal.events({ types: ['note:risk-halt'] }));
    expect(notes.map(({ body }) => (body as { reason: string }).reason)).toEqual(told);
  });

  test.each([
    ['the end of daylight saving time', '2026-10-30T19:00', '2026-10-30T23:00', '2026-11-02T15:00'],
    ['its start', '2026-03-06T20:00', '2026-03-07T01:00', '2026-03-09T14:00'],
  ])('over %s: what is lost from Friday evening to Monday is Monday’s', async (_, friday, evening, monday) => {
    expect(await slot(friday, 100_000, limit())).toEqual([false, 'buy']);
    expect(await slot(evening, 98_000, limit())).toEqual([false]);
    expect(await slot(monday, 95_070, limit())).toEqual([false]);
    expect(await slot(monday.replace('00', '30'), 95_050, limit())).toEqual([true, 'sell']);
  });

  test('a withdrawal counts as a loss, and a person says so by resume; a deposit as a gain', async () => {
    expect(await slot('2026-11-02T16:00', 100_000, limit())).toEqual([false, 'buy']);
    expect(await slot('2026-11-02T17:00', 90_000, limit())).toEqual([true, 'sell']);
    await withJournal((journal) => journal.setState(SCOPE, 'active', 'resumed: money was withdrawn', clock.now()));
    expect(await slot('2026-11-02T18:00', 90_000, limit())).toEqual([false, 'buy']);
    expect(await slot('2026-11-02T19:00', 87_300, limit())).toEqual([false]);
    expect(await slot('2026-11-02T20:00', 87_299, limit())).toEqual([true, 'sell']);
  });
});

describe('drawdown', () => {
  const limit = () => [maxDrawdown.create({ fraction: 0.1 }), dailyLoss.create({ fraction: 0.05 })];

  test('from the peak before the restart; halts until a person resumes, and counts from then', async () => {
    expect(await slot('2026-11-02T16:00', 100_000, limit())).toEqual([false, 'buy']);
    expect(await slot('2026-11-02T17:00', 110_000, limit())).toEqual([false]);
    expect(await slot('2026-11-03T16:00', 105_000, limit())).toEqual([false]);
    expect(await slot('2026-11-04T16:00', 99_750, limit())).toEqual([false]);
    // Exactly a tenth below the peak is allowed. Then it is below the limit of the day too: what lasts is what is said.
    expect(await slot('2026-11-05T15:00', 99_000, limit())).toEqual([false]);
    expect(await slot('2026-11-05T16:00', 94_000, limit())).toEqual([true, 'sell']);
    const state = () => withJournal((journal) => journal.state(SCOPE));
    const reason = 'risk: max-drawdown, equity 94000.00, peak 110000.00';
    expect(await state()).toMatchObject({ state: 'reducing', reason });
    expect(told).toEqual([reason]);
    const over = await failure(slot('2026-11-05T17:00', 120_000, limit()));
    expect(over).toMatchObject({ code: 'HALTED', message: expect.stringContaining(reason) });
    expect(await state()).toMatchObject({ state: 'halted', reason });
    expect((await failure(slot('2026-11-06T16:00', 120_000, limit()))).code).toBe('HALTED');
    await withJournal((journal) => journal.setState(SCOPE, 'active', 'looked at', clock.now()));
    expect(await slot('2026-11-06T17:00', 94_000, limit())).toEqual([false, 'buy']);
    expect(await slot('2026-11-09T16:00', 90_000, limit())).toEqual([false]);
    expect(await slot('2026-11-10T16:00', 84_599, limit())).toEqual([true, 'sell']);
    expect((await state()).reason).toBe('risk: max-drawdown, equity 84599.00, peak 94000.00');
  });
});
