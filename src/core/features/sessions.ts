import type { BarColumns } from '../domain/bars.js';
import type { Session, TradingCalendar } from '../domain/calendar.js';
import { DAY_MS, dayNumber, weekday } from '../domain/calendars/dates.js';

/** Per bar, where it lies in its session and day. Rows count from the first bar of the block that was asked for. */
export interface SessionColumns {
  /** 1 where a session begins. */
  readonly first: Uint8Array;
  /** 1 where the bar's session was seen from its start, so that what is anchored there is whole. */
  readonly whole: Uint8Array;
  /** Part of the local day that had passed at the bar's opening, in [0, 1). */
  readonly day: Float64Array;
  /** Part of the session that had passed at the bar's opening, in [0, 1); NaN outside sessions. */
  readonly progress: Float64Array;
  /** 0 = Sunday … 6 = Saturday, local. */
  readonly weekday: Uint8Array;
  /** Part of the year that had passed, in [0, 1). */
  readonly year: Float64Array;
}

/** Milliseconds to add to UTC for local time at t, from Intl's time zone data. */
export function zoneOffset(timezone: string): (t: number) => number {
  if (timezone === 'UTC') return () => 0;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (t) => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(t)) part[type] = Number(value);
    const days = dayNumber(part['year']!, part['month']!, part['day']!);
    const local = days * DAY_MS + ((part['hour']! * 60 + part['minute']!) * 60 + part['second']!) * 1000;
    return local - Math.floor(t / 1000) * 1000;
  };
}

/** Follows one instrument's bars through its calendar. A session is known by its local date. */
export class SessionClock {
  private readonly offsetAt: (t: number) => number;
  private session: Session | undefined;
  private hour = Number.NaN;
  private offset = 0;
  private date = Number.NaN;
  private seen = false;

  constructor(private readonly calendar: TradingCalendar) {
    this.offsetAt = zoneOffset(calendar.timezone);
  }

  static columns(rows: number): SessionColumns {
    return {
      first: new Uint8Array(rows),
      whole: new Uint8Array(rows),
      day: new Float64Array(rows),
      progress: new Float64Array(rows),
      weekday: new Uint8Array(rows),
      year: new Float64Array(rows),
    };
  }

  consume({ time }: BarColumns, from: number, to: number, out: SessionColumns): void {
    for (let i = from; i < to; i++) {
      const t = time[i]!;
      const row = i - from;
      let session = this.session;
      if (session === undefined || t < session.open || t >= session.close) {
        session = this.calendar.sessionAt(t);
        this.session = session;
        const hour = Math.floor(t / 3_600_000);
        if (hour !== this.hour) {
          this.hour = hour;
          this.offset = this.offsetAt(t);
        }
      }
      const local = t + this.offset;
      const date = Math.floor(local / DAY_MS);
      const first = date !== this.date;
      // The first session of the series counts as whole only if the series begins with its first bar.
      if (first) this.seen = !Number.isNaN(this.date) || session?.open === t;
      this.date = date;
      out.first[row] = first ? 1 : 0;
      out.whole[row] = this.seen ? 1 : 0;
      out.day[row] = local / DAY_MS - date;
      out.progress[row] = session === undefined ? Number.NaN : (t - session.open) / (session.close - session.open);
      out.weekday[row] = weekday(date);
      const year = 365.2425;
      out.year[row] = (date % year) / year;
    }
  }
}
