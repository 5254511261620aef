import { DAY_MS } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';

/** Local wall time of one IANA zone to UTC; offsets are asked of Intl once a day of the data, not once a row. */
export class ZoneClock {
  private readonly format: Intl.DateTimeFormat;
  private readonly offsets = new Map<number, number>();
  private readonly utc: boolean;

  constructor(readonly timezone: string) {
    try {
      this.format = new Intl.DateTimeFormat('en-US', {
        timeZone: timezone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch (cause) {
      throw new QuantlineError('USAGE', `There is no time zone "${timezone}".`, {
        hint: 'Use an IANA name such as America/New_York, Europe/London or UTC.',
        cause,
      });
    }
    this.utc = /^(UTC|Etc\/UTC|GMT)$/i.test(timezone);
  }

  /** Milliseconds that local time is ahead of UTC at an instant. */
  offsetAt(utc: number): number {
    const parts: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(utc)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(utc / 1000) * 1000;
  }

  /** The day number of an instant's local date. */
  localDay(utc: number): number {
    return Math.floor((utc + (this.utc ? 0 : this.offsetAt(utc))) / DAY_MS);
  }

  private cachedOffset(utcHalfDay: number): number {
    let offset = this.offsets.get(utcHalfDay);
    if (offset === undefined) {
      offset = this.offsetAt(utcHalfDay * (DAY_MS / 2));
      this.offsets.set(utcHalfDay, offset);
    }
    return offset;
  }

  /**
   * UTC of a local wall time (as if it were UTC). An hour that occurs twice is the one that follows `previous` in the
   * file's direction (+1 ascending, -1 descending, 0 unknown: the nearer, or the first). NaN for an hour that is skipped.
   */
  toUtc(local: number, previous: number, direction: number): number {
    if (this.utc) return local;
    // No zone is further than 14 hours from UTC or changes twice in two days.
    const before = this.cachedOffset(Math.floor((local - 14 * 3_600_000) / (DAY_MS / 2)));
    const after = this.cachedOffset(Math.ceil((local + 14 * 3_600_000) / (DAY_MS / 2)));
    if (before === after) return local - before;
    const early = local - Math.max(before, after);
    const late = local - Math.min(before, after);
    const earlyFits = this.offsetAt(early) === local - early;
    const lateFits = this.offsetAt(late) === local - late;
    if (earlyFits && lateFits) {
      if (direction > 0) return early > previous ? early : late;
      if (direction < 0) return late < previous ? late : early;
      return Math.abs(late - previous) < Math.abs(early - previous) ? late : early;
    }
    return earlyFits ? early : lateFits ? late : Number.NaN;
  }
}
