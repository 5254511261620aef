import { absolute, compare, signOf } from '../domain/decimal.js';
import { isTerminal, type Lease, type OrderRecord, type OrderReport, type PositionRecord } from '../state/index.js';
import { byInstrument } from './by-instrument.js';
import { type ExecutionContext, limitsOf } from './context.js';
import { awaitOutcome } from './outcome.js';
import { isExiting, takeDown } from './protection/emergency.js';
import { commitIntents, type SubmitOptions, submitOrders } from './submit.js';

type Owned = readonly Pick<PositionRecord, 'instrument' | 'quantity'>[];
type Asked = Pick<OrderRecord, 'leg' | 'request'>;

const quantities = (positions: Owned): ReadonlyMap<string, string> =>
  new Map(positions.map(({ instrument, quantity }) => [instrument, quantity]));

/**
 * Which intents of a decision `sendDecision` sends at once, where the strategy has nothing open: they can be marked as
 * leaving while they are recorded. A start that ends before it has sent them sends them again under the same ids, which a
 * venue has to keep; at others none is marked, so that what has certainly not left is known.
 */
export function leavesAtOnce({ broker }: ExecutionContext, positions: Owned): (intent: Asked) => boolean {
  const { clientOrderIds, relativeProtection } = broker.capabilities;
  if (!clientOrderIds) return () => false;
  if (relativeProtection === true) return () => true;
  const held = quantities(positions);
  return (intent) => (intent.leg === 'entry' ? !turns(intent, held) : closesAtMost(intent, held));
}

/** An entry on the other side of what is held. */
function turns({ request: { instrument, side: way } }: Asked, held: ReadonlyMap<string, string>): boolean {
  const side = signOf(held.get(instrument) ?? '0');
  return side !== 0 && side > 0 === (way === 'sell');
}

function closesAtMost({ request }: Asked, owned: ReadonlyMap<string, string>): boolean {
  const { instrument, side, quantity } = request;
  const held = owned.get(instrument) ?? '0';
  return (
    signOf(held) === (side === 'sell' ? 1 : -1) && (quantity === undefined || compare(quantity, absolute(held)) <= 0)
  );
}

/**
 * Sends the orders of a decision. A venue that holds protective orders itself reserves the units for them, so they are
 * taken down before an exit is sent, and an entry waits until the exit before it has filled, of this decision or of an
 * earlier one. An entry also waits for the end of one that an earlier decision has left working (its cancel may lose
 * against a fill), and of protection that has outlived its position. A venue that computes protection from the fill does
 * all of it by itself.
 */
export async function sendDecision(
  context: ExecutionContext,
  lease: Lease,
  orders: readonly OrderRecord[],
  options: SubmitOptions,
): Promise<readonly OrderRecord[]> {
  if (context.broker.capabilities.relativeProtection === true) return submitOrders(context, lease, orders, options);
  const { journal, scope } = context;
  const exits = orders.filter(({ leg }) => leg !== 'entry');
  const entries = orders.filter(({ leg }) => leg === 'entry');
  // Also where the exit went out in an earlier start, which ended before it filled.
  const positions = options.standing?.positions ?? (await journal.positions(scope));
  const held = quantities(positions);
  const open = byInstrument(options.standing?.open ?? (await journal.orders({ scope, open: true })));
  const workingOf = ({ instrument }: OrderRecord) => open.get(instrument) ?? [];
  const before = (entry: OrderRecord) => {
    const others = workingOf(entry).filter(({ slot }) => slot !== entry.slot);
    const entering = others.filter(({ leg }) => leg === 'entry');
    if (entering.length > 0 || signOf(held.get(entry.instrument) ?? '0') !== 0) return entering;
    // Protection of what is not held any more (a fill was taken back) would close the new position, or open another.
    return others.filter((order) => !isExiting(order));
  };
  // Also of this decision: where its slot goes on after a crash, nothing may be held any more and the exit still work.
  const waits = (entry: OrderRecord) => before(entry).length > 0 || workingOf(entry).some(isExiting);
  const waiting = entries.filter((entry) => turns(entry, held) || waits(entry));
  if (exits.length + waiting.length === 0) return submitOrders(context, lease, orders, options);
  const ready: OrderRecord[] = [];
  for (const exit of exits) {
    const others = workingOf(exit).filter((order) => isInTheWay(order, exit));
    // Its protection may have filled since it was decided: in an earlier start too.
    const fits = others.length === 0 && closesAtMost(exit, held);
    ready.push(...(fits ? [exit] : await clearTheWay(context, lease, exit, others)));
  }
  const free = entries.filter((entry) => !waiting.includes(entry));
  await submitOrders(context, lease, [...ready, ...free], options);
  const clear: OrderRecord[] = [];
  for (const entry of waiting) {
    if (await takeDown(context, before(entry))) clear.push(entry);
    else await conclude(context, entry, 'expired', 'another order of the instrument is not over yet');
  }
  await enterAfter(context, lease, clear, options);
  const all = [...ready.map(({ clientOrderId }) => clientOrderId), ...orders.map(({ clientOrderId }) => clientOrderId)];
  return journal.ordersById([...new Set(all)]);
}

/** Orders of the exit's instrument that work already, entries of this decision excepted: they wait for it. */
const isInTheWay = ({ clientOrderId, leg, status }: OrderRecord, exit: OrderRecord): boolean =>
  clientOrderId !== exit.clientOrderId && (leg !== 'entry' || status !== 'intended');

/** What may be sent in place of an exit once nothing else works for its instrument: itself, one of another size, nothing. */
async function clearTheWay(
  context: ExecutionContext,
  lease: Lease,
  exit: OrderRecord,
  others: readonly OrderRecord[],
): Promise<readonly OrderRecord[]> {
  const { journal, scope } = context;
  const { instrument } = exit;
  if (!(await takeDown(context, others))) {
    await conclude(context, exit, 'expired', 'another order of the instrument is not over yet');
    return [];
  }
  const quantity = (await journal.position(scope, instrument))?.quantity ?? '0';
  if (signOf(quantity) === 0) {
    await conclude(context, exit, 'canceled', 'its protection has closed the position');
    return [];
  }
  const size = absolute(quantity);
  if (exit.request.quantity === undefined || compare(exit.request.quantity, size) === 0) return [exit];
  await conclude(context, exit, 'canceled', 'its protection has closed a part of the position');
  // One that may be at the venue already is not joined by another.
  if (exit.status !== 'intended') return [];
  return commitIntents(context, lease, exit.slot, [{ leg: exit.leg, request: { ...exit.request, quantity: size } }]);
}

/** Entries where something else was held or ordered: once nothing is held, or not at all. */
async function enterAfter(
  context: ExecutionContext,
  lease: Lease,
  entries: readonly OrderRecord[],
  options: SubmitOptions,
): Promise<void> {
  if (entries.length === 0) return;
  const { clock, journal, scope } = context;
  const until = Math.min(options.validUntil ?? Number.POSITIVE_INFINITY, clock.now() + limitsOf(context).takeDownFor);
  const open = await journal.orders({ scope, open: true });
  const closing = open.filter(
    (order) => isExiting(order) && entries.some(({ instrument }) => instrument === order.instrument),
  );
  const ended = await awaitOutcome(
    context,
    closing.map(({ clientOrderId }) => clientOrderId),
    until,
  );
  const ready: OrderRecord[] = [];
  for (const entry of entries) {
    const quantity = (await journal.position(scope, entry.instrument))?.quantity ?? '0';
    const over = ended.every(({ instrument, status }) => instrument !== entry.instrument || isTerminal(status));
    if (over && signOf(quantity) === 0) ready.push(entry);
    else await conclude(context, entry, 'expired', 'what was held before it is not closed');
  }
  await submitOrders(context, lease, ready, options);
}

async function conclude(
  { journal, clock }: ExecutionContext,
  order: OrderRecord,
  ended: OrderReport['status'],
  reason: string,
): Promise<void> {
  // What an earlier send may have brought to the venue is found or given up by reconciliation.
  const status = order.status === 'intended' ? ended : 'unknown';
  await journal.recordReports([{ clientOrderId: order.clientOrderId, status, reason }], clock.now());
}
