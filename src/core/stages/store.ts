import type { IngestOptions } from '../config/index.js';
import { pinOf } from '../data/dataset.js';
import { ingestBars } from '../data/ingest.js';
import {
  repairSeries,
  type SeriesFilter,
  type SeriesStatus,
  selectSeries,
  seriesStatus,
  verifySeries,
} from '../data/maintenance.js';
import { placesOf } from '../data/places.js';
import { qualityPolicies } from '../data/quality.js';
import type { BarStore, SeriesInfo, SeriesPin, StoreDamage } from '../data/store.js';
import { openStore, storeRoot } from '../data/stores.js';
import { expandSymbols } from '../data/universe.js';
import type { SeriesKey } from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { readRunFile } from './compose/run.js';
import { openSource, type SourceOptions } from './ingest.js';
import type { Runtime } from './runtime.js';

/** Maintenance of the store: `ingest status`, `verify`, `repair`, and `store init` and `prune`. */

export async function withStore<T>(
  address: string,
  runtime: Runtime,
  work: (store: BarStore) => Promise<T>,
): Promise<T> {
  const store = await openStore(address, storeRoot(runtime.workspace), runtime);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** The series that fit. @throws QuantlineError NO_DATA where one that was asked for is not there: it may be misspelt. */
async function chosen(store: BarStore, filter: SeriesFilter): Promise<readonly SeriesInfo[]> {
  const { symbols } = await expandSymbols(filter.symbols ?? []);
  const found = await selectSeries(store, { ...filter, symbols });
  const missing = (asked: readonly string[] | undefined, part: 'instrument' | 'source' | 'interval') =>
    (asked ?? []).filter((value) => found.every(({ key }) => key[part] !== value));
  const absent = [
    ...missing(symbols, 'instrument'),
    ...missing(filter.sources, 'source'),
    ...missing(filter.intervals, 'interval'),
  ];
  if (absent.length === 0) return found;
  throw new QuantlineError('NO_DATA', `The store has no series that fits ${absent.join(', ')}.`, {
    hint: 'quantline ingest status lists what is there.',
    details: { absent },
  });
}

/** Coverage, gaps and freshness of every stored series that fits. */
export const storeStatus = (
  filter: SeriesFilter,
  runtime: Runtime,
  store = 'parquet',
): Promise<readonly SeriesStatus[]> =>
  withStore(store, runtime, async (opened) => {
    const out: SeriesStatus[] = [];
    for (const info of await chosen(opened, filter)) {
      runtime.signal.throwIfAborted();
      out.push(await seriesStatus(opened, info, runtime.clock.now()));
    }
    return out;
  });

/** Re-reads and re-hashes; damaged files are returned, not thrown. */
export const storeVerify = (
  filter: SeriesFilter,
  runtime: Runtime,
  store = 'parquet',
): Promise<{ readonly series: number; readonly damages: readonly StoreDamage[] }> =>
  withStore(store, runtime, async (opened) => {
    const series = await chosen(opened, filter);
    return { series: series.length, damages: await verifySeries(opened, series, runtime.signal) };
  });

export interface RepairResult {
  /** Series that were verified. */
  readonly series: number;
  readonly repaired: readonly StoreDamage[];
  /** Given up, but not fetched again: their ranges are gaps now. */
  readonly lost: readonly {
    readonly damage: StoreDamage;
    readonly reason: string;
    readonly hint: string | undefined;
  }[];
}

/**
 * Verifies, gives damaged files up and fetches their ranges again from their own source (with `options`' settings).
 * Settings that cannot be right are refused before anything is given up.
 */
export const storeRepair = (
  options: SourceOptions & Pick<IngestOptions, 'store' | 'quality'>,
  filter: SeriesFilter,
  runtime: Runtime,
): Promise<RepairResult> =>
  withStore(options.store, runtime, async (store) => {
    const series = await chosen(store, filter);
    const policies = qualityPolicies(options.quality);
    const damages = await verifySeries(store, series, runtime.signal);
    const sources = new Map<SeriesKey, Awaited<ReturnType<typeof openSource>>>();
    for (const { key } of damages) {
      const opened = await openSource(settingsFor(key, options), runtime);
      if (opened.source.feed !== key.feed)
        throw new QuantlineError('MISMATCH', `The source gives the feed ${opened.source.feed}, not ${key.feed}.`, {
          hint: 'Name the settings that the series was ingested with. Nothing was changed.',
          details: { key },
        });
      sources.set(key, opened);
    }
    const outcomes = await repairSeries(store, damages, async (key, range) => {
      const { source, notes } = sources.get(key)!;
      const { failures } = await ingestBars(
        {
          sourceName: key.source,
          symbols: [key.instrument],
          interval: key.interval,
          scope: key.scope,
          range: { from: { kind: 'instant', time: range.from }, to: { kind: 'instant', time: range.to } },
          policies,
          refetch: true,
        },
        { ...runtime, source, store, notes },
      );
      if (failures[0] !== undefined) throw failures[0].error;
    });
    return {
      series: series.length,
      repaired: outcomes.flatMap(({ damage, error }) => (error === undefined ? [damage] : [])),
      lost: outcomes.flatMap(({ damage, error }) =>
        error === undefined ? [] : [{ damage, reason: error.message, hint: error.hint }],
      ),
    };
  });

/** The options for one series: its own source, its file among those given in the order of symbols, its vendor's feed. */
function settingsFor(key: SeriesKey, options: SourceOptions): SourceOptions {
  const at = options.symbols?.indexOf(key.instrument) ?? -1;
  const file = options.file !== undefined && options.file.length > 1 && at >= 0 ? options.file[at] : undefined;
  const out = { ...options, source: key.source, symbols: [key.instrument] };
  return {
    ...out,
    ...(file === undefined ? {} : { file: [file] }),
    ...(key.source === 'alpaca' && key.feed !== '' && options.feed === undefined ? { feed: key.feed } : {}),
  };
}

/** Creates the dataset and tables of a warehouse where they are missing; false where the dataset was there. */
export async function storeInit(address: string, runtime: Runtime): Promise<boolean> {
  if (!address.startsWith('bigquery:'))
    throw new QuantlineError('USAGE', `The store "${address}" needs no preparation.`, {
      hint: 'Only bigquery://project.dataset does; the first ingest creates the files of parquet.',
    });
  const { initialise } = await import('../data/stores/bigquery.js');
  return initialise(address, runtime);
}

/** Removes what no index and no dataset of the workspace names. */
export const storePrune = (
  runtime: Runtime,
  store = 'parquet',
): Promise<{ readonly files: number; readonly bytes: number }> =>
  withStore(store, runtime, async (opened) => {
    const pins: SeriesPin[] = [];
    for (const { id, problem, path } of await runtime.artifacts.list('dataset')) {
      // A dataset that cannot be read might need any file: nothing is removed on a guess.
      if (problem !== undefined)
        throw new QuantlineError(
          'ARTIFACT_CORRUPT',
          `Nothing was pruned: the dataset ${id} cannot be read (${problem}): ${path}`,
          {
            hint: 'Restore or remove that dataset first.',
            details: { path },
          },
        );
      for (const place of await placesOf(await runtime.artifacts.open('dataset', path)))
        if (place.store === store) pins.push(...place.series.map(({ pin }) => pin));
    }
    for (const { problem, path } of await runtime.artifacts.list('run')) {
      if (problem !== undefined) continue;
      const { detail } = await readRunFile(await runtime.artifacts.open('run', path));
      for (const pin of detail?.series ?? []) if (pin !== null) pins.push(pinOf(pin));
    }
    return opened.prune(pins);
  });
