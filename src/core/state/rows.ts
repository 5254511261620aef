import type { OrderLeg, OrderStatus, Side } from '../domain/orders.js';
import type { Sql, SqlValue } from './database.js';
import { averagePriceOf, EMPTY_HOLDING, type Holding, quantityOf } from './lots.js';
import { isTerminal } from './orderState.js';
import type {
  AttachedOrder,
  FillRecord,
  LotRecord,
  OrderRecord,
  PlacedIntent,
  PositionRecord,
  StrategyScope,
} from './records.js';

export const SCOPE = 'venue = ? AND account = ? AND strategy = ?';
/** What other strategies of the account have; with `scopeParams`. */
export const OTHERS = 'venue = ? AND account = ? AND strategy <> ?';
export const scopeParams = (scope: StrategyScope): [string, string, string] => [
  scope.venue,
  scope.account,
  scope.strategy,
];

export interface OrderRow {
  readonly client_order_id: string;
  readonly venue: string;
  readonly account: string;
  readonly strategy: string;
  readonly slot: number;
  readonly leg: string;
  readonly revision: number;
  readonly instrument: string;
  readonly request: string;
  readonly parent: string | null;
  readonly replaces: string | null;
  readonly status: string;
  readonly closing: string | null;
  readonly venue_order_id: string | null;
  readonly filled_quantity: string;
  readonly average_price: string | null;
  readonly reported_quantity: string | null;
  readonly venue_status: string | null;
  readonly reason: string | null;
  readonly created_at: number;
  readonly sent_at: number | null;
  readonly updated_at: number;
}

export const toOrder = (row: OrderRow): OrderRecord => ({
  clientOrderId: row.client_order_id,
  venue: row.venue,
  account: row.account,
  strategy: row.strategy,
  slot: row.slot,
  leg: row.leg as OrderLeg,
  revision: row.revision,
  instrument: row.instrument,
  request: JSON.parse(row.request),
  parent: row.parent ?? undefined,
  replaces: row.replaces ?? undefined,
  status: row.status as OrderStatus,
  closing: (row.closing ?? undefined) as OrderStatus | undefined,
  venueOrderId: row.venue_order_id ?? undefined,
  filledQuantity: row.filled_quantity,
  averagePrice: row.average_price ?? undefined,
  reportedQuantity: row.reported_quantity ?? undefined,
  venueStatus: row.venue_status ?? undefined,
  reason: row.reason ?? undefined,
  createdAt: row.created_at,
  sentAt: row.sent_at ?? undefined,
  updatedAt: row.updated_at,
});

export async function readOrder(sql: Sql, clientOrderId: string): Promise<OrderRecord | undefined> {
  const row = await sql.get<OrderRow>('SELECT * FROM orders WHERE client_order_id = ?', [clientOrderId]);
  return row === undefined ? undefined : toOrder(row);
}

const CHUNK = 200;

/** Rows for many values, some at a time; `select` is given the placeholders of an IN. */
export async function readIn<T>(
  sql: Sql,
  values: readonly string[],
  select: (marks: string) => string,
  before: readonly SqlValue[] = [],
): Promise<readonly T[]> {
  const found: T[] = [];
  for (let at = 0; at < values.length; at += CHUNK) {
    const some = values.slice(at, at + CHUNK);
    found.push(...(await sql.all<T>(select(marks(some)), [...before, ...some])));
  }
  return found;
}

/** Orders by id, in the order asked for; ids that do not exist are left out. */
export async function readOrders(sql: Sql, clientOrderIds: readonly string[]): Promise<readonly OrderRecord[]> {
  const rows = await readIn<OrderRow>(
    sql,
    clientOrderIds,
    (ids) => `SELECT * FROM orders WHERE client_order_id IN (${ids})`,
  );
  const found = new Map(rows.map((row) => [row.client_order_id, toOrder(row)]));
  return clientOrderIds.flatMap((id) => found.get(id) ?? []);
}

/** Orders of an account by the ids that its venue has given them. */
export async function readByVenueId(
  sql: Sql,
  venue: string,
  account: string,
  venueOrderIds: readonly string[],
): Promise<ReadonlyMap<string, OrderRecord>> {
  const rows = await readIn<OrderRow>(
    sql,
    venueOrderIds,
    (ids) => `SELECT * FROM orders WHERE venue = ? AND account = ? AND venue_order_id IN (${ids})`,
    [venue, account],
  );
  return new Map(rows.map((row) => [row.venue_order_id!, toOrder(row)]));
}

/** What may be marked as leaving: not sent yet, or sent with an outcome that nobody knows. */
export const SENDABLE: ReadonlySet<OrderStatus> = new Set(['intended', 'sending', 'unknown']);
const SENDABLE_TEXT = [...SENDABLE].map((status) => `'${status}'`).join(', ');

/**
 * Marks those of a strategy's orders as leaving that may leave, and returns how many they are. A later sending counts:
 * from it on the order may be at the venue without being seen there.
 */
export async function updateSending(
  sql: Sql,
  scope: StrategyScope,
  clientOrderIds: readonly string[],
  time: number,
): Promise<number> {
  let marked = 0;
  for (let at = 0; at < clientOrderIds.length; at += CHUNK) {
    const ids = clientOrderIds.slice(at, at + CHUNK);
    // Written so that no index serves it but that of the ids.
    marked += await sql.run(
      `UPDATE orders SET status = 'sending', sent_at = ?, updated_at = ? WHERE client_order_id IN (${marks(ids)})
         AND NOT (venue <> ? OR account <> ? OR strategy <> ?) AND status IN (${SENDABLE_TEXT})`,
      [time, time, ...ids, ...scopeParams(scope)],
    );
  }
  return marked;
}

const marks = (values: readonly unknown[]): string => values.map(() => '?').join(', ');

/**
 * Adds orders, some in each statement: what they have in common is given once, because every value that is bound costs
 * about as much as storing it.
 */
export async function insertOrders(
  sql: Sql,
  scope: StrategyScope,
  event: { readonly time: number; readonly position: number },
  orders: readonly (PlacedIntent & Partial<Pick<AttachedOrder, 'venueOrderId'>>)[],
  status: 'intended' | 'sending' | 'accepted',
): Promise<void> {
  const { time, position } = event;
  for (let at = 0; at < orders.length; at += CHUNK) {
    const some = orders.slice(at, at + CHUNK);
    const params: SqlValue[] = scopeParams(scope);
    params.push(status, time, status === 'intended' ? null : time, time, position);
    some.forEach(({ clientOrderId, slot, leg, revision, request, parent, replaces, venueOrderId }, i) => {
      params.push(clientOrderId, slot, leg, revision, request.instrument, JSON.stringify(request));
      params.push(parent ?? null, replaces ?? null, venueOrderId ?? null, at + i);
    });
    await sql.run(
      `INSERT INTO orders (client_order_id, venue, account, strategy, slot, leg, revision, instrument, request, parent,
         replaces, venue_order_id, ordinal, status, is_open, filled_quantity, created_at, sent_at, updated_at, position)
       SELECT column1, ?, ?, ?, CAST(column2 AS BIGINT), column3, CAST(column4 AS BIGINT), column5, column6, column7,
         column8, column9, CAST(column10 AS BIGINT), ?, 1, '0', ?, ?, ?, ?
       FROM (VALUES ${some.map(() => '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').join(', ')}) AS placed`,
      params,
    );
  }
}

/** Writes an order's changeable part. */
export async function updateOrder(sql: Sql, order: OrderRecord): Promise<void> {
  await sql.run(
    `UPDATE orders SET status = ?, closing = ?, is_open = ?, venue_order_id = ?, filled_quantity = ?, average_price = ?,
       reported_quantity = ?, venue_status = ?, reason = ?, sent_at = ?, updated_at = ?, request = ?
     WHERE client_order_id = ?`,
    [
      order.status,
      order.closing ?? null,
      isTerminal(order.status) ? 0 : 1,
      order.venueOrderId ?? null,
      order.filledQuantity,
      order.averagePrice ?? null,
      order.reportedQuantity ?? null,
      order.venueStatus ?? null,
      order.reason ?? null,
      order.sentAt ?? null,
      order.updatedAt,
      JSON.stringify(order.request),
      order.clientOrderId,
    ],
  );
}

export interface FillRow {
  readonly venue: string;
  readonly account: string;
  readonly execution_id: string;
  readonly strategy: string;
  readonly client_order_id: string;
  readonly instrument: string;
  readonly side: string;
  readonly quantity: string;
  readonly price: string;
  readonly costs: string | null;
  readonly kind: string;
  readonly refers_to: string | null;
  readonly is_void: number;
  readonly time: number;
  readonly position: number;
}

export const toFill = (row: FillRow): FillRecord => ({
  venue: row.venue,
  account: row.account,
  strategy: row.strategy,
  executionId: row.execution_id,
  clientOrderId: row.client_order_id,
  instrument: row.instrument,
  side: row.side as Side,
  quantity: row.quantity,
  price: row.price,
  time: row.time,
  kind: row.kind as FillRecord['kind'],
  ...(row.refers_to === null ? {} : { refersTo: row.refers_to }),
  ...(row.costs === null ? {} : { costs: row.costs }),
  void: row.is_void === 1,
});

export interface PositionRow {
  readonly venue: string;
  readonly account: string;
  readonly strategy: string;
  readonly instrument: string;
  readonly quantity: string;
  readonly average_price: string | null;
  readonly realised: string;
  readonly lots: string;
  readonly updated_at: number;
}

export const toPosition = (row: PositionRow): PositionRecord => ({
  venue: row.venue,
  account: row.account,
  strategy: row.strategy,
  instrument: row.instrument,
  quantity: row.quantity,
  averagePrice: row.average_price ?? undefined,
  realised: row.realised,
  lots: JSON.parse(row.lots),
  updatedAt: row.updated_at,
});

const holdingOf = (row: PositionRow): Holding => ({
  lots: JSON.parse(row.lots) as LotRecord[],
  realised: row.realised,
});

/** Holdings by instrument; those that were never traded are left out. */
export async function readHoldings(
  sql: Sql,
  scope: StrategyScope,
  instruments: readonly string[],
): Promise<Map<string, Holding>> {
  const rows = await readIn<PositionRow>(
    sql,
    instruments,
    (some) => `SELECT * FROM positions WHERE ${SCOPE} AND instrument IN (${some})`,
    scopeParams(scope),
  );
  return new Map(rows.map((row) => [row.instrument, holdingOf(row)]));
}

export const readHolding = async (sql: Sql, scope: StrategyScope, instrument: string): Promise<Holding> =>
  (await readHoldings(sql, scope, [instrument])).get(instrument) ?? EMPTY_HOLDING;

export async function writeHolding(
  sql: Sql,
  scope: StrategyScope,
  instrument: string,
  holding: Holding,
  time: number,
): Promise<void> {
  await sql.run(
    `INSERT INTO positions (venue, account, strategy, instrument, quantity, average_price, realised, lots, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (venue, account, strategy, instrument) DO UPDATE SET quantity = excluded.quantity,
       average_price = excluded.average_price, realised = excluded.realised, lots = excluded.lots,
       updated_at = excluded.updated_at`,
    [
      ...scopeParams(scope),
      instrument,
      quantityOf(holding),
      averagePriceOf(holding) ?? null,
      holding.realised,
      JSON.stringify(holding.lots),
      time,
    ],
  );
}
