import { isUnsent } from '../../engine/live/index.js';
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
