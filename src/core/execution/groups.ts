import type { OrderLeg } from '../domain/orders.js';
import type { OrderRequest } from '../state/index.js';

/** An order that a venue hangs on one that was sent: what it is for, and its terms. */
export interface HangingOrder {
  readonly leg: OrderLeg;
  readonly request: OrderRequest;
}

/** The second order of a pair of entries: on terms of its own, for as many units where one cancels the other. */
export function secondOf(request: OrderRequest): OrderRequest | undefined {
  const { either, triggers, limitPrice: _, stopPrice: __, ...rest } = request;
  if (either !== undefined) return { ...rest, ...either };
  if (triggers === undefined) return undefined;
  const { terms, quantity } = triggers;
  return {
    ...{ ...rest, ...terms, ...(quantity !== undefined && { quantity }) },
    // It begins to work when the first is filled, at whatever hour, and lasts until the signal changes.
    timeInForce: terms.type === 'market' ? 'day' : 'gtc',
  };
}

/**
 * What a venue of two orders a pair hangs on an order of this request: the second of two entries, or exits. Of a pair
 * of exits the order itself is the target.
 */
export function hangingOn(request: OrderRequest): readonly HangingOrder[] {
  const { instrument, side, timeInForce, quantity, takeProfit, stopLoss, opens } = request;
  const second = secondOf(request);
  if (second !== undefined) return [{ leg: 'entry', request: second }];
  const exits = opens !== false || takeProfit === undefined || stopLoss === undefined;
  const common = {
    ...{ instrument, timeInForce, opens: false, ...(quantity !== undefined && { quantity }) },
    side: exits ? (side === 'buy' ? ('sell' as const) : ('buy' as const)) : side,
  };
  const hanging: HangingOrder[] = [];
  if (takeProfit !== undefined && exits)
    hanging.push({ leg: 'target', request: { ...common, type: 'limit', ...takeProfit } });
  if (stopLoss !== undefined) {
    const type = stopLoss.limitPrice === undefined ? 'stop' : 'stop_limit';
    hanging.push({ leg: 'stop', request: { ...common, type, ...stopLoss } });
  }
  return hanging;
}
