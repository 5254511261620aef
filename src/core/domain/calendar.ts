import type { CalendarId } from './instrument.js';

/** One trading session; instants in epoch milliseconds UTC. */
export interface Session {
  /** Local date at the venue, YYYY-MM-DD. */
  readonly date: string;
  readonly open: number;
  readonly close: number;
  readonly earlyClose: boolean;
}

/** When a venue trades. Pure; implementations in `calendars/`. */
export interface TradingCalendar {
  readonly id: CalendarId;
  /** IANA zone in which dates are meant. */
  readonly timezone: string;
  /** Annualisation factor: sessions in a usual year (252 or 365). */
  readonly sessionsPerYear: number;
  /** The session of a local date, undefined on a day without one. */
  session(date: string): Session | undefined;
  /** Sessions with open in [from, to], ascending. */
  sessionsBetween(from: number, to: number): readonly Session[];
  /** The session that contains t (open <= t < close), if any. */
  sessionAt(t: number): Session | undefined;
  /** The first session whose close is after t. */
  nextSession(t: number): Session;
  /** The last session whose close is at or before t. */
  previousSession(t: number): Session;
}
