import type { OrdersOptions, PositionsOptions } from '../config/index.js';
import { isoTime } from '../platform/index.js';
import { scopesOf, withJournal } from './compose/journal.js';
import type { Runtime } from './runtime.js';

/** What one strategy owns of one instrument. Quantities and prices are decimal text, times ISO 8601 in UTC. */
export interface PositionRow {
  readonly strategy: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  /** Signed. */
  readonly quantity: string;
  readonly average_price: string | null;
  /** Profit of what was closed, first in first out, costs included. */
  readonly realised: string;
  readonly updated_at: string;
}

export interface OrderRow {
  readonly created_at: string;
  readonly strategy: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly leg: string;
  readonly type: string;
  /** One of quantity and notional, or neither for an exit that the venue sizes itself. */
  readonly quantity: string | null;
  readonly notional: string | null;
  readonly limit_price: string | null;
  readonly stop_price: string | null;
  readonly status: string;
  readonly filled: string;
  readonly average_price: string | null;
  readonly reason: string | null;
  readonly client_order_id: string;
}

type Place = Pick<Runtime, 'journal'>;

/** `quantline positions`: what the strategies own, as the journal knows it. Reads beside a running `trade`. */
export async function positions(options: PositionsOptions, runtime: Place): Promise<readonly PositionRow[]> {
  return withJournal(runtime, [], async (journal) => {
    const rows: PositionRow[] = [];
    for (const scope of await scopesOf(journal, options)) {
      for (const position of await journal.positions(scope)) {
        rows.push({
          strategy: position.strategy,
          venue: position.venue,
          account: position.account,
          instrument: position.instrument,
          quantity: position.quantity,
          average_price: position.averagePrice ?? null,
          realised: position.realised,
          updated_at: isoTime(position.updatedAt),
        });
      }
    }
    return rows;
  });
}

/** `quantline orders`: newest first; those that are not done, or all. */
export async function orders(options: OrdersOptions, runtime: Place): Promise<readonly OrderRow[]> {
  return withJournal(runtime, [], async (journal) => {
    const found = [];
    for (const scope of await scopesOf(journal, options)) {
      found.push(...(await journal.orders({ scope, ...(options.all ? {} : { open: true }) })));
    }
    found.sort((a, b) => b.createdAt - a.createdAt || (a.clientOrderId < b.clientOrderId ? -1 : 1));
    return found.slice(0, options.limit).map(
      ({ request, ...order }): OrderRow => ({
        created_at: isoTime(order.createdAt),
        strategy: order.strategy,
        venue: order.venue,
        account: order.account,
        instrument: order.instrument,
        side: request.side,
        leg: order.leg,
        type: request.type,
        quantity: request.quantity ?? null,
        notional: request.notional ?? null,
        limit_price: request.limitPrice ?? null,
        stop_price: request.stopPrice ?? null,
        status: order.status,
        filled: order.filledQuantity,
        average_price: order.averagePrice ?? null,
        reason: order.reason ?? null,
        client_order_id: order.clientOrderId,
      }),
    );
  });
}
