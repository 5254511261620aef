import type { TradingCalendar } from '../../domain/calendar.js';
import { invariant } from '../../errors/index.js';
import type { SessionAxis } from './sessions.js';

/** The calendar's sessions from the one of the first mark to the one of the last, without a gap. */
export function sessionAxis(calendar: TradingCalendar, time: Float64Array): SessionAxis {
  const first = time[0]!;
  const last = time[time.length - 1]!;
  const start = calendar.sessionAt(first - 1) ?? calendar.previousSession(first);
  const sessions = calendar.sessionsBetween(start.open, Math.max(start.open, last - 1));
  invariant(sessions[0]?.open === start.open, 'the calendar does not know the session of the first mark');
  return {
    dates: sessions.map((s) => s.date),
    open: Float64Array.from(sessions, (s) => s.open),
    periodsPerYear: calendar.sessionsPerYear,
  };
}
