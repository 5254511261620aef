import { type BarColumns, calendarOf, isSessionInterval } from '../../domain/index.js';
import type { TimeRange } from '../series/coverage.js';
import type { FollowContext, FollowRequest } from './events.js';
import { BarSchedule } from './schedule.js';

const MINUTE = 60_000;

/** How far each followed symbol has come: its next bar, its gaps, and whether that bar is overdue. */
export class FollowProgress {
  private readonly schedules: ReadonlyMap<string, BarSchedule>;
  private readonly next: Map<string, number>;
  private readonly gaps = new Map<string, TimeRange>();
  private readonly last = new Map<string, number>();
  /** How late a bar may be before it counts as overdue, the source's delay included. */
  readonly patienceMs: number;
  private readonly delayMs: number;
  private readonly dense: boolean;
  private stale: readonly string[] = [];

  constructor(
    private readonly request: FollowRequest,
    context: FollowContext,
  ) {
    const { symbols, instruments, interval, scope, from } = request;
    this.schedules = new Map(
      symbols.map((symbol, i) => [symbol, new BarSchedule(calendarOf(instruments[i]!.calendar), interval, scope)]),
    );
    this.next = new Map(symbols.map((symbol) => [symbol, this.schedules.get(symbol)!.next(from.get(symbol)!)]));
    // Before and after hours a minute without a trade is no gap.
    this.dense =
      context.source.density === 'dense' &&
      (scope === 'regular' || isSessionInterval(interval) || instruments.every(({ calendar }) => calendar === '24/7'));
    this.delayMs = context.source.delayMs ?? 0;
    this.patienceMs = this.delayMs + (context.staleMs ?? (this.dense ? 2 : 15) * MINUTE);
  }

  /** Whether the bar is one of those followed: a known symbol, in its trading hours, not beyond the end. */
  wants(symbol: string, time: number): boolean {
    return (
      this.schedules.get(symbol)?.contains(time) === true && time < (this.request.until ?? Number.POSITIVE_INFINITY)
    );
  }

  /** Whether a bar of that time was given before. */
  has(symbol: string, time: number): boolean {
    return time < this.next.get(symbol)!;
  }

  /** Notes bars that were given; what they leave out becomes a gap where that is one. */
  advance({ instrument, time }: BarColumns, origin: 'stream' | 'backfill'): void {
    const schedule = this.schedules.get(instrument)!;
    for (const t of time) {
      const expected = this.next.get(instrument)!;
      this.last.set(instrument, Math.max(t, this.last.get(instrument) ?? t));
      if (t < expected) continue;
      if (origin === 'stream' && this.dense && t > expected) this.addGap(instrument, { from: expected, to: t });
      this.next.set(instrument, schedule.next(t + 1));
    }
  }

  private addGap(symbol: string, { from, to }: TimeRange): void {
    const before = this.gaps.get(symbol);
    this.gaps.set(symbol, { from: Math.min(from, before?.from ?? from), to: Math.max(to, before?.to ?? to) });
  }

  /** The gaps since the last call, as one range over their symbols; undefined where there are none. */
  takeGaps(): { symbols: readonly string[]; range: TimeRange } | undefined {
    if (this.gaps.size === 0) return undefined;
    const ranges = [...this.gaps.values()];
    const taken = {
      symbols: [...this.gaps.keys()],
      range: { from: Math.min(...ranges.map(({ from }) => from)), to: Math.max(...ranges.map(({ to }) => to)) },
    };
    this.gaps.clear();
    return taken;
  }

  putBack(symbols: readonly string[], range: TimeRange): void {
    for (const symbol of symbols) this.addGap(symbol, range);
  }

  /** First bar that some symbol lacks. */
  get earliest(): number {
    return Math.min(...this.next.values());
  }

  /** When the next bar of some symbol should be there; at its end plus the source's delay. */
  get due(): number {
    return Math.min(...[...this.next].map(([symbol, t]) => this.schedules.get(symbol)!.endOf(t))) + this.delayMs;
  }

  /** The source has answered everything before `to`: what was not there will not come. */
  answered(symbols: readonly string[], to: number): void {
    for (const symbol of symbols)
      if (this.next.get(symbol)! < to) this.next.set(symbol, this.schedules.get(symbol)!.next(to));
  }

  /** All bars up to the end are there, or will not come any more. */
  finished(now: number): boolean {
    const { until = Number.POSITIVE_INFINITY } = this.request;
    return now >= until && [...this.next.values()].every((t) => t >= until);
  }

  /** Symbols whose next bar is overdue: the source has to be asked. */
  overdue(now: number): readonly string[] {
    return this.request.symbols.filter((symbol) => {
      const t = this.next.get(symbol)!;
      return now > this.schedules.get(symbol)!.endOf(t) + this.patienceMs;
    });
  }

  /** Symbols that have given no bar for too long while their session goes on; undefined where that is what it was. */
  staleChange(now: number): readonly string[] | undefined {
    const stale = this.request.symbols.filter((symbol) => {
      const schedule = this.schedules.get(symbol)!;
      if (!schedule.contains(now)) return false;
      const heard = this.last.get(symbol);
      const since = heard !== undefined && schedule.sameSession(heard, now) ? heard : schedule.openOf(now);
      return now > schedule.endOf(since) + this.patienceMs;
    });
    if (stale.length === this.stale.length && stale.every((symbol, i) => symbol === this.stale[i])) return undefined;
    this.stale = stale;
    return stale;
  }
}
