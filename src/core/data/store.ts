import type { BarColumns, CorporateAction, Density, PriceBasis, SeriesKey } from '../domain/bars.js';
import type { Instrument } from '../domain/instrument.js';

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
}

/** What one `put` changed. Equal bars count as neither. */
export interface PutResult {
  readonly inserted: number;
  readonly updated: number;
  readonly generation: number;
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

/** Where bars live. Implementations in `stores/`; all pass one contract suite. */
export interface BarStore {
  put(info: Omit<SeriesInfo, 'rows' | 'firstTime' | 'lastTime' | 'generation'>, bars: BarColumns): Promise<PutResult>;
  putActions(key: SeriesKey, actions: readonly CorporateAction[]): Promise<void>;
  info(key: SeriesKey): Promise<SeriesInfo | undefined>;
  list(): Promise<readonly SeriesInfo[]>;
  /** Bars with from <= time < to, ascending. */
  read(key: SeriesKey, from: number, to: number): Promise<BarColumns>;
  actions(key: SeriesKey): Promise<readonly CorporateAction[]>;
  pin(key: SeriesKey, from: number, to: number): Promise<SeriesPin>;
  /** The pinned bars, verified against their hash; ARTIFACT_CORRUPT when they differ. */
  readPin(pin: SeriesPin): Promise<BarColumns>;
  close(): Promise<void>;
}
