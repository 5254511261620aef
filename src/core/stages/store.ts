import type { IngestOptions } from '../config/index.js';
import { describeDataset } from '../data/dataset.js';
import { ingestBars } from '../data/ingest.js';
import {
  compareSeries,
  repairSeries,
  type SeriesComparison,
  type SeriesFilter,
  type SeriesStatus,
  selectSeries,
  seriesStatus,
  verifySeries,
} from '../data/maintenance.js';
import { qualityPolicies } from '../data/quality.js';
import type { BarStore, SeriesPin, StoreDamage } from '../data/store.js';
import { openStore, storeRoot } from '../data/stores.js';
import type { SeriesKey } from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { openSource } from './ingest.js';
import type { Runtime } from './runtime.js';

/** Maintenance of the store: `ingest status`, `verify`, `repair`, `compare` and `store prune`. */

async function withStore<T>(address: string, runtime: Runtime, work: (store: BarStore) => Promise<T>): Promise<T> {
  const store = await openStore(address, storeRoot(runtime.workspace), runtime);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Coverage, gaps and freshness of every stored series that fits. */
export const storeStatus = (
  filter: SeriesFilter,
  runtime: Runtime,
  store = 'parquet',
): Promise<readonly SeriesStatus[]> =>
  withStore(store, runtime, async (opened) => {
    const out: SeriesStatus[] = [];
    for (const info of await selectSeries(opened, filter)) {
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
    const series = await selectSeries(opened, filter);
    return { series: series.length, damages: await verifySeries(opened, series, runtime.signal) };
  });

export interface RepairResult {
  readonly repaired: readonly StoreDamage[];
  /** Given up, but not fetched again: their ranges are gaps now. */
  readonly lost: readonly {
    readonly damage: StoreDamage;
    readonly reason: string;
    readonly hint: string | undefined;
  }[];
}

/** Verifies, gives damaged files up and fetches their ranges again from their own source (with `options`' settings). */
export const storeRepair = (options: IngestOptions, filter: SeriesFilter, runtime: Runtime): Promise<RepairResult> =>
  withStore(options.store, runtime, async (store) => {
    const damages = await verifySeries(store, await selectSeries(store, filter), runtime.signal);
    const outcomes = await repairSeries(store, damages, async (key, range) => {
      const asked = { ...options, source: key.source, symbols: [key.instrument], interval: key.interval };
      const { source, notes } = await openSource(
        key.feed === '' || asked.feed !== undefined ? asked : withFeed(asked, key),
        runtime,
      );
      const { failures } = await ingestBars(
        {
          sourceName: key.source,
          symbols: [key.instrument],
          interval: key.interval,
          scope: key.scope,
          range: { from: { kind: 'instant', time: range.from }, to: { kind: 'instant', time: range.to } },
          policies: qualityPolicies(options.quality),
          refetch: true,
        },
        { ...runtime, source, store, notes },
      );
      if (failures[0] !== undefined) throw failures[0].error;
      if (source.feed !== key.feed)
        throw new QuantlineError('MISMATCH', `The source gave the feed ${source.feed}, not ${key.feed}.`, {
          hint: 'Name the settings that the series was ingested with.',
        });
    });
    return {
      repaired: outcomes.flatMap(({ damage, error }) => (error === undefined ? [damage] : [])),
      lost: outcomes.flatMap(({ damage, error }) =>
        error === undefined ? [] : [{ damage, reason: error.message, hint: error.hint }],
      ),
    };
  });

/** The vendor's product is part of the key; sources that take it as a setting get it from there. */
const withFeed = (options: IngestOptions, key: SeriesKey): IngestOptions =>
  key.source === 'alpaca' ? { ...options, feed: key.feed } : options;

/** Compares the series of two sources (or feeds) for one symbol. */
export const storeCompare = (
  a: SeriesKey,
  b: SeriesKey,
  options: Parameters<typeof compareSeries>[3],
  runtime: Runtime,
  store = 'parquet',
): Promise<SeriesComparison> => withStore(store, runtime, (opened) => compareSeries(opened, a, b, options));

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
      const description = await describeDataset(await runtime.artifacts.open('dataset', path));
      if (description.store === store) pins.push(...description.series.map(({ pin }) => pin));
    }
    return opened.prune(pins);
  });
