import type { BarColumns, CorporateAction, Density, PriceBasis, SeriesKey } from '../domain/bars.js';
import type { Instrument } from '../domain/instrument.js';
import type { Clock, Logger } from '../platform/index.js';
import type { TimeRange } from './series/coverage.js';

export interface SeriesInfo {
  readonly key: SeriesKey;
  readonly instrument: Instrument;
  readonly basis: PriceBasis;
  readonly density: Density;
  /** Bars stored; 0 for a series that is not there. */
  readonly rows: number;
  readonly firstTime: number | undefined;
  readonly lastTime: number | undefined;
  /** Generation of the index: n+1 for each commit that changed something. */
  readonly generation: number;
  /**
   * Ranges of opening instants that were asked of the source and answered, ascending, apart: bars or none, no gaps. A store that
   * keeps no coverage leaves it out; then everything is asked again.
   */
  readonly coverage?: readonly TimeRange[];
}

/** What the caller of `put` says about a series. */
export type SeriesMetadata = Pick<SeriesInfo, 'key' | 'instrument' | 'basis' | 'density'>;

/** What one `put` changed. Equal bars count as neither. */
export interface PutResult {
  readonly inserted: number;
  readonly updated: number;
}

/** What is put of one series; `covered` and `actions` also without bars. */
export interface SeriesPut {
  readonly info: SeriesMetadata;
  readonly bars: BarColumns;
  readonly covered?: readonly TimeRange[];
  readonly actions?: readonly CorporateAction[];
}

/** Exactly which stored bars a dataset means; opaque outside the store, JSON-serialisable. */
export interface SeriesPin {
  readonly key: SeriesKey;
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  /** sha256 of the logical columns in the range. */
  readonly sha256: string;
  /** The store's own reference: immutable file names, or a warehouse snapshot. */
  readonly reference: readonly string[];
}

/** A stored file (or range) that cannot be trusted: what `ingest verify` reports and `ingest repair` fetches again. */
export interface StoreDamage {
  readonly key: SeriesKey;
  readonly file: string;
  readonly problem: string;
  /** Opening instants that the file covered, inclusive. */
  readonly firstTime: number;
  readonly lastTime: number;
}

/** What a store needs of the world. */
export interface StoreContext {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Where bars live. Implementations in `stores/`; all pass one contract suite. A `put` is a union by time in which the
 * bars put last count; puts at once, in any processes, lose nothing; each is seen whole or not at all.
 */
export interface BarStore {
  /** A service: a call costs time and money, so that few large ones are wanted. */
  readonly remote?: true;
  /** `covered`: the range that the source answered with these bars. MISMATCH for prices of another basis. */
  put(info: SeriesMetadata, bars: BarColumns, covered?: TimeRange): Promise<PutResult>;
  /**
   * Puts of different series at once, as cheaply as the store can; results in order. Each is seen whole or not at all, and
   * the same ones once more change nothing, also after a crash in between.
   */
  putAll(puts: readonly SeriesPut[]): Promise<readonly PutResult[]>;
  /** Adds actions to a series that exists; one of the same type and date replaces the former. */
  putActions(key: SeriesKey, actions: readonly CorporateAction[]): Promise<void>;
  info(key: SeriesKey): Promise<SeriesInfo | undefined>;
  list(): Promise<readonly SeriesInfo[]>;
  /** Bars with from <= time < to, ascending. */
  read(key: SeriesKey, from: number, to: number): Promise<BarColumns>;
  actions(key: SeriesKey): Promise<readonly CorporateAction[]>;
  pin(key: SeriesKey, from: number, to: number): Promise<SeriesPin>;
  /** The pinned bars, verified against their hash; ARTIFACT_CORRUPT when they differ. */
  readPin(pin: SeriesPin): Promise<BarColumns>;
  /** The pinned bars in blocks of the store's own size, ascending, verified when the last one was yielded. */
  pinBlocks(pin: SeriesPin): AsyncIterable<BarColumns>;
  /** Opening instants of the stored bars with from <= time < to. */
  times(key: SeriesKey, from: number, to: number): Promise<Float64Array>;
  /** Re-reads and re-hashes everything that a series' current index names. */
  verify(key: SeriesKey): Promise<readonly StoreDamage[]>;
  /** Gives up the bars of damaged files, so that a `put` can bring them again. */
  discard(damage: StoreDamage): Promise<void>;
  /** Removes what neither a current index nor one of the pins names; returns bytes freed. */
  prune(pins: readonly SeriesPin[]): Promise<{ readonly files: number; readonly bytes: number }>;
  /**
   * Bars that are known to stand as they were put, without reading them: `contentOf` by the series' id (`idOf(key)`).
   * Absent where looking is cheap anyway.
   */
  contents?(): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  close(): Promise<void>;
}
