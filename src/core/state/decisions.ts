import type { Sql } from './database.js';
import { checkOthersStill, placeIntents } from './intents.js';
import type { DecisionOptions, DecisionResult, Lease } from './journal.js';
import { intendedOrder } from './projections.js';
import { selectOrders } from './queries.js';
import { glanceUnderLease, type Recorded, recordAll } from './recording.js';
import type { DecisionRecord, NewIntent, OrderRecord, StrategyScope } from './records.js';

/** `Journal.recordDecision` in the caller's write transaction. */
export async function recordDecision(
  sql: Sql,
  scope: StrategyScope,
  lease: Lease,
  { slot, report, time, body }: DecisionRecord,
  intents: readonly NewIntent[],
  { leaves, seen }: DecisionOptions,
): Promise<DecisionResult> {
  const found = await glanceUnderLease(sql, scope, lease, slot, time);
  if (found.decided) {
    const orders = await selectOrders(sql, { scope, slot });
    return { orders, withheld: [], leaving: new Set(), existed: true };
  }
  if (seen !== undefined && intents.some(({ leg }) => leg === 'entry')) await checkOthersStill(sql, scope, seen);
  const { placed, withheld } = await placeIntents(sql, scope, slot, intents, found);
  const ready = leaves === undefined ? [] : placed.filter(leaves);
  const ids = found.state === 'active' ? ready.map(({ clientOrderId }) => clientOrderId) : [];
  const events: Recorded<'decision' | 'intents' | 'sending'>[] = [
    { scope, type: 'decision', body: { slot, report, body }, time },
  ];
  if (placed.length > 0) events.push({ scope, type: 'intents', body: { orders: placed }, time });
  if (ids.length > 0) events.push({ scope, type: 'sending', body: { orders: ids, token: lease.token }, time });
  await recordAll(sql, events, found.end);
  const leaving = new Set(ids);
  const orders = placed.map((order): OrderRecord => {
    const intended = intendedOrder(scope, order, time);
    return leaving.has(order.clientOrderId) ? { ...intended, status: 'sending', sentAt: time } : intended;
  });
  return { orders, withheld, leaving, existed: false };
}
