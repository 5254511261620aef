import { isZero } from '../domain/decimal.js';
import type { Sql, SqlValue } from './database.js';
import { type FillFilter, type OrderFilter, scopeOf } from './journal.js';
import type { EventBodies } from './projections.js';
import type {
  DecisionRecord,
  FillRecord,
  OrderRecord,
  OrderRequest,
  PositionRecord,
  StrategyScope,
  StrategyState,
  TradingState,
} from './records.js';
import {
  type FillRow,
  type OrderRow,
  type PositionRow,
  SCOPE,
  scopeParams,
  toFill,
  toOrder,
  toPosition,
} from './rows.js';

/** Conditions and parameters for what a filter names. */
function conditions(filter: OrderFilter & FillFilter): { sql: string; params: SqlValue[] } {
  const where: string[] = [];
  const params: SqlValue[] = [];
  const compare = (column: string, sign: string, value: SqlValue | undefined) => {
    if (value === undefined) return;
    where.push(`${column} ${sign} ?`);
    params.push(value);
  };
  const equal = (column: string, value: SqlValue | undefined) => compare(column, '=', value);
  equal('venue', filter.scope?.venue ?? filter.venue);
  equal('account', filter.scope?.account ?? filter.account);
  equal('strategy', filter.scope?.strategy);
  equal('instrument', filter.instrument);
  equal('slot', filter.slot);
  compare('slot', '>=', filter.fromSlot);
  equal('client_order_id', filter.clientOrderId);
  equal('execution_id', filter.executionId);
  equal('is_open', filter.open === undefined ? undefined : Number(filter.open));
  return { sql: where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`, params };
}

const limitOf = (filter: { readonly limit?: number }): number => filter.limit ?? Number.MAX_SAFE_INTEGER;

/** With a limit the newest are kept; the result is ascending either way. */
export async function selectOrders(sql: Sql, filter: OrderFilter): Promise<readonly OrderRecord[]> {
  const { sql: where, params } = conditions(filter);
  const rows = await sql.all<OrderRow>(`SELECT * FROM orders ${where} ORDER BY position DESC, ordinal DESC LIMIT ?`, [
    ...params,
    limitOf(filter),
  ]);
  return rows.map(toOrder).reverse();
}

/** The request of an order's intent, as the event that recorded it has it. */
export async function selectRecorded(
  sql: Sql,
  stream: string,
  clientOrderId: string,
): Promise<OrderRequest | undefined> {
  const row = await sql.get<{ body: string }>(
    "SELECT body FROM events WHERE stream = ? AND type = 'intents' AND body LIKE ? ORDER BY position DESC LIMIT 1",
    [stream, `%"clientOrderId":"${clientOrderId}"%`],
  );
  if (row === undefined) return undefined;
  const { orders } = JSON.parse(row.body) as EventBodies['intents'];
  return orders.find((order) => order.clientOrderId === clientOrderId)?.request;
}

export async function selectFills(sql: Sql, filter: FillFilter): Promise<readonly FillRecord[]> {
  const { sql: where, params } = conditions(filter);
  const rows = await sql.all<FillRow>(`SELECT * FROM fills ${where} ORDER BY position DESC LIMIT ?`, [
    ...params,
    limitOf(filter),
  ]);
  return rows.map(toFill).reverse();
}

export async function selectPositions(
  sql: Sql,
  scope: StrategyScope | { readonly venue: string; readonly account: string },
): Promise<readonly PositionRecord[]> {
  const own = 'strategy' in scope;
  const rows = await sql.all<PositionRow>(
    `SELECT * FROM positions WHERE ${own ? SCOPE : 'venue = ? AND account = ?'} ORDER BY strategy, instrument`,
    own ? scopeParams(scope) : [scope.venue, scope.account],
  );
  return rows.filter((row) => !isZero(row.quantity)).map(toPosition);
}

export async function selectState(sql: Sql, scope: StrategyScope): Promise<StrategyState> {
  const row = await sql.get<{ state: string; reason: string; since: number }>(
    `SELECT state, reason, since FROM states WHERE ${SCOPE}`,
    scopeParams(scope),
  );
  if (row === undefined) return { state: 'active', reason: undefined, since: undefined };
  return { state: row.state as TradingState, reason: row.reason, since: row.since };
}

/** The decision of a slot, or the newest one. */
export async function selectDecision(
  sql: Sql,
  scope: StrategyScope,
  slot?: number,
): Promise<DecisionRecord | undefined> {
  const row = await sql.get<{ slot: number; report: string; time: number; body: string }>(
    `SELECT slot, report, time, body FROM decisions WHERE ${SCOPE} ${slot === undefined ? '' : 'AND slot = ?'}
     ORDER BY slot DESC LIMIT 1`,
    slot === undefined ? scopeParams(scope) : [...scopeParams(scope), slot],
  );
  return row === undefined ? undefined : { ...row, body: JSON.parse(row.body) };
}

/** Every strategy that has an event: one look into the index of streams for each, however many events there are. */
export async function selectScopes(sql: Sql): Promise<readonly StrategyScope[]> {
  const rows = await sql.all<{ stream: string }>(
    `WITH RECURSIVE streams (stream) AS (
       SELECT MIN(stream) FROM events
       UNION ALL
       SELECT (SELECT MIN(stream) FROM events WHERE stream > streams.stream) FROM streams WHERE stream IS NOT NULL)
     SELECT stream FROM streams WHERE stream IS NOT NULL`,
  );
  return rows.map((row) => scopeOf(row.stream)).filter((scope) => scope !== undefined);
}
