import type { Session, SessionScope, TradingCalendar } from '../../domain/index.js';
import { type Interval, intervalMs, isSessionInterval } from '../../domain/interval.js';

/** A bar by its time: when it opens and from when it is known. Epoch ms UTC. */
export interface ExpectedBar {
  readonly open: number;
  readonly known: number;
}

/**
 * Which bars a calendar promises and when each is known: half days, early closes and daylight saving are the
 * calendar's. The same rule as `knownAt`, for bars that are still to come.
 */
export class SlotClock {
  private readonly length: number;

  /** `hours`: the trading hours of a session in the series' scope. */
  constructor(
    private readonly calendar: TradingCalendar,
    private readonly interval: Interval,
    private readonly scope: SessionScope,
    private readonly delayMs: number,
    private readonly hours: (session: Session, scope: SessionScope) => readonly [from: number, to: number],
  ) {
    this.length = intervalMs(interval);
  }

  /** The newest bar that is known at t. */
  last(t: number): ExpectedBar {
    const from = this.calendar.nextSession(t - this.delayMs);
    for (let session = from; ; session = this.calendar.previousSession(session.open)) {
      const known = this.barsOf(session).filter((bar) => bar.known <= t);
      if (known.length > 0) return known.at(-1)!;
    }
  }

  /** The first bar that becomes known after t. */
  next(t: number): ExpectedBar {
    const before = this.calendar.previousSession(t - this.delayMs);
    for (let session = before; ; session = this.calendar.nextSession(session.close)) {
      const later = this.barsOf(session).find((bar) => bar.known > t);
      if (later !== undefined) return later;
    }
  }

  private cached: { readonly session: Session; readonly bars: readonly ExpectedBar[] } | undefined;

  private barsOf(session: Session): readonly ExpectedBar[] {
    if (this.cached?.session.open === session.open) return this.cached.bars;
    const bars: ExpectedBar[] = [];
    if (isSessionInterval(this.interval)) bars.push({ open: session.open, known: session.close + this.delayMs });
    else {
      const [from, to] = this.hours(session, this.scope);
      for (let open = from; open < to; open += this.length) {
        const regular = open >= session.open && open < session.close;
        const end = regular ? Math.min(open + this.length, session.close) : open + this.length;
        bars.push({ open, known: end + this.delayMs });
      }
    }
    this.cached = { session, bars };
    return bars;
  }
}

/** The clock of several instruments: a slot is an instant at which at least one of them should have a new bar. */
export class SlotSchedule {
  private readonly ends: number[];

  constructor(private readonly clocks: readonly SlotClock[]) {
    this.ends = clocks.map(() => Number.POSITIVE_INFINITY);
  }

  /** Instrument j has no bars that open at or after an instant: it was delisted, or has another name from there on. */
  end(j: number, from: number): void {
    this.ends[j] = from;
  }

  /** Whether instrument j still has a bar that opens at `open`. */
  trades(j: number, open: number): boolean {
    return open < this.ends[j]!;
  }

  last(t: number): number {
    return Math.max(...this.clocks.map((clock) => clock.last(t).known));
  }

  next(t: number): number {
    return Math.min(...this.clocks.map((clock) => clock.next(t).known));
  }

  /** Per instrument the opening instant of the bar that becomes known at the slot; undefined where none does. */
  expected(slot: number): readonly (number | undefined)[] {
    return this.clocks.map((clock, j) => {
      const { open, known } = clock.last(slot);
      return known === slot && this.trades(j, open) ? open : undefined;
    });
  }
}
