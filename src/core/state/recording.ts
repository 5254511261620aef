import { QuantlineError } from '../errors/index.js';
import type { Sql } from './database.js';
import { appendEvents, type ChainEnd } from './events.js';
import { type Glance, glance } from './glance.js';
import { type JournalEvent, type Lease, streamOf } from './journal.js';
import { checkHeld } from './leases.js';
import { Orders } from './orders.js';
import { type EventBodies, project } from './projections.js';
import type { OrderRecord, StrategyScope } from './records.js';
import { readIn, readOrder } from './rows.js';

/** An event of a strategy that is to be recorded. */
export interface Recorded<K extends keyof EventBodies> {
  readonly scope: StrategyScope;
  readonly type: K;
  readonly body: EventBodies[K];
  readonly time: number;
}

/** Appends events to strategies' streams, and leaves the tables to the caller. */
export const append = <K extends keyof EventBodies>(
  sql: Sql,
  events: readonly Recorded<K>[],
  end?: ChainEnd,
): Promise<readonly JournalEvent[]> =>
  appendEvents(
    sql,
    events.map(({ scope, ...event }) => ({ stream: streamOf(scope), ...event })),
    end,
  );

/** Appends events to strategies' streams and brings the tables up to date. */
export async function recordAll<K extends keyof EventBodies>(
  sql: Sql,
  events: readonly Recorded<K>[],
  end?: ChainEnd,
): Promise<void> {
  await project(sql, await append(sql, events, end));
}

export const record = <K extends keyof EventBodies>(
  sql: Sql,
  scope: StrategyScope,
  type: K,
  body: EventBodies[K],
  time: number,
): Promise<void> => recordAll(sql, [{ scope, type, body, time }]);

/** Looks at the slot behind the fence of whatever is recorded to be sent: the lease is this strategy's, and still held. */
export async function glanceUnderLease(
  sql: Sql,
  scope: StrategyScope,
  lease: Lease,
  slot: number,
  now: number,
): Promise<Glance> {
  if (lease.name !== streamOf(scope)) {
    throw new QuantlineError('BUG', `The lease ${lease.name} is not that of ${streamOf(scope)}.`);
  }
  const found = await glance(sql, scope, lease.name, slot);
  checkHeld(found.held, lease, now);
  return found;
}

/** MISMATCH where there is none. */
export async function known(sql: Sql, clientOrderId: string): Promise<OrderRecord> {
  const order = await readOrder(sql, clientOrderId);
  if (order !== undefined) return order;
  throw new QuantlineError('MISMATCH', `The journal holds no order ${clientOrderId}.`, { details: { clientOrderId } });
}

/** Orders to work on, read once; MISMATCH where one is not known. */
export async function loadAll(sql: Sql, clientOrderIds: readonly string[]): Promise<Orders> {
  const orders = new Orders(sql);
  await orders.load(clientOrderIds);
  for (const id of clientOrderIds) if (orders.get(id) === undefined) await known(sql, id);
  return orders;
}

/** What tells one execution from all others: ids are those of the venue, per account. */
export const executionKey = ({ venue, account }: Account, executionId: string): string =>
  [venue, account, executionId].join('\n');

type Account = Pick<StrategyScope, 'venue' | 'account'>;

/** Which of these executions are booked, by id. */
export async function readBooked(sql: Sql, { venue, account }: Account, ids: readonly string[]): Promise<string[]> {
  const rows = await readIn<{ execution_id: string }>(
    sql,
    ids,
    (marks) => `SELECT execution_id FROM fills WHERE venue = ? AND account = ? AND execution_id IN (${marks})`,
    [venue, account],
  );
  return rows.map((row) => row.execution_id);
}

/** Which are booked in any of these accounts, by key. */
export async function bookedAt(sql: Sql, accounts: readonly Account[], ids: readonly string[]): Promise<Set<string>> {
  const booked = new Set<string>();
  for (const account of new Map(accounts.map((each) => [executionKey(each, ''), each])).values())
    for (const id of await readBooked(sql, account, ids)) booked.add(executionKey(account, id));
  return booked;
}
