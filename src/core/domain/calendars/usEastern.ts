import { civilDate, DAY_MS, lastWeekday, nthWeekday } from './dates.js';

/**
 * New York's civil time by rule, from 1946 on (IANA tz database, rules "NYC" and "US"). Clocks change at 02:00 local,
 * which is never inside a session, so a session's offset is that of its day after the change.
 */
interface Transition {
  readonly start: number;
  readonly end: number;
}

/** First day of daylight saving and first day of standard time again, as day numbers. */
function daylightSaving(year: number): Transition {
  const sunday = 0;
  if (year >= 2007) return { start: nthWeekday(year, 3, sunday, 2), end: nthWeekday(year, 11, sunday, 1) };
  const end = lastWeekday(year, year < 1955 ? 9 : 10, sunday);
  if (year >= 1987) return { start: nthWeekday(year, 4, sunday, 1), end };
  if (year === 1974) return { start: nthWeekday(year, 1, sunday, 1), end };
  if (year === 1975) return { start: lastWeekday(year, 2, sunday), end };
  return { start: lastWeekday(year, 4, sunday), end };
}

const cache = new Map<number, Transition>();
function transition(year: number): Transition {
  let found = cache.get(year);
  if (found === undefined) cache.set(year, (found = daylightSaving(year)));
  return found;
}

/** Hours behind UTC from 02:00 local (or midnight, on a day without a change) of a day: 4 or 5. */
export function easternHoursBehind(dayNumber: number): number {
  const { start, end } = transition(civilDate(dayNumber).year);
  return dayNumber >= start && dayNumber < end ? 4 : 5;
}

/** Instant (epoch ms UTC) of `minutes` after local midnight, for times after 02:00 on a day of change. */
export const easternInstant = (dayNumber: number, minutes: number): number =>
  dayNumber * DAY_MS + minutes * 60_000 + easternHoursBehind(dayNumber) * 3_600_000;
