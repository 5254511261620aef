import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { systemClock } from '../platform/clock.js';
import { storageError, syncFolder } from '../platform/files.js';
import { type Database, keptLocked, Queue, type Sql, type SqlValue } from './database.js';

interface Statement {
  run(params: readonly SqlValue[]): { readonly changes: number };
  all(params: readonly SqlValue[]): unknown[];
}
interface Connection {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  close(): void;
}

/** Longest wait for another writer, and the pause between tries: waiting inside SQLite would stop the event loop. */
const BUSY_MS = 10_000;
const RETRY_MS = 3;
/** Pages of the log that a commit folds into the database by itself; `tidy` does so before, when nobody waits. */
const LOG_PAGES = 8000;

/** Opens or creates a database file: WAL, synchronous=FULL (a commit is on the disk when it returns). */
export async function openSqlite(path: string): Promise<Database> {
  const file = resolve(path);
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (error) {
    throw storageError(error, dirname(file));
  }
  const { default: Libsql } = (await import('libsql')) as unknown as {
    default: new (path: string, options: { timeout: number }) => Connection;
  };
  const connection = await patiently(file, () => new Libsql(file, { timeout: 0 }));
  try {
    await patiently(file, () => {
      connection.exec('PRAGMA busy_timeout=0');
      connection.prepare('PRAGMA journal_mode=WAL').all([]);
      connection.exec('PRAGMA synchronous=FULL');
      connection.prepare(`PRAGMA wal_autocheckpoint=${LOG_PAGES}`).all([]);
    });
    await syncFolder(dirname(file));
  } catch (error) {
    connection.close();
    throw error;
  }
  return new SqliteDatabase(file, connection);
}

class SqliteDatabase implements Database {
  readonly dialect = 'sqlite';
  private readonly queue = new Queue();
  private readonly statements = new Map<string, Statement>();
  private readonly sql: Sql;
  private closed = false;
  private level: 'FULL' | 'NORMAL' = 'FULL';

  constructor(
    readonly location: string,
    private readonly connection: Connection,
  ) {
    this.sql = {
      all: async <T>(sql: string, params: readonly SqlValue[] = []) => this.execute(sql, (s) => s.all(params) as T[]),
      get: async <T>(sql: string, params: readonly SqlValue[] = []) =>
        this.execute(sql, (s) => s.all(params)[0] as T | undefined),
      run: async (sql, params = []) => this.execute(sql, (s) => s.run(params).changes),
    };
  }

  read<T>(work: (sql: Sql) => Promise<T>, options: { readonly single?: boolean } = {}): Promise<T> {
    if (options.single) {
      return this.queue.run(async () => {
        if (this.closed) throw new QuantlineError('BUG', `${this.location} is closed.`);
        return work(this.sql);
      });
    }
    return this.transaction('BEGIN', work);
  }

  write<T>(work: (sql: Sql) => Promise<T>, options: { readonly relaxed?: boolean } = {}): Promise<T> {
    return this.transaction('BEGIN IMMEDIATE', work, options.relaxed ? 'NORMAL' : 'FULL');
  }

  /** In WAL mode NORMAL leaves the log's flush to the next FULL commit or checkpoint; order is kept either way. */
  private synchronous(level: 'FULL' | 'NORMAL'): void {
    if (this.level === level) return;
    attempt(this.location, () => this.connection.exec(`PRAGMA synchronous=${level}`));
    this.level = level;
  }

  private transaction<T>(begin: string, work: (sql: Sql) => Promise<T>, level: 'FULL' | 'NORMAL' = 'FULL'): Promise<T> {
    return this.queue.run(async () => {
      if (this.closed) throw new QuantlineError('BUG', `${this.location} is closed.`);
      this.synchronous(level);
      await patiently(this.location, () => this.prepared(begin).run([]));
      try {
        const result = await work(this.sql);
        await patiently(this.location, () => this.prepared('COMMIT').run([]));
        return result;
      } catch (error) {
        try {
          this.connection.exec('ROLLBACK');
        } catch {
          // SQLite has rolled back by itself after a disk error.
        }
        throw error;
      }
    });
  }

  async tidy(): Promise<void> {
    await this.queue.run(async () => {
      if (this.closed) return;
      try {
        this.prepared('PRAGMA wal_checkpoint(PASSIVE)').all([]);
        this.synchronous('NORMAL');
        // The first write into a log that was folded in flushes the log's new head: this one, for which nobody waits.
        this.connection.exec('PRAGMA user_version=0');
      } catch {
        // What could not be folded in stays in the log; a disk that fails shows with the next record.
      }
    });
  }

  async check(): Promise<void> {
    const rows = await this.read((sql) => sql.all<Record<string, string>>('PRAGMA quick_check'));
    const first = Object.values(rows[0] ?? {})[0];
    if (first !== 'ok') throw damaged(this.location, String(first));
  }

  async backup(path: string): Promise<void> {
    if (existsSync(path)) {
      throw new QuantlineError('STORAGE', `The copy is not written over what is there: ${resolve(path)}`, {
        hint: 'Name a file that does not exist yet.',
      });
    }
    await this.queue.run(async () => {
      await patiently(this.location, () => this.connection.prepare('VACUUM INTO ?').run([resolve(path)]));
    });
  }

  async close(): Promise<void> {
    await this.queue.run(async () => {
      if (this.closed) return;
      this.closed = true;
      this.statements.clear();
      try {
        // The driver keeps statements alive until they are collected, so SQLite would not fold the log in by itself.
        this.connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all([]);
      } catch {
        // Somebody else is reading or writing; the log stays and is folded in later.
      }
      this.connection.close();
    });
  }

  private execute<T>(sql: string, use: (statement: Statement) => T): T {
    return attempt(this.location, () => use(this.prepared(sql)));
  }

  private prepared(sql: string): Statement {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.connection.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

const damaged = (location: string, what: string, cause?: unknown) =>
  new QuantlineError('STATE', `The database is damaged: ${location} (${what})`, {
    hint: 'Nothing was traded. Restore a copy with `quantline journal restore`; the broker is read again afterwards.',
    details: { path: location },
    cause,
  });

const isBusy = (error: unknown): boolean => /^SQLITE_(?:BUSY|LOCKED)/.test((error as { code?: string }).code ?? '');

/** Tries until no other writer is in the way. */
async function patiently<T>(location: string, call: () => T): Promise<T> {
  const started = systemClock.monotonic();
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!isBusy(error) || systemClock.monotonic() - started > BUSY_MS) return attempt(location, () => raise(error));
    }
    await systemClock.sleep(RETRY_MS);
  }
}

function raise(error: unknown): never {
  throw error;
}

/** Runs a call of the driver and names what went wrong. */
function attempt<T>(location: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (isQuantlineError(error)) throw error;
    const { code = '', message = '' } = error as { code?: string; message?: string };
    const options = { cause: error, details: { path: location } };
    if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') throw damaged(location, message, error);
    if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
      throw keptLocked(location, error);
    }
    const hints: Record<string, string> = {
      SQLITE_FULL: 'The disk is full. Free some space; what was recorded before is safe.',
      SQLITE_READONLY: 'The file or its folder is read-only. Check owner and mode.',
      SQLITE_CANTOPEN: 'Check that the folder exists and may be written.',
      SQLITE_PERM: 'Check the owner and mode of the file.',
      SQLITE_IOERR: 'The disk reported an error. Check it before trading on.',
    };
    const known = Object.keys(hints).find((prefix) => code.startsWith(prefix));
    if (known !== undefined || /Unable to open/.test(message)) {
      throw new QuantlineError('STORAGE', `Cannot use the database ${location}: ${message}`, {
        ...options,
        hint: hints[known ?? 'SQLITE_CANTOPEN']!,
      });
    }
    throw error;
  }
}
