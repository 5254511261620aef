import type { TradingCalendar } from '../calendar.js';
import type { CalendarId } from '../instrument.js';
import { ContinuousCalendar } from './continuous.js';
import { TableCalendar } from './sessionTable.js';
import { easternInstant } from './usEastern.js';
import { xnysYear } from './xnysRules.js';

export { DAY_MS, dayNumber, daysInMonth, formatDate, parseDate } from './dates.js';

/** Years that XNYS covers: hours by era back to 1950, today's rules carried forward to 2100. */
export const XNYS_YEARS = { first: 1950, last: 2100 } as const;

function xnys(): TradingCalendar {
  const hours = [];
  for (let year = XNYS_YEARS.first; year <= XNYS_YEARS.last; year++) hours.push(...xnysYear(year));
  return new TableCalendar('XNYS', 'America/New_York', 252, {
    day: Int32Array.from(hours, (h) => h.day),
    open: Float64Array.from(hours, (h) => easternInstant(h.day, h.open)),
    close: Float64Array.from(hours, (h) => easternInstant(h.day, h.close)),
    early: Uint8Array.from(hours, (h) => (h.early ? 1 : 0)),
  });
}

const calendars = new Map<CalendarId, TradingCalendar>();

/** The calendar of a venue, built on first use (about 10 ms for XNYS) and shared. */
export function calendarOf(id: CalendarId): TradingCalendar {
  let calendar = calendars.get(id);
  if (calendar === undefined) calendars.set(id, (calendar = id === 'XNYS' ? xnys() : new ContinuousCalendar()));
  return calendar;
}
