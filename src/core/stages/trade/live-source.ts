import { DAY_MS, type Density, type Interval, intervalMs, isSessionInterval } from '../../domain/index.js';
import type { InStep } from '../../engine/aim.js';
import type { GrowingFeed, LiveTick, SlotSchedule, TickSource } from '../../engine/live/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { type Clock, isoTime, type Logger } from '../../platform/index.js';
import type { SilentBar } from './silent.js';

/** Where newer bars come from; puts them into the feed. */
export interface BarInflow {
  /** Asks for what a slot needs, `recent` being the first instant that may have been restated. */
  fetch(recent: number): Promise<void>;
  /** Resolves true once bars that a stream brings make the slot complete; false at `deadline`. Absent: there is no stream. */
  streamed?(slot: number, deadline: number, signal: AbortSignal): Promise<boolean>;
}

export interface LiveSourceOptions {
  readonly feed: GrowingFeed;
  readonly schedule: SlotSchedule;
  readonly inflow: BarInflow;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly interval: Interval;
  readonly density: Density;
  /** Instant at which orders of a slot can fill at the earliest: the slot itself while the market is open. */
  readonly nextFill: (slot: number) => number;
  /** Start of what the vendor may restate at an instant: the open of its session. */
  readonly recent: (slot: number) => number;
  /** Ms after the slot in which its decision may be sent. */
  readonly maxAge: number;
  /** Longest wait for a late bar, ms. */
  readonly patience: number;
  /** Whether `next` waits for slots that are not due yet, up to `until`. */
  readonly waits: boolean;
  readonly until: number;
  /** From here on the model is too old to decide; Infinity where it never is. */
  readonly expiry: number;
}

/** What can be wrong with bars; other errors are not about them. */
const BARS_FAIL: ReadonlySet<string> = new Set(['UNAVAILABLE', 'QUALITY', 'NO_DATA', 'MISMATCH', 'INPUT']);
/** Pause between two looks for a bar that is late, ms. */
const LOOK_EVERY = 2000;
/** In a sparse series a bar that is not there after this long was not traded, ms. */
const SPARSE_SETTLED = 15_000;
/** How long a slot may wait for its stream before the bars are asked for, ms. */
const STREAM_GRACE = 3000;
/** A sparse series without any bar for so many intervals counts as dead. */
const SILENT_BARS = 30;

/** Ticks of bars as they arrive: each slot once, with bars that are fresh and whole, or an error that says why not. */
export class LiveSource implements TickSource {
  readonly instruments: readonly string[];
  readonly inStep?: InStep;

  constructor(private readonly options: LiveSourceOptions) {
    this.instruments = options.feed.instruments;
    if (options.feed.inStep !== undefined) this.inStep = options.feed.inStep;
  }

  async next(time: number, signal: AbortSignal): Promise<LiveTick | undefined> {
    const { clock, schedule, waits, until } = this.options;
    for (;;) {
      signal.throwIfAborted();
      const slot = schedule.last(clock.now());
      if (slot > time) return this.due(slot, time, signal);
      if (!waits) return undefined;
      const coming = schedule.next(Math.max(slot, clock.now()));
      if (coming > until) return undefined;
      await clock.sleep(Math.min(coming - clock.now(), DAY_MS), signal);
    }
  }

  *past(after: number, to: number): Iterable<LiveTick> {
    const { schedule, feed } = this.options;
    for (let slot = schedule.next(after); slot <= to; slot = schedule.next(slot))
      yield feed.tick(slot, schedule.expected(slot), Number.NEGATIVE_INFINITY, schedule.last(slot - 1));
  }

  barAt(j: number, t: number): number {
    return this.options.feed.barAt(j, t);
  }

  extremes(j: number, t: number, bought?: number) {
    return this.options.feed.extremes(j, t, bought);
  }

  newest(j: number) {
    return this.options.feed.newest(j);
  }

  /** When a decision of this slot is too old to be sent. */
  validUntil(slot: number): number {
    const { maxAge, nextFill } = this.options;
    const fill = nextFill(slot);
    return fill > slot ? Math.min(slot + maxAge, fill) : slot + maxAge;
  }

  private async due(slot: number, asked: number, signal: AbortSignal): Promise<LiveTick> {
    const { schedule, feed } = this.options;
    const validUntil = this.validUntil(slot);
    const problem = (await this.complete(slot, validUntil, signal)) ?? this.outdated(slot);
    const missed = this.missed(asked, slot);
    return {
      ...feed.tick(slot, schedule.expected(slot), validUntil, schedule.last(slot - 1)),
      ...(missed === undefined ? {} : { missed }),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  private outdated(slot: number): QuantlineError | undefined {
    const { expiry } = this.options;
    if (slot < expiry) return undefined;
    return new QuantlineError('MISMATCH', `The model is too old since ${isoTime(expiry)}. Nothing was decided.`, {
      hint: 'Fit it again with quantline train --final, and name that model with --model.',
    });
  }

  private missed(after: number, slot: number): LiveTick['missed'] {
    if (after === Number.NEGATIVE_INFINITY) return undefined;
    const { schedule } = this.options;
    let [count, first, last] = [0, slot, slot];
    for (let t = schedule.next(after); t < slot; t = schedule.next(t)) {
      if (count++ === 0) first = t;
      last = t;
    }
    return count === 0 ? undefined : { count, first, last };
  }

  /** Waits until every bar of the slot is there and whole; otherwise says which are not, and why. */
  private async complete(slot: number, validUntil: number, signal: AbortSignal): Promise<QuantlineError | undefined> {
    const { clock, schedule, inflow, recent, patience, logger } = this.options;
    const begun = clock.now();
    if (begun - slot < STREAM_GRACE && (await inflow.streamed?.(slot, slot + STREAM_GRACE, signal))) return undefined;
    const deadline = Math.min(validUntil, Math.max(slot, begun) + patience);
    let failure: QuantlineError | undefined;
    for (;;) {
      try {
        await inflow.fetch(recent(slot));
        failure = undefined;
      } catch (error) {
        signal.throwIfAborted();
        if (!isQuantlineError(error) || !BARS_FAIL.has(error.code)) throw error;
        if (error.code !== 'UNAVAILABLE') return error;
        failure = error;
        logger.warn(error.message);
      }
      // What is asked for may say that an instrument has ended.
      const expected = schedule.expected(slot);
      const lacking = failure === undefined ? this.lacking(slot, expected) : expected.map((_, j) => j);
      if (lacking.length === 0) return undefined;
      // Of an expired slot nothing will be decided: it is told for the record, with what there is.
      if (begun >= validUntil && failure === undefined) return undefined;
      if (clock.now() >= deadline) return failure ?? this.stale(slot, expected, lacking);
      await clock.sleep(Math.max(1, Math.min(LOOK_EVERY, deadline - clock.now())), signal);
    }
  }

  /** Instruments whose bar of the slot should be there and is not. */
  private lacking(slot: number, expected: readonly (number | undefined)[]): readonly number[] {
    const { feed, density, interval, clock } = this.options;
    const absent = expected.flatMap((open, j) =>
      open === undefined || feed.indexOf(j, open) !== undefined ? [] : [j],
    );
    const sparse = density === 'sparse' && !isSessionInterval(interval);
    if (!sparse || absent.length === 0) return absent;
    if (clock.now() < slot + SPARSE_SETTLED) return absent;
    const newest = Math.max(...expected.map((_, j) => feed.bars(j).time.at(-1) ?? Number.NEGATIVE_INFINITY));
    return newest > slot - SILENT_BARS * intervalMs(interval) ? [] : absent;
  }

  private stale(slot: number, expected: readonly (number | undefined)[], lacking: readonly number[]): QuantlineError {
    const { feed } = this.options;
    const names = lacking.map((j) => this.instruments[j]!);
    const [first] = lacking;
    const last = feed.bars(first!).time.at(-1);
    const newest = last === undefined ? 'none' : isoTime(last);
    const silent = lacking.map((j): SilentBar => {
      const { time, close } = feed.bars(j);
      return { instrument: this.instruments[j]!, close: close.at(-1) ?? Number.NaN, time: time.at(-1) ?? 0 };
    });
    return new QuantlineError(
      'NO_DATA',
      `The slot ${isoTime(slot)} lacks the bar ${isoTime(expected[first!]!)} of ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''} (newest: ${newest}). Nothing was decided.`,
      {
        hint: 'The source is late or has stopped; start again while the slot is young, or raise --patience.',
        details: { slot, instruments: names, reason: 'stale', silent },
      },
    );
  }
}
