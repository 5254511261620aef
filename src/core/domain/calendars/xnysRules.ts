import { civilDate, dayNumber, easter, lastWeekday, nthWeekday, parseDate, weekday } from './dates.js';

/**
 * New York Stock Exchange: holidays and hours by rule and era, plus a table of exceptions.
 * Sources: NYSE rule 7.2 and the exchange's published lists of closings; the years 1950 to 1989 agree with the days of
 * the S&P 500's daily history, 1990 to 2023 with exchange_calendars. From 1950 to 1952-09-27 the exchange also held
 * two-hour Saturday sessions, which daily archives leave out; they are not sessions here. Unscheduled early closes
 * before 1990 are not listed.
 */

const SUNDAY = 0;
const MONDAY = 1;
const WEDNESDAY = 3;
const THURSDAY = 4;
const FRIDAY = 5;
const SATURDAY = 6;

/** Whole days without a session that no rule gives. */
const CLOSED = new Set(
  [
    '1954-12-24 1956-12-24 1958-12-26 1961-05-29', // bridge days
    '1963-11-25', // funeral of President Kennedy
    '1965-12-24',
    '1968-02-12 1968-07-05 1968-11-11', // Lincoln's birthday, bridge day, Veterans Day
    '1968-04-09', // mourning for M. L. King
    '1968-06-12 1968-06-19 1968-06-26 1968-07-10 1968-07-17 1968-07-24 1968-07-31 1968-08-07 1968-08-14 1968-08-21',
    '1968-08-28 1968-09-11 1968-09-18 1968-09-25 1968-10-02 1968-10-09 1968-10-16 1968-10-23 1968-10-30 1968-11-20',
    '1968-12-04 1968-12-11 1968-12-18', // Wednesdays of the paperwork crisis
    '1969-02-10', // snow
    '1969-03-31', // funeral of President Eisenhower
    '1969-07-21', // moon landing
    '1972-12-28', // funeral of President Truman
    '1973-01-25', // funeral of President Johnson
    '1977-07-14', // blackout
    '1985-09-27', // hurricane Gloria
    '1994-04-27', // funeral of President Nixon
    '2001-09-11 2001-09-12 2001-09-13 2001-09-14', // terrorist attack
    '2004-06-11', // mourning for President Reagan
    '2007-01-02', // mourning for President Ford
    '2012-10-29 2012-10-30', // hurricane Sandy
    '2018-12-05', // mourning for President G. H. W. Bush
    '2025-01-09', // mourning for President Carter
  ]
    .join(' ')
    .split(' ')
    .map((date) => parseDate(date)!),
);

/** Minutes after midnight, New York, of closes that no rule gives. */
const EARLY = new Map(
  Object.entries({
    '1992-11-27': 840,
    '1996-07-05': 780,
    '1997-12-26': 780,
    '1999-12-31': 780,
    '2002-07-05': 780,
    '2003-12-26': 780,
  }).map(([date, minutes]) => [parseDate(date)!, minutes]),
);

/** Weeks of shortened hours: transit strike, and the paperwork crisis of 1967 to 1970. */
const SHORTENED: readonly (readonly [from: number, to: number, close: number])[] = (
  [
    ['1966-01-06', '1966-01-14', 840],
    ['1967-08-08', '1967-08-18', 840],
    ['1968-01-22', '1968-03-01', 840],
    ['1969-01-02', '1969-07-03', 840],
    ['1969-07-07', '1969-09-26', 870],
    ['1969-09-29', '1970-05-01', 900],
  ] as const
).map(([from, to, close]) => [parseDate(from)!, parseDate(to)!, close]);

/** A fixed date moved to Monday from Sunday and, where `saturday` is true, to Friday from Saturday. */
function observed(day: number, saturday: boolean): number {
  if (weekday(day) === SUNDAY) return day + 1;
  return saturday && weekday(day) === SATURDAY ? day - 1 : day;
}

/** Day numbers of the year's holidays; some may fall on weekends. */
function holidays(year: number): Set<number> {
  const days = [
    // A New Year's Day on Saturday is not made up for: the books close on the last weekday of the year.
    observed(dayNumber(year, 1, 1), false),
    easter(year) - 2,
    observed(dayNumber(year, 7, 4), year >= 1954),
    nthWeekday(year, 9, MONDAY, 1),
    nthWeekday(year, 11, THURSDAY, 4),
    observed(dayNumber(year, 12, 25), year >= 1954),
  ];
  if (year >= 1971) days.push(nthWeekday(year, 2, MONDAY, 3), lastWeekday(year, 5, MONDAY));
  else
    days.push(
      observed(dayNumber(year, 2, 22), year >= 1964),
      observed(dayNumber(year, 5, 30), year >= 1964 && year < 1970),
    );
  if (year >= 1998) days.push(nthWeekday(year, 1, MONDAY, 3));
  if (year >= 2022) days.push(observed(dayNumber(year, 6, 19), true));
  if (year <= 1953)
    days.push(
      observed(dayNumber(year, 2, 12), false),
      observed(dayNumber(year, 10, 12), false),
      observed(dayNumber(year, 11, 11), false),
    );
  // Election Day: yearly through 1968, then in presidential years through 1980.
  if (year <= 1968 || (year <= 1980 && year % 4 === 0)) days.push(nthWeekday(year, 11, MONDAY, 1) + 1);
  return new Set(days);
}

const OPEN_0930 = parseDate('1985-09-30')!;
const CLOSE_1530 = parseDate('1952-09-29')!;
const CLOSE_1600 = parseDate('1974-10-01')!;

function earlyClose(day: number, year: number, isHoliday: (day: number) => boolean): number | undefined {
  const exception = EARLY.get(day);
  if (exception !== undefined) return exception;
  if (year < 1990) return SHORTENED.find(([from, to]) => day >= from && day <= to)?.[2];
  const { month, day: date } = civilDate(day);
  if (month === 11 && year >= 1993 && weekday(day) === FRIDAY && isHoliday(day - 1)) return 780;
  if (month === 12 && date === 24) return year < 1993 ? 840 : 780;
  // July 3 before a holiday of Tuesday, Thursday or Friday since 1995, before one of Thursday since 2013.
  if (month === 7 && date === 3 && year >= 1995) return weekday(day) !== WEDNESDAY || year >= 2013 ? 780 : undefined;
  return undefined;
}

export interface LocalHours {
  readonly day: number;
  /** Minutes after midnight, New York. */
  readonly open: number;
  readonly close: number;
  readonly early: boolean;
}

/** Sessions of a year, ascending. */
export function xnysYear(year: number): LocalHours[] {
  const closed = holidays(year);
  const isHoliday = (day: number) => closed.has(day) || CLOSED.has(day);
  const out: LocalHours[] = [];
  for (let day = dayNumber(year, 1, 1); day < dayNumber(year + 1, 1, 1); day++) {
    const name = weekday(day);
    if (name === SATURDAY || name === SUNDAY || isHoliday(day)) continue;
    const regular = day >= CLOSE_1600 ? 960 : day >= CLOSE_1530 ? 930 : 900;
    const close = earlyClose(day, year, isHoliday);
    out.push({ day, open: day >= OPEN_0930 ? 570 : 600, close: close ?? regular, early: close !== undefined });
  }
  return out;
}
