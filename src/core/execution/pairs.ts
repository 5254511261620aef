import { compare, isZero, sum } from '../domain/decimal.js';
import { isTerminal, type OrderRecord, type PositionRecord } from '../state/index.js';
import { byInstrument } from './by-instrument.js';
import { type ExecutionContext, limitsOf } from './context.js';
import { tryCancel } from './outcome.js';
import { overfilled, type Unprotected } from './protection/index.js';

/**
 * Watches pairs of entries that a venue works as two orders, because what a venue does with the other one after a part
 * of a fill, or when one of them never arrived, is its own affair. Cancelled is, at every look: the other order of
 * one-cancels-other once one has begun to fill; one that was left alone; and what was triggered, once the position that
 * triggered it is closed again. Both filled beyond what was wanted is an alarm.
 */
export async function keepPairs(context: ExecutionContext): Promise<readonly Unprotected[]> {
  const { journal, scope } = context;
  const open = byInstrument((await journal.orders({ scope, open: true })).filter(({ leg }) => leg === 'entry'));
  const held = new Map((await journal.positions(scope)).map((each) => [each.instrument, each]));
  const alarms: Unprotected[] = [];
  for (const instrument of new Set([...open.keys(), ...held.keys()])) {
    const position = held.get(instrument);
    const pair = await pairOf(context, instrument, open.get(instrument) ?? [], position);
    const [first] = pair;
    if (first === undefined) continue;
    for (const order of superfluous(context, pair, position !== undefined)) {
      context.logger.info(`${instrument}: the other order of its pair of entries is cancelled.`);
      await tryCancel(context, order);
    }
    const wanted = sum([first.request.quantity ?? '0', first.request.triggers?.quantity ?? '0']);
    const filled = sum(pair.map(({ filledQuantity }) => filledQuantity));
    if (position !== undefined && compare(filled, wanted) > 0)
      alarms.push(await overfilled(context, position, filled, wanted));
  }
  return alarms;
}

/** The newest pair of entries of an instrument that works or has made its position, the first order ahead. */
async function pairOf(
  { journal, scope }: ExecutionContext,
  instrument: string,
  open: readonly OrderRecord[],
  position: PositionRecord | undefined,
): Promise<readonly OrderRecord[]> {
  const [lot] = position?.lots ?? [];
  const [fill] = lot === undefined ? [] : await journal.fills({ scope, executionId: lot.executionId });
  const entry = fill === undefined ? undefined : await journal.order(fill.clientOrderId);
  const slots = [...open, ...(entry === undefined ? [] : [entry])].map(({ slot }) => slot);
  if (slots.length === 0) return [];
  const orders = await journal.orders({ scope, instrument, fromSlot: Math.min(...slots) });
  const first = orders.findLast(({ request }) => (request.either ?? request.triggers) !== undefined);
  if (first === undefined) return [];
  return [first, ...orders.filter(({ leg, parent }) => leg === 'entry' && parent === first.clientOrderId)];
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
    // Nothing triggers it any more, or what it was to add to is closed again.
    return order !== first && (begun === undefined ? isTerminal(first.status) : !held);
  });
}
