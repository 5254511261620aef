import { BarChecker } from '../../data/follow/checker.js';
import { followBars } from '../../data/follow/follow.js';
import type { QualityPolicies } from '../../data/quality.js';
import { resample } from '../../data/resample.js';
import { mergeBars } from '../../data/series/merge.js';
import type { MarketDataSource } from '../../data/source.js';
import {
  allocateBars,
  type BarColumns,
  calendarOf,
  type Density,
  type Instrument,
  type Interval,
  isSessionInterval,
  lowerBound,
  type SessionScope,
  sliceBars,
} from '../../domain/index.js';
import type { GrowingFeed, SlotSchedule } from '../../engine/live/index.js';
import { isQuantlineError } from '../../errors/index.js';
import type { Clock, Logger } from '../../platform/index.js';

const MINUTE = 60_000;
/** Minutes kept per instrument; a slot needs those of its own bar only. */
const KEPT = 2000;

export interface StreamedBarsOptions {
  readonly source: MarketDataSource;
  readonly instruments: readonly Instrument[];
  readonly interval: Interval;
  readonly scope: SessionScope;
  readonly delayMs: number;
  readonly policies: QualityPolicies;
  readonly feed: GrowingFeed;
  readonly schedule: SlotSchedule;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Opening instant of the first minute that matters. */
  readonly from: number;
}

/** Whether a source's stream can make these bars: minutes put together. */
export const canStream = (source: MarketDataSource, instruments: readonly Instrument[], interval: Interval): boolean =>
  !isSessionInterval(interval) &&
  source.barStream?.covers(
    instruments.map(({ id }) => id),
    '1m',
  ) === true;

/** The bars of a slot out of a source's followed minutes: checked, put together, and in the feed as the last one comes. */
export class StreamedBars {
  private readonly minutes: BarColumns[];
  private readonly checkers: readonly BarChecker[];
  private readonly density: Density;
  private wake = (): void => {};
  /** The stream has ended for good; slots are asked of the source. */
  private over = false;

  constructor(private readonly options: StreamedBarsOptions) {
    const { instruments, scope, policies, source } = options;
    this.density = source.density;
    this.minutes = instruments.map(({ id }) => allocateBars(id, '1m', 0));
    this.checkers = instruments.map(
      (instrument, j) => new BarChecker({ instrument, interval: '1m', scope, policies, actions: [] }, this.minutes[j]!),
    );
  }

  /** Follows the source until the signal aborts; ends early, with a warning, where it cannot be followed. */
  async run(signal: AbortSignal): Promise<void> {
    const { source, instruments, scope, clock, logger, from } = this.options;
    const symbols = instruments.map(({ id }) => id);
    const request = {
      ...{ symbols, instruments, scope, interval: '1m' as const },
      from: new Map(symbols.map((symbol) => [symbol, from])),
    };
    try {
      for await (const event of followBars(request, { source, clock, logger, signal })) {
        if (event.type === 'bars') for (const bars of event.bars) this.take(bars, event.origin === 'restated');
        else if (event.type === 'stale' && event.symbols.length > 0)
          logger.warn(`No new bars of ${event.symbols.slice(0, 5).join(', ')}: the stream or the market is silent.`);
        else if (event.type === 'disconnected') logger.warn(`The stream of bars is interrupted: ${event.reason}`);
      }
    } catch (error) {
      if (signal.aborted || !isQuantlineError(error)) throw error;
      logger.warn(`${error.message} Bars are asked for instead.`);
    } finally {
      this.over = true;
      this.wake();
    }
  }

  private take(bars: BarColumns, restated: boolean): void {
    const j = this.options.instruments.findIndex(({ id }) => id === bars.instrument);
    if (j < 0) return;
    const { logger } = this.options;
    const good = this.checkers[j]!.check(bars, ({ reason }) => logger.warn(reason));
    if (good.time.length === 0) return;
    const all = mergeBars(this.minutes[j]!, good).bars;
    this.minutes[j] = all.time.length > 2 * KEPT ? sliceBars(all, all.time.length - KEPT) : all;
    if (restated) this.putAgain(j, good.time);
    this.wake();
  }

  /** Bars that are in the feed already and hold a restated minute. */
  private putAgain(j: number, times: Float64Array): void {
    const { feed, interval, instruments } = this.options;
    const whole = resample(this.minutes[j]!, interval, calendarOf(instruments[j]!.calendar));
    for (const t of times) {
      const row = lowerBound(whole.time, t + 1) - 1;
      if (row >= 0 && feed.indexOf(j, whole.time[row]!) !== undefined) feed.put(j, sliceBars(whole, row, row + 1));
    }
  }

  /** True once every bar of the slot is in the feed; false at the deadline. */
  async streamed(slot: number, deadline: number, signal: AbortSignal): Promise<boolean> {
    const { clock, schedule } = this.options;
    const expected = schedule.expected(slot);
    const end = slot - this.options.delayMs;
    for (;;) {
      if (this.over) return false;
      if (expected.every((open, j) => open === undefined || this.whole(j, open, end))) {
        this.put(expected, end);
        return true;
      }
      if (clock.now() >= deadline) return false;
      const woken = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      await Promise.race([woken, clock.sleep(deadline - clock.now(), signal)]);
    }
  }

  private whole(j: number, open: number, end: number): boolean {
    const { time } = this.minutes[j]!;
    const from = lowerBound(time, open);
    if (this.density === 'sparse') return time[lowerBound(time, end) - 1] === end - MINUTE;
    return lowerBound(time, end) - from === Math.round((end - open) / MINUTE);
  }

  private put(expected: readonly (number | undefined)[], end: number): void {
    const { feed, interval, instruments } = this.options;
    expected.forEach((open, j) => {
      if (open === undefined) return;
      const all = this.minutes[j]!;
      const own = sliceBars(all, lowerBound(all.time, open), lowerBound(all.time, end));
      feed.put(j, interval === '1m' ? own : resample(own, interval, calendarOf(instruments[j]!.calendar)));
    });
  }
}
