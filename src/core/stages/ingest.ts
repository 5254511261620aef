import { join } from 'node:path';
import type { z } from 'zod';
import type { Artifact } from '../artifacts/index.js';
import { adapterSettings, type IngestOptions } from '../config/index.js';
import type { FollowCounts } from '../data/follow/writer.js';
import { ingestBars } from '../data/ingest.js';
import { qualityPolicies, type SourceNote } from '../data/quality.js';
import type { MarketDataSource, SourceContext } from '../data/source.js';
import { openStore, storeRoot } from '../data/stores.js';
import { expandSymbols } from '../data/universe.js';
import { calendarOf } from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { loadAdapter } from '../registry/index.js';
import { judge, writeDataset } from './compose/dataset.js';
import { follow } from './follow.js';
import type { Runtime } from './runtime.js';

export interface IngestResult {
  readonly artifact: Artifact;
  /** The dataset existed already. */
  readonly reused: boolean;
  readonly symbols: readonly {
    readonly symbol: string;
    readonly rows: number;
    readonly inserted: number;
    readonly updated: number;
  }[];
  /** Symbols that failed, within --allow-missing. */
  readonly failures: readonly { readonly symbol: string; readonly code: string; readonly message: string }[];
  /** Of --follow: bars kept by origin, and bars that the checks refused. */
  readonly followed?: FollowCounts;
}

/** What a module in `data/sources` exports. */
export interface SourceModule {
  readonly name: string;
  readonly settings: z.ZodObject;
  create(settings: never, context: SourceContext): MarketDataSource;
}

/** `quantline ingest`: bars of a source into the store, and a dataset that means exactly these bars. */
export async function ingest(options: IngestOptions, runtime: Runtime): Promise<IngestResult> {
  const { symbols, universe } = await expandSymbols(options.symbols ?? []);
  if (options.source === undefined)
    throw usage('Which source?', 'Add --source csv, or another of quantline ingest --help.');
  if (symbols.length === 0) throw usage('Which symbols?', 'Add --symbols SPY,QQQ.');
  if (options.last !== undefined && options.from !== undefined)
    throw usage('--last and --from say two beginnings.', 'Give one of them.');
  const { source, name, notes } = await openSource({ ...options, symbols }, runtime);
  const policies = qualityPolicies(options.quality);
  if (options.follow) return follow({ options, symbols, universe, source, name, notes, policies }, runtime);
  const store = await openStore(options.store, storeRoot(runtime.workspace), runtime);
  try {
    const outcome = await ingestBars(
      {
        sourceName: name,
        symbols,
        interval: options.interval,
        scope: options.session,
        range: { from: options.from, to: options.to, lastMs: options.last },
        policies,
        update: options.update,
        refetch: options.refetch,
        ...(universe === undefined ? {} : { members: universe.members }),
      },
      { ...runtime, source, store, notes },
    );
    judge(outcome, symbols.length, options.allowMissing);
    const series = outcome.stored.map((one) => one.series);
    const quotes = await source.quotes?.(
      {
        symbols: outcome.stored.map(({ symbol }) => symbol),
        interval: options.interval,
        scope: options.session,
        ...ALL,
      },
      runtime.signal,
    );
    const ingested = { source, name, series, universe, ...(quotes !== undefined && { quotes }) };
    const { artifact, reused } = await writeDataset(ingested, options, runtime);
    return {
      artifact,
      reused,
      symbols: outcome.stored.map(({ symbol, rows, inserted, updated }) => ({ symbol, rows, inserted, updated })),
      failures: outcome.failures.map(({ symbol, error }) => ({ symbol, code: error.code, message: error.message })),
    };
  } finally {
    await store.close();
  }
}

const ALL = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** Flags that are settings of the source where it has them, and a mistake where it has not. */
const SHARED = ['file', 'symbols', 'timezone', 'calendar', 'basis', 'feed', 'seed', 'edge'] as const;

/** The options that say which source and how it is asked. */
export type SourceOptions = Pick<IngestOptions, (typeof SHARED)[number] | 'source' | 'set'>;

/** The source that the options name, with its settings and with what it notes on the way. */
export async function openSource(
  options: SourceOptions,
  runtime: Runtime,
): Promise<{ source: MarketDataSource; name: string; notes: Map<string, SourceNote[]> }> {
  const loaded = await loadAdapter<SourceModule>('source', options.source!);
  const { module } = loaded;
  const keys = Object.keys(module.settings.shape);
  const given: Record<string, unknown> = {};
  for (const flag of SHARED) {
    const value = options[flag];
    if (value === undefined) continue;
    if (keys.includes(flag)) given[flag] = flag === 'edge' && value !== 'none' ? Number(value) : value;
    else if (flag !== 'symbols') throw usage(`--${flag} does not apply to the source ${module.name}.`, 'Leave it out.');
  }
  const settings = adapterSettings(module.name, module.settings, undefined, options.set, given);
  const notes = new Map<string, SourceNote[]>();
  const source = module.create(settings as never, {
    clock: runtime.clock,
    logger: runtime.logger,
    secrets: runtime.secrets,
    stateDir: join(runtime.workspace, 'state'),
    calendar: calendarOf,
    note: (note) => notes.set(note.instrument, [...(notes.get(note.instrument) ?? []), note]),
  });
  return { source, name: module.name, notes };
}

const usage = (message: string, hint: string): QuantlineError => new QuantlineError('USAGE', message, { hint });
