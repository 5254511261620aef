import { expect, it } from 'vitest';
import { allocateBars, calendarOf, type Interval, knownAt } from '../../../src/core/domain/index.js';

const xnys = calendarOf('XNYS');
function at(interval: Interval, times: number[]) {
  const bars = allocateBars('A', interval, times.length);
  bars.time.set(times);
  return bars;
}

it('ends an intraday bar with its interval or with the session, early closes included', () => {
  const { open, close } = xnys.session('2024-11-29')!; // 13:00
  const hour = 3_600_000;
  expect([...knownAt(at('1h', [open, open + 3 * hour]), xnys, 0)]).toEqual([open + hour, close]);
  expect([...knownAt(at('1m', [open, close - 60_000]), xnys, 5000)]).toEqual([open + 65_000, close + 5000]);
  expect([...knownAt(at('1h', [open - hour / 2, close]), xnys, 0)]).toEqual([open + hour / 2, close + hour]);
});

it('makes a session bar known at its close', () => {
  const days = ['2024-11-27', '2024-11-29', '2024-12-02'].map((date) => xnys.session(date)!);
  const bars = at(
    '1d',
    days.map((day) => day.open),
  );
  expect([...knownAt(bars, xnys, 900_000)]).toEqual(days.map((day) => day.close + 900_000));
  expect(() => knownAt(at('1d', [Date.UTC(2024, 10, 28)]), xnys, 0)).toThrow(/no session/);
  expect([...knownAt(at('1d', [0]), calendarOf('24/7'), 0)]).toEqual([86_400_000]);
});
