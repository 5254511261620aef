import { describe, expect, test } from 'vitest';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import type { CalendarId } from '../../../src/core/domain/instrument.js';
import type { Strategy } from '../../../src/core/engine/strategy.js';
import type { Broker, BrokerClock } from '../../../src/core/execution/index.js';
import { ManualClock } from '../../../src/core/platform/index.js';
import { checkEntries, checkNewerBars } from '../../../src/core/stages/trade/guards.js';
import { brokerSettings, checkVenueClock, sourceSettings } from '../../../src/core/stages/trade/venue.js';

/** What a start checks before it trades, at the edges of each condition. */
const XNYS = calendarOf('XNYS');
const { open, close } = XNYS.session('2026-11-27')!;
const NEXT = XNYS.session('2026-11-30')!;
const NOON = open + 3_600_000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

interface Case {
  /** What the venue says beyond our time when it is asked, ms. */
  readonly ahead?: number;
  /** How long its answer is on its way, ms. */
  readonly takes?: number;
  readonly now?: number;
  readonly says?: Partial<BrokerClock>;
  readonly calendar?: CalendarId;
}

/** What is warned of. */
async function check({ ahead = 0, takes = 0, now = NOON, says, calendar = 'XNYS' }: Case): Promise<string[]> {
  const clock = new ManualClock(now);
  const said: string[] = [];
  const warn = (text: string) => void said.push(text);
  const broker = {
    venue: 'v',
    clock: async () => {
      const told = { now: now + ahead, open: true, nextOpen: NEXT.open, nextClose: close, ...says };
      clock.set(now + takes);
      return told;
    },
  } as Partial<Broker> as Broker;
  await checkVenueClock(broker, { clock, logger: { debug() {}, info() {}, warn } }, calendarOf(calendar));
  return said;
}

describe('this clock against the venue’s', () => {
  test.each([
    [0, []],
    [2000, []],
    [2001, ["This machine's clock is 2.0 s behind the clock of v."]],
    [-2001, ["This machine's clock is 2.0 s ahead of the clock of v."]],
    [30_000, ["This machine's clock is 30.0 s behind the clock of v."]],
  ])('it is %d ms ahead of us', async (ahead, said) => {
    expect(await check({ ahead })).toEqual(said);
  });

  test.each([30_001, -30_001])('%d ms are too many', async (ahead) => {
    await expect(check({ ahead })).rejects.toMatchObject({ code: 'CONFIG', details: { skewMs: -ahead } });
  });

  test('an answer that takes long was given in the middle of it', async () => {
    expect(await check({ ahead: 5000, takes: 10_000 })).toEqual([]);
    expect(await check({ takes: 10_000 })).toEqual(["This machine's clock is 5.0 s ahead of the clock of v."]);
  });
});

describe('the venue’s hours against the calendar’s', () => {
  test.each<[string, Case]>([
    ['open, no word of the close', { says: { nextClose: undefined } }],
    ['open, the close within a minute', { says: { nextClose: close + MINUTE - 1 } }],
    ['closed, the close of the next session', { now: close + 3_600_000, says: { open: false, nextClose: NEXT.close } }],
    ['closed just after the open by our calendar', { now: open + MINUTE - 1, says: { open: false } }],
    ['closed just before the close', { now: close - MINUTE + 1, says: { open: false, nextClose: NEXT.close } }],
    ['closed at noon, with instruments that trade at all hours', { says: { open: false }, calendar: '24/7' }],
  ])('%s: nothing is wrong', async (_, given) => {
    expect(await check(given)).toEqual([]);
  });

  test.each<[string, Case, RegExp]>([
    ['closed at noon', { says: { open: false } }, /^v is closed .* says open/],
    ['open at night', { now: close + 3_600_000, says: { nextClose: NEXT.close } }, /^v is open .* says closed/],
    ['a close a minute later', { says: { nextClose: close + MINUTE } }, /closes next at 2026-11-27T18:01/],
    ['a close a minute earlier', { says: { nextClose: close - MINUTE } }, /closes next at 2026-11-27T17:59/],
    ['the close of another day', { says: { nextClose: NEXT.close } }, /closing at 2026-11-27T18:00/],
    ['closed a minute after the open', { now: open + MINUTE, says: { open: false } }, /says open/],
    [
      'closed a minute before the close',
      { now: close - MINUTE, says: { open: false, nextClose: undefined } },
      /an unknown time/,
    ],
    ['a night of the next session', { now: close + 3_600_000, says: { open: false, nextClose: close } }, /says closed/],
  ])('%s: MISMATCH', async (_, given, message) => {
    await expect(check(given)).rejects.toMatchObject({ code: 'MISMATCH', message: expect.stringMatching(message) });
  });
});

describe('pairs of entries', () => {
  const broker = (more: object) => ({ venue: 'v', capabilities: more }) as Broker;
  const strategy = (type?: string) => ({ entry: type === undefined ? undefined : { type } }) as Strategy;

  test('are refused at a venue that takes none, single orders nowhere', () => {
    const check = (more: object, type?: string) => () => checkEntries(broker(more), strategy(type));
    const refused = expect.objectContaining({ code: 'CONFIG', hint: expect.stringContaining('--entry') });
    expect(check({}, 'oco')).toThrow(refused);
    expect(check({}, 'oto')).toThrow(refused);
    for (const type of [undefined, 'limit', 'stop']) expect(check({}, type)).not.toThrow();
    expect(check({ pairedEntries: 'one-order' }, 'oco')).not.toThrow();
  });
});

test('settings of the source go to the source, all others to the venue', () => {
  const set = { account: 'a', 'source.feed': 'iex' };
  expect([brokerSettings({ set }), sourceSettings({ set })]).toEqual([{ account: 'a' }, { feed: 'iex' }]);
});

test('newer bars: quotes count for fills that pay them, and only of a dataset that has them', () => {
  const sim = { onTick() {} } as unknown as Broker;
  const fill = (spread?: object) => ({ fill: { spread } }) as never;
  const check = (spread: object | undefined, quotes?: string) => () =>
    checkNewerBars(sim, fill(spread), quotes === undefined ? {} : { quotes }, { detail: null });
  expect(check({}, 'hash')).toThrow(expect.objectContaining({ code: 'CONFIG' }));
  expect(check({})).not.toThrow();
  expect(check(undefined, 'hash')).not.toThrow();
});
