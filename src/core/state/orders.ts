import { invariant } from '../errors/index.js';
import type { Sql } from './database.js';
import type { OrderState } from './orderState.js';
import type { OrderRecord } from './records.js';
import { readOrders, updateOrder } from './rows.js';

/** The orders that one transaction works on: each is read once, and what is written is known without reading it again. */
export class Orders {
  private readonly held = new Map<string, OrderRecord>();

  constructor(private readonly sql: Sql) {}

  async load(clientOrderIds: Iterable<string>): Promise<void> {
    const ids = [...new Set(clientOrderIds)].filter((id) => !this.held.has(id));
    for (const order of await readOrders(this.sql, ids)) this.held.set(order.clientOrderId, order);
  }

  /** One that was loaded, as it is now; undefined where there is none of that id. */
  get(clientOrderId: string): OrderRecord | undefined {
    return this.held.get(clientOrderId);
  }

  async put(order: OrderRecord): Promise<void> {
    this.held.set(order.clientOrderId, order);
    await updateOrder(this.sql, order);
  }
}

export function existing(orders: Orders, clientOrderId: string): OrderRecord {
  const order = orders.get(clientOrderId);
  invariant(order !== undefined, `The journal refers to an order that it does not hold: ${clientOrderId}`);
  return order;
}

export const stateOf = (order: OrderRecord): OrderState => ({
  status: order.status,
  closing: order.closing,
  venueOrderId: order.venueOrderId,
  venueStatus: order.venueStatus,
  reason: order.reason,
  reportedQuantity: order.reportedQuantity,
  filledQuantity: order.filledQuantity,
  quantity: order.request.quantity,
});

/** The fields of an order that a state carries. */
export function changed(state: OrderState): Omit<OrderState, 'quantity'> {
  const { quantity: _, ...rest } = state;
  return rest;
}
