import { compare, isZero, signOf, sum } from '../domain/decimal.js';
import { isQuantlineError } from '../errors/index.js';
import { isTerminal, type OrderRecord } from '../state/index.js';
import { type ExecutionContext, limitsOf } from './context.js';
import { cancelOrder } from './outcome.js';
import { overfilled, type Unprotected } from './protection/index.js';

/**
 * Watches pairs of entries that a venue works as two orders, because what a venue does with the other one after a part
 * of a fill, or when one of them never arrived, is its own affair. Cancelled is, at every look: the other order of
 * one-cancels-other once one has begun to fill; one that was left alone; and what was triggered, once the position that
 * triggered it is closed again. Both filled beyond what was wanted is an alarm.
 */
export async function keepPairs(context: ExecutionContext): Promise<readonly Unprotected[]> {
  const { journal, scope } = context;
  const open = (await journal.orders({ scope, open: true })).filter(({ leg }) => leg === 'entry');
  const held = (await journal.positions(scope)).filter(({ quantity }) => signOf(quantity) !== 0);
  const alarms: Unprotected[] = [];
  for (const instrument of new Set([...open, ...held].map((each) => each.instrument))) {
    const orders = await journal.orders({ scope, instrument });
    const first = orders.findLast(({ request }) => (request.either ?? request.triggers) !== undefined);
    if (first === undefined) continue;
    const pair = [first, ...orders.filter(({ leg, parent }) => leg === 'entry' && parent === first.clientOrderId)];
    const position = held.find((each) => each.instrument === instrument);
    for (const order of superfluous(context, pair, position !== undefined)) await take(context, order);
    const wanted = sum([first.request.quantity ?? '0', first.request.triggers?.quantity ?? '0']);
    const filled = sum(pair.map(({ filledQuantity }) => filledQuantity));
    if (position !== undefined && compare(filled, wanted) > 0)
      alarms.push(await overfilled(context, position, filled, wanted));
  }
  return alarms;
}

function superfluous(context: ExecutionContext, pair: readonly OrderRecord[], held: boolean): readonly OrderRecord[] {
  const [first] = pair as [OrderRecord];
  const begun = pair.find(({ filledQuantity }) => !isZero(filledQuantity));
  const cancels = first.request.either !== undefined;
  const old = context.clock.now() - (first.sentAt ?? first.createdAt) >= limitsOf(context).invisibleFor;
  return pair.filter((order) => {
    if (isTerminal(order.status) || order.status === 'pending_cancel') return false;
    if (pair.length === 1) return order.venueOrderId !== undefined && old;
    if (cancels) return begun !== undefined && order !== begun;
    return order !== first && begun !== undefined && !held;
  });
}

/** What cannot be cancelled now is asked for again at the next look. */
async function take(context: ExecutionContext, { clientOrderId, instrument }: OrderRecord): Promise<void> {
  context.logger.info(`${instrument}: the other order of its pair of entries is cancelled.`);
  try {
    await cancelOrder(context, clientOrderId);
  } catch (error) {
    if (!isQuantlineError(error) || error.code === 'CREDENTIALS') throw error;
    context.logger.warn(error.message);
  }
}
