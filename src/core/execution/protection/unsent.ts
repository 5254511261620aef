import { isoTime } from '../../platform/index.js';
import type { OrderRecord } from '../../state/index.js';
import { type ExecutionContext, limitsOf } from '../context.js';

/** What became of exits that were to be placed: the venue has refused them, or they could not be sent. */
export interface NotPlaced {
  readonly why: 'refused' | 'unsent';
  readonly reason: string;
}

export function notPlaced({ status, reason }: OrderRecord): NotPlaced | undefined {
  if (status === 'rejected') return { why: 'refused', reason: reason ?? 'it was rejected' };
  return status === 'expired' ? { why: 'unsent', reason: reason ?? 'not sent' } : undefined;
}

/** Since when exits of a position, `placed` since its entry, could not be sent; undefined: the last ones were. */
export function unsentSince(placed: readonly OrderRecord[]): number | undefined {
  let since: number | undefined;
  for (const order of [...placed].sort((a, b) => a.createdAt - b.createdAt))
    since = order.status === 'expired' && order.venueOrderId === undefined ? (since ?? order.createdAt) : undefined;
  return since;
}

/** Exits that cannot be sent since `since`: until when they are tried again, and what is said then. */
export function patience(
  context: ExecutionContext,
  since: number,
  reason: string,
): { readonly until?: number; readonly reason: string } {
  const now = context.clock.now();
  const until = since + limitsOf(context).unsentExitsFor;
  const why = reason.replace(/^not sent: /, '').replace(/\.$/, '');
  if (now >= until) return { reason: `its exits could not be sent for ${Math.round((now - since) / 1000)} s: ${why}` };
  return { until, reason: `its exits could not be sent (${why}); they are tried again until ${isoTime(until)}` };
}
