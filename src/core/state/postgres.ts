import { QuantlineError } from '../errors/index.js';
import { type Database, keptLocked, Queue, type Sql, type SqlValue } from './database.js';

interface Client {
  connect(): Promise<void>;
  query(text: string, values?: readonly SqlValue[]): Promise<{ rows: unknown[]; rowCount: number | null }>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
}
interface Driver {
  readonly Client: new (config: Record<string, unknown>) => Client;
}

/** Key of the advisory lock that lets one writer in at a time, as SQLite does: "qtln" in ASCII. */
const WRITER_LOCK = 0x71746c6e;
const CONNECT_MS = 10_000;
/** Longest wait for another writer, as for SQLite. */
const BUSY_MS = 10_000;
/** Longest wait for an answer: a server that is gone without a word sends none. */
const ANSWER_MS = 60_000;
/** The SQLSTATE of a wait for a lock that took too long. */
const LOCK_NOT_AVAILABLE = '55P03';
/** Types that the driver would leave as text: int8, int2, int4, float4, float8. */
const NUMBERS = new Set([20, 21, 23, 700, 701]);

/** Connects to a PostgreSQL server. The driver `pg` is an optional dependency. */
export async function openPostgres(url: string): Promise<Database> {
  let driver: Driver;
  try {
    const name = 'pg';
    driver = ((await import(name)) as { default: Driver }).default;
  } catch (cause) {
    throw new QuantlineError('CONFIG', 'A journal on PostgreSQL needs the package pg.', {
      hint: 'Run `npm install pg` beside quantline.',
      cause,
    });
  }
  const db = new PostgresDatabase(driver, url);
  await db.read(async () => {});
  return db;
}

class PostgresDatabase implements Database {
  readonly dialect = 'postgres';
  readonly location: string;
  private readonly queue = new Queue();
  private client: Client | undefined;
  private readonly texts = new Map<string, string>();

  constructor(
    private readonly driver: Driver,
    private readonly url: string,
  ) {
    this.location = withoutPassword(url);
  }

  read<T>(work: (sql: Sql) => Promise<T>, options: { readonly single?: boolean } = {}): Promise<T> {
    if (options.single) return this.queue.run(async () => work(this.sqlOf(await this.connected())));
    return this.transaction('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', [], work);
  }

  write<T>(work: (sql: Sql) => Promise<T>, options: { readonly relaxed?: boolean } = {}): Promise<T> {
    const lock = `SELECT pg_advisory_xact_lock(${WRITER_LOCK})`;
    return this.transaction('BEGIN', options.relaxed ? ['SET LOCAL synchronous_commit = off', lock] : [lock], work);
  }

  private transaction<T>(begin: string, first: readonly string[], work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.queue.run(async () => {
      const client = await this.connected();
      const call = (text: string) => this.call(client, text);
      const sql = this.sqlOf(client);
      await call(begin);
      try {
        for (const statement of first) await call(statement);
        const result = await work(sql);
        await call('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => this.drop(client));
        throw error;
      }
    });
  }

  private sqlOf(client: Client): Sql {
    const call = (text: string, values: readonly SqlValue[] = []) => this.call(client, this.numbered(text), values);
    return {
      all: async <R>(text: string, params?: readonly SqlValue[]) => (await call(text, params)).rows as R[],
      get: async <R>(text: string, params?: readonly SqlValue[]) => (await call(text, params)).rows[0] as R | undefined,
      run: async (text, params) => (await call(text, params)).rowCount ?? 0,
    };
  }

  private async connected(): Promise<Client> {
    if (this.client !== undefined) return this.client;
    const client = new this.driver.Client({
      connectionString: this.url,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      application_name: 'quantline',
      types: { getTypeParser: (oid: number) => (NUMBERS.has(oid) ? Number : (text: string) => text) },
    });
    client.on('error', () => this.drop(client));
    try {
      await client.connect();
      await client.query(`SET synchronous_commit = on; SET lock_timeout = ${BUSY_MS}`);
    } catch (cause) {
      await client.end().catch(() => {});
      throw this.unavailable(cause);
    }
    this.client = client;
    return client;
  }

  private async call(client: Client, text: string, values: readonly SqlValue[] = []) {
    try {
      return await client.query(text, values);
    } catch (error) {
      const state = (error as { code?: string }).code ?? '';
      if (state === LOCK_NOT_AVAILABLE) throw keptLocked(this.location, error);
      // Without a five-character SQLSTATE, or with one of class 08 or 57, the connection is gone.
      if (!/^[0-9A-Z]{5}$/.test(state) || /^(?:08|57)/.test(state)) {
        this.drop(client);
        throw this.unavailable(error);
      }
      if (/^(?:53|58)/.test(state)) {
        throw new QuantlineError('STORAGE', `The server ${this.location} cannot store: ${(error as Error).message}`, {
          hint: 'Check the disk of the database server.',
          cause: error,
        });
      }
      throw error;
    }
  }

  /** Forgets a broken connection; the next transaction opens another. */
  private drop(client: Client): void {
    if (this.client === client) this.client = undefined;
    client.end().catch(() => {});
  }

  private unavailable(cause: unknown): QuantlineError {
    const code = (cause as { code?: string }).code ?? '';
    if (/^28/.test(code) || code === '3D000') {
      return new QuantlineError('CREDENTIALS', `The server ${this.location} refuses: ${(cause as Error).message}`, {
        hint: 'Check user, password and database name in QUANTLINE_JOURNAL.',
      });
    }
    return new QuantlineError('UNAVAILABLE', `The database server does not answer: ${this.location}`, {
      hint: 'Check the server and run the same command again; it goes on from what is recorded.',
      details: { location: this.location, reason: code },
    });
  }

  private numbered(text: string): string {
    let out = this.texts.get(text);
    if (out === undefined) {
      let n = 0;
      out = text.replaceAll('?', () => `$${++n}`);
      this.texts.set(text, out);
    }
    return out;
  }

  /** Page checksums and their verification are the server's own. */
  async check(): Promise<void> {}

  async close(): Promise<void> {
    await this.queue.run(async () => {
      const client = this.client;
      this.client = undefined;
      await client?.end().catch(() => {});
    });
  }
}

function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    return `${parsed.protocol}//${parsed.username === '' ? '' : `${parsed.username}@`}${parsed.host}${parsed.pathname}`;
  } catch {
    throw new QuantlineError('CONFIG', 'The address of the journal is no URL.', {
      hint: 'Write postgres://user:password@host:5432/database.',
    });
  }
}
