import type { Session, TradingCalendar } from '../calendar.js';
import { DAY_MS, formatDate, parseDate } from './dates.js';

/** Always open; a session is a UTC day. */
export class ContinuousCalendar implements TradingCalendar {
  readonly id = '24/7';
  readonly timezone = 'UTC';
  readonly sessionsPerYear = 365;
  private last: Session | undefined;

  session(date: string): Session | undefined {
    const day = parseDate(date);
    return day === undefined ? undefined : this.make(day);
  }

  sessionsBetween(from: number, to: number): readonly Session[] {
    const out: Session[] = [];
    for (let day = Math.ceil(from / DAY_MS); day * DAY_MS <= to; day++) out.push(this.make(day));
    return out;
  }

  sessionAt(t: number): Session {
    return this.make(Math.floor(t / DAY_MS));
  }

  nextSession(t: number): Session {
    return this.make(Math.floor(t / DAY_MS));
  }

  previousSession(t: number): Session {
    return this.make(Math.floor(t / DAY_MS) - 1);
  }

  private make(day: number): Session {
    const open = day * DAY_MS;
    if (this.last?.open === open) return this.last;
    return (this.last = { date: formatDate(day), open, close: open + DAY_MS, earlyClose: false });
  }
}
