import type { OrderLeg } from '../domain/orders.js';
import {
  type AttachedOrder,
  type ExecutionRecord,
  isTerminal,
  isUnresolved,
  type OrderRecord,
  type OrderReport,
  type StrategyScope,
} from '../state/index.js';
import type { BrokerEvent, BrokerExecution, BrokerOrder } from './broker.js';
import { type ExecutionContext, fault } from './context.js';

/** A venue's order as a report on ours. */
export function reportOf(clientOrderId: string, order: BrokerOrder, authoritative: boolean): OrderReport {
  return {
    clientOrderId,
    status: order.status,
    venueOrderId: order.venueOrderId,
    venueStatus: order.venueStatus,
    reportedQuantity: order.filledQuantity,
    ...(order.reason === undefined ? {} : { reason: order.reason }),
    ...(authoritative ? { authoritative: true } : {}),
  };
}

interface OrderIds {
  readonly clientOrderId: string | undefined;
  readonly venueOrderId: string;
}

/** The order that a venue means, of whichever strategy, by client id or venue id; undefined for orders from elsewhere. */
export async function orderOf(
  { journal, scope }: ExecutionContext,
  { clientOrderId, venueOrderId }: OrderIds,
): Promise<OrderRecord | undefined> {
  const named = clientOrderId === undefined ? undefined : await journal.order(clientOrderId);
  return named ?? (await journal.orderByVenueId(scope.venue, scope.account, venueOrderId));
}

/** The same where it is the strategy's own. */
export async function ourOrder(context: ExecutionContext, ids: OrderIds): Promise<OrderRecord | undefined> {
  const order = await orderOf(context, ids);
  return order !== undefined && sameScope(order, context.scope) ? order : undefined;
}

const sameScope = (a: StrategyScope, b: StrategyScope): boolean =>
  a.venue === b.venue && a.account === b.account && a.strategy === b.strategy;

/** What an order that hangs on another one is for: on the side of an entry it is the second of a pair of entries. */
function legOf(order: BrokerOrder, { leg, request }: OrderRecord): OrderLeg {
  if (leg === 'entry' && order.side === request.side) return 'entry';
  return order.type === 'limit' ? 'target' : 'stop';
}

/** Whether what took the place of an order of this group is still looked for: what is new in it may be that. */
async function awaitsReplacement({ journal, scope }: ExecutionContext, first: OrderRecord): Promise<boolean> {
  const open = await journal.orders({ scope, open: true });
  const sent = open.filter(({ status, venueOrderId }) => status !== 'intended' && venueOrderId === undefined);
  const replaced = await journal.ordersById(sent.flatMap(({ replaces }) => replaces ?? []));
  return replaced.some(({ clientOrderId, parent }) => (parent ?? clientOrderId) === first.clientOrderId);
}

/** An order that the venue has hung on one of ours, for the journal. */
function attachedOf(record: OrderRecord, order: BrokerOrder, clientOrderId: string): AttachedOrder {
  const leg = legOf(order, record);
  return {
    clientOrderId,
    venueOrderId: order.venueOrderId,
    leg,
    request: {
      instrument: order.instrument,
      side: order.side,
      type: order.type === 'other' ? 'stop' : order.type,
      timeInForce: record.request.timeInForce,
      opens: leg === 'entry',
      ...(order.quantity === undefined ? {} : { quantity: order.quantity }),
      ...(order.limitPrice === undefined ? {} : { limitPrice: order.limitPrice }),
      ...(order.stopPrice === undefined ? {} : { stopPrice: order.stopPrice }),
    },
  };
}

/** Books venues' orders that are ours: their state, and the exits and second entries attached to them. */
export async function bookOrders(
  context: ExecutionContext,
  found: readonly { readonly record: OrderRecord; readonly order: BrokerOrder }[],
  authoritative: boolean,
): Promise<void> {
  const { journal, scope, clock } = context;
  const reports: OrderReport[] = [];
  for (const { record, order } of found) {
    reports.push(reportOf(record.clientOrderId, order, authoritative));
    for (const each of [order, ...(order.legs ?? [])]) if (each.status === 'unknown') await noteUnknown(context, each);
    const attached: AttachedOrder[] = [];
    for (const leg of order.legs ?? []) {
      // One that has taken the place of another in its group was placed by us, under an id of its own.
      const known = await journal.orderByVenueId(scope.venue, scope.account, leg.venueOrderId);
      const id = known?.clientOrderId ?? leg.clientOrderId ?? `${record.clientOrderId}.${leg.venueOrderId}`;
      if (known === undefined && (await awaitsReplacement(context, record))) continue;
      if (known === undefined) attached.push(attachedOf(record, leg, id));
      reports.push(reportOf(id, leg, authoritative));
    }
    if (attached.length > 0) await journal.recordAttached(record.clientOrderId, attached, clock.now());
  }
  const after = await journal.recordReports(reports, clock.now());
  const alive = new Set(found.flatMap(({ record }) => (isTerminal(record.status) ? [] : [record.clientOrderId])));
  for (const order of after)
    if (order.status === 'rejected' && alive.has(order.clientOrderId)) context.onRejected?.(order);
}

/** Said once for each word of an order. */
async function noteUnknown({ journal, broker, scope, logger }: ExecutionContext, order: BrokerOrder): Promise<void> {
  const { instrument, venueOrderId, venueStatus } = order;
  const known = await journal.orderByVenueId(scope.venue, scope.account, venueOrderId);
  if (known?.venueStatus === venueStatus) return;
  logger.warn(
    `${broker.venue}: the order ${venueOrderId} of ${instrument} is "${venueStatus}", a status that is not known here; it counts as open.`,
  );
}

/** A venue's execution as the journal keeps it. */
export function executionOf(clientOrderId: string, execution: BrokerExecution): ExecutionRecord {
  const { executionId, instrument, side, quantity, price, time, kind, refersTo, costs } = execution;
  return {
    executionId,
    clientOrderId,
    instrument,
    side,
    quantity,
    price,
    time,
    kind,
    ...(refersTo === undefined ? {} : { refersTo }),
    ...(costs === undefined ? {} : { costs }),
  };
}

/** The venue's executions from where the journal stopped, with the cursor after them; complete, or throws. */
export async function executionsSince({ broker, journal, scope }: ExecutionContext): Promise<{
  readonly executions: readonly BrokerExecution[];
  readonly cursor: string | undefined;
}> {
  let cursor = await journal.cursor(scope);
  const executions: BrokerExecution[] = [];
  const visited = new Set<string | undefined>([cursor]);
  for (;;) {
    const page = await broker.executions(cursor);
    executions.push(...page.executions);
    const repeats = visited.has(page.cursor);
    cursor = page.cursor;
    if (repeats || page.executions.length === 0) return { executions, cursor };
    visited.add(cursor);
  }
}

/** Books the executions of our orders, each once, and returns those that were new. */
export async function bookExecutions(
  context: ExecutionContext,
  executions: readonly BrokerExecution[],
): Promise<readonly ExecutionRecord[]> {
  const { journal, scope, clock } = context;
  const booked = new Set(
    await journal.bookedExecutions(
      scope,
      executions.map(({ executionId }) => executionId),
    ),
  );
  // A page repeats what an earlier one told.
  const fresh = executions.filter(({ executionId }) => !booked.has(executionId));
  if (fresh.length === 0) return [];
  const orders = await journal.ordersById(fresh.flatMap(({ clientOrderId }) => clientOrderId ?? []));
  const byId = new Map(orders.map((order) => [order.clientOrderId, order]));
  const ours: ExecutionRecord[] = [];
  for (const execution of fresh) {
    const named = byId.get(execution.clientOrderId ?? '');
    const order = named !== undefined && sameScope(named, scope) ? named : await ourOrder(context, execution);
    if (order !== undefined) ours.push(executionOf(order.clientOrderId, execution));
  }
  if (ours.length === 0) return [];
  // Two transactions where there is more than one, so that a kill between them is a case that tests reach.
  const first = await journal.recordExecutions(ours.slice(0, 1), clock.now());
  fault(context, 'during-fill-booking');
  const rest = await journal.recordExecutions(ours.slice(1), clock.now());
  const news = [...first, ...rest];
  if (news.length > 0) context.onBooked?.(news);
  return news;
}

/**
 * Books one event of a stream. Returns false where a reconciliation is needed: after a (re)connection, and for events of
 * orders that are not known yet.
 */
export async function bookEvent(context: ExecutionContext, event: BrokerEvent): Promise<boolean> {
  if (event.type === 'connected') return false;
  if (event.type === 'disconnected') return true;
  const { execution } = event;
  const order = event.type === 'order' ? event.order : undefined;
  const record = await ourOrder(context, order ?? execution!);
  if (record === undefined) {
    const waiting = await context.journal.orders({ scope: context.scope, open: true });
    return !waiting.some(isUnresolved);
  }
  if (execution !== undefined) await bookExecutions(context, [execution]);
  if (order !== undefined) await bookOrders(context, [{ record, order }], false);
  return true;
}
