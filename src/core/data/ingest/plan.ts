import {
  calendarOf,
  type Instrument,
  type Interval,
  intervalMs,
  type SeriesKey,
  type SessionScope,
} from '../../domain/index.js';
import { type ErrorCode, isQuantlineError, QuantlineError } from '../../errors/index.js';
import type { Clock } from '../../platform/index.js';
import { type AskedRange, type TimeRange, timeRange } from '../range.js';
import { missingRanges } from '../series/coverage.js';
import { partitionOf } from '../series/layout.js';
import type { MarketDataSource } from '../source.js';
import type { BarStore, SeriesInfo } from '../store.js';
import { type Membership, memberOf, within } from '../universe.js';

/** What an ingest is to bring. */
export interface PlanRequest {
  /** Name of the source, as it stands in series keys. */
  readonly sourceName: string;
  readonly symbols: readonly string[];
  readonly interval: Interval;
  readonly scope: SessionScope;
  readonly range: AskedRange;
  /** From where the stored series begins, up to now; needs no `from`. */
  readonly update?: boolean;
  /** Ask also for what is stored. */
  readonly refetch?: boolean;
  /** Sessions in which a symbol belongs to the universe; absent: all. */
  readonly members?: ReadonlyMap<string, Membership>;
}

/** A symbol with its range and what of it the store does not cover. */
export interface Planned {
  readonly symbol: string;
  readonly instrument: Instrument;
  readonly key: SeriesKey;
  readonly range: TimeRange;
  readonly missing: readonly TimeRange[];
  /** The series as it stood before. */
  readonly info: SeriesInfo | undefined;
}

/** What is asked of the source at once: symbols that miss the same, in a piece of time that the store keeps together. */
export interface Chunk {
  readonly items: readonly Planned[];
  /** undefined: nothing is missing. */
  readonly range: TimeRange | undefined;
  /** The whole missing range, in the first of its chunks: corporate actions are asked for all of it at once. */
  readonly actions: TimeRange | undefined;
  /** The next chunk of the same symbols goes on where this one ends. */
  readonly continues: boolean;
  /** No further chunk of these symbols. */
  readonly last: boolean;
}

export interface IngestFailure {
  readonly symbol: string;
  readonly error: QuantlineError;
}

/** Errors that concern one symbol; any other ends the whole ingest. */
const PER_SYMBOL: ReadonlySet<ErrorCode> = new Set(['INPUT', 'QUALITY', 'NO_DATA', 'MISMATCH', 'ARTIFACT_CORRUPT']);

export const isPerSymbol = (error: unknown): error is QuantlineError =>
  isQuantlineError(error) && PER_SYMBOL.has(error.code);

/** Works out per symbol what to ask for: the range asked, without what was answered before. */
export async function plan(
  request: PlanRequest,
  { source, store, clock }: { readonly source: MarketDataSource; readonly store: BarStore; readonly clock: Clock },
  failures: IngestFailure[],
): Promise<Planned[]> {
  const { interval, scope } = request;
  const now = clock.now();
  const out: Planned[] = [];
  for (const { symbol, instrument } of await describe(source, request.symbols, failures)) {
    const key: SeriesKey = {
      source: request.sourceName,
      feed: source.feed,
      scope,
      interval,
      instrument: instrument.id,
    };
    try {
      const info = await store.info(key);
      const member = request.members?.get(symbol);
      let range = timeRange(within(request.range, member), calendarOf(instrument.calendar), scope, now);
      if (source.archive !== true) {
        const began = request.update === true ? (info?.coverage?.[0]?.from ?? info?.firstTime) : undefined;
        if (range.from === Number.NEGATIVE_INFINITY && began !== undefined) range = { ...range, from: began };
        range = bounded(range, now);
      }
      const covered = request.refetch === true || source.archive === true ? [] : (info?.coverage ?? []);
      out.push({
        ...{ symbol, key, range, info, instrument: memberOf(instrument, member) },
        missing: missingRanges(covered, range),
      });
    } catch (error) {
      if (!isPerSymbol(error)) throw error;
      failures.push({ symbol, error });
    }
  }
  return out;
}

async function describe(source: MarketDataSource, symbols: readonly string[], failures: IngestFailure[]) {
  try {
    const instruments = await source.instruments(symbols);
    return symbols.map((symbol, i) => ({ symbol, instrument: instruments[i]! }));
  } catch (error) {
    if (!isPerSymbol(error)) throw error;
  }
  // One of them is unknown: ask one by one, so that the others go on.
  const out: { symbol: string; instrument: Instrument }[] = [];
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

/** What is not an archive ends now and needs a beginning. */
function bounded(range: TimeRange, now: number): TimeRange {
  if (range.from === Number.NEGATIVE_INFINITY)
    throw new QuantlineError('USAGE', 'This source needs to know from when on.', {
      hint: 'Add --from 2020-01-01, or --last 30d; --update goes on where stored bars end.',
    });
  return { from: range.from, to: Math.min(range.to, now) };
}

/** Bars held at once, about, over all chunks under way: neither a universe nor decades in memory. */
const ROWS = 4_000_000;

/**
 * Chunks in the order in which they are written: batch by batch, each through its time. Symbols that miss the same
 * ranges are asked for together, fewer where each has many bars. An archive is read once: its ranges are not cut.
 */
export function chunksOf(items: readonly Planned[], source: MarketDataSource, interval: Interval): Chunk[] {
  const groups = new Map<string, Planned[]>();
  for (const item of items) {
    const key = JSON.stringify(item.missing.map(({ from, to }) => [String(from), String(to)]));
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  const out: Chunk[] = [];
  for (const group of groups.values()) {
    const ranges = group[0]!.missing.map((whole) => ({
      whole,
      pieces: source.archive === true ? [whole] : piecesOf(whole, interval),
    }));
    const span = Math.max(0, ...ranges.flatMap(({ pieces }) => pieces.map(({ from, to }) => to - from)));
    // An archive's open range is one symbol at a time already.
    const each = Number.isFinite(span) ? Math.max(span / intervalMs(interval), 1) : 1;
    const size = Math.max(1, Math.min(source.batch ?? 1, Math.floor(ROWS / (source.parallel ?? 1) / each)));
    for (let at = 0; at < group.length; at += size) {
      const batch = group.slice(at, at + size);
      const chunks = ranges.flatMap(({ whole, pieces }) =>
        pieces.map((range, i) => ({ range, actions: i === 0 ? whole : undefined, continues: i + 1 < pieces.length })),
      );
      if (chunks.length === 0)
        out.push({ items: batch, range: undefined, actions: undefined, continues: false, last: true });
      for (const [i, chunk] of chunks.entries()) out.push({ items: batch, ...chunk, last: i + 1 === chunks.length });
    }
  }
  return out;
}

/** A range cut where the store's files are. */
function piecesOf({ from, to }: TimeRange, interval: Interval): TimeRange[] {
  const partition = partitionOf(interval);
  const out: TimeRange[] = [];
  for (let at = from; at < to; ) {
    const end = Math.min(partition(at).end, to);
    out.push({ from: at, to: end });
    at = end;
  }
  return out;
}
