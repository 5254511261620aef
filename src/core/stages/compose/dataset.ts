import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARTIFACT_SCHEMAS, type Artifact, type ArtifactIdentity, buildId, type Json } from '../../artifacts/index.js';
import type { IngestOptions } from '../../config/index.js';
import {
  DATASET_FILE,
  type DatasetDescription,
  type DatasetSeries,
  datasetContent,
  serializeDataset,
} from '../../data/dataset.js';
import type { IngestFailure } from '../../data/ingest.js';
import { openDataset } from '../../data/open.js';
import { notePlace } from '../../data/places.js';
import { type Quotes, quotesHash, quotesWithin, writeQuotes } from '../../data/quotes.js';
import type { MarketDataSource } from '../../data/source.js';
import type { Universe } from '../../data/universe.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { isoTime } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';

/** Throws where more symbols failed than may: their own error where there is but one, else one that lists them. */
export function judge(
  {
    failures,
    stored,
  }: { readonly failures: readonly IngestFailure[]; readonly stored: readonly { readonly symbol: string }[] },
  asked: number,
  allowed: number,
): void {
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

/** What a dataset is made of. */
export interface Ingested {
  readonly source: MarketDataSource;
  /** Name of the source. */
  readonly name: string;
  readonly series: readonly DatasetSeries[];
  readonly universe: Universe | undefined;
  readonly quotes?: Quotes;
}

export async function writeDataset(
  { source, name, universe, quotes = new Map(), ...ingested }: Ingested,
  options: IngestOptions,
  runtime: Runtime,
): Promise<{ artifact: Artifact; reused: boolean }> {
  const { interval, session: scope } = options;
  const series = [...ingested.series].sort((a, b) => (a.instrument.id < b.instrument.id ? -1 : 1));
  const quoted = quotesWithin(quotes, series);
  const description: DatasetDescription = {
    store: options.store,
    interval,
    scope,
    delayMs: source.delayMs ?? 0,
    ...(universe === undefined ? {} : { universe: { dated: universe.dated, size: universe.symbols.length } }),
    ...(quoted.size > 0 && { quotes: quotesHash(quoted) }),
    series,
  };
  const settings = { source: name, interval, session: scope, symbols: series.map(({ instrument }) => instrument.id) };
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
        if (quoted.size > 0) await writeQuotes(folder, quoted);
        await writeFile(join(folder, DATASET_FILE), serializeDataset(description));
        return { summary };
      },
      { signal: runtime.signal },
    );
  const result = await write();
  if (result.reused) await notePlace(result.artifact, description);
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
