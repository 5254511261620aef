import type { Artifact, ArtifactListing } from '../artifacts/index.js';
import { describeDataset } from '../data/dataset.js';
import type { QualityFinding } from '../data/quality.js';
import { isoTime } from '../platform/index.js';
import type { Runtime } from './runtime.js';

/** One series of a dataset, as `quantline datasets show` prints it. Times are ISO 8601 in UTC. */
export interface DatasetRow {
  readonly instrument: string;
  readonly class: string;
  readonly calendar: string;
  readonly source: string;
  readonly feed: string;
  readonly basis: string;
  readonly density: string;
  readonly rows: number;
  readonly from: string;
  readonly to: string;
  readonly actions: number;
  readonly quality: readonly QualityFinding[];
}

export interface DatasetView {
  readonly artifact: Artifact;
  readonly interval: string;
  readonly session: string;
  readonly store: string;
  readonly delayMs: number;
  readonly series: readonly DatasetRow[];
}

/** Newest first. */
export const listDatasets = (runtime: Pick<Runtime, 'artifacts'>): Promise<readonly ArtifactListing[]> =>
  runtime.artifacts.list('dataset');

/** What a dataset holds, without reading its bars. */
export async function showDataset(runtime: Pick<Runtime, 'artifacts'>, reference: string): Promise<DatasetView> {
  const artifact = await runtime.artifacts.open('dataset', reference);
  const { interval, scope, store, delayMs, series } = await describeDataset(artifact);
  return {
    artifact,
    interval,
    session: scope,
    store,
    delayMs,
    series: series.map(({ instrument, basis, density, firstTime, lastTime, actions, pin, quality }) => ({
      instrument: instrument.id,
      class: instrument.class,
      calendar: instrument.calendar,
      source: pin.key.source,
      feed: pin.key.feed,
      basis,
      density,
      rows: pin.rows,
      from: isoTime(firstTime),
      to: isoTime(lastTime),
      actions: actions.length,
      quality,
    })),
  };
}
