import { entryWeight } from '../risk/index.js';
import { aim } from './aim.js';
import type { Strategy, Thresholds } from './strategy.js';

/** The market at one clock instant; arrays are indexed by instrument and reused. */
export interface MarketView {
  readonly size: number;
  time: number;
  /** Index of the instrument's last bar, −1 before its first. */
  readonly bar: Int32Array;
  /** 1 where that bar became known at this instant. */
  readonly fresh: Uint8Array;
  readonly close: Float64Array;
  /** Price of the last trade, where something newer than the close is known; NaN = that was asked for, and is not. */
  last?: Float64Array;
  /** Score of the last bar; NaN = no opinion. */
  readonly score: Float64Array;
  /** Number that the sizing asks for (annual volatility, ATR), NaN = unknown. */
  readonly measure: Float64Array;
}

/** A view without a bar yet. */
export function allocateView(size: number, close: Float64Array = new Float64Array(size)): MarketView {
  const column = () => new Float64Array(size).fill(Number.NaN);
  return {
    size,
    time: 0,
    bar: new Int32Array(size).fill(-1),
    fresh: new Uint8Array(size),
    close,
    score: column(),
    measure: column(),
  };
}

/** The account as the strategy sees it: what it owns itself. */
export interface AccountView {
  equity: number;
  cash: number;
  /** Signed units. */
  readonly quantity: Float64Array;
  /** Direction of a working entry order, 0 = none. */
  readonly entering: Int8Array;
  /** Money that its working entries may still spend, negative for short ones: the unfilled rest at its price. */
  ordered(j: number): number;
  /** 1 where an exit order is working. */
  readonly exiting: Uint8Array;
  /** Index of the bar of the first entry fill. */
  readonly entryBar: Int32Array;
  /** Side closed by protection and not yet released. */
  readonly lockout: Int8Array;
  /** Set by risk: close everything, open nothing. */
  halted: boolean;
}

/** Why a target differs from what is held. */
export const DECISION_REASONS = ['hold', 'signal', 'time_stop', 'risk'] as const;

/** What decide wants; arrays are the caller's. */
export interface Targets {
  /** Signed fraction of equity; NaN = keep as it is. */
  readonly weight: Float64Array;
  /** Index into DECISION_REASONS. */
  readonly reason: Uint8Array;
  /** 1 where the lockout of the instrument ends with this decision. */
  readonly release: Uint8Array;
  /** Number of releases. */
  releases: number;
  /** Number of weights that are not NaN. */
  changes: number;
}

export const allocateTargets = (size: number): Targets => ({
  weight: new Float64Array(size).fill(Number.NaN),
  reason: new Uint8Array(size),
  release: new Uint8Array(size),
  releases: 0,
  changes: 0,
});

/**
 * The one decision path: backtest, paper and live call this and nothing else. Synchronous, depends on its arguments
 * only, allocates nothing. An instrument without a fresh bar is left alone unless risk halted the strategy.
 */
export function decide(view: MarketView, account: AccountView, strategy: Strategy, out: Targets): void {
  const { enterLong, exitLong, enterShort, exitShort } = strategy.thresholds;
  const { timeStop } = strategy;
  const { quantity, entering, exiting, lockout, entryBar } = account;
  const { fresh, score, bar } = view;
  out.changes = 0;
  out.releases = 0;
  for (let j = 0; j < view.size; j++) {
    const held = quantity[j]!;
    const holding = held > 0 ? 1 : held < 0 ? -1 : entering[j]!;
    // An entry beside an exit under way: that of a reversal.
    const turning = held !== 0 && exiting[j] === 1 ? entering[j]! : 0;
    if (account.halted) {
      if (turning !== 0 || (holding !== 0 && exiting[j] === 0)) set(out, j, 0, 3);
      continue;
    }
    if (fresh[j] === 0) continue;
    if (strategy.rebalance !== undefined) {
      if (held !== 0 && bar[j]! - entryBar[j]! + 1 >= timeStop) {
        if (exiting[j] === 0) set(out, j, 0, 2);
        continue;
      }
      const weight = aim(view, account, strategy, j, out);
      if (!Number.isNaN(weight)) set(out, j, weight, 1);
      continue;
    }
    const s = score[j]!;
    let wanted = holding;
    if (s >= enterLong) wanted = 1;
    else if (s <= enterShort) wanted = -1;
    else if (holding > 0 && s <= exitLong) wanted = 0;
    else if (holding < 0 && s >= exitShort) wanted = 0;
    if (lockout[j] !== 0 && holding === 0) {
      if (wanted === lockout[j] && strategy.reentry === 'new-signal') continue;
      // A flat signal must be a real opinion: warming up or missing input does not end a lockout.
      if (!Number.isNaN(s)) {
        out.release[j] = 1;
        out.releases++;
      }
    }
    // The signal has left a reversal under way: its entry is taken back, its exit works on.
    if (turning !== 0 && turning !== wanted) {
      set(out, j, 0, 1);
      continue;
    }
    if (holding !== 0 && held !== 0 && bar[j]! - entryBar[j]! + 1 >= timeStop) {
      if (exiting[j] === 0) set(out, j, 0, 2);
      continue;
    }
    if (wanted === holding) continue;
    // Of a reversal under way the exit works, and the entry beside it: neither is asked for again.
    if (exiting[j] === 1 && (wanted === 0 || wanted === entering[j])) continue;
    if (wanted === 0) {
      set(out, j, 0, 1);
      continue;
    }
    const weight = entryWeight(strategy.sizing, view.size, account.equity, view.close[j]!, view.measure[j]!);
    if (weight > 0) set(out, j, wanted * weight, 1);
    else if (holding !== 0 && exiting[j] === 0) set(out, j, 0, 1);
  }
}

/**
 * Scores strictly inside (low, high) keep what is held: on such a tick decide changes nothing unless a lockout, a time
 * stop or a halt is pending. The runners use it to skip calls without an effect; a property test holds it to decide.
 */
export function holdBand(
  thresholds: Thresholds,
  holding: number,
  low: Float64Array,
  high: Float64Array,
  j: number,
): void {
  const { enterLong, exitLong, enterShort, exitShort } = thresholds;
  low[j] = holding > 0 ? Math.max(exitLong, enterShort) : holding < 0 ? Number.NEGATIVE_INFINITY : enterShort;
  high[j] = holding > 0 ? Number.POSITIVE_INFINITY : holding < 0 ? Math.min(exitShort, enterLong) : enterLong;
}

/** The same for a position of this side whose exit is under way: only the other side's signal asks for something. */
export function exitBand(
  { enterLong, enterShort }: Thresholds,
  side: number,
  low: Float64Array,
  high: Float64Array,
  j: number,
): void {
  low[j] = side > 0 ? enterShort : Number.NEGATIVE_INFINITY;
  high[j] = side > 0 ? Number.POSITIVE_INFINITY : enterLong;
}

/**
 * The same for an instrument that is flat and locked out of `lockout` (1 long, −1 short): the lockout lasts while the
 * signal keeps asking for that side, or says nothing. With `immediate` re-entry any opinion ends it.
 */
export function lockoutBand(
  { enterLong, enterShort }: Thresholds,
  lockout: number,
  reentry: Strategy['reentry'],
  low: Float64Array,
  high: Float64Array,
  j: number,
): void {
  const never = reentry === 'immediate';
  low[j] = never ? Number.POSITIVE_INFINITY : lockout > 0 ? nextBelow(enterLong) : Number.NEGATIVE_INFINITY;
  high[j] = never || lockout > 0 ? Number.POSITIVE_INFINITY : Math.min(enterLong, -nextBelow(-enterShort));
}

const word = new Float64Array(1);
const bits = new BigInt64Array(word.buffer);

/** The largest double below a finite x. */
function nextBelow(x: number): number {
  if (x === 0) return -Number.MIN_VALUE;
  word[0] = x;
  bits[0] = bits[0]! + (x > 0 ? -1n : 1n);
  return word[0]!;
}

function set(out: Targets, j: number, weight: number, reason: number): void {
  out.weight[j] = weight;
  out.reason[j] = reason;
  out.changes++;
}
