import type { BarColumns, Instrument, Interval, SessionScope } from '../../domain/index.js';
import type { Clock, Logger } from '../../platform/index.js';
import type { TimeRange } from '../series/coverage.js';
import type { MarketDataSource } from '../source.js';

/** What is followed. `symbols` and `instruments` are parallel. */
export interface FollowRequest {
  readonly symbols: readonly string[];
  readonly instruments: readonly Instrument[];
  readonly interval: Interval;
  readonly scope: SessionScope;
  /** Opening instant, per symbol, of the first bar wanted; what lies before now is asked of the source first. */
  readonly from: ReadonlyMap<string, number>;
  /** Ends by itself once all bars that open before this are there; absent: never. */
  readonly until?: number;
}

export interface FollowContext {
  readonly source: MarketDataSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** A bar this much overdue counts as stale, ms; default two minutes, fifteen where an absent bar is no gap. */
  readonly staleMs?: number;
}

/**
 * What happens to followed series, in order. Bars come in blocks of one instrument, each ascending, finished, of the
 * trading hours asked for, not checked yet. `stream`: new ones. `restated`: they replace bars given before. `backfill`:
 * asked of the source because the stream cannot have given them; may repeat what was given, and then counts; `covered`:
 * the range that was answered, bars or none, for every instrument of `symbols`.
 */
export type FollowEvent =
  | {
      readonly type: 'bars';
      readonly origin: 'stream' | 'restated';
      readonly bars: readonly BarColumns[];
    }
  | {
      readonly type: 'bars';
      readonly origin: 'backfill';
      readonly bars: readonly BarColumns[];
      readonly symbols: readonly string[];
      readonly covered: TimeRange;
    }
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly reason: string }
  /** The symbols whose next bar is overdue, by their calendars; empty: none any more. Given when the list changes. */
  | { readonly type: 'stale'; readonly symbols: readonly string[] };
