/** Orders, fills and positions as plain values. Quantities are signed only in positions. */
export type Side = 'buy' | 'sell';
export type OrderType = 'market' | 'limit' | 'stop' | 'stop_limit';

/** `leg` names what the order is for; one slot has at most one order per leg and revision. */
export type OrderLeg = 'exit' | 'entry' | 'stop' | 'target';

/** Protection attached to an entry, relative to its average fill price; sized to what was filled. */
export interface Protection {
  /** Fractions of the fill price, > 0. */
  readonly stopLoss?: number;
  readonly takeProfit?: number;
  /** Trailing distance as a fraction of the best price since entry. */
  readonly trailingStop?: number;
  /** Bars held after which the position is closed at the next open. */
  readonly timeStop?: number;
  /** Price that stop and target are measured from, in place of the average fill price. Simulated venues only. */
  readonly anchor?: number;
}

/** Type and prices of an order, or of one of two orders that belong together. */
export interface OrderTerms {
  readonly type: 'market' | 'limit' | 'stop';
  readonly limitPrice?: number;
  readonly stopPrice?: number;
}

/** What decide and risk agreed on, before any venue saw it. */
export interface OrderIntent {
  readonly instrument: string;
  readonly side: Side;
  readonly leg: OrderLeg;
  readonly type: OrderType;
  /** Units to trade; absent when `notional` decides at the fill. */
  readonly quantity?: number;
  /** Money to spend including costs; the quantity is resolved at the fill price. Market orders only. */
  readonly notional?: number;
  /** Beside `notional`: the part of the buying power at the fill that a simulated venue spends in its place. */
  readonly share?: number;
  readonly limitPrice?: number;
  readonly stopPrice?: number;
  readonly protection?: Protection;
  /** One cancels other: the same order on other terms as well; the one that begins to fill cancels the other. */
  readonly either?: OrderTerms;
  /** One triggers other: this order is for the part `first` of the whole; once that is filled the rest works on `terms`. */
  readonly triggers?: { readonly first: number; readonly terms: OrderTerms };
}

export const ORDER_STATUSES = [
  'intended',
  'sending',
  'unknown',
  'accepted',
  'partially_filled',
  'pending_cancel',
  'pending_replace',
  'filled',
  'canceled',
  'expired',
  'rejected',
  'replaced',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export const TERMINAL_STATUSES: ReadonlySet<OrderStatus> = new Set([
  'filled',
  'canceled',
  'expired',
  'rejected',
  'replaced',
]);
