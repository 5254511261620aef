import type { Protection } from '../domain/orders.js';
import type { ScoreKind } from '../models/model.js';
import type { RiskPolicy, Sizing } from '../risk/index.js';

/** Scores at which a direction is entered and left. Crossing none of them keeps what is held. */
export interface Thresholds {
  /** Long when score >= enterLong; a long is kept while score > exitLong. */
  readonly enterLong: number;
  readonly exitLong: number;
  /** Short when score <= enterShort; a short is kept while score < exitShort. −Infinity: never short. */
  readonly enterShort: number;
  readonly exitShort: number;
}

/** An entry by one order at most one price: market, limit or stop. */
export type SimpleEntry = { readonly type: 'market' } | { readonly type: 'limit' | 'stop'; readonly offset: number };

/**
 * Order type of entries. Prices are fractions of the signal bar's close: a limit lies on the better side, a stop on the
 * worse one, and a stop-limit's limit (`limit`) beyond its stop. `oco`: two orders of which one cancels the other. `oto`:
 * the fill of the part `share` of the entry triggers the order for the rest.
 */
export type EntryOrder =
  | SimpleEntry
  | { readonly type: 'stop_limit'; readonly offset: number; readonly limit: number }
  | { readonly type: 'oco'; readonly orders: readonly [SimpleEntry, SimpleEntry] }
  | { readonly type: 'oto'; readonly orders: readonly [SimpleEntry, SimpleEntry]; readonly share: number };

/** Everything decide needs beside the market and the account. Plain numbers; equal in both runners. */
export interface Strategy {
  readonly thresholds: Thresholds;
  /** Default: a market order. */
  readonly entry?: EntryOrder;
  readonly sizing: Sizing;
  readonly protection: Protection | undefined;
  /** Stop and target are measured from the close of the signal's bar in place of the fill price. */
  readonly protectFromSignal?: boolean;
  /** Bars after which a position is closed; Infinity = never. */
  readonly timeStop: number;
  /** After a stop or target, wait until the signal has asked for something else. */
  readonly reentry: 'new-signal' | 'immediate';
  readonly policies: readonly RiskPolicy[];
  /**
   * Scores are target positions, and a position is resized where its share of a full one is off by this much; undefined:
   * scores are compared with the thresholds.
   */
  readonly rebalance?: number;
}

/** Default thresholds by what the score means; `short` opens the short side. */
export function defaultThresholds(kind: ScoreKind, short: boolean): Thresholds {
  const tiny = Number.MIN_VALUE;
  const middle = kind === 'probability' ? 0.5 : 0;
  return kind === 'probability'
    ? { enterLong: 0.55, exitLong: middle, enterShort: short ? 0.45 : Number.NEGATIVE_INFINITY, exitShort: middle }
    : { enterLong: tiny, exitLong: 0, enterShort: short ? -tiny : Number.NEGATIVE_INFINITY, exitShort: 0 };
}

/** Brokers that take entries of two orders at once: those whose `capabilities` have `pairedEntries`. */
export const PAIRED_VENUES = ['ibkr', 'schwab', 'sim'] as const;

/** Whether it enters by two orders at once, which not every venue takes. */
export const entersByPair = ({ entry }: Pick<Strategy, 'entry'>): boolean =>
  entry?.type === 'oco' || entry?.type === 'oto';
