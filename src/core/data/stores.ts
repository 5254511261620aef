import { join } from 'node:path';
import { QuantlineError } from '../errors/index.js';
import type { BarStore, StoreContext } from './store.js';

/** Folder of a workspace's own store. */
export const storeRoot = (workspace: string): string => join(workspace, 'store');

/** Opens `parquet` (in `root`) or a store by its address. */
export async function openStore(address: string, root: string, context: StoreContext): Promise<BarStore> {
  if (address === 'parquet') return (await import('./stores/parquet.js')).create({ root }, context);
  if (address.startsWith('bigquery:')) return (await import('./stores/bigquery.js')).create({ address }, context);
  throw new QuantlineError('USAGE', `There is no store "${address}".`, {
    hint: 'Use --store parquet, which is the default, or bigquery://project.dataset.',
    details: { store: address },
  });
}
