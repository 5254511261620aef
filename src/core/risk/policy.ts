import type { SessionActivity } from './activity.js';

/** What a policy may look at. One object per run, updated in place. Values are money in the account's currency. */
export interface RiskState {
  /** Decision instant, epoch ms. */
  time: number;
  equity: number;
  /** Highest equity so far; complete only for policies with `halts`, which see every tick. */
  peak: number;
  /** Equity at the end of the previous session. */
  sessionStart: number;
  /** Number of the session, ascending. */
  session: number;
  /** Sum of |position value| at the tick, for policies with `needsExposure`. */
  held: number;
  /** Sum of |position value| and number of open positions, including entries approved in this step. */
  gross: number;
  positions: number;
  /** Sum of position values with their signs, less what this step closes, with the entries that it has approved. */
  net: number;
  /** Money of the account, less what the entries approved in this step will spend. */
  cash: number;
  /** Sum of |value| of what others hold in the same account: other strategies, and what was bought by hand. */
  others: number;
  /** Exits sent in this step. */
  exits: number;
  /** The account's trades by session, for policies with `needsActivity`. */
  activity: SessionActivity | undefined;
}

/** A wanted entry; the object is reused from one to the next. */
export interface Proposal {
  readonly instrument: string;
  /** Signed fraction of equity. */
  readonly weight: number;
  readonly close: number;
  /** Price of the order: its limit, its stop, or the close for a market order. */
  readonly price: number;
  /** Price of the last trade that is known: the close, or something newer. */
  readonly last: number;
}

/**
 * One limit. `review` returns the weight it allows: the same sign, no larger; 0 vetoes. `halts` is asked on every
 * tick: while it returns true, positions are closed and nothing is opened. Settings and files in `policies/`.
 *
 * A policy that halts on equity alone says so by `floor`: as long as equity stays at or above it, `halts` would return
 * false and remember nothing. It may depend on peak, session and sessionStart; Infinity where the policy halts already.
 * The backtest then passes over quiet ticks without asking; without `floor`, `halts` really is asked on every tick.
 */
export interface RiskPolicy {
  readonly name: string;
  /** What the limit says, for the record of a veto or cut. */
  readonly reason?: string;
  /** A halt of this policy lasts until a person resumes the strategy. */
  readonly lasting?: boolean;
  /** Wants `RiskState.held`. */
  readonly needsExposure?: boolean;
  /** Wants `RiskState.activity`. */
  readonly needsActivity?: boolean;
  review?(proposal: Proposal, state: RiskState): number;
  halts?(state: RiskState): boolean;
  floor?(state: RiskState): number;
  /** A person has resumed the strategy: what was measured before counts no more. */
  resume?(): void;
}

/** The weight with its size cut to a room that may be negative or NaN: then nothing is left. */
export const within = (weight: number, room: number): number =>
  room > 0 ? Math.sign(weight) * Math.min(Math.abs(weight), room) : 0;
