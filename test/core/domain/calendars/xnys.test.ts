import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { calendarOf, DAY_MS, formatDate, parseDate } from '../../../../src/core/domain/index.js';

const calendar = calendarOf('XNYS');
const file = (path: string) => readFileSync(new URL(`../../../../fixtures/${path}`, import.meta.url), 'utf8');

/** exchange_calendars' XNYS, 1990 to 2023. */
const truth = file('truth/calendar/xnys.csv')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(','))
  .map(([date, open, close]) => ({ date: date!.slice(0, 10), open: Date.parse(open!), close: Date.parse(close!) }));

describe('XNYS', () => {
  it('equals exchange_calendars on every session from 1990 to 2023', () => {
    const ours = calendar.sessionsBetween(truth[0]!.open, truth.at(-1)!.open);
    expect(truth.length).toBe(8324);
    expect(ours.map(({ date, open, close }) => ({ date, open, close }))).toEqual(truth);
  });

  it('has the days of the S&P 500 from 1950 to 2012', () => {
    const days = file('bars/sp500-daily-1950-2012.csv')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.slice(0, 10))
      .reverse();
    const ours = calendar.sessionsBetween(Date.parse('1950-01-03'), Date.parse('2012-11-16T00:00Z'));
    expect(ours.map((session) => session.date)).toEqual(days);
  });

  it('agrees with the IANA time zone on New York hours of every session', () => {
    const local = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/New_York', timeStyle: 'short' });
    const eras: [string, string, string][] = [
      ['1950-01-01', '1985-09-29', '10:00'],
      ['1985-09-30', '2100-12-31', '09:30'],
    ];
    // ICU carries today's rules forward only to 2037 on some builds; the rule itself does not change after 2007.
    for (const [from, to, open] of eras)
      for (const session of calendar.sessionsBetween(
        Date.parse(from),
        Math.min(Date.parse(to) + DAY_MS, Date.UTC(2037, 0)),
      ))
        if (local.format(session.open) !== open) expect.fail(`${session.date} opens ${local.format(session.open)}`);
  });

  it.each([
    ['2024-07-03', '13:00'],
    ['2024-11-29', '13:00'],
    ['2024-12-24', '13:00'],
    ['2025-07-03', '13:00'],
    ['2026-11-27', '13:00'],
    ['2026-12-24', '13:00'],
    ['2024-07-02', '16:00'],
    ['1969-05-05', '14:00'],
    ['1969-08-01', '14:30'],
    ['1960-03-01', '15:30'],
    ['1951-03-01', '15:00'],
  ])('closes %s at %s', (date, close) => {
    const local = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/New_York', timeStyle: 'short' });
    expect(local.format(calendar.session(date)!.close)).toBe(close);
  });

  it.each([
    '2023-06-19',
    '2024-06-19',
    '2024-03-29',
    '2025-01-09',
    '2026-07-03',
    '2027-06-18',
    '2027-12-24',
    '2028-01-01',
  ])('is closed on %s', (date) => expect(calendar.session(date)).toBeUndefined());

  it('trades on 2027-12-31, for a New Year on Saturday is not made up for', () => {
    expect(calendar.session('2027-12-31')?.earlyClose).toBe(false);
    expect(calendar.session('2021-12-31')).toBeDefined();
  });

  it('has 248 to 254 sessions in each year to 2100', () => {
    for (let year = 2013; year <= 2100; year++) {
      const n = calendar.sessionsBetween(Date.UTC(year, 0), Date.UTC(year + 1, 0)).length;
      expect(n).toBeGreaterThanOrEqual(248);
      expect(n).toBeLessThanOrEqual(254);
    }
  });

  it('finds the session of an instant', () => {
    const session = calendar.session('2024-11-29')!;
    const before = calendar.session('2024-11-27')!;
    expect(calendar.sessionAt(session.open)).toBe(session);
    expect(calendar.sessionAt(session.close - 1)).toBe(session);
    expect(calendar.sessionAt(session.close)).toBeUndefined();
    expect(calendar.sessionAt(session.open - 1)).toBeUndefined();
    expect(calendar.nextSession(session.close - 1)).toBe(session);
    expect(calendar.nextSession(session.close).date).toBe('2024-12-02');
    expect(calendar.nextSession(before.close)).toBe(session);
    expect(calendar.previousSession(session.close)).toBe(session);
    expect(calendar.previousSession(session.close - 1)).toBe(before);
    expect(() => calendar.nextSession(Date.UTC(2101, 0, 5))).toThrow(/covers 1950-01-03 to 2100-12-31/);
    expect(calendar.session('2024-02-30')).toBeUndefined();
  });
});

describe('24/7', () => {
  const always = calendarOf('24/7');
  it('has a session on every UTC day', () => {
    const days = always.sessionsBetween(Date.UTC(2024, 1, 28), Date.UTC(2024, 2, 1));
    expect(days.map((day) => day.date)).toEqual(['2024-02-28', '2024-02-29', '2024-03-01']);
    expect(always.sessionAt(Date.UTC(2024, 1, 29, 13))).toEqual(always.session('2024-02-29'));
    expect(always.previousSession(Date.UTC(2024, 2, 1)).date).toBe('2024-02-29');
    expect(always.nextSession(Date.UTC(2024, 2, 1)).date).toBe('2024-03-01');
  });
});

describe('dates', () => {
  it('agree with Date over three centuries', () => {
    for (let day = -70_000; day < 60_000; day += 7) {
      const iso = new Date(day * DAY_MS).toISOString().slice(0, 10);
      expect(formatDate(day)).toBe(iso);
      expect(parseDate(iso)).toBe(day);
    }
    for (const text of ['2023-02-29', '2024-13-01', '2024-00-10', '2024-1-1', '20240101', ''])
      expect(parseDate(text)).toBeUndefined();
  });
});
