import { divide, isZero, multiply, sum } from '../domain/decimal.js';
import type { Sql } from './database.js';
import type { JournalEvent } from './journal.js';
import { applyAction, applyFill, EMPTY_HOLDING, type Holding, mergeHoldings } from './lots.js';
import { mergeFilled } from './orderState.js';
import { changed, existing, Orders, stateOf } from './orders.js';
import type { CorporateActionRecord, ExecutionRecord, StrategyScope } from './records.js';
import { type FillRow, readHoldings, readIn, SCOPE, scopeParams, toFill, writeHolding } from './rows.js';

/** Fills of one strategy, in turn: what it holds and how far its orders have come; each is written once. */
export async function projectFills(sql: Sql, scope: StrategyScope, events: readonly JournalEvent[]): Promise<void> {
  const fills = events.map(({ body, time }) => ({ ...(body as ExecutionRecord), booked: time }));
  for (const event of events) await insertFill(sql, scope, event);
  const orders = new Orders(sql);
  await orders.load(fills.map(({ clientOrderId }) => clientOrderId));
  const held = await readHoldings(sql, scope, [...new Set(fills.map(({ instrument }) => instrument))]);
  const voided = await voidedBefore(
    sql,
    scope,
    fills.map(({ executionId }) => executionId),
  );
  const moved = new Map<string, number>();
  for (const fill of fills) {
    const { leg } = existing(orders, fill.clientOrderId);
    if (voided.has(fill.executionId)) await voidFill(sql, scope, fill.executionId);
    else {
      held.set(fill.instrument, applyFill(held.get(fill.instrument) ?? EMPTY_HOLDING, { ...fill, leg }));
      moved.set(fill.instrument, fill.booked);
    }
  }
  for (const [instrument, time] of moved) await writeHolding(sql, scope, instrument, held.get(instrument)!, time);
  await projectFilled(sql, orders, new Map(fills.map(({ clientOrderId, booked }) => [clientOrderId, booked])));
}

/** A bust or a correction: what it refers to is void, and everything held is computed again. */
export async function projectCorrection(sql: Sql, scope: StrategyScope, event: JournalEvent): Promise<void> {
  const { refersTo, clientOrderId } = event.body as ExecutionRecord;
  await insertFill(sql, scope, event);
  if (refersTo !== undefined) await voidFill(sql, scope, refersTo);
  await replayHoldings(sql, scope, event.time);
  const orders = new Orders(sql);
  await orders.load([clientOrderId]);
  await projectFilled(sql, orders, new Map([[clientOrderId, event.time]]));
}

async function insertFill(sql: Sql, scope: StrategyScope, event: JournalEvent): Promise<void> {
  const execution = event.body as ExecutionRecord;
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
}

/** Which of these fills were taken back before they were told: the bust may arrive first. */
async function voidedBefore(
  sql: Sql,
  { venue, account }: StrategyScope,
  executionIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await readIn<{ refers_to: string }>(
    sql,
    executionIds,
    (ids) => `SELECT refers_to FROM fills WHERE venue = ? AND account = ? AND refers_to IN (${ids}) AND kind <> 'fill'`,
    [venue, account],
  );
  return new Set(rows.map((row) => row.refers_to));
}

const voidFill = (sql: Sql, scope: StrategyScope, executionId: string): Promise<number> =>
  sql.run('UPDATE fills SET is_void = 1 WHERE venue = ? AND account = ? AND execution_id = ?', [
    scope.venue,
    scope.account,
    executionId,
  ]);

/** Filled quantity and average price of orders from their valid executions. `booked`: by id, when the last was. */
async function projectFilled(sql: Sql, orders: Orders, booked: ReadonlyMap<string, number>): Promise<void> {
  const rows = await readIn<FillRow>(
    sql,
    [...booked.keys()],
    (ids) => `SELECT client_order_id, quantity, price FROM fills WHERE client_order_id IN (${ids}) AND is_void = 0`,
  );
  const fills = new Map<string, FillRow[]>();
  for (const row of rows) {
    const of = fills.get(row.client_order_id);
    if (of === undefined) fills.set(row.client_order_id, [row]);
    else of.push(row);
  }
  for (const [clientOrderId, time] of booked) {
    const order = existing(orders, clientOrderId);
    const valid = fills.get(clientOrderId) ?? [];
    const filled = sum(valid.map((fill) => fill.quantity));
    const value = sum(valid.map((fill) => multiply(fill.quantity, fill.price)));
    await orders.put({
      ...order,
      ...changed(mergeFilled(stateOf(order), filled)),
      filledQuantity: filled,
      averagePrice: isZero(filled) ? undefined : divide(value, filled),
      updatedAt: time,
    });
  }
}

/** All holdings of a strategy again from its valid fills and actions: after a bust or a correction. */
async function replayHoldings(sql: Sql, scope: StrategyScope, time: number): Promise<void> {
  const fills = await sql.all<FillRow>(`SELECT * FROM fills WHERE ${SCOPE} AND is_void = 0`, scopeParams(scope));
  const orders = new Orders(sql);
  await orders.load(fills.map((row) => row.client_order_id));
  const actions = await sql.all<{ position: number; body: string }>(
    `SELECT position, body FROM corporate_actions WHERE ${SCOPE}`,
    scopeParams(scope),
  );
  const steps = [
    ...fills.map((row) => ({
      position: row.position,
      fill: { ...toFill(row), leg: existing(orders, row.client_order_id).leg },
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
