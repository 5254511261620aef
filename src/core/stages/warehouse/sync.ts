import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { bigQueryAddress, Warehouse } from '../../clients/google/index.js';
import type { StoreSyncOptions } from '../../config/index.js';
import { type CopyResult, copySeries } from '../../data/copy.js';
import { describeDataset } from '../../data/dataset.js';
import { selectSeries } from '../../data/maintenance.js';
import type { BarStore, SeriesInfo } from '../../data/store.js';
import { putRecords } from '../../data/stores/bigquery-records.js';
import { openStore, storeRoot } from '../../data/stores.js';
import { expandSymbols } from '../../data/universe.js';
import { QuantlineError } from '../../errors/index.js';
import { idOf, writeFileAtomic } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';
import { collectRecords } from './records.js';

export interface SyncedSeries extends CopyResult {
  readonly info: SeriesInfo;
}

export interface SyncResult {
  readonly series: readonly SyncedSeries[];
  /** Tables of records, of --all; whether anything was new. */
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly changed: boolean }[];
}

/**
 * `quantline store sync`: copies series from the workspace's files to the warehouse, or back with `--pull`. What is known
 * to be there is neither loaded nor queried again; a crash in between leaves whole pieces, and a repeat finds them.
 */
export async function storeSync(options: StoreSyncOptions, runtime: Runtime): Promise<SyncResult> {
  const address = warehouseOf(options.store);
  const root = storeRoot(runtime.workspace);
  const [files, warehouse] = [await openStore('parquet', root, runtime), await openStore(address, root, runtime)];
  try {
    const [from, to] = options.pull ? [warehouse, files] : [files, warehouse];
    const chosen = await choose(from, options, runtime);
    const held = await to.contents?.();
    const memory = options.pull ? await Pulled.open(runtime, address) : undefined;
    const copied = new Map<SeriesInfo, CopyResult>();
    let rows = 0;
    const copy = async (infos: readonly SeriesInfo[], done: number, share: number) => {
      const results = await copySeries(from, to, infos, {
        signal: runtime.signal,
        ...(held === undefined ? {} : { held }),
        onBlock: ({ key }, n, block, blocks) => {
          rows += n;
          runtime.progress.update(`${key.instrument}: ${rows} bars`, done + (share * block) / blocks, chosen.length);
        },
      });
      for (const [i, result] of results.entries()) copied.set(infos[i]!, result);
    };
    if (memory === undefined) await copy(chosen, 0, chosen.length);
    // Series by series, each of which a repeat need not read again.
    else
      for (const [i, info] of chosen.entries()) {
        if (memory.knows(info, (await files.info(info.key))?.generation)) {
          copied.set(info, { rows: info.rows, inserted: 0, updated: 0, skipped: info.rows });
          continue;
        }
        await copy([info], i, 1);
        await memory.note(info, (await files.info(info.key))?.generation ?? 0);
      }
    const series = chosen.map((info) => ({ info, ...copied.get(info)! }));
    return { series, tables: options.all ? await syncRecords(address, runtime) : [] };
  } finally {
    runtime.progress.end();
    await Promise.all([files.close(), warehouse.close()]);
  }
}

export function warehouseOf(store: string | undefined): string {
  if (store?.startsWith('bigquery:') === true) return store;
  throw new QuantlineError('USAGE', 'Which warehouse?', { hint: 'Add --store bigquery://project.dataset.' });
}

/** The series that were asked for: by filter, or those of a dataset. */
async function choose(
  from: BarStore,
  { data, source, symbols: given, interval }: StoreSyncOptions,
  runtime: Runtime,
): Promise<readonly SeriesInfo[]> {
  if (data !== undefined) {
    const { series } = await describeDataset(await runtime.artifacts.open('dataset', data));
    const infos: SeriesInfo[] = [];
    for (const { pin } of series) {
      const info = await from.info(pin.key);
      if (info !== undefined) infos.push(info);
    }
    if (infos.length === series.length) return infos;
    throw new QuantlineError(
      'NO_DATA',
      `${series.length - infos.length} series of the dataset are not in that store.`,
      {
        hint: 'Name the series with --symbols instead.',
      },
    );
  }
  const { symbols } = await expandSymbols(given ?? []);
  const found = await selectSeries(from, { symbols, sources: source ?? [], intervals: interval ?? [] });
  const missing = symbols.filter((symbol) => found.every(({ key }) => key.instrument !== symbol));
  if (missing.length > 0)
    throw new QuantlineError('NO_DATA', `There are no bars of ${missing.join(', ')} to copy.`, {
      hint: 'quantline ingest status lists what is there.',
    });
  return found;
}

async function syncRecords(address: string, runtime: Runtime): Promise<SyncResult['tables']> {
  const records = await collectRecords(runtime);
  const warehouse = await Warehouse.open(bigQueryAddress(address), runtime.logger);
  try {
    const out: { name: string; rows: number; changed: boolean }[] = [];
    for (const { table, columns } of records) {
      runtime.signal.throwIfAborted();
      const changed = await putRecords(warehouse, runtime.clock.now(), table, columns);
      out.push({ name: table.name, rows: columns['id']!.length, changed });
    }
    return out;
  } finally {
    await warehouse.close();
  }
}

const pulledSchema = z.record(z.string(), z.strictObject({ warehouse: z.int(), files: z.int() }));

/** Generations of both sides at the last pull of each series: while neither has changed there is nothing to read. */
class Pulled {
  private constructor(
    private readonly path: string,
    private readonly known: z.infer<typeof pulledSchema>,
  ) {}

  static async open({ workspace }: Runtime, address: string): Promise<Pulled> {
    const path = join(workspace, 'state', 'sync', `${idOf({ address })}.json`);
    const text = await readFile(path, 'utf8').catch(() => '{}');
    let value: unknown = {};
    try {
      value = JSON.parse(text);
    } catch {
      // A damaged note costs a second reading, nothing else.
    }
    return new Pulled(path, pulledSchema.safeParse(value).data ?? {});
  }

  knows({ key, generation }: SeriesInfo, files: number | undefined): boolean {
    const note = this.known[idOf(key)];
    return note !== undefined && note.warehouse === generation && note.files === files;
  }

  async note({ key, generation }: SeriesInfo, files: number): Promise<void> {
    this.known[idOf(key)] = { warehouse: generation, files };
    await writeFileAtomic(this.path, `${JSON.stringify(this.known)}\n`);
  }
}
