/** What a policy may look at. One object per run, updated in place. */
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
  /** Sum of |position value| and number of open positions, including entries approved in this step. */
  gross: number;
  positions: number;
}

/** A wanted entry. */
export interface Proposal {
  readonly instrument: string;
  /** Signed fraction of equity. */
  readonly weight: number;
  readonly close: number;
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
  /** A halt of this policy lasts until a person resumes the strategy. */
  readonly lasting?: boolean;
  review?(proposal: Proposal, state: RiskState): number;
  halts?(state: RiskState): boolean;
  floor?(state: RiskState): number;
  /** A person has resumed the strategy: what was measured before counts no more. */
  resume?(): void;
}
