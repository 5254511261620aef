import {
  allocateBars,
  type BarColumns,
  DAY_MS,
  type Interval,
  intervalMs,
  isSessionInterval,
  type Session,
  type SessionScope,
  sliceBars,
  type TradingCalendar,
} from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { isoTime } from '../../platform/index.js';
import { scopeOf } from '../checks.js';

/** A bar as the vendor sends it; values are not trusted. */
export interface VendorBar {
  /** RFC 3339, or epoch milliseconds. */
  readonly t?: unknown;
  readonly o?: unknown;
  readonly h?: unknown;
  readonly l?: unknown;
  readonly c?: unknown;
  readonly v?: unknown;
}

export interface ColumnOptions {
  readonly instrument: string;
  readonly interval: Interval;
  /** Length of the vendor's bars that are read; shorter than `interval` where bars are put together here. */
  readonly unit: Interval;
  readonly scope: SessionScope;
  readonly calendar: TradingCalendar;
  readonly from: number;
  readonly to: number;
  /** Bars that end later are not complete yet. */
  readonly completeUntil: number;
}

const EXAMPLES = 5;
const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

/**
 * Turns one instrument's pages of vendor bars into columns: only bars of the trading hours asked for, keyed by session
 * where they are daily, put together to longer ones anchored at the session's open where the vendor's grid differs, and
 * never a bar that is still forming. Missing values become NaN, which the quality checks refuse.
 */
export class VendorColumns {
  /** Bars outside the trading hours asked for. */
  outside = 0;
  readonly outsideExamples: string[] = [];
  private readonly aggregates: boolean;
  private readonly daily: boolean;
  private lastTime = Number.NEGATIVE_INFINITY;
  private session: Session | undefined;
  private windowFrom = Number.POSITIVE_INFINITY;
  private windowTo = Number.NEGATIVE_INFINITY;
  private time = Number.NaN;
  private end = Number.NEGATIVE_INFINITY;
  private open = 0;
  private high = 0;
  private low = 0;
  private close = 0;
  private volume = 0;
  private last: VendorBar = {};

  constructor(private readonly options: ColumnOptions) {
    this.aggregates = options.unit !== options.interval;
    this.daily = isSessionInterval(options.interval);
  }

  /** Bars completed by one page, ascending. Throws QUALITY where the vendor's order is broken. */
  page(rows: readonly VendorBar[]): BarColumns {
    const { instrument, interval, calendar } = this.options;
    const out = allocateBars(instrument, interval, rows.length + 1);
    let n = 0;
    for (const row of rows) {
      const t = typeof row.t === 'string' ? Date.parse(row.t) : typeof row.t === 'number' ? row.t : Number.NaN;
      if (Number.isNaN(t))
        throw new QuantlineError('QUALITY', `${instrument}: the vendor sent a bar without a readable time.`, {
          hint: 'Try again later; nothing of this symbol was taken from the page.',
          details: { symbol: instrument },
        });
      if (t === this.lastTime && this.sameAsLast(row)) continue;
      if (t <= this.lastTime)
        throw new QuantlineError(
          'QUALITY',
          `${instrument}: the vendor's bars go back in time at ${isoTime(t)} (after ${isoTime(this.lastTime)}).`,
          { hint: 'Try again later, or use another source.', details: { symbol: instrument, time: t } },
        );
      this.lastTime = t;
      this.last = row;
      if (this.daily && this.options.unit === '1d') n = this.daily1(row, t, calendar, out, n);
      else n = this.intraday(row, t, out, n);
    }
    return sliceBars(out, 0, n);
  }

  /** The bar that is still held back, if it is complete. */
  finish(): BarColumns {
    const out = allocateBars(this.options.instrument, this.options.interval, 1);
    return sliceBars(out, 0, this.aggregates ? this.flush(out, 0) : 0);
  }

  /** The vendor stamps midnight at the exchange; the session of that date gives the time. */
  private daily1(row: VendorBar, t: number, calendar: TradingCalendar, out: BarColumns, n: number): number {
    const session = calendar.session(dateAt(t, calendar.timezone));
    if (session === undefined) return this.leftOut(t, n);
    return this.emit(out, n, session.open, session.close, row);
  }

  private intraday(row: VendorBar, t: number, out: BarColumns, n: number): number {
    if (!(t >= this.windowFrom && t < this.windowTo)) this.enter(t);
    if (!(t >= this.windowFrom && t < this.windowTo)) return this.leftOut(t, n);
    const session = this.session as Session;
    if (!this.aggregates) return this.emit(out, n, t, Math.min(t + intervalMs(this.options.unit), this.limit(t)), row);
    if (t >= this.end) {
      n = this.flush(out, n);
      this.start(t, session);
      this.open = number(row.o);
      this.high = number(row.h);
      this.low = number(row.l);
      this.volume = 0;
    }
    // Not Math.max over everything: NaN must stay NaN.
    const high = number(row.h);
    const low = number(row.l);
    this.high = high > this.high || Number.isNaN(high) ? high : this.high;
    this.low = low < this.low || Number.isNaN(low) ? low : this.low;
    this.close = number(row.c);
    this.volume += number(row.v);
    return n;
  }

  /** Where a bar that starts at t is cut at the latest: the session's close, or the end of its trading hours. */
  private limit(t: number): number {
    const session = this.session as Session;
    if (t < session.open) return session.open;
    return t < session.close ? session.close : this.windowTo;
  }

  private enter(t: number): void {
    const { calendar, scope } = this.options;
    let session = calendar.nextSession(t);
    let window = scopeOf(session, scope);
    if (t < window[0]) {
      const previous = calendar.previousSession(t);
      const before = scopeOf(previous, scope);
      if (t < before[1]) [session, window] = [previous, before];
    }
    this.session = session;
    [this.windowFrom, this.windowTo] = window;
  }

  /** Opens the longer bar that t belongs to: before and in the session anchored at its open, afterwards at its close. */
  private start(t: number, session: Session): void {
    if (this.daily) {
      this.time = session.open;
      this.end = session.close;
      return;
    }
    const length = intervalMs(this.options.interval);
    const anchor = t < session.close ? session.open : session.close;
    const slot = anchor + Math.floor((t - anchor) / length) * length;
    this.time = Math.max(slot, this.windowFrom);
    this.end = Math.min(slot + length, this.limit(t), this.windowTo);
  }

  private flush(out: BarColumns, n: number): number {
    if (!Number.isFinite(this.end)) return n;
    const bar = { o: this.open, h: this.high, l: this.low, c: this.close, v: this.volume };
    const next = this.emit(out, n, this.time, this.end, bar);
    this.end = Number.NEGATIVE_INFINITY;
    return next;
  }

  private emit(out: BarColumns, n: number, time: number, end: number, row: VendorBar): number {
    const { from, to, completeUntil } = this.options;
    if (time < from || time >= to || end > completeUntil) return n;
    out.time[n] = time;
    out.open[n] = number(row.o);
    out.high[n] = number(row.h);
    out.low[n] = number(row.l);
    out.close[n] = number(row.c);
    out.volume[n] = number(row.v);
    return n + 1;
  }

  private sameAsLast(row: VendorBar): boolean {
    const { last } = this;
    return last.o === row.o && last.h === row.h && last.l === row.l && last.c === row.c && last.v === row.v;
  }

  private leftOut(t: number, n: number): number {
    this.outside++;
    if (this.outsideExamples.length < EXAMPLES) this.outsideExamples.push(isoTime(t));
    return n;
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** YYYY-MM-DD of an instant in a zone. */
export function dateAt(t: number, timezone: string): string {
  if (timezone === 'UTC') return isoTime(Math.floor(t / DAY_MS) * DAY_MS).slice(0, 10);
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: timezone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    });
    formats.set(timezone, format);
  }
  return format.format(t);
}
