import {
  type Interval,
  intervalMs,
  isSessionInterval,
  type Session,
  type SessionScope,
  type TradingCalendar,
} from '../../domain/index.js';
import { scopeOf } from '../checks.js';

/** When the bars of one instrument open and are finished, by its calendar. Instants are epoch ms UTC. */
export class BarSchedule {
  private session: Session | undefined;
  private from = Number.POSITIVE_INFINITY;
  private to = Number.NEGATIVE_INFINITY;
  private readonly length: number;

  constructor(
    private readonly calendar: TradingCalendar,
    private readonly interval: Interval,
    private readonly scope: SessionScope,
  ) {
    this.length = intervalMs(interval);
  }

  /** Whether a bar that opens at t lies in the trading hours that are followed. */
  contains(t: number): boolean {
    this.enter(t);
    return t >= this.from && t < this.to;
  }

  /** Opening instant of the first bar that opens at t or later. */
  next(t: number): number {
    this.enter(t);
    if (t <= this.from) return isSessionInterval(this.interval) ? this.session!.open : this.from;
    if (!isSessionInterval(this.interval)) {
      const { open, close } = this.session!;
      // Before and in the session bars are anchored at its open, afterwards at its close.
      const anchor = t <= close ? open : close;
      const slot = anchor + Math.ceil((t - anchor) / this.length) * this.length;
      const cut = t <= close ? Math.min(slot, close) : slot;
      if (cut < this.to) return cut;
    } else if (t <= this.session!.open) return this.session!.open;
    const later = this.calendar.nextSession(Math.max(this.to, this.session!.close));
    return isSessionInterval(this.interval) ? later.open : scopeOf(later, this.scope)[0];
  }

  /** When the bar that opens at t is finished. */
  endOf(t: number): number {
    this.enter(t);
    return isSessionInterval(this.interval) ? this.session!.close : Math.min(t + this.length, this.to);
  }

  /** Start of the trading hours that hold t, or of the next ones. */
  openOf(t: number): number {
    this.enter(t);
    return isSessionInterval(this.interval) ? this.session!.open : this.from;
  }

  sameSession(a: number, b: number): boolean {
    return this.openOf(a) === this.openOf(b);
  }

  /** The session whose trading hours hold t, or the next one. */
  private enter(t: number): void {
    if (t >= this.from && t < this.to) return;
    let session = this.calendar.nextSession(t);
    let [from, to] = scopeOf(session, this.scope);
    if (t < from) {
      const previous = this.calendar.previousSession(t);
      const hours = scopeOf(previous, this.scope);
      if (t < hours[1]) {
        session = previous;
        [from, to] = hours;
      }
    }
    this.session = session;
    this.from = from;
    this.to = to;
  }
}
