import type { Contract, Order, OrderState } from '@stoqey/ib';
import { type IbkrSession, meaningOf } from '../../clients/ibkr/index.js';
import { QuantlineError } from '../../errors/index.js';
import { type BrokerOrder, sendError } from '../broker.js';
import { openOrder, type SeenOrder } from './ibkr-read.js';
import { sendFailure } from './ibkr-send.js';

/** An order of those that TWS lists. @throws QuantlineError REFUSED where it is not among them. */
export function listed(all: readonly SeenOrder[], venueOrderId: string, verb: string): SeenOrder {
  const found = all.find(({ order }) => order.venueOrderId === venueOrderId);
  if (found !== undefined) return found;
  throw sendError('rejected', `TWS has no order ${venueOrderId} to ${verb}.`, {
    hint: 'Reconcile first; it may be over for longer than a day.',
  });
}

/** Orders belong to the client that placed them. */
export function requireOwn(session: IbkrSession, { orderId, clientId, order }: SeenOrder, done: string): void {
  if (orderId > 0 && clientId === session.clientId) return;
  const where = clientId === undefined || orderId <= 0 ? 'in TWS by hand' : `under client id ${clientId}`;
  throw sendError('rejected', `Order ${order.venueOrderId} was placed ${where}; only there can it be ${done}.`, {
    hint: 'Do it in TWS, or run with that client id.',
  });
}

/** Resolves when TWS took the request, or the order is over. */
export function cancelOrder(session: IbkrSession, { orderId, order }: SeenOrder): Promise<void> {
  const { venueOrderId } = order;
  return session.ask<void>(`the cancel of ${venueOrderId}`, ({ done, fail }) => ({
    send: (api) => api.cancelOrder(orderId, ''),
    on: {
      orderStatus: (id: number, status: string) => {
        if (id === orderId && ['PendingCancel', 'Cancelled', 'ApiCancelled', 'Filled'].includes(status)) done();
      },
      error: (error: Error, code: number, id: number) => {
        if (id !== orderId) return;
        const meaning = meaningOf(code, error.message);
        // Code 10148 names the state: what is over needs no cancel.
        if (meaning === 'canceled' || (code === 10148 && /Cancelled|Filled/i.test(error.message))) done();
        else if (meaning !== 'info')
          fail(
            new QuantlineError('REFUSED', `TWS does not cancel order ${venueOrderId}: ${error.message} (${code}).`, {
              hint: 'It is open still; look at it again in a moment.',
            }),
          );
      },
    },
  }));
}

/**
 * Sends an order once more under its number with the prices of `to`; everything else stays as TWS showed it. Resolves
 * when TWS shows it with these prices.
 */
export function changePrices(
  session: IbkrSession,
  { orderId, raw, order }: SeenOrder,
  to: Order,
): Promise<BrokerOrder> {
  const prices = {
    ...(to.lmtPrice === undefined ? {} : { lmtPrice: to.lmtPrice }),
    ...(to.auxPrice === undefined ? {} : { auxPrice: to.auxPrice }),
  };
  const shows = (one: Order) =>
    one.permId === raw.order.permId &&
    (prices.lmtPrice === undefined || one.lmtPrice === prices.lmtPrice) &&
    (prices.auxPrice === undefined || one.auxPrice === prices.auxPrice);
  return session.ask<BrokerOrder>(`the change of ${order.venueOrderId}`, ({ done, fail }) => ({
    send: (api) => api.placeOrder(orderId, raw.contract, { ...raw.order, ...prices, transmit: true }),
    on: {
      openOrder: (_id: number, contract: Contract, one: Order, state: OrderState) => {
        if (!shows(one)) return;
        done({ ...openOrder(contract, one, state).order, filledQuantity: order.filledQuantity });
      },
      error: (error: Error, code: number, id: number) => {
        if (id === orderId && meaningOf(code, error.message) !== 'info')
          fail(sendFailure(order.instrument, code, error.message));
      },
    },
  }));
}
