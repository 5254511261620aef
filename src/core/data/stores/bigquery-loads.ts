import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Warehouse } from '../../clients/google/index.js';
import { BAR_FIELDS, type BarColumns } from '../../domain/index.js';
import { isoTime } from '../../platform/index.js';
import { writeParquet } from '../../platform/parquet.js';
import type { StoreContext } from '../store.js';
import * as sql from './bigquery-sql.js';

/** Bars that were put together and stand as they were put: putting the same again needs no query at all. */
export interface Loaded {
  /** `contentOf` the bars. */
  readonly id: string;
  readonly from: number;
  readonly to: number;
  /** Generation of the rows after it. */
  readonly generation: number;
}

/** The entries that a put of [from, to] leaves valid. */
export const untouched = (loaded: readonly Loaded[], from: number, to: number): Loaded[] =>
  loaded.filter((one) => one.to < from || one.from > to);

/**
 * Loads bars into a table of their own, free of charge. Its name and the job's id follow from the contents and the day,
 * so that a repeat, also after a crash, loads nothing twice; it goes away by itself.
 */
export async function stageBars(
  warehouse: Warehouse,
  { clock }: StoreContext,
  content: string,
  bars: BarColumns,
): Promise<string> {
  const now = clock.now();
  const id = `${content}_${isoTime(now).slice(0, 10).replaceAll('-', '')}`;
  const table = `staging_${id}`;
  const folder = await mkdtemp(join(tmpdir(), 'quantline-load-'));
  try {
    const path = join(folder, 'bars.parquet');
    const { time, ...values } = Object.fromEntries(BAR_FIELDS.map((field) => [field, bars[field]]));
    await writeParquet(path, { ts: time!, ...values }, { timestamps: ['ts'] });
    await warehouse.ensureTable(table, sql.STAGING_LAYOUT, now);
    await warehouse.loadParquet(table, path, `quantline_${id}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return table;
}
