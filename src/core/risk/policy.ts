import type { SessionActivity } from './activity.js';

/** What others hold and have ordered in the same account: other strategies, and people. Money; NaN: a price is not known. */
export interface Others {
  /** Sum over instruments of the largest |value| that their positions and working entries can come to. */
  readonly gross: number;
  /** Sum of the values of their positions with their signs. */
  readonly net: number;
  /** What their working entries will buy, and sell short. */
  readonly buying: number;
  readonly selling: number;
  /** `gross` by instrument. */
  readonly of: ReadonlyMap<string, number>;
}

export const NOBODY: Others = { gross: 0, net: 0, buying: 0, selling: 0, of: new Map() };

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
  /** Sum of |position value| and number of open positions, with entries that work or that this step has approved. */
  gross: number;
  positions: number;
  /** Sum of position values with their signs, less what this step closes, with the entries that it has approved. */
  net: number;
  /** What entries of earlier steps that still work will buy, and sell short. */
  buying: number;
  selling: number;
  /** Money of the account, less what the entries approved in this step will spend. */
  cash: number;
  /** Known to live trading only, for policies with `needsAccount`. */
  others: Others;
  /** Orders that this step has planned so far: exits, and entries that were approved. */
  orders: number;
  /** The account's trades by session, for policies with `needsActivity`. */
  activity: SessionActivity | undefined;
  /** Day trades of the last five sessions as the venue counts them, those by hand included; 0 where it does not. */
  venueDayTrades: number;
}

/** A wanted entry; the object is reused from one to the next. */
export interface Proposal {
  readonly instrument: string;
  /** Signed fraction of equity. */
  readonly weight: number;
  readonly close: number;
  /** Price of the order: its limit, its stop, or the close for a market order. */
  readonly price: number;
  /** Price of the last trade: the close, or what the venue quotes; NaN where it was asked and does not say. */
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
  /** Wants `RiskState.others`. */
  readonly needsAccount?: boolean;
  /** Wants `Proposal.last` to be newer than the close where the venue tells it. */
  readonly needsLast?: boolean;
  /** Wants `recall` to tell the orders of so many milliseconds before a live decision. */
  readonly remembers?: number;
  review?(proposal: Proposal, state: RiskState): number;
  halts?(state: RiskState): boolean;
  floor?(state: RiskState): number;
  /** A step is planned: its reviews are over, and `orders` is final. */
  planned?(state: RiskState): void;
  /** Before a live decision, whose process may have begun a moment ago: times of the account's orders, ascending. */
  recall?(orders: readonly number[]): void;
  /** An earlier process was halted by this policy in this session. */
  recallHalt?(session: number): void;
  /** A person has resumed the strategy: what was measured before counts no more. */
  resume?(): void;
}

/** The weight with its size cut to a room that may be negative or NaN: then nothing is left. */
export const within = (weight: number, room: number): number =>
  room > 0 ? Math.sign(weight) * Math.min(Math.abs(weight), room) : 0;
