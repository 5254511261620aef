import { type Clock, inOrder, type Logger, type Progress } from '../platform/index.js';
import { fetchChunk } from './ingest/fetch.js';
import { Gatherer, type Written } from './ingest/gather.js';
import { type IngestedSeries, SeriesKeeper } from './ingest/keep.js';
import { chunksOf, type IngestFailure, isPerSymbol, type Planned, type PlanRequest, plan } from './ingest/plan.js';
import type { QualityPolicies, SourceNote } from './quality.js';
import type { MarketDataSource } from './source.js';
import type { BarStore } from './store.js';

export type { IngestedSeries } from './ingest/keep.js';
export { seriesOf } from './ingest/pinned.js';
export type { IngestFailure } from './ingest/plan.js';

export interface IngestRequest extends PlanRequest {
  readonly policies: QualityPolicies;
  /** Whether what was stored is pinned, for which all of the range is read. false: `stored` is empty. Default: true. */
  readonly pins?: boolean;
}

export interface IngestContext {
  readonly source: MarketDataSource;
  readonly store: BarStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** What the source noted so far, by instrument; ingest takes it out. */
  readonly notes: Map<string, SourceNote[]>;
}

export interface IngestOutcome {
  readonly stored: readonly IngestedSeries[];
  readonly failures: readonly IngestFailure[];
}

/**
 * Source → quality checks → store, chunk by chunk. Chunks are fetched a few at once, as the source allows, and stored in
 * order: what was stored before a failure or an interruption stays, and the next ingest goes on behind it. A symbol
 * that fails is left as it is by then; the others go on.
 */
export async function ingestBars(request: IngestRequest, context: IngestContext): Promise<IngestOutcome> {
  const stored: IngestedSeries[] = [];
  const failures: IngestFailure[] = [];
  const { source, signal, progress, clock } = context;
  const chunks = chunksOf(await plan(request, context, failures), source, request.interval);
  const failed = new Set<string>();
  const fail = (failure: IngestFailure) => {
    if (!failed.has(failure.symbol)) failures.push(failure);
    failed.add(failure.symbol);
  };
  const began = clock.monotonic();
  let [received, done] = [0, 0];
  let label = labelOf(chunks[0]?.items ?? []);
  const report = (more: number) => {
    received += more;
    const rate = Math.round((1000 * received) / Math.max(clock.monotonic() - began, 1));
    progress.update(`${label}: ${received} bars, ${rate} a second`, done, chunks.length);
  };
  const answers = inOrder(chunks, source.parallel ?? 1, signal, (chunk, stop) =>
    fetchChunk(
      { ...chunk, items: chunk.items.filter(({ symbol }) => !failed.has(symbol)) },
      source,
      request,
      stop,
      report,
    ),
  );
  const keepers = new Map<Planned, SeriesKeeper>();
  const settings = { ...request, ...context, ends: request.range.to !== undefined };
  const gatherer = new Gatherer(context.store);
  /** Runs what concerns one symbol: its failure leaves the others alone. */
  const attempt = async (item: Planned, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!isPerSymbol(error)) throw error;
      fail({ symbol: item.symbol, error });
      keepers.delete(item);
    }
  };
  const settle = async (written: readonly Written[]) => {
    for (const { item, keeper, last, error } of written)
      await attempt(item, async () => {
        if (error !== undefined) throw error;
        if (!last) return;
        keeper.finish(request.sourceName);
        if (request.pins !== false) stored.push(await keeper.pinned());
        keepers.delete(item);
      });
  };
  try {
    for await (const { chunk, parts, actions, failures: refused } of answers) {
      label = labelOf(chunk.items);
      refused.forEach(fail);
      for (const item of chunk.items) {
        if (failed.has(item.symbol)) {
          keepers.delete(item);
          continue;
        }
        const keeper = keepers.get(item) ?? new SeriesKeeper(item, settings);
        keepers.set(item, keeper);
        const { id } = item.instrument;
        const { last } = chunk;
        await attempt(item, async () => {
          const put = await keeper.take(chunk, parts.get(id) ?? [], actions.get(id) ?? []);
          await settle(await gatherer.add({ item, keeper, put, last }));
        });
      }
      done++;
      report(0);
    }
  } catch (error) {
    // A source that gives out leaves what it gave before.
    if (!signal.aborted) await gatherer.flush();
    throw error;
  }
  await settle(await gatherer.flush());
  progress.end();
  return { stored, failures };
}

function labelOf(items: readonly Planned[]): string {
  const names = items.slice(0, 3).map(({ symbol }) => symbol);
  return `${names.join(', ')}${items.length > names.length ? ', …' : ''}`;
}
