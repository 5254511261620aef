import { divide, isZero, multiply, sum } from '../domain/decimal.js';
import type { OrderLeg } from '../domain/orders.js';
import { invariant } from '../errors/index.js';
import type { Sql } from './database.js';
import { type JournalEvent, scopeOf } from './journal.js';
import { applyAction, applyFill, EMPTY_HOLDING, type Holding, mergeHoldings } from './lots.js';
import { mergeFilled, mergeReport, type OrderState } from './orderState.js';
import type {
  AttachedOrder,
  CorporateActionRecord,
  ExecutionRecord,
  NewIntent,
  OrderRecord,
  OrderReport,
  OrderRequest,
  StrategyScope,
} from './records.js';
import {
  type FillRow,
  type OrderRow,
  readHolding,
  readOrder,
  SCOPE,
  scopeParams,
  toFill,
  toOrder,
  updateOrder,
  updateSending,
  writeHolding,
} from './rows.js';

/** An intent with its place among the strategy's orders. */
export interface PlacedIntent extends NewIntent {
  readonly clientOrderId: string;
  readonly slot: number;
  readonly revision: number;
}

/** Bodies of the journal's events by type. */
export interface EventBodies {
  decision: { slot: number; report: string; body: unknown };
  intents: { orders: readonly PlacedIntent[] };
  attached: { parent: string; orders: readonly (PlacedIntent & Pick<AttachedOrder, 'venueOrderId'>)[] };
  sending: { orders: readonly string[]; token: number };
  report: OrderReport;
  amended: { clientOrderId: string; request: OrderRequest };
  execution: ExecutionRecord;
  'corporate-action': CorporateActionRecord;
  state: { state: string; reason: string };
  cursor: { cursor: string };
  session: { session: string; phase: string; body: unknown };
}

/** Brings the tables up to date with one event, in the transaction that appends it. Other types change no table. */
export async function project(sql: Sql, event: JournalEvent): Promise<void> {
  const scope = scopeOf(event.stream);
  if (scope === undefined) return;
  const body = event.body;
  switch (event.type as keyof EventBodies) {
    case 'decision':
      return projectDecision(sql, scope, event, body as EventBodies['decision']);
    case 'intents':
      for (const [i, order] of (body as EventBodies['intents']).orders.entries()) {
        await insertOrder(sql, scope, event, order, i);
      }
      return;
    case 'attached': {
      for (const [i, order] of (body as EventBodies['attached']).orders.entries()) {
        await insertOrder(sql, scope, event, order, i, order.venueOrderId);
      }
      return;
    }
    case 'sending':
      return updateSending(sql, (body as EventBodies['sending']).orders, event.time);
    case 'report': {
      const report = body as OrderReport;
      const order = await existing(sql, report.clientOrderId);
      await updateOrder(sql, { ...order, ...changed(mergeReport(stateOf(order), report)), updatedAt: event.time });
      return;
    }
    case 'amended': {
      const { clientOrderId, request } = body as EventBodies['amended'];
      await updateOrder(sql, { ...(await existing(sql, clientOrderId)), request, updatedAt: event.time });
      return;
    }
    case 'execution':
      return projectExecution(sql, scope, event, body as ExecutionRecord);
    case 'corporate-action':
      return projectAction(sql, scope, event, body as CorporateActionRecord);
    case 'state': {
      const { state, reason } = body as EventBodies['state'];
      await sql.run(
        `INSERT INTO states (venue, account, strategy, state, reason, since) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (venue, account, strategy) DO UPDATE SET state = excluded.state, reason = excluded.reason,
           since = excluded.since`,
        [...scopeParams(scope), state, reason, event.time],
      );
      return;
    }
    case 'cursor':
      await sql.run(
        `INSERT INTO cursors (venue, account, strategy, cursor_value) VALUES (?, ?, ?, ?)
         ON CONFLICT (venue, account, strategy) DO UPDATE SET cursor_value = excluded.cursor_value`,
        [...scopeParams(scope), (body as EventBodies['cursor']).cursor],
      );
      return;
    case 'session': {
      const session = body as EventBodies['session'];
      const column = session.phase === 'started' ? 'started_at' : 'ended_at';
      await sql.run(
        `INSERT INTO sessions (venue, account, strategy, session, ${column}, body) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (venue, account, strategy, session) DO UPDATE SET ${column} = excluded.${column},
           body = excluded.body`,
        [...scopeParams(scope), session.session, event.time, JSON.stringify(session.body ?? null)],
      );
    }
  }
}

async function projectDecision(
  sql: Sql,
  scope: StrategyScope,
  event: JournalEvent,
  decision: EventBodies['decision'],
): Promise<void> {
  await sql.run(
    'INSERT INTO decisions (venue, account, strategy, slot, report, time, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
    [...scopeParams(scope), decision.slot, decision.report, event.time, JSON.stringify(decision.body ?? null)],
  );
}

/** An order as it is when its intent has just been recorded. */
export const intendedOrder = (scope: StrategyScope, placed: PlacedIntent, time: number): OrderRecord => ({
  venue: scope.venue,
  account: scope.account,
  strategy: scope.strategy,
  clientOrderId: placed.clientOrderId,
  slot: placed.slot,
  leg: placed.leg,
  revision: placed.revision,
  instrument: placed.request.instrument,
  request: placed.request,
  parent: placed.parent,
  replaces: placed.replaces,
  status: 'intended',
  closing: undefined,
  venueOrderId: undefined,
  filledQuantity: '0',
  averagePrice: undefined,
  reportedQuantity: undefined,
  venueStatus: undefined,
  reason: undefined,
  createdAt: time,
  sentAt: undefined,
  updatedAt: time,
});

async function insertOrder(
  sql: Sql,
  scope: StrategyScope,
  event: JournalEvent,
  order: PlacedIntent,
  ordinal: number,
  venueOrderId?: string,
): Promise<void> {
  await sql.run(
    `INSERT INTO orders (client_order_id, venue, account, strategy, slot, leg, revision, instrument, request, parent,
       replaces, status, is_open, venue_order_id, filled_quantity, created_at, sent_at, updated_at, position, ordinal)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, '0', ?, ?, ?, ?, ?)`,
    [
      order.clientOrderId,
      ...scopeParams(scope),
      order.slot,
      order.leg,
      order.revision,
      order.request.instrument,
      JSON.stringify(order.request),
      order.parent ?? null,
      order.replaces ?? null,
      venueOrderId === undefined ? 'intended' : 'accepted',
      venueOrderId ?? null,
      event.time,
      venueOrderId === undefined ? null : event.time,
      event.time,
      event.position,
      ordinal,
    ],
  );
}

async function projectExecution(
  sql: Sql,
  scope: StrategyScope,
  event: JournalEvent,
  execution: ExecutionRecord,
): Promise<void> {
  await sql.run(
    `INSERT INTO fills (venue, account, execution_id, strategy, client_order_id, instrument, side, quantity, price,
       costs, kind, refers_to, is_void, time, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      scope.venue,
      scope.account,
      execution.executionId,
      scope.strategy,
      execution.clientOrderId,
      execution.instrument,
      execution.side,
      execution.quantity,
      execution.price,
      execution.costs ?? null,
      execution.kind,
      execution.refersTo ?? null,
      execution.kind === 'bust' ? 1 : 0,
      execution.time,
      event.position,
    ],
  );
  if (execution.kind === 'fill') {
    const voided = await sql.get<{ n: number }>(
      "SELECT COUNT(*) AS n FROM fills WHERE venue = ? AND account = ? AND refers_to = ? AND kind <> 'fill'",
      [scope.venue, scope.account, execution.executionId],
    );
    // The bust may arrive before what it takes back.
    if ((voided?.n ?? 0) > 0) await voidFill(sql, scope, execution.executionId);
    else {
      const { leg } = await existing(sql, execution.clientOrderId);
      const holding = applyFill(await readHolding(sql, scope, execution.instrument), { ...execution, leg });
      await writeHolding(sql, scope, execution.instrument, holding, event.time);
    }
  } else {
    if (execution.refersTo !== undefined) await voidFill(sql, scope, execution.refersTo);
    await replayHoldings(sql, scope, event.time);
  }
  await projectFilled(sql, execution.clientOrderId, event.time);
}

const voidFill = (sql: Sql, scope: StrategyScope, executionId: string): Promise<number> =>
  sql.run('UPDATE fills SET is_void = 1 WHERE venue = ? AND account = ? AND execution_id = ?', [
    scope.venue,
    scope.account,
    executionId,
  ]);

/** Filled quantity and average price of an order from its valid executions. */
async function projectFilled(sql: Sql, clientOrderId: string, time: number): Promise<void> {
  const order = await existing(sql, clientOrderId);
  const fills = await sql.all<FillRow>('SELECT * FROM fills WHERE client_order_id = ? AND is_void = 0', [
    clientOrderId,
  ]);
  const filled = sum(fills.map((fill) => fill.quantity));
  const value = sum(fills.map((fill) => multiply(fill.quantity, fill.price)));
  await updateOrder(sql, {
    ...order,
    ...changed(mergeFilled(stateOf(order), filled)),
    filledQuantity: filled,
    averagePrice: isZero(filled) ? undefined : divide(value, filled),
    updatedAt: time,
  });
}

async function projectAction(
  sql: Sql,
  scope: StrategyScope,
  event: JournalEvent,
  action: CorporateActionRecord,
): Promise<void> {
  await sql.run(
    `INSERT INTO corporate_actions (venue, account, strategy, instrument, date, type, body, time, position)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      ...scopeParams(scope),
      action.instrument,
      action.date,
      action.type,
      JSON.stringify(action),
      event.time,
      event.position,
    ],
  );
  const before = await readHolding(sql, scope, action.instrument);
  if (action.type === 'rename') {
    const to = await readHolding(sql, scope, action.becomes!);
    await writeHolding(sql, scope, action.instrument, EMPTY_HOLDING, event.time);
    await writeHolding(sql, scope, action.becomes!, mergeHoldings(to, before), event.time);
  } else await writeHolding(sql, scope, action.instrument, applyAction(before, action), event.time);
  if (action.type === 'split') await splitOrders(sql, scope, action, event.time);
}

/** Venues scale resting orders at a split; one that has filled in part keeps its record and is left to reconciliation. */
async function splitOrders(sql: Sql, scope: StrategyScope, action: CorporateActionRecord, time: number): Promise<void> {
  const ratio = action.value!;
  const rows = await sql.all<OrderRow>(`SELECT * FROM orders WHERE ${SCOPE} AND instrument = ? AND is_open = 1`, [
    ...scopeParams(scope),
    action.instrument,
  ]);
  for (const order of rows.map(toOrder)) {
    if (!isZero(order.filledQuantity)) continue;
    const { quantity, limitPrice, stopPrice } = order.request;
    const request = {
      ...order.request,
      ...(quantity === undefined ? {} : { quantity: multiply(quantity, ratio) }),
      ...(limitPrice === undefined ? {} : { limitPrice: divide(limitPrice, ratio) }),
      ...(stopPrice === undefined ? {} : { stopPrice: divide(stopPrice, ratio) }),
    };
    await updateOrder(sql, { ...order, request, updatedAt: time });
  }
}

/** All holdings of a strategy again from its valid fills and actions: after a bust or a correction. */
async function replayHoldings(sql: Sql, scope: StrategyScope, time: number): Promise<void> {
  const fills = await sql.all<FillRow>(`SELECT * FROM fills WHERE ${SCOPE} AND is_void = 0`, scopeParams(scope));
  const legs = new Map<string, OrderLeg>();
  for (const { client_order_id: id } of fills) if (!legs.has(id)) legs.set(id, (await existing(sql, id)).leg);
  const actions = await sql.all<{ position: number; body: string }>(
    `SELECT position, body FROM corporate_actions WHERE ${SCOPE}`,
    scopeParams(scope),
  );
  const steps = [
    ...fills.map((row) => ({
      position: row.position,
      fill: { ...toFill(row), leg: legs.get(row.client_order_id)! },
    })),
    ...actions.map((row) => ({ position: row.position, action: JSON.parse(row.body) as CorporateActionRecord })),
  ].sort((a, b) => a.position - b.position);
  const holdings = new Map<string, Holding>();
  const at = (instrument: string) => holdings.get(instrument) ?? EMPTY_HOLDING;
  for (const step of steps) {
    if ('fill' in step) holdings.set(step.fill.instrument, applyFill(at(step.fill.instrument), step.fill));
    else if (step.action.type === 'rename') {
      const to = step.action.becomes!;
      holdings.set(to, mergeHoldings(at(to), at(step.action.instrument)));
      holdings.set(step.action.instrument, EMPTY_HOLDING);
    } else holdings.set(step.action.instrument, applyAction(at(step.action.instrument), step.action));
  }
  const known = await sql.all<{ instrument: string }>(
    `SELECT instrument FROM positions WHERE ${SCOPE}`,
    scopeParams(scope),
  );
  for (const { instrument } of known) if (!holdings.has(instrument)) holdings.set(instrument, EMPTY_HOLDING);
  for (const [instrument, holding] of holdings) await writeHolding(sql, scope, instrument, holding, time);
}

async function existing(sql: Sql, clientOrderId: string): Promise<OrderRecord> {
  const order = await readOrder(sql, clientOrderId);
  invariant(order !== undefined, `The journal refers to an order that it does not hold: ${clientOrderId}`);
  return order;
}

export const stateOf = (order: OrderRecord): OrderState => ({
  status: order.status,
  closing: order.closing,
  venueOrderId: order.venueOrderId,
  venueStatus: order.venueStatus,
  reason: order.reason,
  reportedQuantity: order.reportedQuantity,
  filledQuantity: order.filledQuantity,
  quantity: order.request.quantity,
});

/** The fields of an order that a state carries. */
function changed(state: OrderState): Omit<OrderState, 'quantity'> {
  const { quantity: _, ...rest } = state;
  return rest;
}
