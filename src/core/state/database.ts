import { QuantlineError } from '../errors/index.js';

export type SqlValue = string | number | null;

/** Statements inside one transaction. Placeholders are `?`; rows are objects with the columns' names. */
export interface Sql {
  all<T>(sql: string, params?: readonly SqlValue[]): Promise<readonly T[]>;
  get<T>(sql: string, params?: readonly SqlValue[]): Promise<T | undefined>;
  /** Returns the number of rows changed. */
  run(sql: string, params?: readonly SqlValue[]): Promise<number>;
}

/**
 * A relational database behind the journal and the trial ledger, restricted to SQL that SQLite and PostgreSQL share.
 * Errors are QuantlineErrors: STATE (damaged), STORAGE (disk), UNAVAILABLE (locked for too long, no server).
 */
export interface Database {
  readonly dialect: 'sqlite' | 'postgres';
  /** Path or address for messages; never a password. */
  readonly location: string;
  /** A consistent view; nothing can be written in it. `single`: one statement only, which needs no transaction. */
  read<T>(work: (sql: Sql) => Promise<T>, options?: { readonly single?: boolean }): Promise<T>;
  /**
   * One transaction, alone among all writers, undone when `work` throws, and on the disk when this resolves. A relaxed
   * one survives the end of the process at any moment, but a power cut only once a later one is on the disk.
   */
  write<T>(work: (sql: Sql) => Promise<T>, options?: { readonly relaxed?: boolean }): Promise<T>;
  /** Does now what a later write would do beside its own work; absent where a server sees to it. */
  tidy?(): Promise<void>;
  /** Throws STATE where the storage itself is damaged. */
  check(): Promise<void>;
  /** A copy in a file that must not exist yet; undefined for a server, which has its own backups. */
  backup?(path: string): Promise<void>;
  close(): Promise<void>;
}

/** Another writer has been in the way for longer than the wait. */
export const keptLocked = (location: string, cause: unknown): QuantlineError =>
  new QuantlineError('UNAVAILABLE', `Another process keeps the database locked: ${location}`, {
    hint: 'Wait for it to finish and run the same command again; it goes on from what is recorded.',
    details: { path: location },
    cause,
  });

/** Runs jobs one after another, whatever becomes of each. */
export class Queue {
  private tail: Promise<unknown> = Promise.resolve();

  run<T>(job: () => Promise<T>): Promise<T> {
    const next = this.tail.then(job, job);
    this.tail = next.catch(() => {});
    return next;
  }
}
