import {
  type BarColumns,
  type CorporateAction,
  calendarOf,
  DAY_MS,
  type Instrument,
  type Interval,
  intervalMs,
  knownAt,
  lowerBound,
  type SeriesKey,
  type SessionScope,
  sliceBars,
} from '../domain/index.js';
import { type ErrorCode, isQuantlineError, QuantlineError } from '../errors/index.js';
import type { Clock, Logger, Progress } from '../platform/index.js';
import type { DatasetSeries } from './dataset.js';
import { checkQuality, type QualityFinding, type QualityPolicies, type SourceNote } from './quality.js';
import { type AskedRange, type TimeRange, timeRange, unfinishedFrom } from './range.js';
import { missingRanges } from './series/coverage.js';
import { joinBars } from './series/memory.js';
import type { MarketDataSource } from './source.js';
import type { BarStore } from './store.js';
import { type Membership, memberOf, within } from './universe.js';

export interface IngestRequest {
  /** Name of the source, as it stands in series keys. */
  readonly sourceName: string;
  readonly symbols: readonly string[];
  readonly interval: Interval;
  readonly scope: SessionScope;
  readonly range: AskedRange;
  readonly policies: QualityPolicies;
  /** From where the stored series begins, up to now; needs no `from`. */
  readonly update?: boolean;
  /** Ask also for what is stored. */
  readonly refetch?: boolean;
  /** Sessions in which a symbol belongs to the universe; absent: all. */
  readonly members?: ReadonlyMap<string, Membership>;
}

export interface IngestContext {
  readonly source: MarketDataSource;
  readonly store: BarStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** What the source noted so far, by instrument; ingest takes it out. */
  readonly notes: Map<string, SourceNote[]>;
}

/** One symbol that was stored. */
export interface IngestedSeries {
  readonly symbol: string;
  readonly series: DatasetSeries;
  /** Bars received and kept. */
  readonly rows: number;
  readonly inserted: number;
  readonly updated: number;
}

export interface IngestFailure {
  readonly symbol: string;
  readonly error: QuantlineError;
}

export interface IngestOutcome {
  readonly stored: readonly IngestedSeries[];
  readonly failures: readonly IngestFailure[];
}

/** Errors that concern one symbol; any other ends the whole ingest. */
const PER_SYMBOL: ReadonlySet<ErrorCode> = new Set(['INPUT', 'QUALITY', 'NO_DATA', 'MISMATCH', 'ARTIFACT_CORRUPT']);

const isPerSymbol = (error: unknown): error is QuantlineError => isQuantlineError(error) && PER_SYMBOL.has(error.code);

/**
 * Source → quality checks → store, symbol by symbol. A symbol is stored whole or, where it fails, left as it was; what
 * was stored before a failure or an interruption stays.
 */
export async function ingestBars(request: IngestRequest, context: IngestContext): Promise<IngestOutcome> {
  const stored: IngestedSeries[] = [];
  const failures: IngestFailure[] = [];
  const { source, signal, progress } = context;
  const described = await describe(source, request.symbols, failures);
  const size = Math.max(1, source.batch ?? 1);
  const began = context.clock.monotonic();
  let received = 0;
  const planned = await plan(described, request, context, failures);
  for (const batch of batches(planned, size, request.interval)) {
    signal.throwIfAborted();
    const names = batch.slice(0, 3).map(({ symbol }) => symbol);
    const label = `${names.join(', ')}${batch.length > names.length ? ', …' : ''}`;
    const report = (more: number) => {
      received += more;
      const rate = Math.round((1000 * received) / Math.max(context.clock.monotonic() - began, 1));
      const done = stored.length + failures.length;
      progress.update(`${label}: ${received} bars, ${rate} a second`, done, request.symbols.length);
    };
    report(0);
    const fetched = await fetchBatch(batch, request, context, failures, report);
    for (const item of batch) {
      const answer = fetched.get(item.instrument.id);
      if (answer === undefined) continue;
      try {
        const result = await keep(item, answer, request, context);
        stored.push(result);
      } catch (error) {
        if (!isPerSymbol(error)) throw error;
        failures.push({ symbol: item.symbol, error });
      }
    }
  }
  progress.end();
  return { stored, failures };
}

interface Described {
  readonly symbol: string;
  readonly instrument: Instrument;
}

async function describe(
  source: MarketDataSource,
  symbols: readonly string[],
  failures: IngestFailure[],
): Promise<Described[]> {
  try {
    const instruments = await source.instruments(symbols);
    return symbols.map((symbol, i) => ({ symbol, instrument: instruments[i]! }));
  } catch (error) {
    if (!isPerSymbol(error)) throw error;
  }
  // One of them is unknown: ask one by one, so that the others go on.
  const out: Described[] = [];
  for (const symbol of symbols) {
    try {
      out.push({ symbol, instrument: (await source.instruments([symbol]))[0]! });
    } catch (error) {
      if (!isPerSymbol(error)) throw error;
      failures.push({ symbol, error });
    }
  }
  return out;
}

/** A symbol with its range and what of it the store does not cover. */
interface Planned extends Described {
  readonly key: SeriesKey;
  readonly range: TimeRange;
  readonly missing: readonly TimeRange[];
}

/** Works out per symbol what to ask for: the range asked, without what was answered before. */
async function plan(
  described: readonly Described[],
  request: IngestRequest,
  context: IngestContext,
  failures: IngestFailure[],
): Promise<Planned[]> {
  const { source, store, clock } = context;
  const { interval, scope } = request;
  const now = clock.now();
  const out: Planned[] = [];
  for (const item of described) {
    const { symbol, instrument } = item;
    const key: SeriesKey = {
      source: request.sourceName,
      feed: source.feed,
      scope,
      interval,
      instrument: instrument.id,
    };
    const calendar = calendarOf(instrument.calendar);
    try {
      const info = source.archive === true ? undefined : await store.info(key);
      const member = request.members?.get(symbol);
      let range = timeRange(within(request.range, member), calendar, scope, now);
      if (source.archive !== true) {
        const began = request.update === true ? (info?.coverage?.[0]?.from ?? info?.firstTime) : undefined;
        if (range.from === Number.NEGATIVE_INFINITY && began !== undefined) range = { ...range, from: began };
        range = bounded(range, now);
      }
      const covered = request.refetch === true ? [] : (info?.coverage ?? []);
      out.push({
        ...item,
        instrument: memberOf(instrument, member),
        key,
        range,
        missing: missingRanges(covered, range),
      });
    } catch (error) {
      if (!isPerSymbol(error)) throw error;
      failures.push({ symbol, error });
    }
  }
  return out;
}

/** What is not an archive ends now and needs a beginning. */
function bounded(range: TimeRange, now: number): TimeRange {
  if (range.from === Number.NEGATIVE_INFINITY)
    throw new QuantlineError('USAGE', 'This source needs to know from when on.', {
      hint: 'Add --from 2020-01-01, or --last 30d; --update goes on where stored bars end.',
    });
  return { from: range.from, to: Math.min(range.to, now) };
}

/** Bars held at once, about: a batch of many symbols must not be a universe in memory. */
const BATCH_ROWS = 4_000_000;

/** Runs of symbols that miss the same ranges, so that one request asks for all; fewer at once where each has many bars. */
function* batches(items: readonly Planned[], size: number, interval: Interval): Iterable<Planned[]> {
  const groups = new Map<string, Planned[]>();
  for (const item of items) {
    const key = JSON.stringify(item.missing.map(({ from, to }) => [String(from), String(to)]));
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  for (const group of groups.values()) {
    const span = group[0]!.missing.reduce((sum, { from, to }) => sum + (to - from), 0);
    // An archive's open range is one symbol at a time already.
    const each = Number.isFinite(span) ? Math.max(span / intervalMs(interval), 1) : 1;
    const step = Math.max(1, Math.min(size, Math.floor(BATCH_ROWS / each)));
    for (let at = 0; at < group.length; at += step) yield group.slice(at, at + step);
  }
}

interface Answer {
  readonly parts: BarColumns[];
  readonly actions: CorporateAction[];
}

async function fetchBatch(
  batch: readonly Planned[],
  request: IngestRequest,
  context: IngestContext,
  failures: IngestFailure[],
  received: (rows: number) => void,
): Promise<Map<string, Answer>> {
  const { source, signal } = context;
  const { interval, scope } = request;
  const answers = new Map(batch.map(({ instrument }): [string, Answer] => [instrument.id, { parts: [], actions: [] }]));
  const failed = (error: QuantlineError, symbol: string) => {
    failures.push({ symbol, error });
    answers.delete(batch.find((item) => item.symbol === symbol)?.instrument.id ?? symbol);
  };
  for (const range of batch[0]!.missing) {
    const symbols = batch.filter(({ instrument }) => answers.has(instrument.id)).map(({ symbol }) => symbol);
    if (symbols.length === 0) break;
    const asked = { symbols, interval, scope, ...range };
    try {
      for await (const block of source.bars(asked, signal)) {
        answers.get(block.instrument)?.parts.push(block);
        received(block.time.length);
      }
      for (const action of (await source.actions?.(asked, signal)) ?? [])
        answers.get(action.instrument)?.actions.push(action);
    } catch (error) {
      signal.throwIfAborted();
      for (const one of error instanceof AggregateError ? error.errors : [error]) {
        if (!isPerSymbol(one)) throw one;
        const symbol = one.details['symbol'];
        if (typeof symbol === 'string' && symbols.includes(symbol)) failed(one, symbol);
        else for (const each of symbols) failed(one, each);
      }
    }
  }
  return answers;
}

/** Bars before the first new one that the checks compare with. */
const CONTEXT_MS = 30 * DAY_MS;

async function keep(
  { symbol, instrument, key, range, missing }: Planned,
  { parts, actions }: Answer,
  request: IngestRequest,
  context: IngestContext,
): Promise<IngestedSeries> {
  const { source, store } = context;
  const { interval, scope } = request;
  const now = context.clock.now();
  const calendar = calendarOf(instrument.calendar);
  const notes = context.notes.get(symbol) ?? [];
  context.notes.delete(symbol);
  const live = source.archive !== true;
  let bars = joinBars(
    instrument.id,
    interval,
    parts.filter((part) => part.time.length > 0),
  );
  // A bar whose end lies ahead is not finished and would be another one later.
  if (live) bars = sliceBars(bars, 0, lowerBound(knownAt(bars, calendar, 0), now + 1));
  const before = await store.info(key);
  if (bars.time.length === 0 && (before === undefined || before.rows === 0))
    throw new QuantlineError('NO_DATA', `${request.sourceName} has no ${interval} bars of ${symbol} in that range.`, {
      hint: 'Check the symbol, the interval and the range.',
      details: { symbol },
    });
  const known = [...(before === undefined ? [] : await store.actions(key)), ...actions];
  const first = bars.time[0];
  const earlier =
    live && before !== undefined && first !== undefined
      ? [await store.read(key, first - CONTEXT_MS, first)].filter((part) => part.time.length > 0)
      : [];
  const checked = checkQuality(joinBars(instrument.id, interval, [...earlier, bars]), {
    calendar,
    scope,
    density: source.density,
    policies: request.policies,
    actions: known,
    notes,
    ...(first === undefined ? {} : { judgeFrom: first }),
    ...(live || request.range.to !== undefined
      ? { expectedUntil: Math.min(range.to, now) - (source.delayMs ?? 0) }
      : {}),
  });
  if (bars.time.length > 0 && checked.bars.time.length === 0)
    throw new QuantlineError('NO_DATA', `No bar of ${symbol} is left after the checks${named(checked.findings)}.`, {
      hint: 'Check --interval, --session, --calendar and --timezone.',
      details: { symbol, findings: checked.findings },
    });
  warn(symbol, checked.findings, context.logger);
  context.signal.throwIfAborted();
  const metadata = { key, instrument, basis: source.basis, density: source.density };
  // What is published later than now must be asked again.
  const settled = unfinishedFrom(now - (source.delayMs ?? 0), interval, calendar);
  const covered = live
    ? missing.map(({ from, to }) => ({ from, to: Math.min(to, settled) })).filter(({ from, to }) => from < to)
    : [];
  // Bars first or with the first range: a crash in between asks again, and leaves no hole.
  const put = await store.put(metadata, checked.bars, covered[0]);
  for (const more of covered.slice(1)) await store.put(metadata, sliceBars(checked.bars, 0, 0), more);
  if (actions.length > 0) await store.putActions(key, actions);
  return {
    symbol,
    rows: checked.bars.time.length,
    inserted: put.inserted,
    updated: put.updated,
    series: await seriesOf(store, key, closed(range, checked.bars), checked.findings),
  };
}

/** An open end of an archive's range closes where its bars do. */
const closed = ({ from, to }: TimeRange, { time }: BarColumns): TimeRange => ({
  from: Number.isFinite(from) ? from : (time[0] ?? from),
  to: Number.isFinite(to) ? to : (time.at(-1) ?? to) + 1,
});

/** Pins a stored range and describes it. */
export async function seriesOf(
  store: BarStore,
  key: SeriesKey,
  range: TimeRange,
  quality: readonly QualityFinding[],
): Promise<DatasetSeries> {
  const [info, actions, times] = await Promise.all([
    store.info(key),
    store.actions(key),
    store.times(key, range.from, range.to),
  ]);
  if (info === undefined || times.length === 0)
    throw new QuantlineError('NO_DATA', `The store has no bars of ${key.instrument} in that range.`, {
      hint: 'Ingest them first.',
      details: { symbol: key.instrument },
    });
  const pin = await store.pin(key, range.from, range.to);
  const { instrument, basis, density } = info;
  return { instrument, basis, density, firstTime: times[0]!, lastTime: times.at(-1)!, actions, pin, quality };
}

const named = (findings: readonly QualityFinding[]): string =>
  findings.length === 0 ? '' : ` (${findings.map(({ check, count }) => `${check}: ${count}`).join(', ')})`;

function warn(symbol: string, findings: readonly QualityFinding[], logger: Logger): void {
  for (const { check, policy, count, examples } of findings) {
    if (policy === 'allow') continue;
    const what = policy === 'drop' ? 'left out' : 'found';
    const list = examples.slice(0, 3).join('; ');
    logger.warn(`${symbol}: ${check}: ${count} ${what}, at ${list}${count > 3 ? ', …' : ''}`);
  }
}
