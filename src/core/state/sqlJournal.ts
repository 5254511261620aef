import { QuantlineError } from '../errors/index.js';
import type { Database, Sql } from './database.js';
import { recordDecision } from './decisions.js';
import { appendEvents, readEvents, verifyChain } from './events.js';
import { legKey, newestOf, ordersOf, placeAll } from './intents.js';
import {
  type DecisionOptions,
  type DecisionResult,
  type FillFilter,
  type Journal,
  type JournalEvent,
  type Lease,
  type OrderFilter,
  scopeOf,
  streamOf,
} from './journal.js';
import { acquireLease, checkLease, leaseHolder, releaseLease, renewLease } from './leases.js';
import { mergeReport, type OrderState } from './orderState.js';
import { existing, stateOf } from './orders.js';
import { type EventBodies, intendedOrder, projectReports } from './projections.js';
import {
  selectDecision,
  selectFills,
  selectOrders,
  selectPositions,
  selectRecorded,
  selectScopes,
  selectState,
} from './queries.js';
import { rebuildTables, verifyTables } from './rebuild.js';
import {
  append,
  bookedAt,
  executionKey,
  glanceUnderLease,
  known,
  loadAll,
  type Recorded,
  readBooked,
  record,
  recordAll,
} from './recording.js';
import type {
  AttachedOrder,
  CorporateActionRecord,
  DecisionRecord,
  ExecutionRecord,
  NewIntent,
  OrderRecord,
  OrderReport,
  OrderRequest,
  SessionPhase,
  StrategyScope,
  TradingState,
} from './records.js';
import {
  type PositionRow,
  readByVenueId,
  readOrder,
  readOrders,
  SCOPE,
  SENDABLE,
  scopeParams,
  toPosition,
  updateSending,
} from './rows.js';

/** What a venue would tell again, or a start compute again, need not wait for the disk. */
const RELAXED = { relaxed: true } as const;
const SINGLE = { single: true } as const;

/** The journal on a relational database. Every method is one transaction. */
export class SqlJournal implements Journal {
  constructor(private readonly db: Database) {}

  acquireLease(
    name: string,
    owner: string,
    now: number,
    ttl: number,
    gone: (owner: string) => boolean = () => false,
  ): Promise<Lease | undefined> {
    return this.db.write((sql) => acquireLease(sql, name, owner, now, ttl, gone));
  }

  renewLease(lease: Lease, now: number, ttl: number): Promise<Lease> {
    return this.db.write((sql) => renewLease(sql, lease, now, ttl), RELAXED);
  }

  releaseLease(lease: Lease): Promise<void> {
    return this.db.write((sql) => releaseLease(sql, lease), RELAXED);
  }

  leaseHolder(name: string, now: number): Promise<Lease | undefined> {
    return this.db.read((sql) => leaseHolder(sql, name, now), SINGLE);
  }

  recordDecision(
    scope: StrategyScope,
    lease: Lease,
    decision: DecisionRecord,
    intents: readonly NewIntent[],
    options: DecisionOptions = {},
  ): Promise<DecisionResult> {
    return this.db.write(
      (sql) => recordDecision(sql, scope, lease, decision, intents, options),
      intents.length === 0 ? RELAXED : {},
    );
  }

  recordIntents(
    scope: StrategyScope,
    lease: Lease,
    slot: number,
    intents: readonly NewIntent[],
    now: number,
  ): Promise<readonly OrderRecord[]> {
    return this.db.write(async (sql) => {
      const found = await glanceUnderLease(sql, scope, lease, slot, now);
      if (intents.length === 0) return [];
      const orders = await placeAll(sql, scope, slot, intents, found);
      await recordAll(sql, [{ scope, type: 'intents', body: { orders }, time: now }], found.end);
      return orders.map((order) => intendedOrder(scope, order, now));
    });
  }

  markSending(clientOrderIds: readonly string[], lease: Lease, now: number): Promise<void> {
    return this.db.write(async (sql) => {
      if (clientOrderIds.length === 0) return;
      await checkLease(sql, lease, now);
      const scope = scopeOf(lease.name);
      const marked = scope === undefined ? 0 : await updateSending(sql, scope, clientOrderIds, now);
      if (scope === undefined || marked !== clientOrderIds.length) throw await notSendable(sql, clientOrderIds, lease);
      await append(sql, [{ scope, type: 'sending', body: { orders: clientOrderIds, token: lease.token }, time: now }]);
    });
  }

  recordReports(reports: readonly OrderReport[], now: number): Promise<readonly OrderRecord[]> {
    if (reports.length === 0) return Promise.resolve([]);
    return this.db.write(async (sql) => {
      const ids = reports.map(({ clientOrderId }) => clientOrderId);
      const orders = await loadAll(sql, ids);
      const states = new Map<string, OrderState>();
      const news = reports.filter((report) => {
        const { clientOrderId } = report;
        const before = states.get(clientOrderId) ?? stateOf(existing(orders, clientOrderId));
        const after = mergeReport(before, report);
        states.set(clientOrderId, after);
        return after !== before;
      });
      const events = await append(
        sql,
        news.map((body) => ({ scope: existing(orders, body.clientOrderId), type: 'report', body, time: now })),
      );
      await projectReports(events, orders);
      return ids.map((id) => existing(orders, id));
    }, RELAXED);
  }

  recordAmendment(clientOrderId: string, request: OrderRequest, now: number): Promise<void> {
    return this.db.write(async (sql) => {
      await record(sql, await known(sql, clientOrderId), 'amended', { clientOrderId, request }, now);
    }, RELAXED);
  }

  recordAttached(parent: string, attached: readonly AttachedOrder[], now: number): Promise<readonly OrderRecord[]> {
    return this.db.write(async (sql) => {
      const entry = await known(sql, parent);
      const last = new Map([...newestOf(await ordersOf(sql, entry, entry.slot))].map(([key, o]) => [key, o.revision]));
      const orders: EventBodies['attached']['orders'][number][] = [];
      for (const order of attached) {
        if ((await readOrder(sql, order.clientOrderId)) !== undefined) continue;
        const key = legKey(order.request.instrument, order.leg);
        const revision = (last.get(key) ?? -1) + 1;
        last.set(key, revision);
        orders.push({ ...order, parent, slot: entry.slot, revision });
      }
      if (orders.length > 0) await record(sql, entry, 'attached', { parent, orders }, now);
      return readOrders(
        sql,
        attached.map((order) => order.clientOrderId),
      );
    });
  }

  recordExecutions(executions: readonly ExecutionRecord[], now: number): Promise<readonly ExecutionRecord[]> {
    if (executions.length === 0) return Promise.resolve([]);
    return this.db.write(async (sql) => {
      const orders = await loadAll(
        sql,
        executions.map(({ clientOrderId }) => clientOrderId),
      );
      const scopes = executions.map(({ clientOrderId }) => existing(orders, clientOrderId));
      const booked = await bookedAt(
        sql,
        scopes,
        executions.map(({ executionId }) => executionId),
      );
      const news = executions.flatMap((body, i): Recorded<'execution'>[] => {
        const key = executionKey(scopes[i]!, body.executionId);
        if (booked.has(key)) return [];
        booked.add(key);
        return [{ scope: scopes[i]!, type: 'execution', body, time: now }];
      });
      await recordAll(sql, news);
      return news.map(({ body }) => body);
    });
  }

  async bookedExecutions(
    scope: Pick<StrategyScope, 'venue' | 'account'>,
    executionIds: readonly string[],
  ): Promise<readonly string[]> {
    return this.db.read((sql) => readBooked(sql, scope, executionIds), SINGLE);
  }

  recordCorporateAction(scope: StrategyScope, action: CorporateActionRecord, now: number): Promise<boolean> {
    return this.db.write(async (sql) => {
      const seen = await sql.get(
        `SELECT 1 AS x FROM corporate_actions WHERE ${SCOPE} AND instrument = ? AND date = ? AND type = ?`,
        [...scopeParams(scope), action.instrument, action.date, action.type],
      );
      if (seen !== undefined) return false;
      await record(sql, scope, 'corporate-action', action, now);
      return true;
    });
  }

  async setState(scope: StrategyScope, state: TradingState, reason: string, now: number): Promise<void> {
    await this.db.write((sql) => record(sql, scope, 'state', { state, reason }, now));
  }

  state(scope: StrategyScope) {
    return this.db.read((sql) => selectState(sql, scope), SINGLE);
  }

  async recordSession(
    scope: StrategyScope,
    session: string,
    phase: SessionPhase,
    body: unknown,
    now: number,
  ): Promise<void> {
    await this.db.write((sql) => record(sql, scope, 'session', { session, phase, body }, now), RELAXED);
  }

  async note(scope: StrategyScope, type: string, body: unknown, now: number): Promise<void> {
    await this.db.write(async (sql) => {
      await appendEvents(sql, [{ stream: streamOf(scope), type: `note:${type}`, time: now, body }]);
    }, RELAXED);
  }

  cursor(scope: StrategyScope): Promise<string | undefined> {
    return this.db.read((sql) => readCursor(sql, scope), SINGLE);
  }

  async setCursor(scope: StrategyScope, cursor: string, now: number): Promise<void> {
    await this.db.write(async (sql) => {
      if ((await readCursor(sql, scope)) !== cursor) await record(sql, scope, 'cursor', { cursor }, now);
    }, RELAXED);
  }

  decision(scope: StrategyScope, slot: number): Promise<DecisionRecord | undefined> {
    return this.db.read((sql) => selectDecision(sql, scope, slot), SINGLE);
  }

  lastDecision(scope: StrategyScope): Promise<DecisionRecord | undefined> {
    return this.db.read((sql) => selectDecision(sql, scope), SINGLE);
  }

  order(clientOrderId: string): Promise<OrderRecord | undefined> {
    return this.db.read((sql) => readOrder(sql, clientOrderId), SINGLE);
  }

  ordersById(clientOrderIds: readonly string[]): Promise<readonly OrderRecord[]> {
    return this.db.read((sql) => readOrders(sql, clientOrderIds), SINGLE);
  }

  async orderByVenueId(venue: string, account: string, venueOrderId: string): Promise<OrderRecord | undefined> {
    return (await this.ordersByVenueId(venue, account, [venueOrderId])).get(venueOrderId);
  }

  ordersByVenueId(venue: string, account: string, venueOrderIds: readonly string[]) {
    return this.db.read((sql) => readByVenueId(sql, venue, account, venueOrderIds), SINGLE);
  }

  recordedRequest(scope: StrategyScope, clientOrderId: string): Promise<OrderRequest | undefined> {
    return this.db.read((sql) => selectRecorded(sql, streamOf(scope), clientOrderId), SINGLE);
  }

  orders(filter: OrderFilter = {}) {
    return this.db.read((sql) => selectOrders(sql, filter), SINGLE);
  }

  fills(filter: FillFilter = {}) {
    return this.db.read((sql) => selectFills(sql, filter), SINGLE);
  }

  positions(scope: StrategyScope | { readonly venue: string; readonly account: string }) {
    return this.db.read((sql) => selectPositions(sql, scope), SINGLE);
  }

  position(scope: StrategyScope, instrument: string) {
    return this.db.read(async (sql) => {
      const row = await sql.get<PositionRow>(`SELECT * FROM positions WHERE ${SCOPE} AND instrument = ?`, [
        ...scopeParams(scope),
        instrument,
      ]);
      return row === undefined ? undefined : toPosition(row);
    }, SINGLE);
  }

  scopes() {
    return this.db.read(selectScopes);
  }

  events(filter: Parameters<Journal['events']>[0] = {}): Promise<readonly JournalEvent[]> {
    const { scope, ...rest } = filter;
    return this.db.read((sql) =>
      readEvents(sql, { ...rest, stream: scope === undefined ? undefined : streamOf(scope) }),
    );
  }

  head(): Promise<number> {
    return this.db.read(
      async (sql) => (await sql.get<{ head: number }>('SELECT COALESCE(MAX(position), 0) AS head FROM events'))!.head,
      SINGLE,
    );
  }

  async tidy(): Promise<void> {
    await this.db.tidy?.();
  }

  async rebuild(): Promise<void> {
    await this.db.write(rebuildTables);
  }

  async verify(): Promise<{ readonly events: number }> {
    await this.db.check();
    const events = await this.db.read((sql) => verifyChain(sql, this.db.location));
    await verifyTables(this.db);
    return { events };
  }

  async backup(path: string): Promise<void> {
    if (this.db.backup === undefined) {
      throw new QuantlineError('STATE', `${this.db.location} is a server; its own tools make its backups.`, {
        hint: 'Use pg_dump.',
      });
    }
    await this.db.backup(path);
  }

  close(): Promise<void> {
    return this.db.close();
  }
}

/** Why not all of these orders can be marked under this lease. */
async function notSendable(sql: Sql, clientOrderIds: readonly string[], lease: Lease): Promise<QuantlineError> {
  for (const clientOrderId of clientOrderIds) {
    const order = await known(sql, clientOrderId);
    const { status } = order;
    if (streamOf(order) !== lease.name)
      return new QuantlineError('BUG', `The lease ${lease.name} is not that of ${streamOf(order)}.`);
    if (!SENDABLE.has(status))
      return new QuantlineError('MISMATCH', `Order ${clientOrderId} is ${status} and cannot be sent.`, {
        details: { clientOrderId, status },
      });
  }
  return new QuantlineError('BUG', 'An order was to be marked as leaving twice at once.');
}

async function readCursor(sql: Sql, scope: StrategyScope): Promise<string | undefined> {
  const row = await sql.get<{ cursor_value: string }>(
    `SELECT cursor_value FROM cursors WHERE ${SCOPE}`,
    scopeParams(scope),
  );
  return row?.cursor_value;
}
