import { join } from 'node:path';
import type { IngestOptions } from '../config/index.js';
import type { DatasetSeries } from '../data/dataset.js';
import { followBars } from '../data/follow/follow.js';
import { BarSchedule } from '../data/follow/schedule.js';
import { FollowWriter, recoverTails } from '../data/follow/writer.js';
import { type IngestedSeries, type IngestFailure, ingestBars, seriesOf } from '../data/ingest.js';
import type { QualityCheck, QualityFinding, QualityPolicies, SourceNote } from '../data/quality.js';
import { timeRange } from '../data/range.js';
import type { MarketDataSource } from '../data/source.js';
import type { BarStore, SeriesMetadata } from '../data/store.js';
import { openStore, storeRoot } from '../data/stores.js';
import type { Universe } from '../data/universe.js';
import { calendarOf } from '../domain/index.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import { judge, writeDataset } from './compose/dataset.js';
import type { IngestResult } from './ingest.js';
import type { Runtime } from './runtime.js';

/** What `ingest --follow` was started with. */
export interface FollowJob {
  readonly options: IngestOptions;
  readonly symbols: readonly string[];
  readonly universe: Universe | undefined;
  readonly source: MarketDataSource;
  readonly name: string;
  readonly notes: Map<string, SourceNote[]>;
  readonly policies: QualityPolicies;
}

/**
 * `quantline ingest --follow`: first what is missing up to now, as `ingest` does, then bars as they happen, until `--to`
 * or a signal. A signal is the usual end: the log is folded, and the dataset of what is stored by then is written.
 */
export async function follow(job: FollowJob, runtime: Runtime): Promise<IngestResult> {
  const { options, source, name } = job;
  if (source.archive === true && source.endless !== true)
    throw new QuantlineError('USAGE', `The source ${name} is an archive: there is nothing to follow.`, {
      hint: 'Follow alpaca, iex, yahoo or synthetic, or leave --follow out.',
    });
  const store = await openStore(options.store, storeRoot(runtime.workspace), runtime);
  try {
    await recover(store, options.store, runtime);
    const { stored, failures } = await history(job, store, runtime);
    const failed = new Set(failures.map(({ symbol }) => symbol));
    const symbols = job.symbols.filter((symbol) => !failed.has(symbol));
    const series = await metadataOf(job, symbols);
    const before = new Map<string, number>();
    for (const { key } of series) before.set(key.instrument, (await store.info(key))?.rows ?? 0);
    const added = (instrument: string, rows: number) =>
      rows - before.get(instrument)! + (stored.find((one) => one.series.instrument.id === instrument)?.inserted ?? 0);
    const writer = await run(job, symbols, series, store, runtime);
    const done: DatasetSeries[] = [];
    const counts: IngestResult['symbols'][number][] = [];
    for (const [k, metadata] of series.entries()) {
      const earlier = stored.find((one) => one.symbol === symbols[k])?.series.quality ?? [];
      const { restated, found } = writer.detailsOf(metadata.instrument.id);
      try {
        const range = await rangeOf(job, metadata, store);
        const one = await seriesOf(store, metadata.key, range, findings(earlier, found, job.policies));
        done.push(one);
        const inserted = added(metadata.instrument.id, one.pin.rows);
        counts.push({ symbol: symbols[k]!, rows: one.pin.rows, inserted, updated: restated });
      } catch (error) {
        if (!isQuantlineError(error) || error.code !== 'NO_DATA') throw error;
        failures.push({ symbol: symbols[k]!, error });
      }
    }
    judge({ stored: counts, failures }, job.symbols.length, options.allowMissing);
    // A signal has ended the following, not the writing of its result.
    const unhurried = { ...runtime, signal: new AbortController().signal };
    const ingested = { source, name, series: done, universe: job.universe };
    const { artifact, reused } = await writeDataset(ingested, options, unhurried);
    return {
      ...{ artifact, reused, symbols: counts, followed: writer.counts },
      failures: failures.map(({ symbol, error }) => ({ symbol, code: error.code, message: error.message })),
    };
  } finally {
    await store.close();
  }
}

const tailFolder = (runtime: Runtime): string => join(runtime.workspace, 'state', 'follow');

/** Brings into their stores what a start that was killed has left in its log. */
async function recover(store: BarStore, name: string, runtime: Runtime): Promise<void> {
  const others = new Map<string, BarStore>();
  const open = async (address: string) => {
    if (address === name) return store;
    const other = others.get(address) ?? (await openStore(address, storeRoot(runtime.workspace), runtime));
    others.set(address, other);
    return other;
  };
  try {
    const bars = await recoverTails(tailFolder(runtime), open, runtime.logger);
    if (bars > 0) runtime.logger.info(`${bars} bars of a start that ended early were brought into the store.`);
  } finally {
    for (const other of others.values()) await other.close();
  }
}

/** What is missing up to now, where a beginning is known: asked for, or that of what is stored. */
async function history(
  { options, symbols, source, name, notes, policies, universe }: FollowJob,
  store: BarStore,
  runtime: Runtime,
): Promise<{ stored: readonly IngestedSeries[]; failures: IngestFailure[] }> {
  const now = runtime.clock.now();
  const begins = options.from !== undefined || options.last !== undefined;
  const known = new Set((await store.list()).filter(({ key }) => key.source === name).map(({ key }) => key.instrument));
  const wanted = begins ? symbols : symbols.filter((symbol) => known.has(symbol));
  if (wanted.length === 0 || source.archive === true) return { stored: [], failures: [] };
  const { stored, failures } = await ingestBars(
    {
      ...{ sourceName: name, symbols: wanted, interval: options.interval, scope: options.session, policies },
      range: { from: options.from, to: { kind: 'instant', time: now }, lastMs: options.last },
      update: !begins,
      refetch: options.refetch,
      ...(universe === undefined ? {} : { members: universe.members }),
    },
    { ...runtime, source, store, notes },
  );
  // No bar yet is no failure for what has still to come.
  return { stored, failures: failures.filter(({ error }) => error.code !== 'NO_DATA') };
}

async function metadataOf({ options, source, name }: FollowJob, symbols: readonly string[]): Promise<SeriesMetadata[]> {
  const instruments = await source.instruments(symbols);
  return instruments.map((instrument) => ({
    key: {
      ...{ source: name, feed: source.feed, scope: options.session },
      ...{ interval: options.interval, instrument: instrument.id },
    },
    ...{ instrument, basis: source.basis, density: source.density },
  }));
}

/** Follows until the end; returns the writer, closed. */
async function run(
  { options, source, policies }: FollowJob,
  symbols: readonly string[],
  series: readonly SeriesMetadata[],
  store: BarStore,
  runtime: Runtime,
): Promise<FollowWriter> {
  const { clock, logger, progress, signal, faultPoint } = runtime;
  const from = new Map<string, number>();
  for (const [k, { key, instrument }] of series.entries()) {
    const info = await store.info(key);
    const schedule = new BarSchedule(calendarOf(instrument.calendar), key.interval, key.scope);
    const stored = info?.coverage?.at(-1)?.to ?? (info?.lastTime === undefined ? undefined : info.lastTime + 1);
    const asked =
      options.from === undefined && options.last === undefined
        ? schedule.openOf(clock.now())
        : rangeAsked(options, instrument, clock.now()).from;
    from.set(symbols[k]!, stored ?? asked);
  }
  const until =
    options.to === undefined
      ? undefined
      : rangeAsked({ ...options, last: undefined }, series[0]!.instrument, Number.POSITIVE_INFINITY).to;
  const writer = await FollowWriter.open({
    ...{ store, storeName: options.store, folder: tailFolder(runtime), series, policies, clock, logger },
    foldMs: options.foldEvery,
    ...(faultPoint === undefined ? {} : { faultPoint }),
  });
  const request = {
    ...{ symbols, instruments: series.map(({ instrument }) => instrument) },
    ...{ interval: options.interval, scope: options.session, from },
    ...(until === undefined ? {} : { until }),
  };
  logger.info(`Following ${symbols.length} symbol${symbols.length === 1 ? '' : 's'}; stop with Ctrl-C.`);
  try {
    for await (const event of followBars(request, { source, clock, logger, signal })) {
      if (event.type === 'bars') {
        await writer.take(event);
        const newest = Math.max(...event.bars.map(({ time }) => time.at(-1) ?? 0));
        const { streamed, backfilled } = writer.counts;
        if (newest > 0) progress.update(`following: ${streamed + backfilled} bars, the newest of ${isoTime(newest)}`);
      } else if (event.type === 'connected') logger.info('The stream is connected.');
      else if (event.type === 'disconnected') logger.warn(`The stream is not connected: ${event.reason}.`);
      else if (event.symbols.length === 0) logger.info('All symbols have fresh bars again.');
      else
        logger.warn(
          `No fresh bar of ${event.symbols.slice(0, 10).join(', ')}${event.symbols.length > 10 ? ', …' : ''}.`,
        );
    }
  } finally {
    progress.end();
    await writer.close();
  }
  return writer;
}

const rangeAsked = (options: IngestOptions, instrument: SeriesMetadata['instrument'], now: number) =>
  timeRange(
    { from: options.from, to: options.to, lastMs: options.last },
    calendarOf(instrument.calendar),
    options.session,
    now,
  );

/** The range that the dataset means: from what was asked, or from the first stored bar. */
async function rangeOf({ options }: FollowJob, { key, instrument }: SeriesMetadata, store: BarStore) {
  const info = await store.info(key);
  const { firstTime = 0, lastTime = -1 } = info ?? {};
  const asked =
    options.from === undefined
      ? firstTime
      : rangeAsked({ ...options, to: undefined }, instrument, Number.POSITIVE_INFINITY).from;
  return { from: asked, to: lastTime + 1 };
}

/** Findings of the history together with the counts of the followed bars. */
function findings(
  earlier: readonly QualityFinding[],
  found: ReadonlyMap<QualityCheck, number>,
  policies: QualityPolicies,
): QualityFinding[] {
  const out = new Map(earlier.map((one) => [one.check, one]));
  for (const [check, count] of found) {
    const before = out.get(check);
    out.set(check, {
      ...{ check, policy: policies[check], examples: before?.examples ?? [] },
      count: count + (before?.count ?? 0),
    });
  }
  return [...out.values()];
}
