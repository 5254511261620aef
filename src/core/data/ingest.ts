import {
  type BarColumns,
  type CorporateAction,
  calendarOf,
  type Instrument,
  type Interval,
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
import { type AskedRange, type TimeRange, timeRange } from './range.js';
import { joinBars } from './series/memory.js';
import type { MarketDataSource } from './source.js';
import type { BarStore } from './store.js';

export interface IngestRequest {
  /** Name of the source, as it stands in series keys. */
  readonly sourceName: string;
  readonly symbols: readonly string[];
  readonly interval: Interval;
  readonly scope: SessionScope;
  readonly range: AskedRange;
  readonly policies: QualityPolicies;
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
  let rows = 0;
  for (const batch of batches(described, size)) {
    signal.throwIfAborted();
    const label = batch.map(({ symbol }) => symbol).join(', ');
    progress.update(`${label}: ${rows} bars so far`, stored.length + failures.length, request.symbols.length);
    const fetched = await fetchBatch(batch, request, context, failures);
    for (const item of batch) {
      const bars = fetched.get(item.instrument.id);
      if (bars === undefined) continue;
      try {
        const result = await keep(item, bars, request, context);
        stored.push(result);
        rows += result.rows;
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

/** Runs of symbols of one calendar, so that a batch has one range of instants. */
function* batches(items: readonly Described[], size: number): Iterable<Described[]> {
  for (const calendar of ['XNYS', '24/7'] as const) {
    const same = items.filter(({ instrument }) => instrument.calendar === calendar);
    for (let at = 0; at < same.length; at += size) yield same.slice(at, at + size);
  }
}

async function fetchBatch(
  batch: readonly Described[],
  request: IngestRequest,
  context: IngestContext,
  failures: IngestFailure[],
): Promise<Map<string, { parts: BarColumns[]; range: TimeRange; actions: CorporateAction[] }>> {
  const { source, clock, signal } = context;
  const calendar = calendarOf(batch[0]!.instrument.calendar);
  const range = bounded(timeRange(request.range, calendar, request.scope, clock.now()), source, clock.now());
  const { interval, scope } = request;
  const asked = { symbols: batch.map(({ symbol }) => symbol), interval, scope, ...range };
  const parts = new Map(
    batch.map(({ instrument }) => [
      instrument.id,
      { parts: [] as BarColumns[], range, actions: [] as CorporateAction[] },
    ]),
  );
  const failed = (error: QuantlineError, symbol: string) => {
    failures.push({ symbol, error });
    parts.delete(batch.find((item) => item.symbol === symbol)?.instrument.id ?? symbol);
  };
  try {
    for await (const block of source.bars(asked, signal)) parts.get(block.instrument)?.parts.push(block);
    for (const action of (await source.actions?.(asked, signal)) ?? [])
      parts.get(action.instrument)?.actions.push(action);
  } catch (error) {
    signal.throwIfAborted();
    const errors = error instanceof AggregateError ? error.errors : [error];
    for (const one of errors) {
      if (!isPerSymbol(one)) throw one;
      const symbol = one.details['symbol'];
      if (typeof symbol === 'string' && asked.symbols.includes(symbol)) failed(one, symbol);
      else if (asked.symbols.length === 1) failed(one, asked.symbols[0]!);
      else for (const each of asked.symbols) failed(one, each);
    }
  }
  return parts;
}

/** An archive's range may stay open; others end now and need a beginning. */
function bounded(range: TimeRange, source: MarketDataSource, now: number): TimeRange {
  if (source.archive === true) return range;
  if (range.from === Number.NEGATIVE_INFINITY)
    throw new QuantlineError('USAGE', 'This source needs to know from when on.', {
      hint: 'Add --from 2020-01-01, or --last 30d.',
    });
  return { from: range.from, to: Math.min(range.to, now) };
}

async function keep(
  { symbol, instrument }: Described,
  fetched: { parts: BarColumns[]; range: TimeRange; actions: CorporateAction[] },
  request: IngestRequest,
  context: IngestContext,
): Promise<IngestedSeries> {
  const { source, store, clock } = context;
  const { interval, scope } = request;
  const calendar = calendarOf(instrument.calendar);
  const notes = context.notes.get(symbol) ?? [];
  context.notes.delete(symbol);
  const key: SeriesKey = { source: request.sourceName, feed: source.feed, scope, interval, instrument: instrument.id };
  const received = fetched.parts.filter((part) => part.time.length > 0);
  if (received.length === 0)
    throw new QuantlineError('NO_DATA', `${request.sourceName} has no ${interval} bars of ${symbol} in that range.`, {
      hint: 'Check the symbol, the interval and the range.',
      details: { symbol },
    });
  let bars = joinBars(instrument.id, interval, received);
  // A bar whose end lies ahead is not finished and would be another one later.
  if (source.archive !== true) {
    const known = knownAt(bars, calendar, 0);
    bars = sliceBars(bars, 0, lowerBound(known, clock.now() + 1));
  }
  const archive = source.archive === true && request.range.to === undefined;
  const checked = checkQuality(bars, {
    calendar,
    scope,
    density: source.density,
    policies: request.policies,
    actions: fetched.actions,
    notes,
    ...(archive ? {} : { expectedUntil: Math.min(fetched.range.to, clock.now()) }),
  });
  if (checked.bars.time.length === 0)
    throw new QuantlineError('NO_DATA', `No bar of ${symbol} is left after the checks${named(checked.findings)}.`, {
      hint: 'Check --interval, --session, --calendar and --timezone.',
      details: { symbol, findings: checked.findings },
    });
  warn(symbol, checked.findings, context.logger);
  context.signal.throwIfAborted();
  const put = await store.put({ key, instrument, basis: source.basis, density: source.density }, checked.bars);
  if (fetched.actions.length > 0) await store.putActions(key, fetched.actions);
  return {
    symbol,
    rows: checked.bars.time.length,
    inserted: put.inserted,
    updated: put.updated,
    series: await seriesOf(store, key, closed(fetched.range, checked.bars), checked.findings),
  };
}

/** An open end of an archive's range closes where its bars do. */
const closed = ({ from, to }: TimeRange, { time }: BarColumns): TimeRange => ({
  from: Number.isFinite(from) ? from : time[0]!,
  to: Number.isFinite(to) ? to : time.at(-1)! + 1,
});

/** Pins a stored range and describes it. */
export async function seriesOf(
  store: BarStore,
  key: SeriesKey,
  range: TimeRange,
  quality: readonly QualityFinding[],
): Promise<DatasetSeries> {
  const [info, actions, pin] = await Promise.all([
    store.info(key),
    store.actions(key),
    store.pin(key, range.from, range.to),
  ]);
  const times = await store.times(key, range.from, range.to);
  if (info === undefined || times.length === 0)
    throw new QuantlineError('NO_DATA', `The store has no bars of ${key.instrument} in that range.`, {
      hint: 'Ingest them first.',
      details: { symbol: key.instrument },
    });
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
