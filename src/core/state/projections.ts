import { isZero } from '../domain/decimal.js';
import type { Sql } from './database.js';
import { projectAction, projectCorrection, projectFills } from './fills.js';
import { type JournalEvent, scopeOf } from './journal.js';
import { mergeReport } from './orderState.js';
import { changed, existing, Orders, stateOf } from './orders.js';
import type {
  AttachedOrder,
  CorporateActionRecord,
  ExecutionRecord,
  OrderRecord,
  OrderReport,
  OrderRequest,
  PlacedIntent,
  StrategyScope,
} from './records.js';
import { insertOrders, type OrderRow, SCOPE, scopeParams, toOrder, updateSending } from './rows.js';
import { splitRequest } from './split.js';

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

/** Brings the tables up to date with events, in the transaction that appends them. Other types change no table. */
export async function project(sql: Sql, events: readonly JournalEvent[]): Promise<void> {
  for (const run of runsOf(events)) {
    const scope = scopeOf(run[0]!.stream);
    if (scope === undefined) continue;
    if (run[0]!.type === 'report') await projectReports(run, new Orders(sql));
    else if (run.length === 2 && run[1]!.type === 'sending') await projectLeaving(sql, scope, run[0]!);
    else if (isFill(run[0]!)) await projectFills(sql, scope, run);
    else await projectOne(sql, scope, run[0]!);
  }
}

const isFill = ({ type, body }: JournalEvent): boolean =>
  type === 'execution' && (body as ExecutionRecord).kind === 'fill';

/**
 * Reports, and fills, of one strategy that follow each other go into the tables together, and so do intents that all
 * leave at once; everything else alone.
 */
function* runsOf(events: readonly JournalEvent[]): Generator<readonly JournalEvent[]> {
  let run: JournalEvent[] = [];
  for (const event of events) {
    const last = run.at(-1);
    const joins =
      last?.stream === event.stream &&
      ((last.type === 'report' && event.type === 'report') || (isFill(last) && isFill(event)) || leaves(last, event));
    if (!joins && run.length > 0) {
      yield run;
      run = [];
    }
    run.push(event);
  }
  if (run.length > 0) yield run;
}

/** Whether all of these intents were marked as leaving when they were recorded. */
function leaves(intents: JournalEvent, sending: JournalEvent): boolean {
  if (intents.type !== 'intents' || sending.type !== 'sending' || intents.time !== sending.time) return false;
  const { orders } = intents.body as EventBodies['intents'];
  const marked = (sending.body as EventBodies['sending']).orders;
  return marked.length === orders.length && orders.every(({ clientOrderId }, i) => marked[i] === clientOrderId);
}

const projectLeaving = (sql: Sql, scope: StrategyScope, intents: JournalEvent): Promise<void> =>
  insertOrders(sql, scope, intents, (intents.body as EventBodies['intents']).orders, 'sending');

/** What venues said, in turn; each order is written once, and `orders` holds them as they are then. */
export async function projectReports(events: readonly JournalEvent[], orders: Orders): Promise<void> {
  const reports = events.map(({ body, time }) => ({ report: body as OrderReport, time }));
  const ids = reports.map(({ report }) => report.clientOrderId);
  await orders.load(ids);
  const after = new Map<string, OrderRecord>();
  for (const { report, time } of reports) {
    const order = after.get(report.clientOrderId) ?? existing(orders, report.clientOrderId);
    after.set(order.clientOrderId, { ...order, ...changed(mergeReport(stateOf(order), report)), updatedAt: time });
  }
  for (const order of after.values()) await orders.put(order);
}

async function projectOne(sql: Sql, scope: StrategyScope, event: JournalEvent): Promise<void> {
  const body = event.body;
  switch (event.type as keyof EventBodies) {
    case 'decision':
      return projectDecision(sql, scope, event, body as EventBodies['decision']);
    case 'intents':
      return insertOrders(sql, scope, event, (body as EventBodies['intents']).orders, 'intended');
    case 'attached':
      return insertOrders(sql, scope, event, (body as EventBodies['attached']).orders, 'accepted');
    case 'sending':
      await updateSending(sql, scope, (body as EventBodies['sending']).orders, event.time);
      return;
    case 'amended': {
      const { clientOrderId, request } = body as EventBodies['amended'];
      const orders = new Orders(sql);
      await orders.load([clientOrderId]);
      await orders.put({ ...existing(orders, clientOrderId), request, updatedAt: event.time });
      return;
    }
    case 'execution':
      return projectCorrection(sql, scope, event);
    case 'corporate-action':
      await projectAction(sql, scope, event);
      return projectResting(sql, scope, event);
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
  clientOrderId: placed.clientOrderId,
  venue: scope.venue,
  account: scope.account,
  strategy: scope.strategy,
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

/** Resting orders after an action: as venues scale them at a split, and by the new name after a rename. */
async function projectResting(sql: Sql, scope: StrategyScope, event: JournalEvent): Promise<void> {
  const action = event.body as CorporateActionRecord;
  if (action.type === 'split') await splitOrders(sql, scope, action, event.time);
  if (action.type === 'rename') await renameOrders(sql, scope, action, event.time);
}

const openOrders = async (sql: Sql, scope: StrategyScope, instrument: string): Promise<readonly OrderRecord[]> => {
  const rows = await sql.all<OrderRow>(`SELECT * FROM orders WHERE ${SCOPE} AND instrument = ? AND is_open = 1`, [
    ...scopeParams(scope),
    instrument,
  ]);
  return rows.map(toOrder);
};

async function renameOrders(
  sql: Sql,
  scope: StrategyScope,
  { instrument, becomes }: CorporateActionRecord,
  time: number,
): Promise<void> {
  for (const { clientOrderId, request } of await openOrders(sql, scope, instrument))
    await sql.run('UPDATE orders SET instrument = ?, request = ?, updated_at = ? WHERE client_order_id = ?', [
      ...[becomes!, JSON.stringify({ ...request, instrument: becomes }), time, clientOrderId],
    ]);
}

/** Venues scale resting orders at a split; one that has filled in part keeps its record and is left to reconciliation. */
async function splitOrders(sql: Sql, scope: StrategyScope, action: CorporateActionRecord, time: number): Promise<void> {
  const ratio = action.value!;
  const orders = new Orders(sql);
  for (const order of await openOrders(sql, scope, action.instrument)) {
    if (!isZero(order.filledQuantity)) continue;
    await orders.put({ ...order, request: splitRequest(order.request, ratio), updatedAt: time });
  }
}
