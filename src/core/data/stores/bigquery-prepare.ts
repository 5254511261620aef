import { bigQueryAddress, Warehouse } from '../../clients/google/index.js';
import type { StoreContext } from '../store.js';
import { RECORD_TABLES } from './bigquery-records.js';
import * as sql from './bigquery-sql.js';
import { prepareViews } from './bigquery-views.js';

/** Creates the dataset and its tables where they are missing; returns whether the dataset is new. */
export async function initialise(address: string, context: StoreContext): Promise<boolean> {
  const warehouse = await Warehouse.open(bigQueryAddress(address), context.logger);
  try {
    const created = await warehouse.createDataset();
    await prepare(warehouse, context);
    await prepareViews(warehouse, context.clock.now());
    for (const { name: table, layout } of RECORD_TABLES)
      await warehouse.ensureTable(table, layout, context.clock.now());
    return created;
  } finally {
    await warehouse.close();
  }
}

/** The tables that bars need. */
export async function prepare(warehouse: Warehouse, { clock }: StoreContext): Promise<void> {
  await warehouse.region();
  await warehouse.ensureTable(sql.BARS, sql.BARS_LAYOUT, clock.now());
  await warehouse.ensureTable(sql.SERIES, sql.SERIES_LAYOUT, clock.now());
}
