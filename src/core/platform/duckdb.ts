import { availableParallelism } from 'node:os';
import type { DuckDBConnection } from '@duckdb/node-api';

/**
 * DuckDB in memory, loaded on first use (70 MB of native code). Each connection is an instance of its own with one
 * thread, so that what it writes does not depend on scheduling; work on several files runs on several of them.
 */
const LIMIT = Math.min(availableParallelism(), 4);
const idle: DuckDBConnection[] = [];
const waiting: ((connection: DuckDBConnection) => void)[] = [];
let created = 0;

async function connect(): Promise<DuckDBConnection> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    temp_directory: '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // Foreign folder names never become columns; times are UTC whatever the machine's zone.
    preserve_insertion_order: 'true',
  });
  return instance.connect();
}

async function acquire(): Promise<DuckDBConnection> {
  const free = idle.pop();
  if (free !== undefined) return free;
  if (created < LIMIT) {
    created++;
    try {
      return await connect();
    } catch (error) {
      created--;
      throw error;
    }
  }
  return new Promise((resolve) => waiting.push(resolve));
}

/** Runs work on a connection that nothing else uses meanwhile. */
export async function withDuckDB<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const connection = await acquire();
  try {
    return await work(connection);
  } finally {
    const next = waiting.shift();
    if (next === undefined) idle.push(connection);
    else next(connection);
  }
}

/** A SQL string literal. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** A SQL identifier. */
export const identifier = (text: string): string => `"${text.replaceAll('"', '""')}"`;
/** A path as a literal for read_parquet and its kin, which would otherwise expand patterns. */
export const pathLiteral = (path: string): string => literal(path.replaceAll(/[[*?]/g, '[$&]'));
