import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Artifact, ArtifactStore } from '../artifacts/index.js';
import {
  type BarColumns,
  type CorporateAction,
  type Density,
  INTERVALS,
  type Instrument,
  type Interval,
  type PriceBasis,
  type QuoteColumns,
  type SessionScope,
  type TradingCalendar,
} from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { type Clock, canonicalJson, type Logger, sha256 } from '../platform/index.js';
import { QUALITY_CHECKS, type QualityCheck, type QualityFinding } from './quality.js';
import { actionSchema, instrumentSchema, seriesKeySchema } from './series/index.js';
import type { SeriesPin } from './store.js';

/** Payload of a dataset artefact: which stored bars it means. The bars themselves stay in the store. */
export const DATASET_FILE = 'dataset.json';

export const pinSchema = z.strictObject({
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
  /** Hash of the quotes in the artefact's own folder; absent where there are none. */
  quotes: z.string().exactOptional(),
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
  /** Hash of best bids and asks, where the dataset has some. */
  readonly quotes?: string;
  /** Ascending by instrument id. */
  readonly series: readonly DatasetSeries[];
}

/** Hash of what a dataset is: logical columns, actions and instruments (with interval, scope, basis, delay). */
export function datasetContent(description: DatasetDescription): string {
  const { interval, scope, delayMs, quotes } = description;
  const series = description.series.map(({ instrument, basis, density, actions, pin }) => ({
    instrument,
    basis,
    density,
    actions,
    rows: pin.rows,
    sha256: pin.sha256,
  }));
  return sha256(canonicalJson({ interval, scope, delayMs, series, ...(quotes !== undefined && { quotes }) }));
}

const bound = (value: number): number | null => (Number.isFinite(value) ? value : null);
/** A pin as it is written, and back. */
export const serialPin = (pin: SeriesPin) => ({
  ...pin,
  ...{ from: bound(pin.from), to: bound(pin.to), reference: [...pin.reference] },
});
export const pinOf = (pin: z.infer<typeof pinSchema>): SeriesPin => ({
  ...pin,
  from: pin.from ?? Number.NEGATIVE_INFINITY,
  to: pin.to ?? Number.POSITIVE_INFINITY,
});

export function serializeDataset(description: DatasetDescription): string {
  const series = description.series.map((one) => ({ ...one, pin: serialPin(one.pin) }));
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
  return { ...rest, series: series.map((one) => ({ ...one, pin: pinOf(one.pin) })) };
}

/** Whether two datasets hold bars of the same instruments of the same kind from the same source; ranges may differ. */
export function sameMarket(a: DatasetDescription, b: DatasetDescription): boolean {
  const market = ({ interval, scope, delayMs, series }: DatasetDescription) =>
    canonicalJson({
      interval,
      scope,
      delayMs,
      series: series.map(({ basis, density, pin }) => [basis, density, pin.key]),
    });
  return market(a) === market(b);
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
  /** Per series, best bid and ask at the close of its bars, where there are any. */
  readonly quoteColumns: readonly (QuoteColumns | undefined)[];
  /** Per series, the instant from which each bar may be used. */
  readonly knownAt: readonly Float64Array[];
}
