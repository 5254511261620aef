import { allocateBars, type BarColumns, calendarOf, DAY_MS, type Instrument, knownAt } from '../../domain/index.js';
import { isQuantlineError, type QuantlineError } from '../../errors/index.js';
import type { Clock } from '../../platform/index.js';
import { without } from '../checks.js';
import { unfinishedFrom } from '../range.js';
import type { BarStreamEvent, StreamedBar } from '../source.js';
import type { FollowContext, FollowEvent, FollowRequest } from './events.js';
import { FollowProgress } from './progress.js';

/** Bars taken from the stream at once. */
const BATCH = 4096;
/** How often the calendar is asked whether something is overdue, and gaps are filled. */
const WATCH_MS = 15_000;
/** A bar is asked for this long after it should be there, then less and less often. */
const POLL_LAG_MS = 2000;
const POLL_MAX_MS = 60_000;
/** A stream that is silent although the source has newer bars is opened again, at most this often. */
const REOPEN_MS = 5 * 60_000;

const NOTHING = Symbol('nothing yet');

/**
 * Follows series for ever, or until `request.until`: first what the source already has, then its stream, or where it
 * has none for that bar length, the source asked again when each bar should be there. Every gap (a lost connection, a
 * bar left out, a stream that went silent in trading hours) is filled by asking the source. The caller takes events at its
 * own pace; the stream's client keeps a bounded number meanwhile, and counts what goes beyond as a lost connection.
 *
 * Ends without an error when the signal is aborted. @throws QuantlineError for what asking again cannot mend: keys,
 * entitlement. Failures that pass are logged and tried again.
 */
export async function* followBars(request: FollowRequest, context: FollowContext): AsyncGenerator<FollowEvent> {
  const follower = new Follower(request, context);
  try {
    const streamed = context.source.barStream?.covers(request.symbols, request.interval) === true;
    yield* streamed ? follower.streamed() : follower.polled();
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
}

class Follower {
  private readonly progress: FollowProgress;
  private readonly instruments: ReadonlyMap<string, Instrument>;
  /** When the connection was lost; undefined while there is one, and before the first. */
  private lostAt: number | undefined;

  constructor(
    private readonly request: FollowRequest,
    private readonly context: FollowContext,
  ) {
    this.progress = new FollowProgress(request, context);
    this.instruments = new Map(request.symbols.map((symbol, i) => [symbol, request.instruments[i]!]));
  }

  async *polled(): AsyncGenerator<FollowEvent> {
    const { clock, signal } = this.context;
    let pause = POLL_LAG_MS;
    while (!signal.aborted) {
      const before = this.progress.earliest;
      const done = yield* this.catchUp();
      yield* this.watch();
      if (this.progress.finished(clock.now())) return;
      pause = done && this.progress.earliest > before ? POLL_LAG_MS : Math.min(2 * pause, POLL_MAX_MS);
      await clock.sleep(Math.max(this.progress.due + POLL_LAG_MS - clock.now(), pause), signal);
    }
  }

  async *streamed(): AsyncGenerator<FollowEvent> {
    const { clock, signal, source } = this.context;
    let reopened = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const lifetime = new AbortController();
      const end = () => lifetime.abort(signal.reason);
      signal.addEventListener('abort', end, { once: true });
      const events = source.barStream!.open(this.request.symbols, lifetime.signal)[Symbol.asyncIterator]();
      try {
        const mute = yield* this.connected(events, () => clock.now() - reopened > REOPEN_MS);
        if (!mute) return;
        reopened = clock.now();
        yield this.lost({ type: 'disconnected', reason: 'the stream is silent, the source has newer bars' });
      } finally {
        signal.removeEventListener('abort', end);
        lifetime.abort();
        await events.return?.().catch(() => {});
      }
    }
  }

  /** One life of the stream's supervisor; true where it must be opened again because it is silent. */
  private async *connected(
    events: AsyncIterator<BarStreamEvent>,
    mayReopen: () => boolean,
  ): AsyncGenerator<FollowEvent, boolean> {
    const { clock, signal } = this.context;
    let pending = events.next();
    let watchAt = clock.now() + WATCH_MS;
    let behind = false;
    for (;;) {
      pending.catch(() => {});
      const first = await settled(pending, watchAt - clock.now(), clock, signal);
      if (first === NOTHING) {
        watchAt = clock.now() + WATCH_MS;
        if (behind) behind = !(yield* this.catchUp());
        yield* this.fillGaps();
        if ((yield* this.fillOverdue()) && mayReopen()) return true;
        yield* this.watch();
        if (this.progress.finished(clock.now())) return false;
        continue;
      }
      if (first.done === true) return false;
      const batch = [first.value];
      let over = false;
      pending = events.next();
      while (batch.length < BATCH) {
        pending.catch(() => {});
        const more = await Promise.race([pending, immediate()]);
        if (more === NOTHING) break;
        over = more.done === true;
        if (more.done === true) break;
        batch.push(more.value);
        pending = events.next();
      }
      for (const event of this.grouped(batch)) {
        yield event.type === 'disconnected' ? this.lost(event) : event;
        if (event.type === 'connected') behind = !(yield* this.catchUp());
      }
      if (over || this.progress.finished(clock.now())) return false;
    }
  }

  private lost<E extends FollowEvent>(event: E): E {
    this.lostAt ??= this.context.clock.now();
    return event;
  }

  /** Stream events with their bars put together, by symbol and by whether they are new. */
  private *grouped(batch: readonly BarStreamEvent[]): Iterable<FollowEvent> {
    let fresh: StreamedBar[] = [];
    let restated: StreamedBar[] = [];
    const flush = function* (this: Follower): Iterable<FollowEvent> {
      if (fresh.length > 0) {
        const bars = this.columns(fresh);
        for (const each of bars) this.progress.advance(each, 'stream');
        yield { type: 'bars', origin: 'stream', bars };
      }
      if (restated.length > 0) yield { type: 'bars', origin: 'restated', bars: this.columns(restated) };
      fresh = [];
      restated = [];
    }.bind(this);
    const last = new Map<string, number>();
    for (const event of batch) {
      if (event.type !== 'bar' && event.type !== 'updated') {
        yield* flush();
        last.clear();
        yield event;
        continue;
      }
      const { symbol, time } = event.bar;
      if (!this.progress.wants(symbol, time)) continue;
      const known = this.progress.has(symbol, time) || time <= (last.get(symbol) ?? Number.NEGATIVE_INFINITY);
      if (!known) last.set(symbol, time);
      (known ? restated : fresh).push(event.bar);
    }
    yield* flush();
  }

  /** Columns by symbol, ascending; of bars of one time the last counts. */
  private columns(bars: readonly StreamedBar[]): BarColumns[] {
    const bySymbol = new Map<string, Map<number, StreamedBar>>();
    for (const bar of bars) {
      const own = bySymbol.get(bar.symbol) ?? new Map<number, StreamedBar>();
      bySymbol.set(bar.symbol, own.set(bar.time, bar));
    }
    return [...bySymbol].map(([symbol, own]) => {
      const rows = [...own.values()].sort((a, b) => a.time - b.time);
      const out = allocateBars(this.instruments.get(symbol)!.id, this.request.interval, rows.length);
      for (const field of ['time', 'open', 'high', 'low', 'close', 'volume'] as const)
        rows.forEach((row, i) => {
          out[field][i] = row[field];
        });
      return out;
    });
  }

  /**
   * Everything from the first bar that some symbol lacks to now; after a lost connection also what was young when it
   * was lost, as its restatement may not have arrived.
   */
  private async *catchUp(): AsyncGenerator<FollowEvent, boolean> {
    const { symbols, from } = this.request;
    const { earliest, patienceMs } = this.progress;
    const young = Math.max((this.lostAt ?? Number.POSITIVE_INFINITY) - patienceMs, Math.min(...from.values()));
    const good = yield* this.fill(symbols, Math.min(earliest, young), this.context.clock.now());
    if (good) this.lostAt = undefined;
    return good;
  }

  /** Asks for bars that should have come; true where the source had some although every symbol was silent. */
  private async *fillOverdue(): AsyncGenerator<FollowEvent, boolean> {
    const now = this.context.clock.now();
    const symbols = this.progress.overdue(now);
    if (symbols.length === 0) return false;
    let found = false;
    for await (const event of this.fill(symbols, this.progress.earliest, now)) {
      found ||= event.type === 'bars' && event.bars.length > 0;
      yield event;
    }
    return found && symbols.length === this.request.symbols.length;
  }

  private async *fillGaps(): AsyncGenerator<FollowEvent> {
    const gaps = this.progress.takeGaps();
    if (gaps === undefined) return;
    const { symbols, range } = gaps;
    if (!(yield* this.fill(symbols, range.from, range.to))) this.progress.putBack(symbols, range);
  }

  /** Asks the source for [from, to), as far as it is finished; false where that failed and has to be tried again. */
  private async *fill(symbols: readonly string[], from: number, to: number): AsyncGenerator<FollowEvent, boolean> {
    const { source, clock, logger, signal } = this.context;
    const { interval, scope } = this.request;
    const size = Math.max(1, source.batch ?? 1);
    let good = true;
    for (let at = 0; at < symbols.length; at += size) {
      const part = symbols.slice(at, at + size);
      const asked = { from, to: Math.min(to, this.request.until ?? to) };
      if (!(asked.from < asked.to)) continue;
      const answered: BarColumns[] = [];
      try {
        for await (const block of source.bars({ symbols: part, interval, scope, ...asked }, signal)) {
          const finished = this.finished(block);
          if (finished.time.length === 0) continue;
          this.progress.advance(finished, 'backfill');
          answered.push(finished);
        }
      } catch (error) {
        signal.throwIfAborted();
        const problems = problemsOf(error);
        if (problems === undefined) throw error;
        for (const { message } of problems) logger.warn(`${message} It is asked for again.`);
        good = false;
      }
      // What is younger than this may still be published.
      const settledTo = clock.now() - this.progress.patienceMs;
      const ends = part.map((symbol) => unfinishedFrom(settledTo, interval, this.calendar(symbol)));
      const covered = { from, to: good ? Math.max(from, Math.min(asked.to, ...ends)) : from };
      if (good) this.progress.answered(part, covered.to);
      yield { type: 'bars', origin: 'backfill', bars: answered, symbols: part, covered };
    }
    return good;
  }

  private calendar(symbol: string) {
    return calendarOf(this.instruments.get(symbol)!.calendar);
  }

  /** Without bars that are not finished yet, or outside the trading hours. */
  private finished(block: BarColumns): BarColumns {
    const { clock, source } = this.context;
    const known = knownAt(block, this.calendar(block.instrument), source.delayMs ?? 0);
    const now = clock.now();
    const out: number[] = [];
    known.forEach((t, i) => {
      if (t > now || !this.progress.wants(block.instrument, block.time[i]!)) out.push(i);
    });
    return out.length === 0 ? block : without(block, out);
  }

  private *watch(): Iterable<FollowEvent> {
    const symbols = this.progress.staleChange(this.context.clock.now());
    if (symbols !== undefined) yield { type: 'stale', symbols };
  }
}

/** What a failed request was about, where trying again may help; undefined for what ends the following. */
function problemsOf(error: unknown): readonly QuantlineError[] | undefined {
  const all = error instanceof AggregateError ? error.errors : [error];
  const passing = new Set(['UNAVAILABLE', 'NO_DATA', 'QUALITY', 'INPUT']);
  return all.every((one) => isQuantlineError(one) && passing.has(one.code)) ? all : undefined;
}

const immediate = (): Promise<typeof NOTHING> => new Promise((resolve) => setImmediate(resolve, NOTHING));

/** The promise's value, or NOTHING after `ms` of the clock. */
async function settled<T>(
  promise: Promise<T>,
  ms: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<T | typeof NOTHING> {
  const stop = new AbortController();
  const slept = clock.sleep(Math.min(Math.max(ms, 0), DAY_MS), AbortSignal.any([stop.signal, signal])).then(
    () => NOTHING,
    () => new Promise<typeof NOTHING>(() => {}),
  );
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: stop.signal } as never);
  });
  aborted.catch(() => {});
  try {
    return await Promise.race([promise, slept as Promise<typeof NOTHING>, aborted]);
  } finally {
    stop.abort();
  }
}
