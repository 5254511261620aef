import type { BarColumns, CorporateAction, Density, PriceBasis, QuoteColumns, SessionScope } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';
import type { Interval } from '../domain/interval.js';
import type { Quote } from '../domain/quote.js';
import type { Clock, Logger } from '../platform/index.js';
import type { SourceNote } from './quality.js';

/** What is asked of a source; `from` inclusive, `to` exclusive, by bar opening instants (epoch ms UTC). */
export interface BarRequest {
  readonly symbols: readonly string[];
  readonly interval: Interval;
  readonly scope: SessionScope;
  readonly from: number;
  readonly to: number;
}

/** One bar as a stream delivers it. */
export interface StreamedBar {
  readonly symbol: string;
  /** Opening instant. */
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

export type BarStreamEvent =
  /** A finished bar. */
  | { readonly type: 'bar'; readonly bar: StreamedBar }
  /** A bar restated because trades arrived late: it replaces the bar of that time. */
  | { readonly type: 'updated'; readonly bar: StreamedBar }
  /** Subscribed; everything between the last bar and now has to be asked by `bars`. */
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly reason: string };

/** A source's stream of finished bars of one length. It reconnects by itself, for ever, and reports every gap. */
export interface BarStream {
  /** Whether it has bars of that length of all these symbols. */
  covers(symbols: readonly string[], interval: Interval): boolean;
  open(symbols: readonly string[], signal: AbortSignal): AsyncIterable<BarStreamEvent>;
}

/** A vendor or archive of bars. One file in `sources/`; all pass one contract suite. */
export interface MarketDataSource {
  readonly feed: string;
  readonly basis: PriceBasis;
  readonly density: Density;
  /** Bars end where the archive ends, whatever the clock says; `from` and `to` may be infinite. */
  readonly archive?: boolean;
  /** An archive that has bars up to any clock, and so can be followed like a vendor. */
  readonly endless?: boolean;
  /** Symbols that one call of `bars` takes best; 1 unless stated. */
  readonly batch?: number;
  /** Calls of `bars` that may run at once, under one rate limit; 1 unless stated. */
  readonly parallel?: number;
  /** How much later than its end a bar is published, in ms; 0 unless stated. */
  readonly delayMs?: number;
  /** Instruments for symbols, in order; unknown ones throw INPUT or NO_DATA naming the symbol. */
  instruments(symbols: readonly string[]): Promise<readonly Instrument[]>;
  /**
   * Yields blocks of bars: within one instrument ascending and without duplicates across blocks.
   * A symbol that fails throws only after the others were yielded (AggregateError of QuantlineErrors).
   */
  bars(request: BarRequest, signal: AbortSignal): AsyncIterable<BarColumns>;
  /** Corporate actions effective in the range; absent where the source has none. */
  actions?(request: BarRequest, signal: AbortSignal): Promise<readonly CorporateAction[]>;
  /** Best bid and ask at the close of the bars, by symbol, where the source has them; asked after `bars`. */
  quotes?(request: BarRequest, signal: AbortSignal): Promise<ReadonlyMap<string, QuoteColumns>>;
  /** What symbols are quoted at now; those without a quote are left out. */
  latestQuotes?(symbols: readonly string[]): Promise<readonly Quote[]>;
  /** Bars as they happen; absent: followed by asking `bars` when the next one should be there. */
  readonly barStream?: BarStream;
}

export type { SourceNote } from './quality.js';

export interface SourceContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Keys and vendor variables by their usual names, as resolved by config. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Folder for state that processes share (rate budgets, cookies); absent: nothing is shared. */
  readonly stateDir?: string;
  calendar(id: Instrument['calendar']): TradingCalendar;
  note?(note: SourceNote): void;
}
