import { QuantlineError } from '../../errors/index.js';
import { lowerBound } from '../bars.js';
import type { Session, TradingCalendar } from '../calendar.js';
import type { CalendarId } from '../instrument.js';
import { formatDate, parseDate } from './dates.js';

/** Sessions as sorted columns. `day` is the local date's day number. */
export interface SessionColumns {
  readonly day: Int32Array;
  readonly open: Float64Array;
  readonly close: Float64Array;
  readonly early: Uint8Array;
}

/** A calendar over a table of sessions; searches are binary, session objects are made once and kept. */
export class TableCalendar implements TradingCalendar {
  private readonly made: (Session | undefined)[] = [];

  constructor(
    readonly id: CalendarId,
    readonly timezone: string,
    readonly sessionsPerYear: number,
    private readonly columns: SessionColumns,
  ) {}

  session(date: string): Session | undefined {
    const day = parseDate(date);
    if (day === undefined) return undefined;
    const days = this.columns.day;
    let lo = 0;
    let hi = days.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (days[mid]! < day) lo = mid + 1;
      else hi = mid;
    }
    return days[lo] === day ? this.at(lo) : undefined;
  }

  sessionsBetween(from: number, to: number): readonly Session[] {
    const out: Session[] = [];
    const { open } = this.columns;
    for (let i = lowerBound(open, from); i < open.length && open[i]! <= to; i++) out.push(this.at(i));
    return out;
  }

  sessionAt(t: number): Session | undefined {
    const i = this.firstClosingAfter(t);
    return i < this.columns.open.length && this.columns.open[i]! <= t ? this.at(i) : undefined;
  }

  nextSession(t: number): Session {
    const i = this.firstClosingAfter(t);
    if (i >= this.columns.close.length) throw this.outside(t);
    return this.at(i);
  }

  previousSession(t: number): Session {
    const i = this.firstClosingAfter(t) - 1;
    if (i < 0) throw this.outside(t);
    return this.at(i);
  }

  /** First session with close > t. */
  private firstClosingAfter(t: number): number {
    const close = this.columns.close;
    let lo = 0;
    let hi = close.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (close[mid]! <= t) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }

  private at(i: number): Session {
    return (this.made[i] ??= {
      date: formatDate(this.columns.day[i]!),
      open: this.columns.open[i]!,
      close: this.columns.close[i]!,
      earlyClose: this.columns.early[i] === 1,
    });
  }

  private outside(t: number): QuantlineError {
    const { day } = this.columns;
    const range = `${formatDate(day[0]!)} to ${formatDate(day.at(-1)!)}`;
    return new QuantlineError(
      'NO_DATA',
      `The calendar ${this.id} covers ${range}; it has no session for ${new Date(t).toISOString()}.`,
      {
        hint: 'Ask for a date inside that range.',
        details: { calendar: this.id, time: t },
      },
    );
  }
}
