import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Artifact, ArtifactStore } from '../artifacts/index.js';
import {
  type BarColumns,
  type CorporateAction,
  calendarOf,
  type Density,
  INTERVALS,
  type Instrument,
  type Interval,
  knownAt,
  type PriceBasis,
  type SessionScope,
  type TradingCalendar,
} from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { type Clock, canonicalJson, type Logger, sha256 } from '../platform/index.js';
import { QUALITY_CHECKS, type QualityCheck, type QualityFinding } from './quality.js';
import { actionSchema, instrumentSchema, seriesKeySchema } from './series/index.js';
import type { BarStore, SeriesPin } from './store.js';
import { openStore, storeRoot } from './stores.js';

/** Payload of a dataset artefact: which stored bars it means. The bars themselves stay in the store. */
export const DATASET_FILE = 'dataset.json';

const pinSchema = z.strictObject({
  key: seriesKeySchema,
  /** Null stands for "no bound". */
  from: z.number().nullable(),
  to: z.number().nullable(),
  rows: z.int().nonnegative(),
  sha256: z.string(),
  reference: z.array(z.string()),
});

export const datasetSchema = z.strictObject({
  schema: z.literal(1),
  /** `parquet` is the workspace's own store; others are addresses. */
  store: z.string(),
  interval: z.enum(INTERVALS),
  scope: z.enum(['regular', 'extended']),
  /** Publication delay of the source, ms: part of `knownAt`. */
  delayMs: z.number().nonnegative(),
  /** Absent: symbols were named one by one. */
  universe: z.strictObject({ dated: z.boolean(), size: z.int() }).exactOptional(),
  /** Ascending by instrument. */
  series: z.array(
    z.strictObject({
      instrument: instrumentSchema,
      basis: z.enum(['raw', 'split', 'total']),
      density: z.enum(['dense', 'sparse']),
      firstTime: z.number(),
      lastTime: z.number(),
      actions: z.array(actionSchema),
      pin: pinSchema,
      quality: z.array(
        z.strictObject({
          check: z.enum(Object.keys(QUALITY_CHECKS) as [QualityCheck, ...QualityCheck[]]),
          policy: z.enum(['refuse', 'drop', 'warn', 'allow']),
          count: z.number(),
          examples: z.array(z.string()),
        }),
      ),
    }),
  ),
});
export type DatasetPayload = z.infer<typeof datasetSchema>;

export interface DatasetSeries {
  readonly instrument: Instrument;
  readonly basis: PriceBasis;
  readonly density: Density;
  readonly firstTime: number;
  readonly lastTime: number;
  readonly actions: readonly CorporateAction[];
  readonly pin: SeriesPin;
  readonly quality: readonly QualityFinding[];
}

export interface DatasetDescription {
  readonly store: string;
  readonly interval: Interval;
  readonly scope: SessionScope;
  readonly delayMs: number;
  /** Where symbols came from a file: whether it says who belonged when. If not, results may be survivor-biased. */
  readonly universe?: { readonly dated: boolean; readonly size: number };
  /** Ascending by instrument id. */
  readonly series: readonly DatasetSeries[];
}

/** Hash of what a dataset is: logical columns, actions and instruments (with interval, scope, basis, delay). */
export function datasetContent(description: DatasetDescription): string {
  const { interval, scope, delayMs } = description;
  const series = description.series.map(({ instrument, basis, density, actions, pin }) => ({
    instrument,
    basis,
    density,
    actions,
    rows: pin.rows,
    sha256: pin.sha256,
  }));
  return sha256(canonicalJson({ interval, scope, delayMs, series }));
}

const bound = (value: number): number | null => (Number.isFinite(value) ? value : null);

export function serializeDataset(description: DatasetDescription): string {
  const series = description.series.map((one) => ({
    ...one,
    pin: { ...one.pin, from: bound(one.pin.from), to: bound(one.pin.to) },
  }));
  return `${JSON.stringify({ schema: 1, ...description, series }, null, 1)}\n`;
}

/** Reads what an artefact of kind `dataset` means, without its bars. */
export async function describeDataset(artifact: Artifact): Promise<DatasetDescription> {
  const path = artifact.file(DATASET_FILE);
  const parsed = datasetSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (!parsed.success)
    throw new QuantlineError('ARTIFACT_CORRUPT', `The dataset does not follow its schema: ${path}`, {
      hint: 'Ingest it again.',
      cause: parsed.error,
    });
  const { schema: _, series, ...rest } = parsed.data;
  return {
    ...rest,
    series: series.map((one) => ({
      ...one,
      pin: { ...one.pin, from: one.pin.from ?? Number.NEGATIVE_INFINITY, to: one.pin.to ?? Number.POSITIVE_INFINITY },
    })),
  };
}

/** What opening a dataset needs of a runtime. */
export interface DatasetContext {
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A dataset with its bars in memory, each series verified against its hash. Arrays are parallel, by instrument id. */
export interface OpenDataset extends DatasetDescription {
  readonly artifact: Artifact;
  readonly manifest: Artifact['manifest'];
  readonly instruments: readonly Instrument[];
  readonly calendars: readonly TradingCalendar[];
  /** Bars in shared memory, ascending, no NaN. */
  readonly bars: readonly BarColumns[];
  /** Per series, the instant from which each bar may be used. */
  readonly knownAt: readonly Float64Array[];
}

/**
 * Opens by path, id, tag or `latest`, or an artefact already opened. ARTIFACT_CORRUPT when stored bars differ from what
 * the dataset pinned; NO_DATA when it is empty.
 */
export async function openDataset(context: DatasetContext, reference: string | Artifact): Promise<OpenDataset> {
  const artifact = typeof reference === 'string' ? await context.artifacts.open('dataset', reference) : reference;
  const description = await describeDataset(artifact);
  const store = await openDatasetStore(context, artifact, description);
  try {
    const bars = await Promise.all(description.series.map(({ pin }) => store.readPin(pin)));
    const calendars = description.series.map(({ instrument }) => calendarOf(instrument.calendar));
    return {
      ...description,
      artifact,
      manifest: artifact.manifest,
      instruments: description.series.map(({ instrument }) => instrument),
      calendars,
      bars,
      knownAt: bars.map((columns, i) => knownAt(columns, calendars[i]!, description.delayMs)),
    };
  } finally {
    await store.close();
  }
}

/** The store that holds a dataset's bars: that of the artefact's own workspace, or a warehouse by its address. */
export function openDatasetStore(
  context: Pick<DatasetContext, 'clock' | 'logger'>,
  artifact: Artifact,
  description: Pick<DatasetDescription, 'store'>,
): Promise<BarStore> {
  const workspace = dirname(dirname(artifact.path));
  return openStore(description.store, storeRoot(workspace), context);
}
