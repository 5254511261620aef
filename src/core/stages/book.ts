import type { FillsOptions, OrdersOptions } from '../config/index.js';
import type { BrokerOrder } from '../execution/index.js';
import { isoTime } from '../platform/index.js';
import type { Journal, OrderRecord, StrategyScope } from '../state/index.js';
import { askVenues, eachVenue, type VenueView } from './compose/ask.js';
import { scopesOf, withJournalOf } from './compose/journal.js';
import type { Runtime } from './runtime.js';

export interface OrderRow {
  readonly created_at: string | null;
  /** null: ordered by no strategy of this journal. */
  readonly strategy: string | null;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly leg: string | null;
  readonly type: string;
  /** One of quantity and notional, or neither for an exit that the venue sizes itself. */
  readonly quantity: string | null;
  readonly notional: string | null;
  readonly limit_price: string | null;
  readonly stop_price: string | null;
  readonly status: string;
  /** The venue's own word now, under --broker; null where it does not list the order. */
  readonly venue_status: string | null;
  readonly filled: string;
  readonly average_price: string | null;
  readonly reason: string | null;
  readonly client_order_id: string | null;
}

export interface FillRow {
  readonly time: string;
  readonly strategy: string | null;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly leg: string | null;
  readonly quantity: string;
  readonly price: string;
  readonly costs: string | null;
  /** `fill`, `bust`, `correction`, or `void` for a fill that was taken back. */
  readonly kind: string;
  readonly execution_id: string;
  readonly client_order_id: string | null;
}

/** `quantline orders`: newest first; those that are not done, or all. Under --broker also other people's open ones. */
export async function orders(options: OrdersOptions, runtime: Runtime): Promise<readonly OrderRow[]> {
  return withJournalOf(runtime, options.broker, async (journal) => {
    const scopes = await scopesOf(journal, options);
    const views = await askVenues(options, scopes, journal, runtime);
    const found: OrderRecord[] = [];
    for (const scope of scopes) {
      found.push(...(await journal.orders({ scope, ...(options.all ? {} : { open: true }) })));
    }
    found.sort((a, b) => b.createdAt - a.createdAt || (a.clientOrderId < b.clientOrderId ? -1 : 1));
    const listed = views.flatMap((view) => view.orders.map((order) => ({ view, order })));
    const rows = found.map((order) => orderRow(order, listed.find((each) => isSame(order, each))?.order));
    if (options.strategy === undefined) {
      for (const { view, order } of listed) {
        const known =
          (order.clientOrderId === undefined ? undefined : await journal.order(order.clientOrderId)) ??
          (await journal.orderByVenueId(view.venue, view.account.id, order.venueOrderId));
        if (known === undefined) rows.push(externalOrder(view, order));
      }
    }
    return rows.slice(0, options.limit);
  });
}

const isSame = (
  ours: OrderRecord,
  { view, order }: { readonly view: VenueView; readonly order: BrokerOrder },
): boolean =>
  view.venue === ours.venue &&
  view.account.id === ours.account &&
  (order.clientOrderId === ours.clientOrderId || order.venueOrderId === ours.venueOrderId);

function orderRow({ request, ...order }: OrderRecord, there: BrokerOrder | undefined): OrderRow {
  return {
    created_at: isoTime(order.createdAt),
    ...{ strategy: order.strategy, venue: order.venue, account: order.account, instrument: order.instrument },
    ...{ side: request.side, leg: order.leg, type: request.type },
    ...{ quantity: request.quantity ?? null, notional: request.notional ?? null },
    ...{ limit_price: limitOf(request) ?? null, stop_price: request.stopPrice ?? null },
    ...{ status: order.status, venue_status: there?.venueStatus ?? null },
    ...{ filled: order.filledQuantity, average_price: order.averagePrice ?? null },
    ...{ reason: order.reason ?? null, client_order_id: order.clientOrderId },
  };
}

/** The target of a pair of exits has its price in the pair's own terms. */
const limitOf = ({ type, limitPrice, takeProfit }: OrderRecord['request']): string | undefined =>
  limitPrice ?? (type === 'limit' ? takeProfit?.limitPrice : undefined);

function externalOrder({ venue, account }: VenueView, order: BrokerOrder): OrderRow {
  return {
    created_at: order.submittedAt === undefined ? null : isoTime(order.submittedAt),
    ...{ strategy: null, venue, account: account.id, instrument: order.instrument },
    ...{ side: order.side, leg: null, type: order.type },
    ...{ quantity: order.quantity ?? null, notional: order.notional ?? null },
    ...{ limit_price: order.limitPrice ?? null, stop_price: order.stopPrice ?? null },
    ...{ status: order.status, venue_status: order.venueStatus },
    ...{ filled: order.filledQuantity, average_price: order.averagePrice ?? null },
    ...{ reason: order.reason ?? null, client_order_id: order.clientOrderId ?? null },
  };
}

/** `quantline fills`: executions, newest first. Under --broker also those of the venue that are not booked here. */
export async function fills(options: FillsOptions, runtime: Runtime): Promise<readonly FillRow[]> {
  return withJournalOf(runtime, options.broker, async (journal) => {
    const scopes = await scopesOf(journal, options);
    const rows: FillRow[] = [];
    for (const scope of scopes) {
      const legs = new Map((await journal.orders({ scope })).map((order) => [order.clientOrderId, order.leg]));
      for (const fill of await journal.fills({ scope })) {
        rows.push({
          time: isoTime(fill.time),
          ...{ strategy: fill.strategy, venue: fill.venue, account: fill.account, instrument: fill.instrument },
          ...{ side: fill.side, leg: legs.get(fill.clientOrderId) ?? null, quantity: fill.quantity, price: fill.price },
          ...{ costs: fill.costs ?? null, kind: fill.void && fill.kind === 'fill' ? 'void' : fill.kind },
          ...{ execution_id: fill.executionId, client_order_id: fill.clientOrderId },
        });
      }
    }
    if (options.strategy === undefined) rows.push(...(await foreignFills(options, scopes, journal, rows, runtime)));
    rows.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
    return rows.slice(0, options.limit);
  });
}

async function foreignFills(
  options: FillsOptions,
  scopes: readonly StrategyScope[],
  journal: Journal,
  booked: readonly FillRow[],
  runtime: Runtime,
): Promise<FillRow[]> {
  const known = new Set(booked.map((row) => `${row.venue}\n${row.account}\n${row.execution_id}`));
  const found = await eachVenue(options, scopes, journal, runtime, async (broker) => {
    const account = (await broker.account()).id;
    const { executions } = await broker.executions(undefined);
    return executions
      .filter(({ executionId }) => !known.has(`${broker.venue}\n${account}\n${executionId}`))
      .map(
        (one): FillRow => ({
          time: isoTime(one.time),
          ...{ strategy: null, venue: broker.venue, account, instrument: one.instrument, side: one.side, leg: null },
          ...{ quantity: one.quantity, price: one.price, costs: one.costs ?? null, kind: one.kind },
          ...{ execution_id: one.executionId, client_order_id: one.clientOrderId ?? null },
        }),
      );
  });
  return found.flat();
}
