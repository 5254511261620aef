import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { ARTIFACT_SCHEMAS, type Artifact, type ArtifactIdentity, buildId, type Json } from '../artifacts/index.js';
import { adapterSettings, type IngestOptions } from '../config/index.js';
import {
  DATASET_FILE,
  type DatasetDescription,
  datasetContent,
  openDataset,
  serializeDataset,
} from '../data/dataset.js';
import { type IngestOutcome, ingestBars } from '../data/ingest.js';
import { qualityPolicies, type SourceNote } from '../data/quality.js';
import type { MarketDataSource, SourceContext } from '../data/source.js';
import { openStore, storeRoot } from '../data/stores.js';
import { expandSymbols } from '../data/universe.js';
import { calendarOf } from '../domain/index.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import { loadAdapter } from '../registry/index.js';
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
    const description: DatasetDescription = {
      store: options.store,
      interval: options.interval,
      scope: options.session,
      delayMs: source.delayMs ?? 0,
      ...(universe === undefined ? {} : { universe: { dated: universe.dated, size: universe.symbols.length } }),
      series: outcome.stored.map(({ series }) => series).sort((a, b) => (a.instrument.id < b.instrument.id ? -1 : 1)),
    };
    const { artifact, reused } = await writeDataset(description, options, name, runtime);
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

/** Throws where more symbols failed than may: their own error where there is but one, else one that lists them. */
function judge(outcome: IngestOutcome, asked: number, allowed: number): void {
  const { failures, stored } = outcome;
  if (failures.length === 0 || (failures.length <= allowed && stored.length > 0)) return;
  if (asked === 1) throw failures[0]!.error;
  const list = failures.map(({ symbol, error }) => `  ${symbol}: ${error.message}`).join('\n');
  const kept = stored.length === 0 ? 'none was stored' : `${stored.length} were stored`;
  throw new QuantlineError('NO_DATA', `${failures.length} of ${asked} symbols failed, ${kept}:\n${list}`, {
    hint: failures[0]!.error.hint ?? 'Correct them, or accept that with --allow-missing.',
    details: {
      failures: failures.map(({ symbol, error }) => ({ symbol, code: error.code, message: error.message })),
      stored: stored.map(({ symbol }) => symbol),
    },
  });
}

async function writeDataset(
  description: DatasetDescription,
  options: IngestOptions,
  source: string,
  runtime: Runtime,
): Promise<{ artifact: Artifact; reused: boolean }> {
  const { interval, scope, series } = description;
  const settings = { source, interval, session: scope, symbols: series.map(({ instrument }) => instrument.id) };
  const identity: ArtifactIdentity = {
    kind: 'dataset',
    schema: ARTIFACT_SCHEMAS.dataset,
    stage: 'ingest',
    settings,
    inputs: [],
    build: buildId(),
    content: datasetContent(description),
  };
  const summary: Json = {
    interval,
    instruments: settings.symbols,
    rows: series.reduce((n, { pin }) => n + pin.rows, 0),
    ...(description.universe === undefined ? {} : { universe: description.universe }),
    from: isoTime(Math.min(...series.map(({ firstTime }) => firstTime))),
    to: isoTime(Math.max(...series.map(({ lastTime }) => lastTime))),
    basis: [...new Set(series.map(({ basis }) => basis))],
    quality: Object.fromEntries(
      series.flatMap(({ instrument, quality }) =>
        quality.length === 0
          ? []
          : [[instrument.id, Object.fromEntries(quality.map(({ check, count }) => [check, count]))]],
      ),
    ),
  };
  const write = () =>
    runtime.artifacts.create(
      identity,
      async (folder) => {
        await writeFile(join(folder, DATASET_FILE), serializeDataset(description));
        return { summary };
      },
      { signal: runtime.signal },
    );
  const result = await write();
  if (!options.force || !result.reused) return result;
  // The contents are the identity: what --force can find is stored bars that are gone or damaged since.
  try {
    await openDataset(runtime, result.artifact);
    return result;
  } catch (error) {
    if (!isQuantlineError(error) || error.code !== 'ARTIFACT_CORRUPT') throw error;
    runtime.logger.warn(`${error.message}: the dataset is written again.`);
    await runtime.artifacts.remove({ kind: 'dataset', id: result.artifact.id }, { force: true });
    return write();
  }
}

const usage = (message: string, hint: string): QuantlineError => new QuantlineError('USAGE', message, { hint });
