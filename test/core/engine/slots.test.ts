import { describe, expect, test } from 'vitest';
import { scopeOf } from '../../../src/core/data/checks.js';
import { calendarOf, type Interval, type SessionScope } from '../../../src/core/domain/index.js';
import { SlotClock, SlotSchedule } from '../../../src/core/engine/live/index.js';

const XNYS = calendarOf('XNYS');
const clock = (interval: Interval, scope: SessionScope = 'regular', delayMs = 0) =>
  new SlotClock(XNYS, interval, scope, delayMs, scopeOf);
const at = (time: string) => Date.parse(time);
/** The slots after an instant, as times. */
const following = (one: { next(t: number): { readonly known: number } }, time: string, count: number) => {
  const found: string[] = [];
  for (let t = at(time); found.length < count; ) {
    t = one.next(t).known;
    found.push(new Date(t).toISOString().slice(0, 16));
  }
  return found;
};

describe('F34: slots follow the calendar', () => {
  test.each<[string, Interval, string, string[]]>([
    ['a holiday and a half day', '1d', '2026-11-25T21:00Z', ['2026-11-27T18:00', '2026-11-30T21:00']],
    ['clocks go back', '1d', '2026-10-29T21:00Z', ['2026-10-30T20:00', '2026-11-02T21:00']],
    ['clocks go forward', '1d', '2027-03-11T22:00Z', ['2027-03-12T21:00', '2027-03-15T20:00']],
    ['Christmas Eve closes early', '1d', '2026-12-23T21:00Z', ['2026-12-24T18:00', '2026-12-28T21:00']],
    [
      'hours of a half day, the last one cut at the close',
      '1h',
      '2026-11-27T14:30Z',
      ['2026-11-27T15:30', '2026-11-27T16:30', '2026-11-27T17:30', '2026-11-27T18:00', '2026-11-30T15:30'],
    ],
    [
      'the first and the last half hour around the change of clocks',
      '30m',
      '2026-10-30T19:30Z',
      ['2026-10-30T20:00', '2026-11-02T15:00'],
    ],
  ])('%s', (_, interval, time, slots) => {
    expect(following(clock(interval), time, slots.length)).toEqual(slots);
    // Looking back finds the same ones.
    for (const slot of slots) expect(clock(interval).last(at(`${slot}Z`)).known).toBe(at(`${slot}Z`));
    expect(clock(interval).last(at(`${slots[0]}Z`) - 1).known).toBeLessThan(at(`${slots[0]}Z`));
  });

  test('extended hours end early on a half day; a delayed feed is known later', () => {
    expect(following(clock('1h', 'extended'), '2026-11-27T20:59Z', 3)).toEqual([
      '2026-11-27T21:00',
      '2026-11-27T22:00',
      '2026-11-30T10:00',
    ]);
    expect(following(clock('1d', 'regular', 16 * 60_000), '2026-11-27T17:00Z', 1)).toEqual(['2026-11-27T18:16']);
  });

  test('several calendars: a slot wherever one has a bar; what has ended is not waited for', () => {
    const crypto = new SlotClock(calendarOf('24/7'), '1h', 'regular', 0, scopeOf);
    const schedule = new SlotSchedule([clock('1h'), crypto]);
    const slot = schedule.next(at('2026-11-27T17:30Z'));
    expect(slot).toBe(at('2026-11-27T18:00Z'));
    expect(schedule.expected(slot)).toEqual([at('2026-11-27T17:30Z'), at('2026-11-27T17:00Z')]);
    expect(schedule.expected(at('2026-11-27T19:00Z'))).toEqual([undefined, at('2026-11-27T18:00Z')]);
    schedule.end(1, at('2026-11-27T17:00Z'));
    expect(schedule.expected(slot)).toEqual([at('2026-11-27T17:30Z'), undefined]);
    expect(schedule.expected(at('2026-11-27T17:00Z'))[1]).toBe(at('2026-11-27T16:00Z'));
  });
});
