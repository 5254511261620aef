import type { Instrument } from '../../../domain/instrument.js';
import type { ExchangeSnapshot } from '../../../market/index.js';
import { snapshotFromJson, snapshotToJson } from '../../../market/index.js';
import {
  type Database,
  type Migration,
  migrate,
  type OrderRequest,
  openSqlite,
  type Sql,
} from '../../../state/index.js';
import type { BrokerExecution, BrokerOrder } from '../../broker.js';

/** An order as the book keeps it. */
export interface BookedOrder extends Omit<BrokerOrder, 'legs'> {
  readonly request: OrderRequest;
  /** Venue id of the entry whose exit this is. */
  readonly parent: string | undefined;
}

/** Everything of the venue that is not an order or an execution. */
export interface BookState {
  readonly instruments: readonly Instrument[];
  readonly exchange: ExchangeSnapshot;
  readonly lastTick: number | undefined;
  /** Executions so far: the next one's number follows. */
  readonly executions: number;
  /** Entry whose attached exits guard the instrument's position, by instrument index. */
  readonly guards: readonly (string | null)[];
}

const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      'CREATE TABLE book (id BIGINT PRIMARY KEY, generation BIGINT NOT NULL, body TEXT NOT NULL, snapshot TEXT NOT NULL)',
      `CREATE TABLE venue_orders (venue_order_id TEXT PRIMARY KEY, client_order_id TEXT, parent TEXT,
        is_open BIGINT NOT NULL, ordinal BIGINT NOT NULL, body TEXT NOT NULL)`,
      'CREATE INDEX venue_orders_client ON venue_orders (client_order_id)',
      'CREATE INDEX venue_orders_parent ON venue_orders (parent)',
      'CREATE TABLE executions (ordinal BIGINT PRIMARY KEY, body TEXT NOT NULL)',
    ],
  },
];

interface OrderRow {
  readonly body: string;
}

/** The simulated venue's own record, on disk: apart from the journal, as any venue's is. */
export class Book {
  private constructor(readonly db: Database) {}

  static async open(path: string): Promise<Book> {
    const db = await openSqlite(path);
    try {
      await db.check();
      await migrate(db, 'sim_book', MIGRATIONS);
    } catch (error) {
      await db.close();
      throw error;
    }
    return new Book(db);
  }

  /** Number of the last change; 0 for a new book. */
  static async generation(sql: Sql): Promise<number> {
    return (await sql.get<{ generation: number }>('SELECT generation FROM book WHERE id = 1'))?.generation ?? 0;
  }

  static async load(sql: Sql): Promise<BookState | undefined> {
    const row = await sql.get<{ body: string; snapshot: string }>('SELECT body, snapshot FROM book WHERE id = 1');
    if (row === undefined) return undefined;
    return { ...JSON.parse(row.body), exchange: snapshotFromJson(row.snapshot) };
  }

  static async save(
    sql: Sql,
    generation: number,
    state: BookState,
    orders: Iterable<BookedOrder>,
    executions: readonly BrokerExecution[],
  ): Promise<void> {
    const { exchange, ...body } = state;
    await sql.run(
      `INSERT INTO book (id, generation, body, snapshot) VALUES (1, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, body = excluded.body,
         snapshot = excluded.snapshot`,
      [generation, JSON.stringify(body), snapshotToJson(exchange)],
    );
    for (const order of orders) {
      await sql.run(
        `INSERT INTO venue_orders (venue_order_id, client_order_id, parent, is_open, ordinal, body)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (venue_order_id) DO UPDATE SET is_open = excluded.is_open, body = excluded.body`,
        [
          order.venueOrderId,
          order.clientOrderId ?? null,
          order.parent ?? null,
          isOpen(order) ? 1 : 0,
          Number.parseInt(order.venueOrderId, 10),
          JSON.stringify(order),
        ],
      );
    }
    for (const [i, execution] of executions.entries()) {
      await sql.run('INSERT INTO executions (ordinal, body) VALUES (?, ?)', [
        state.executions - executions.length + i + 1,
        JSON.stringify(execution),
      ]);
    }
  }

  static async byVenueId(sql: Sql, id: string): Promise<BookedOrder | undefined> {
    const row = await sql.get<OrderRow>('SELECT body FROM venue_orders WHERE venue_order_id = ?', [id]);
    return row === undefined ? undefined : JSON.parse(row.body);
  }

  static async byClientId(sql: Sql, id: string): Promise<BookedOrder | undefined> {
    const row = await sql.get<OrderRow>('SELECT body FROM venue_orders WHERE client_order_id = ?', [id]);
    return row === undefined ? undefined : JSON.parse(row.body);
  }

  static async openOrders(sql: Sql): Promise<readonly BookedOrder[]> {
    const rows = await sql.all<OrderRow>(
      'SELECT body FROM venue_orders WHERE is_open = 1 ORDER BY ordinal, venue_order_id',
    );
    return rows.map((row) => JSON.parse(row.body));
  }

  static async children(sql: Sql, parent: string): Promise<readonly BookedOrder[]> {
    const rows = await sql.all<OrderRow>('SELECT body FROM venue_orders WHERE parent = ? ORDER BY venue_order_id', [
      parent,
    ]);
    return rows.map((row) => JSON.parse(row.body));
  }

  static async executions(
    sql: Sql,
    after: number,
    limit: number,
  ): Promise<readonly { ordinal: number; execution: BrokerExecution }[]> {
    const rows = await sql.all<{ ordinal: number; body: string }>(
      'SELECT ordinal, body FROM executions WHERE ordinal > ? ORDER BY ordinal LIMIT ?',
      [after, limit],
    );
    return rows.map((row) => ({ ordinal: row.ordinal, execution: JSON.parse(row.body) }));
  }
}

export const isOpen = (order: Pick<BrokerOrder, 'status'>): boolean =>
  order.status === 'accepted' || order.status === 'partially_filled';
