import type { TradingCalendar } from '../domain/calendar.js';
import type { BrokerClock } from './broker.js';

/** The hours of a venue that tells its time alone. */
export function hoursAt(now: number, calendar: TradingCalendar): BrokerClock {
  const session = calendar.sessionAt(now);
  const next = calendar.nextSession(session?.close ?? now);
  return { now, open: session !== undefined, nextOpen: next.open, nextClose: session?.close ?? next.close };
}
