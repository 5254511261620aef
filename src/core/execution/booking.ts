import { type ExecutionRecord, isTerminal, isUnresolved, type OrderRecord, type OrderReport } from '../state/index.js';
import { attach, attachAlone, attachLegs, endsLooking, knownOf, lacksLegs, legsOf } from './attached.js';
import type { BrokerEvent, BrokerExecution, BrokerOrder, ExecutionPage } from './broker.js';
import { type ExecutionContext, fault, sameScope } from './context.js';

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

type OrderIds = Pick<BrokerOrder, 'clientOrderId' | 'venueOrderId' | 'attachedTo'>;

/** The order that a venue means, of whichever strategy, by client id or venue id; undefined for orders from elsewhere. */
async function orderOf(
  { journal, scope }: ExecutionContext,
  { clientOrderId, venueOrderId }: OrderIds,
): Promise<OrderRecord | undefined> {
  const named = clientOrderId === undefined ? undefined : await journal.order(clientOrderId);
  return named ?? (await journal.orderByVenueId(scope.venue, scope.account, venueOrderId));
}

/** The order of this journal that a venue's one belongs to: itself, or the one that it hangs on. */
export async function ownerOf(context: ExecutionContext, ids: OrderIds): Promise<OrderRecord | undefined> {
  const order = await orderOf(context, ids);
  if (order !== undefined || ids.attachedTo === undefined) return order;
  return context.journal.order(ids.attachedTo.clientOrderId);
}

/** The same where it is the strategy's own. */
export async function ourOrder(context: ExecutionContext, ids: OrderIds): Promise<OrderRecord | undefined> {
  const order = await orderOf(context, ids);
  return order !== undefined && sameScope(order, context.scope) ? order : undefined;
}

/** Books venues' orders that are ours: their state, and the exits and second entries attached to them. */
export async function bookOrders(
  context: ExecutionContext,
  found: readonly { readonly record: OrderRecord; readonly order: BrokerOrder }[],
  authoritative: boolean,
): Promise<void> {
  const { journal, clock } = context;
  const reports: OrderReport[] = [];
  const shown: { record: OrderRecord; order: BrokerOrder; legs: readonly BrokerOrder[] }[] = [];
  for (const { record, order } of found) {
    const legs = await legsOf(context, record, order);
    if (legs !== undefined) shown.push({ record, order, legs });
  }
  const known = await knownOf(
    context,
    shown.flatMap(({ legs }) => legs),
  );
  for (const { record, order, legs } of shown) {
    reports.push(reportOf(record.clientOrderId, order, authoritative));
    for (const each of [order, ...legs]) if (each.status === 'unknown') await noteUnknown(context, each);
    for (const { clientOrderId, leg } of await attach(context, record, legs, known))
      reports.push(reportOf(clientOrderId, leg, authoritative));
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

/** Pages of the venue's executions from where the journal stopped; ends also where a venue repeats its cursor. */
export async function* executionPages({ broker, journal, scope }: ExecutionContext): AsyncGenerator<ExecutionPage> {
  let cursor = await journal.cursor(scope);
  for (const visited = new Set<string | undefined>(); !visited.has(cursor); ) {
    visited.add(cursor);
    const page = await broker.executions(cursor);
    yield page;
    if (page.executions.length === 0) return;
    cursor = page.cursor;
  }
}

/** All of them, with the cursor after them; complete, or throws. */
export async function executionsSince(context: ExecutionContext): Promise<{
  readonly executions: readonly BrokerExecution[];
  readonly cursor: string | undefined;
}> {
  const executions: BrokerExecution[] = [];
  let cursor: string | undefined;
  for await (const page of executionPages(context)) {
    executions.push(...page.executions);
    cursor = page.cursor;
  }
  return { executions, cursor };
}

/**
 * An execution may be the first that is seen of an order and its last: what the venue calls it, and what hangs on it, is
 * recorded before the execution, after which it may count as over.
 */
async function noteShown(context: ExecutionContext, order: OrderRecord, execution: BrokerExecution): Promise<void> {
  const { journal, clock } = context;
  const { venueOrderId } = execution;
  await attachLegs(context, order, venueOrderId);
  if (order.venueOrderId !== undefined) return;
  await journal.recordReports([{ clientOrderId: order.clientOrderId, status: 'accepted', venueOrderId }], clock.now());
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
  const others: BrokerExecution[] = [];
  const seen = new Set<string>();
  for (const execution of fresh) {
    const named = byId.get(execution.clientOrderId ?? '');
    const order = named !== undefined && sameScope(named, scope) ? named : await ourOrder(context, execution);
    if (order === undefined) {
      others.push(execution);
      continue;
    }
    if (!seen.has(order.clientOrderId)) await noteShown(context, order, execution);
    seen.add(order.clientOrderId);
    ours.push(executionOf(order.clientOrderId, execution));
  }
  for (const execution of others) {
    const order = (await ourOrder(context, execution)) ?? (await attachAlone(context, execution));
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
 * orders that are not known yet, or with which others hang together that are not.
 */
export async function bookEvent(context: ExecutionContext, event: BrokerEvent): Promise<boolean> {
  if (event.type === 'connected') return false;
  if (event.type === 'disconnected') return true;
  const { execution } = event;
  const order = event.type === 'order' ? event.order : undefined;
  const shown = order ?? execution!;
  const record = await ourOrder(context, shown);
  if (record === undefined) {
    const owner = await ownerOf(context, shown);
    if (owner !== undefined && sameScope(owner, context.scope)) return false;
    const waiting = await context.journal.orders({ scope: context.scope, open: true });
    return !waiting.some(isUnresolved);
  }
  const begins = execution !== undefined || (order !== undefined && endsLooking(order));
  if (begins && (await lacksLegs(context, record, order?.legs ?? []))) return false;
  if (execution !== undefined) await bookExecutions(context, [execution]);
  if (order !== undefined) await bookOrders(context, [{ record, order }], false);
  return true;
}
