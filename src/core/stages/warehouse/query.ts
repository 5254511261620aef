import { readFile } from 'node:fs/promises';
import {
  bigQueryAddress,
  costText,
  DOLLARS_PER_TIB,
  readParameter,
  TIB,
  Warehouse,
} from '../../clients/google/index.js';
import type { StoreCostOptions, StoreQueryOptions } from '../../config/index.js';
import { namedQuery } from '../../data/stores/bigquery-views.js';
import { DAY_MS } from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { printable, storageError } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';
import { warehouseOf } from './sync.js';

export type Value = string | number | boolean | null;

export interface StoreQueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
  readonly estimatedBytes: number;
  /** null: not run, or not said. */
  readonly billedBytes: number | null;
}

/** `quantline store query`: reads the warehouse, says the cost before and after, and never exceeds the limit. */
export async function storeQuery(
  text: string,
  options: StoreQueryOptions,
  runtime: Runtime,
): Promise<StoreQueryResult> {
  const parameters = Object.fromEntries((options.param ?? []).map(readParameter));
  const address = bigQueryAddress(warehouseOf(options.store));
  const limited = options.maxBytes === undefined ? address : { ...address, maximumBytesBilled: options.maxBytes };
  const warehouse = await Warehouse.open(limited, runtime.logger);
  try {
    const named = text.startsWith(':') ? await namedQuery(text.slice(1), warehouse) : undefined;
    const sql = named ?? (text.startsWith('@') ? await sqlFile(text.slice(1)) : text);
    const estimatedBytes = await warehouse.cost(sql, parameters, true).catch((error) => {
      throw refusedQuery(error);
    });
    runtime.logger.info(`The query reads about ${costText(estimatedBytes)}.`);
    if (options.dryRun) return { columns: [], rows: [], estimatedBytes, billedBytes: null };
    const { rows, billedBytes } = await warehouse.query(sql, parameters, true);
    if (billedBytes !== undefined) runtime.logger.info(`Billed: ${costText(billedBytes)}.`);
    const columns = Object.keys(rows[0] ?? {});
    return {
      columns,
      rows: rows.map((row) => columns.map((column) => plain(row[column]))),
      estimatedBytes,
      billedBytes: billedBytes ?? null,
    };
  } finally {
    await warehouse.close();
  }
}

/** A query that the service cannot read is the user's to mend, not to be tried again. */
function refusedQuery(error: unknown): unknown {
  const cause = (error as { cause?: { code?: unknown; message?: string } }).cause;
  if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE' || cause?.code !== 400) return error;
  return new QuantlineError('USAGE', `The query cannot be run: ${printable(cause.message ?? '')}`, {
    hint: 'Correct it; --param name=value gives what stands as @name.',
    cause: error,
  });
}

async function sqlFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, path);
    throw new QuantlineError('INPUT', `No such file: ${path}`, { hint: 'Check the path after @.', details: { path } });
  }
}

/** The client's own classes for times and decimals as text, structures as JSON. */
function plain(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value.toString();
  const wrapped = (value as { value?: unknown }).value;
  if (typeof wrapped === 'string') return wrapped;
  if (typeof (value as { toFixed?: unknown }).toFixed === 'function') return String(value);
  return JSON.stringify(value);
}

const GIB = 1024 ** 3;
/** Active and long-term logical storage a GiB and month in the US; other regions differ little. */
const STORAGE = { active: 0.02, longTerm: 0.01 };
const USAGE_DAYS = 30;

export interface StoreCostResult {
  readonly tables: readonly {
    readonly name: string;
    readonly rows: number;
    readonly bytes: number;
    readonly dollarsPerMonth: number;
  }[];
  readonly storageDollarsPerMonth: number;
  /** Queries of this program in the last 30 days. */
  readonly queries: {
    readonly days: number;
    readonly jobs: number;
    readonly billedBytes: number;
    readonly dollars: number;
  };
}

/** `quantline store cost`: what the warehouse holds and what that and its queries cost, from free requests only. */
export async function storeCost(options: StoreCostOptions, runtime: Runtime): Promise<StoreCostResult> {
  const warehouse = await Warehouse.open(bigQueryAddress(warehouseOf(options.store)), runtime.logger);
  try {
    const tables = (await warehouse.tables()).map(({ name, rows, bytes, longTermBytes }) => ({
      ...{ name, rows, bytes },
      dollarsPerMonth: ((bytes - longTermBytes) * STORAGE.active + longTermBytes * STORAGE.longTerm) / GIB,
    }));
    const { jobs, billedBytes } = await warehouse.usage(runtime.clock.now() - USAGE_DAYS * DAY_MS);
    return {
      tables,
      storageDollarsPerMonth: tables.reduce((sum, { dollarsPerMonth }) => sum + dollarsPerMonth, 0),
      queries: { days: USAGE_DAYS, jobs, billedBytes, dollars: (billedBytes / TIB) * DOLLARS_PER_TIB },
    };
  } finally {
    await warehouse.close();
  }
}
