import type { OrderIntent, OrderLeg, OrderStatus, OrderTerms, OrderType, Protection } from '../domain/orders.js';
import type { ClosingTerms } from './protection.js';
import type { ExitReason } from './trades.js';
import type { Rounding } from './venue.js';

/** An order as the simulated venue holds it. Plain data, so that a book can be written down and read back. */
export interface VenueOrder {
  /** 1, 2, 3 … in order of acceptance. */
  readonly sequence: number;
  readonly instrument: number;
  /** 1 buys, −1 sells. */
  readonly side: number;
  readonly leg: OrderLeg;
  type: OrderType;
  /** Units ordered; NaN until a notional order's first fill resolves it. */
  quantity: number;
  /** Money to spend; NaN for an order by quantity. */
  readonly notional: number;
  /** Part of the buying power at the fill, in place of `notional`; NaN where that counts. */
  readonly share: number;
  limitPrice: number;
  stopPrice: number;
  triggered: boolean;
  /** Instant of submission (epoch ms): no bar that opened before it fills the order. */
  readonly submitted: number;
  filled: number;
  filledValue: number;
  costs: number;
  status: OrderStatus;
  /** Why it was rejected or cancelled; '' otherwise. */
  note: string;
  readonly reason: ExitReason;
  readonly protection: Protection | undefined;
  /** The other terms of a pair of which one cancels the other, until one of them has begun to fill. */
  either: OrderTerms | undefined;
  /** What is triggered once the part `first` of the whole is filled; `first` is 0 from then on, and 1 without a part. */
  triggers: OrderTerms | undefined;
  first: number;
  /** The caller's own id; '' in a backtest. */
  readonly clientId: string;
}

export function venueOrder(
  sequence: number,
  instrument: number,
  intent: OrderIntent,
  submitted: number,
  reason: ExitReason,
  clientId: string,
): VenueOrder {
  return {
    sequence,
    instrument,
    side: intent.side === 'buy' ? 1 : -1,
    leg: intent.leg,
    type: intent.type,
    quantity: intent.quantity ?? Number.NaN,
    notional: intent.notional ?? Number.NaN,
    share: intent.share ?? Number.NaN,
    limitPrice: intent.limitPrice ?? Number.NaN,
    stopPrice: intent.stopPrice ?? Number.NaN,
    triggered: false,
    submitted,
    filled: 0,
    filledValue: 0,
    costs: 0,
    status: 'accepted',
    note: '',
    reason,
    protection: intent.protection,
    either: intent.either,
    triggers: intent.triggers?.terms,
    first: intent.triggers?.first ?? 1,
    clientId,
  };
}

/** The venue's own order that closes all of a position of this many units. */
export function closingOrder(
  sequence: number,
  instrument: number,
  position: number,
  { leg, type, limitPrice, stopPrice }: ClosingTerms,
  submitted: number,
  reason: ExitReason,
): VenueOrder {
  const side = position > 0 ? 'sell' : 'buy';
  const intent = { instrument: '', side, leg, type, quantity: Math.abs(position), limitPrice, stopPrice } as const;
  return venueOrder(sequence, instrument, intent, submitted, reason, '');
}

/** Whether it is what is left of a target that the venue holds for a position. */
export const isOwnTarget = ({ leg, clientId }: VenueOrder): boolean => leg === 'target' && clientId === '';

/** Whether it may still be filled. */
export const isWorking = ({ status }: VenueOrder): boolean => status === 'accepted' || status === 'partially_filled';

/**
 * Money that the entries among these orders may still spend, less that of short ones: what is left of their amounts, or
 * their unfilled units at their prices, without one at `mark`.
 */
export function openEntries(orders: readonly VenueOrder[], mark: number): number {
  let sum = 0;
  for (const { leg, side, notional, quantity, filled, filledValue, limitPrice, stopPrice } of orders) {
    if (leg !== 'entry') continue;
    const price = Number.isNaN(limitPrice) ? (Number.isNaN(stopPrice) ? mark : stopPrice) : limitPrice;
    sum += side * (Number.isNaN(notional) ? (quantity - filled) * price : Math.max(0, notional - filledValue));
  }
  return sum;
}

/** Trades the order's terms for the other ones of its pair. */
export function swapTerms(order: VenueOrder): void {
  const { type, limitPrice, stopPrice } = order;
  workOn(order, order.either!);
  order.either = {
    type: type as OrderTerms['type'],
    ...(!Number.isNaN(limitPrice) && { limitPrice }),
    ...(!Number.isNaN(stopPrice) && { stopPrice }),
  };
}

/** Units of the order that may be filled by now: of one that triggers another, its first part. */
export const dueQuantity = (
  { instrument, quantity, triggers, first }: VenueOrder,
  rounding: Pick<Rounding, 'quantity'>,
): number => (triggers === undefined ? quantity : rounding.quantity(instrument, quantity * first));

/** The first part is filled: what was ordered beside it works from the next bar on. */
export function trigger(order: VenueOrder): void {
  workOn(order, order.triggers!);
  order.triggers = undefined;
  order.first = 0;
  order.triggered = false;
}

/** From now on the order works on these terms. */
function workOn(order: VenueOrder, { type, limitPrice = Number.NaN, stopPrice = Number.NaN }: OrderTerms): void {
  order.type = type;
  order.limitPrice = limitPrice;
  order.stopPrice = stopPrice;
}

/** The same terms with other prices. */
export const repriced = (terms: OrderTerms, price: (value: number) => number): OrderTerms => ({
  type: terms.type,
  ...(terms.limitPrice !== undefined && { limitPrice: price(terms.limitPrice) }),
  ...(terms.stopPrice !== undefined && { stopPrice: price(terms.stopPrice) }),
});

/** Why terms make no order; '' where they do. */
export function flawOf(type: OrderType, limitPrice: number | undefined, stopPrice: number | undefined): string {
  if ((type === 'limit' || type === 'stop_limit') && !(limitPrice! > 0)) return 'limit price missing';
  if ((type === 'stop' || type === 'stop_limit') && !(stopPrice! > 0)) return 'stop price missing';
  return '';
}
