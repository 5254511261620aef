import { compare, type DecimalText, isZero } from '../domain/decimal.js';
import { type OrderStatus, TERMINAL_STATUSES } from '../domain/orders.js';
import type { OrderReport } from './records.js';

/** The part of an order that venues change. */
export interface OrderState {
  readonly status: OrderStatus;
  readonly closing: OrderStatus | undefined;
  readonly venueOrderId: string | undefined;
  readonly venueStatus: string | undefined;
  readonly reason: string | undefined;
  readonly reportedQuantity: DecimalText | undefined;
  readonly filledQuantity: DecimalText;
  /** Ordered quantity; undefined for an order by notional. */
  readonly quantity: DecimalText | undefined;
}

/** How far an open order has come. A report of a lower rank is late and changes nothing. */
const RANK: Partial<Record<OrderStatus, number>> = {
  intended: 0,
  sending: 1,
  unknown: 2,
  accepted: 3,
  partially_filled: 4,
  pending_replace: 5,
  pending_cancel: 6,
};

export const isTerminal = (status: OrderStatus): boolean => TERMINAL_STATUSES.has(status);

/** It may or may not be at the venue, or is there in a state that is not known. */
export const isUnresolved = ({ status }: { readonly status: OrderStatus }): boolean =>
  status === 'sending' || status === 'unknown';

/** A final status that we concluded ourselves, without the venue ever having shown the order. */
const isConclusion = (state: OrderState): boolean =>
  isTerminal(state.status) && state.venueOrderId === undefined && isZero(state.filledQuantity);

/**
 * What an order becomes by a venue's report. Final statuses stay, with exceptions that rest on evidence: an order that
 * we had given up without the venue having shown it comes back when the venue shows it, executions that complete a
 * cancelled order make it filled, and what only they had made filled is open again when one is taken back. A final status that counts more executions than are booked waits in
 * `closing`. Returns the same object where nothing changes.
 */
export function mergeReport(state: OrderState, report: OrderReport): OrderState {
  const shows = report.venueOrderId !== undefined && isConclusion(state);
  const next: { -readonly [K in keyof OrderState]: OrderState[K] } = { ...state };
  next.venueOrderId = state.venueOrderId ?? report.venueOrderId;
  next.reportedQuantity = laterQuantity(state.reportedQuantity, report);
  if (!isTerminal(state.status) || shows) {
    next.venueStatus = report.venueStatus ?? state.venueStatus;
    next.reason = report.reason ?? state.reason;
    if (isTerminal(report.status)) next.closing = state.closing === 'filled' ? 'filled' : report.status;
    else if (shows) next.status = report.status;
    else next.status = later(state, report);
    if (shows && isTerminal(report.status)) next.status = 'unknown';
  }
  const settled = settle(next);
  return same(settled, state) ? state : settled;
}

/**
 * Filled by our count alone, of which a part is taken back: the venue never said that it was complete. (A fill may come
 * before the bust of an earlier one.) Where it is over all the same, the venue says so when it is asked.
 */
const isReopened = (state: OrderState, filled: DecimalText): boolean =>
  state.status === 'filled' &&
  state.quantity !== undefined &&
  state.reportedQuantity !== undefined &&
  compare(state.reportedQuantity, state.quantity) < 0 &&
  compare(filled, state.filledQuantity) < 0;

/** What an order becomes when its booked executions add up to `filled`. */
export function mergeFilled(state: OrderState, filled: DecimalText): OrderState {
  const next: { -readonly [K in keyof OrderState]: OrderState[K] } = { ...state, filledQuantity: filled };
  const complete = state.quantity !== undefined && compare(filled, state.quantity) >= 0;
  const rank = RANK[state.status];
  if (complete) next.status = 'filled';
  else if (isReopened(state, filled)) next.status = 'partially_filled';
  else if (!isZero(filled) && ((rank !== undefined && rank < RANK.partially_filled!) || isConclusion(state))) {
    next.status = 'partially_filled';
  }
  const settled = settle(next);
  return same(settled, state) ? state : settled;
}

function later(state: OrderState, report: OrderReport): OrderStatus {
  const current = state.status;
  const to = RANK[report.status]!;
  const from = RANK[current]!;
  const pending = current === 'pending_cancel' || current === 'pending_replace';
  // The venue refused the cancel or the replace, and says so in a read made after the request.
  if (pending && report.authoritative && to >= RANK.accepted! && to < RANK.pending_replace!) {
    return isZero(state.filledQuantity) ? report.status : 'partially_filled';
  }
  return to > from ? report.status : current;
}

function laterQuantity(current: DecimalText | undefined, report: OrderReport): DecimalText | undefined {
  const reported = report.reportedQuantity;
  if (reported === undefined) return current;
  if (current === undefined || report.authoritative || compare(reported, current) > 0) return reported;
  return current;
}

/** Enters a waiting final status once all executions it counts are booked. */
function settle(state: OrderState): OrderState {
  if (state.closing === undefined || isTerminal(state.status)) {
    return state.closing === undefined ? state : { ...state, closing: undefined };
  }
  const needed = state.reportedQuantity ?? (state.closing === 'filled' ? state.quantity : '0');
  if (needed === undefined || compare(state.filledQuantity, needed) < 0) return state;
  return { ...state, status: state.closing, closing: undefined };
}

const KEYS = [
  'status',
  'closing',
  'venueOrderId',
  'venueStatus',
  'reason',
  'reportedQuantity',
  'filledQuantity',
] as const satisfies readonly (keyof OrderState)[];

const same = (a: OrderState, b: OrderState): boolean => KEYS.every((key) => a[key] === b[key]);
