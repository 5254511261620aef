import type { Clock, Logger } from '../platform/index.js';
import type { ExecutionRecord, Journal, OrderRecord, StrategyScope } from '../state/index.js';
import type { Broker } from './broker.js';

/** Places on the path of an order where a test kills the process. */
export const FAULT_POINTS = [
  'after-intent',
  'before-send',
  'after-send',
  'after-reply',
  'during-fill-booking',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** Bounded patience, in milliseconds. */
export interface ExecutionLimits {
  /** Pauses before each look-up of an order whose sending ended without a clear answer. */
  readonly lookupDelays: readonly number[];
  /** Longest wait where the venue says try later. */
  readonly maxRetryWait: number;
  /** How often a venue's "try later" is followed. */
  readonly retries: number;
  /** How long an order that was sent may stay invisible before it counts as never arrived. */
  readonly invisibleFor: number;
  /** Pauses before executions and positions are read again when they do not agree. */
  readonly settleDelays: readonly number[];
  /** Pause between two looks at an order whose outcome is awaited. */
  readonly pollEvery: number;
  /** How long an entry may stay partly filled before its remainder is cancelled, so that what filled gets its exits. */
  readonly partialEntryFor: number;
  /**
   * How long exits that cannot be sent (the venue's gateway restarts, asks to wait, or is not reached) are tried again at
   * each look before the emergency policy acts: as long as an order may stay invisible. A refusal is not waited for.
   */
  readonly unsentExitsFor: number;
  /** Longest wait for a cancel before something else may take its place. */
  readonly takeDownFor: number;
  /** Orders on their way at once. */
  readonly concurrency: number;
}

export const DEFAULT_LIMITS: ExecutionLimits = {
  lookupDelays: [0, 200, 500, 1000, 2000, 4000],
  maxRetryWait: 30_000,
  retries: 3,
  invisibleFor: 120_000,
  settleDelays: [300, 700, 1500],
  pollEvery: 1000,
  partialEntryFor: 30_000,
  unsentExitsFor: 120_000,
  takeDownFor: 10_000,
  concurrency: 64,
};

/** What every step of execution is given. */
export interface ExecutionContext {
  readonly journal: Journal;
  readonly broker: Broker;
  readonly scope: StrategyScope;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  readonly limits?: Partial<ExecutionLimits>;
  readonly faultPoint?: (name: FaultPoint) => void;
  /** Told of executions as they are booked, whatever looked for them. */
  readonly onBooked?: (executions: readonly ExecutionRecord[]) => void;
  /** Told of an order that the venue has refused after it was sent, or that turns out never to have got there. */
  readonly onRejected?: (order: OrderRecord) => void;
}

export const limitsOf = (context: ExecutionContext): ExecutionLimits => ({ ...DEFAULT_LIMITS, ...context.limits });

export const fault = (context: ExecutionContext, name: FaultPoint): void => context.faultPoint?.(name);

export const pause = (context: ExecutionContext, ms: number): Promise<void> =>
  ms > 0 ? context.clock.sleep(ms, context.signal) : Promise.resolve();

export const sameScope = (a: StrategyScope, b: StrategyScope): boolean =>
  a.venue === b.venue && a.account === b.account && a.strategy === b.strategy;
