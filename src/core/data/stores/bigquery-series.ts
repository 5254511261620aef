import type { Row, Warehouse } from '../../clients/google/index.js';
import type { CorporateAction, SeriesKey } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { canonicalJson, idOf } from '../../platform/index.js';
import type { TimeRange } from '../series/coverage.js';
import type { SeriesMetadata } from '../store.js';
import type { Loaded } from './bigquery-loads.js';
import * as sql from './bigquery-sql.js';

export interface SeriesBody extends SeriesMetadata {
  readonly actions: readonly CorporateAction[];
  readonly coverage: readonly TimeRange[];
  readonly loaded: readonly Loaded[];
  /** Put under way; changes the row's revision, so that no other put can call its own bars untouched. */
  readonly putting: string | null;
}
export interface SavedSeries extends SeriesBody {
  readonly revision: number;
}
/** By series id. */
export type SavedMap = ReadonlyMap<string, SavedSeries>;

export interface SeriesSummary {
  readonly rows: number;
  readonly firstTime: number | undefined;
  readonly lastTime: number | undefined;
  /** Superseded bars included. */
  readonly everFirst: number | undefined;
  readonly everLast: number | undefined;
  readonly generation: number;
}

const EMPTY: SeriesSummary = {
  ...{ rows: 0, firstTime: undefined, lastTime: undefined, everFirst: undefined, everLast: undefined, generation: 0 },
};

/** Characters of bodies in one statement; a request may have ten million. */
const BODIES = 2_000_000;
const ATTEMPTS = 20;

/** Parameters that name series in `sql`. */
export const namesOf = (keys: readonly SeriesKey[]) => ({
  series: keys.map((key) => idOf(key)),
  instruments: [...new Set(keys.map(({ instrument }) => instrument))],
});

/** The rows of series; changed by compare-and-set, many in one statement, so that two processes lose nothing. */
export async function readSeries(warehouse: Warehouse, keys: readonly SeriesKey[]): Promise<SavedMap> {
  if (keys.length === 0) return new Map();
  const { rows } = await warehouse.query(sql.SELECT_SERIES, { series: namesOf(keys).series }, true);
  return new Map(rows.map((row) => [String(row['series']), savedOf(row)]));
}

/** `change` is asked again until what it gives stands: of what it gave it must make the same. */
export async function changeSeries(
  warehouse: Warehouse,
  keys: readonly SeriesKey[],
  known: SavedMap,
  change: (old: SeriesBody | undefined, id: string) => SeriesBody,
): Promise<SavedMap> {
  const saved = new Map(known);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const open: { readonly key: SeriesKey; readonly id: string; readonly body: string; readonly revision: number }[] =
      [];
    for (const key of keys) {
      const id = idOf(key);
      const { revision = 0, ...old } = saved.get(id) ?? {};
      const before = revision === 0 ? undefined : (old as SeriesBody);
      const body = canonicalJson({ ...change(before, id), key });
      if (before === undefined || canonicalJson(before) !== body) open.push({ key, id, body, revision });
    }
    if (open.length === 0) return saved;
    for (let at = 0; at < open.length; ) {
      const slice: typeof open = [];
      for (let size = 0; at < open.length && (slice.length === 0 || size + open[at]!.body.length <= BODIES); at++) {
        size += open[at]!.body.length;
        slice.push(open[at]!);
      }
      const parameters = {
        series: slice.map(({ id }) => id),
        bodies: slice.map(({ body }) => body),
        revisions: slice.map(({ revision }) => revision),
      };
      await warehouse.query(sql.SAVE_SERIES, parameters, true);
    }
    const read = await readSeries(
      warehouse,
      open.map(({ key }) => key),
    );
    for (const [id, one] of read) saved.set(id, one);
  }
  throw new QuantlineError(
    'UNAVAILABLE',
    `The series of ${keys[0]!.instrument} is being changed by others all the time.`,
    {
      hint: 'Run the same command again.',
    },
  );
}

/** What stands of each series' bars; a series that never had one is empty. */
export async function summaries(
  warehouse: Warehouse,
  keys: readonly SeriesKey[],
): Promise<(key: SeriesKey) => SeriesSummary> {
  if (keys.length === 0) return () => EMPTY;
  const { rows } = await warehouse.query(sql.SUMMARY, namesOf(keys));
  const found = new Map(rows.map((row) => [String(row['series']), summaryOf(row)]));
  return (key) => found.get(idOf(key)) ?? EMPTY;
}

function summaryOf(row: Row): SeriesSummary {
  const optional = (value: unknown) => (value === null || value === undefined ? undefined : Number(value));
  return {
    rows: Number(row['rows'] ?? 0),
    firstTime: optional(row['first_time']),
    lastTime: optional(row['last_time']),
    everFirst: optional(row['ever_first']),
    everLast: optional(row['ever_last']),
    generation: Number(row['generation'] ?? 0),
  };
}

/** The stored row, its key in the order of the fields that all stores use. */
export function savedOf(row: Row): SavedSeries {
  const body = JSON.parse(String(row['body'])) as SeriesBody;
  const { source, feed, scope, interval, instrument } = body.key;
  const key = { source, feed, scope, interval, instrument };
  return { ...body, loaded: body.loaded ?? [], putting: body.putting ?? null, key, revision: Number(row['revision']) };
}
