import type { OrderIntent, OrderLeg, OrderStatus, OrderType, Protection } from '../domain/orders.js';
import type { ExitReason } from './trades.js';

/** An order as the simulated venue holds it. Plain data, so that a book can be written down and read back. */
export interface VenueOrder {
  /** 1, 2, 3 … in order of acceptance. */
  readonly sequence: number;
  readonly instrument: number;
  /** 1 buys, −1 sells. */
  readonly side: number;
  readonly leg: OrderLeg;
  readonly type: OrderType;
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
    clientId,
  };
}
