import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { isTerminal, type Lease, type NewIntent, type OrderRecord, type OrderRequest } from '../state/index.js';
import { bookExecutions, bookOrders, executionPages } from './booking.js';
import { type BrokerOrder, sendOutcome } from './broker.js';
import { type ExecutionContext, fault, limitsOf, pause } from './context.js';
import { commitIntents, find, notAnother } from './submit.js';

/** Reads orders and executions once and books them. Returns the orders as they are then. */
export async function pollOrders(
  context: ExecutionContext,
  clientOrderIds: readonly string[],
): Promise<readonly OrderRecord[]> {
  const found: { record: OrderRecord; order: NonNullable<Awaited<ReturnType<typeof find>>> }[] = [];
  for (const id of clientOrderIds) {
    const record = await known(context, id);
    if (isTerminal(record.status)) continue;
    const order = await find(context, record);
    if (order !== undefined) found.push({ record, order });
  }
  await bookOrders(context, found, true);
  // Page by page: what is booked stays booked where a later one cannot be read.
  if (found.length > 0)
    for await (const { executions } of executionPages(context)) await bookExecutions(context, executions);
  return Promise.all(clientOrderIds.map((id) => known(context, id)));
}

/**
 * Waits until all orders are over (with their executions booked) or `until` has passed; failed reads are waited out.
 * Returns the orders as they are then.
 */
export async function awaitOutcome(
  context: ExecutionContext,
  clientOrderIds: readonly string[],
  until: number,
): Promise<readonly OrderRecord[]> {
  const { clock, logger } = context;
  for (;;) {
    let orders: readonly OrderRecord[] | undefined;
    try {
      orders = await pollOrders(context, clientOrderIds);
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
      logger.warn(`${error.message} Asking again.`);
    }
    if (orders?.every((order) => isTerminal(order.status)) || clock.now() >= until) {
      return orders ?? Promise.all(clientOrderIds.map((id) => known(context, id)));
    }
    await pause(context, Math.max(1, Math.min(limitsOf(context).pollEvery, until - clock.now())));
  }
}

/**
 * Asks the venue to cancel. The order stays open until the venue says that it is over: a fill may win the race, so no
 * other exit is sent before. An order that was never sent is simply closed.
 */
export async function cancelOrder(context: ExecutionContext, clientOrderId: string): Promise<OrderRecord> {
  const { journal, broker, clock } = context;
  const record = await known(context, clientOrderId);
  if (isTerminal(record.status)) return record;
  if (record.status === 'intended') {
    const report = { clientOrderId, status: 'canceled', reason: 'cancelled before it was sent' } as const;
    return (await journal.recordReports([report], clock.now()))[0]!;
  }
  const venueOrderId = record.venueOrderId ?? (await find(context, record))?.venueOrderId;
  if (venueOrderId === undefined) {
    throw new QuantlineError(
      'UNAVAILABLE',
      `${clientOrderId} is not visible at the venue and cannot be cancelled yet.`,
      {
        hint: 'Reconcile first; the order may still arrive.',
        details: { clientOrderId },
      },
    );
  }
  const [pending] = await journal.recordReports(
    [{ clientOrderId, status: 'pending_cancel', venueOrderId }],
    clock.now(),
  );
  try {
    await broker.cancel(venueOrderId);
  } catch (error) {
    // Whether it was taken shows in the order itself.
    if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
    context.logger.warn(`${record.instrument}: ${error.message}`);
  }
  return pending!;
}

/** Asks for a cancel. What cannot be cancelled now is over, or is asked for again at the next look. */
export async function tryCancel(context: ExecutionContext, { clientOrderId }: OrderRecord): Promise<void> {
  try {
    await cancelOrder(context, clientOrderId);
  } catch (error) {
    if (!isQuantlineError(error) || error.code === 'CREDENTIALS') throw error;
    context.logger.warn(error.message);
  }
}

/**
 * Replaces an open order by another revision of the same leg. Where the venue replaces in place, both ids are followed
 * until it says which of them lives; elsewhere, and of a pair at venues without client order ids, the old one is
 * cancelled, and the new one is sent only once that is over. Returns the new order, or undefined where the old one was
 * over first (filled, say): then nothing was sent.
 */
export async function replaceOrder(
  context: ExecutionContext,
  lease: Lease,
  clientOrderId: string,
  intent: NewIntent,
  until: number,
): Promise<OrderRecord | undefined> {
  const { journal, broker, clock } = context;
  const old = await known(context, clientOrderId);
  if (isTerminal(old.status)) return undefined;
  // What becomes of the other order of a pair is said nowhere, and without client ids the new one could not be told apart.
  const apart = old.request.either !== undefined && !broker.capabilities.clientOrderIds;
  if (broker.replace === undefined || old.venueOrderId === undefined || apart) {
    await cancelOrder(context, clientOrderId);
    const [ended] = await awaitOutcome(context, [clientOrderId], until);
    if (ended!.status !== 'canceled') return undefined;
    return (await commitIntents(context, lease, old.slot, [intent]))[0];
  }
  // It stands where the old one stood.
  const place = { ...(old.parent !== undefined && { parent: old.parent }), replaces: clientOrderId };
  const [next] = await commitIntents(context, lease, old.slot, [{ ...intent, ...place }]);
  const id = next!.clientOrderId;
  await journal.markSending([id], lease, clock.now());
  await journal.recordReports([{ clientOrderId, status: 'pending_replace' }], clock.now());
  fault(context, 'before-send');
  let order: BrokerOrder | undefined;
  try {
    order = await notAnother(context, next!, await broker.replace(old.venueOrderId, next!.request, id));
  } catch (error) {
    const status = sendOutcome(error) === 'rejected' || sendOutcome(error) === 'not_sent' ? 'rejected' : 'unknown';
    const reason = error instanceof Error ? error.message : String(error);
    await journal.recordReports([{ clientOrderId: id, status, reason }], clock.now());
    if (isQuantlineError(error) && error.code === 'CREDENTIALS') throw error;
  }
  fault(context, 'after-send');
  if (order !== undefined) await bookOrders(context, [{ record: next!, order }], false);
  fault(context, 'after-reply');
  await pollOrders(context, [clientOrderId, id]);
  return known(context, id);
}

/**
 * Moves the prices of a resting order where the venue keeps it the same order. What the venue has not confirmed is not
 * recorded: the next look finds the order where it was and asks again. Returns why the venue refuses, if it does.
 */
export async function amendOrder(
  context: ExecutionContext,
  lease: Lease,
  { clientOrderId, venueOrderId, instrument }: OrderRecord,
  request: OrderRequest,
): Promise<string | undefined> {
  const { journal, broker, clock, logger } = context;
  // A start that has lost its lease changes nothing any more.
  await journal.renewLease(lease, clock.now(), 0);
  fault(context, 'before-send');
  try {
    await broker.amend!(venueOrderId!, request);
  } catch (error) {
    if (sendOutcome(error) === 'rejected') return (error as Error).message;
    if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
    logger.warn(`${instrument}: ${error.message}`);
    return undefined;
  }
  fault(context, 'after-send');
  await journal.recordAmendment(clientOrderId, request, clock.now());
  return undefined;
}

async function known(context: ExecutionContext, clientOrderId: string): Promise<OrderRecord> {
  const order = await context.journal.order(clientOrderId);
  if (order !== undefined) return order;
  throw new QuantlineError('MISMATCH', `The journal holds no order ${clientOrderId}.`, { details: { clientOrderId } });
}
