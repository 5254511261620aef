import { isUnsent, type TickOutcome } from '../../engine/live/index.js';
import type { ExecutionContext } from '../../execution/index.js';
import { isoTime } from '../../platform/index.js';
import type { OrderRecord } from '../../state/index.js';

/** What a session that stays is about to do, for the person who started it. */
export function startText({ scope, broker }: ExecutionContext, instruments: readonly string[], next: number): string {
  const some = instruments.slice(0, 5).join(', ');
  const more = instruments.length > 5 ? ` and ${instruments.length - 5} more` : '';
  const { strategy, account } = scope;
  return `${strategy} trades ${some}${more} at ${broker.venue}, account ${account}; the next slot is ${isoTime(next)}.`;
}

/** An order of a slot as it left; undefined for one that did not, which is told where that is known. */
export function orderText(order: OrderRecord): string | undefined {
  if (order.status === 'rejected' || isUnsent(order)) return undefined;
  const { side, type, quantity, notional, limitPrice, stopPrice } = order.request;
  const size = quantity ?? `${notional} of`;
  const at = [limitPrice && `limit ${limitPrice}`, stopPrice && `stop ${stopPrice}`].filter(Boolean).join(', ');
  return `${order.leg}: ${side} ${size} ${order.instrument}, ${at || type.replaceAll('_', ' ')}.`;
}

/** Why a start decided nothing; `last` is what became of the slot that it came to. */
export function idleText(last: TickOutcome | undefined): string {
  if (last === undefined) return 'no slot is due';
  const slot = `the slot ${isoTime(last.slot)}`;
  return last.expired ? `the decision of ${slot} would be too old` : `${slot} was decided before`;
}

/** What is left at the venue where nobody watches it; undefined where that is nothing. */
export async function unattendedText({ journal, scope }: ExecutionContext): Promise<string | undefined> {
  const positions = await journal.positions(scope);
  const open = await journal.orders({ scope, open: true });
  if (positions.length + open.length === 0) return undefined;
  const held = positions.map(({ instrument, quantity }) => `${quantity} ${instrument}`).join(', ') || 'nothing';
  return `Left unattended at ${scope.venue}: ${held}; ${open.length} open orders.`;
}
