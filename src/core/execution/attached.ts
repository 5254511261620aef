import { isZero } from '../domain/decimal.js';
import { isQuantlineError } from '../errors/index.js';
import { type AttachedOrder, isTerminal, type OrderRecord } from '../state/index.js';
import type { BrokerExecution, BrokerOrder } from './broker.js';
import { type ExecutionContext, sameScope } from './context.js';
import { hangingOn, secondOf } from './groups.js';

/**
 * Orders that a venue hangs on ours (exits, second entries) have no client order id of their own. They become known by
 * the order that they hang on, or by saying themselves which one that is: whatever is told first, they are recorded
 * before their fills are booked, and before the order that they hang on counts as over.
 */

const attachedId = ({ clientOrderId }: OrderRecord, venueOrderId: string): string => `${clientOrderId}.${venueOrderId}`;

/** What an order that hangs on another one is for: on the side of an entry it is the second of a pair of entries. */
function legOf(order: BrokerOrder, { leg, request }: OrderRecord): AttachedOrder['leg'] {
  if (order.attachedTo !== undefined) return order.attachedTo.leg;
  if (leg === 'entry' && order.side === request.side) return 'entry';
  return order.type === 'limit' ? 'target' : 'stop';
}

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

/** One of which only an execution is seen: on the terms that were sent. */
function attachedByFill(record: OrderRecord, execution: BrokerExecution, clientOrderId: string): AttachedOrder {
  const { venueOrderId, attachedTo, instrument, side } = execution;
  const { leg } = attachedTo!;
  const sent = hangingOn(record.request).find((each) => each.leg === leg)?.request;
  const { timeInForce } = record.request;
  const terms = sent ?? { type: 'stop', timeInForce, opens: leg === 'entry' };
  return { clientOrderId, venueOrderId, leg, request: { ...terms, instrument, side } };
}

/** Whether what took the place of an order of this group is still looked for: what is new in it may be that. */
async function awaitsReplacement({ journal, scope }: ExecutionContext, first: OrderRecord): Promise<boolean> {
  const open = await journal.orders({ scope, open: true });
  const sent = open.filter(({ status, venueOrderId }) => status !== 'intended' && venueOrderId === undefined);
  const replaced = await journal.ordersById(sent.flatMap(({ replaces }) => replaces ?? []));
  return replaced.some(({ clientOrderId, parent }) => (parent ?? clientOrderId) === first.clientOrderId);
}

/** Orders of the journal by the venue's ids, kept up to date by who records more of them. */
type Known = Map<string, OrderRecord>;

export async function knownOf({ journal, scope }: ExecutionContext, orders: readonly BrokerOrder[]): Promise<Known> {
  const ids = orders.map(({ venueOrderId }) => venueOrderId);
  return new Map(ids.length === 0 ? [] : await journal.ordersByVenueId(scope.venue, scope.account, ids));
}

/** Records what the venue has hung on one of our orders, where it is new, and returns the ids of all of it. */
export async function attach(
  context: ExecutionContext,
  record: OrderRecord,
  legs: readonly BrokerOrder[],
  known: Known,
): Promise<readonly { readonly clientOrderId: string; readonly leg: BrokerOrder }[]> {
  const { journal, clock } = context;
  const attached: AttachedOrder[] = [];
  const all: { clientOrderId: string; leg: BrokerOrder }[] = [];
  for (const leg of legs) {
    // One that has taken the place of another in its group was placed by us, under an id of its own.
    const before = known.get(leg.venueOrderId);
    if (before === undefined && (await awaitsReplacement(context, record))) continue;
    const clientOrderId = before?.clientOrderId ?? leg.clientOrderId ?? attachedId(record, leg.venueOrderId);
    if (before === undefined) attached.push(attachedOf(record, leg, clientOrderId));
    all.push({ clientOrderId, leg });
  }
  if (attached.length === 0) return all;
  for (const order of await journal.recordAttached(record.clientOrderId, attached, clock.now()))
    if (order.venueOrderId !== undefined) known.set(order.venueOrderId, order);
  return all;
}

/** The same for one that the venue shows by itself, as an order or by its executions; undefined where it hangs on none of ours. */
export async function attachAlone(
  { journal, scope, clock }: ExecutionContext,
  shown: BrokerOrder | BrokerExecution,
): Promise<OrderRecord | undefined> {
  const { attachedTo, venueOrderId } = shown;
  const record = attachedTo === undefined ? undefined : await journal.order(attachedTo.clientOrderId);
  if (record === undefined || !sameScope(record, scope)) return undefined;
  const id = attachedId(record, venueOrderId);
  const order = 'executionId' in shown ? attachedByFill(record, shown, id) : attachedOf(record, shown, id);
  return (await journal.recordAttached(record.clientOrderId, [order], clock.now()))[0];
}

/** Whether the venue hangs more on an order of ours than the journal and the venue's view of it hold. */
export async function lacksLegs(
  { journal, scope, broker }: ExecutionContext,
  { clientOrderId, request, slot }: OrderRecord,
  shown: readonly BrokerOrder[],
): Promise<boolean> {
  if (broker.capabilities.pairedEntries === 'one-order' && secondOf(request) !== undefined) return false;
  const wanted = hangingOn(request).length;
  if (shown.length >= wanted) return false;
  const known = await journal.orders({ scope, slot });
  return known.filter(({ parent }) => parent === clientOrderId).length < wanted;
}

/** Whether an order that is shown so begins to fill or is over. */
export const endsLooking = ({ filledQuantity, status }: BrokerOrder): boolean =>
  !isZero(filledQuantity) || (isTerminal(status) && status !== 'rejected');

/**
 * What hangs on an order, as it is shown. A venue may show an order without that, and once the journal counts the order
 * as over nobody looks at it again: from its first fill on it is read by the venue's own id. undefined where it cannot
 * be read now: the order is then booked at a later look.
 */
export async function legsOf(
  context: ExecutionContext,
  record: OrderRecord,
  order: BrokerOrder,
): Promise<readonly BrokerOrder[] | undefined> {
  const { legs = [], venueOrderId } = order;
  if (!endsLooking(order) || !(await lacksLegs(context, record, legs))) return legs;
  try {
    return (await context.broker.orderByVenueId(venueOrderId))?.legs ?? legs;
  } catch (error) {
    if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
    context.logger.warn(`${record.instrument}: ${error.message} What hangs on the order is looked for again.`);
    return undefined;
  }
}

/** Records what hangs on an order of which an execution is told, where that is not known yet. */
export async function attachLegs(context: ExecutionContext, record: OrderRecord, venueOrderId: string): Promise<void> {
  if (!(await lacksLegs(context, record, []))) return;
  const legs = (await context.broker.orderByVenueId(venueOrderId))?.legs ?? [];
  await attach(context, record, legs, await knownOf(context, legs));
}
