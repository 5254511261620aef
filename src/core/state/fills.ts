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
  const actions = await actionsOf(sql, scope);
  // Booked after the split that it came before.
  const late = fills.some((fill) => actions.some(({ action }) => concerns(action, fill) && fill.time < action.from!));
  if (late && events.length > 1) {
    // One by one: how they were grouped must not show in what is computed again.
    for (const event of events) await projectFills(sql, scope, [event]);
    return;
  }
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
  if (late) await replayHoldings(sql, scope, fills.at(-1)!.booked);
  else for (const [instrument, time] of moved) await writeHolding(sql, scope, instrument, held.get(instrument)!, time);
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

interface PlacedAction {
  readonly position: number;
  readonly action: CorporateActionRecord;
}

async function actionsOf(sql: Sql, scope: StrategyScope): Promise<readonly PlacedAction[]> {
  const rows = await sql.all<{ position: number; body: string }>(
    `SELECT position, body FROM corporate_actions WHERE ${SCOPE}`,
    scopeParams(scope),
  );
  return rows.map(({ position, body }) => ({ position, action: JSON.parse(body) }));
}

/** Whether an action says from when on it counts, and is about the instrument of a fill. */
const concerns = ({ instrument, becomes, from }: CorporateActionRecord, fill: Pick<ExecutionRecord, 'instrument'>) =>
  from !== undefined && (instrument === fill.instrument || becomes === fill.instrument);

/** A corporate action. Where executions of after it are booked already, everything held is computed again. */
export async function projectAction(sql: Sql, scope: StrategyScope, event: JournalEvent): Promise<void> {
  const action = event.body as CorporateActionRecord;
  const { instrument, date, type, from, becomes } = action;
  await sql.run(
    `INSERT INTO corporate_actions (venue, account, strategy, instrument, date, type, body, time, position)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [...scopeParams(scope), instrument, date, type, JSON.stringify(action), event.time, event.position],
  );
  const newer =
    from !== undefined &&
    (await sql.get(`SELECT 1 AS x FROM fills WHERE ${SCOPE} AND instrument IN (?, ?) AND time >= ? LIMIT 1`, [
      ...scopeParams(scope),
      instrument,
      becomes ?? instrument,
      from,
    ])) !== undefined;
  if (newer) return replayHoldings(sql, scope, event.time);
  const names = [instrument, ...(becomes === undefined ? [] : [becomes])];
  const holdings = await readHoldings(sql, scope, names);
  act(holdings, action);
  for (const name of names) await writeHolding(sql, scope, name, holdings.get(name) ?? EMPTY_HOLDING, event.time);
}

function act(holdings: Map<string, Holding>, action: CorporateActionRecord): void {
  const { instrument, becomes } = action;
  const before = holdings.get(instrument) ?? EMPTY_HOLDING;
  if (action.type === 'rename') {
    holdings.set(instrument, EMPTY_HOLDING);
    holdings.set(becomes!, mergeHoldings(holdings.get(becomes!) ?? EMPTY_HOLDING, before));
  } else holdings.set(instrument, applyAction(before, action));
}

/** All holdings of a strategy again from its valid fills and actions: after a bust or a correction, or out of order. */
async function replayHoldings(sql: Sql, scope: StrategyScope, time: number): Promise<void> {
  const fills = await sql.all<FillRow>(`SELECT * FROM fills WHERE ${SCOPE} AND is_void = 0`, scopeParams(scope));
  const orders = new Orders(sql);
  await orders.load(fills.map((row) => row.client_order_id));
  const actions = await actionsOf(sql, scope);
  // Those that say from when on they count come before the fills of then, the others where they were booked.
  const since = (fill: FillRow): number =>
    Math.max(
      Number.NEGATIVE_INFINITY,
      ...actions.flatMap(({ action }) => (concerns(action, fill) && action.from! <= fill.time ? [action.from!] : [])),
    );
  const steps = [
    ...fills.map((row) => ({
      ...{ from: since(row), dated: false, position: row.position },
      fill: { ...toFill(row), leg: existing(orders, row.client_order_id).leg },
    })),
    ...actions.map(({ position, action }) => ({
      ...{ from: action.from ?? Number.NEGATIVE_INFINITY, dated: action.from !== undefined, position, action },
    })),
  ].sort((a, b) => a.from - b.from || Number(b.dated) - Number(a.dated) || a.position - b.position);
  const holdings = new Map<string, Holding>();
  for (const step of steps) {
    if ('action' in step) act(holdings, step.action);
    else {
      const { instrument } = step.fill;
      holdings.set(instrument, applyFill(holdings.get(instrument) ?? EMPTY_HOLDING, step.fill));
    }
  }
  const known = await sql.all<{ instrument: string }>(
    `SELECT instrument FROM positions WHERE ${SCOPE}`,
    scopeParams(scope),
  );
  for (const { instrument } of known) if (!holdings.has(instrument)) holdings.set(instrument, EMPTY_HOLDING);
  for (const [instrument, holding] of holdings) await writeHolding(sql, scope, instrument, holding, time);
}
