import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Warehouse } from '../../clients/google/index.js';
import { BAR_FIELDS, type SeriesKey } from '../../domain/index.js';
import { idOf, isoTime } from '../../platform/index.js';
import { writeParquet } from '../../platform/parquet.js';
import type { SeriesPut, StoreContext } from '../store.js';
import * as sql from './bigquery-sql.js';

/** Bars that were put together and stand as they were put: putting the same again needs no query at all. */
export interface Loaded {
  /** `contentOf` the bars. */
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/** The entries that a put of [from, to] leaves valid. */
export const untouched = (loaded: readonly Loaded[], from: number, to: number): Loaded[] =>
  loaded.filter((one) => one.to < from || one.from > to);

/**
 * Loads bars of many series into a table of their own, free of charge. Its name and the job's id follow from the contents
 * and the day, so that a repeat, also after a crash, loads nothing twice; it goes away by itself.
 */
export async function stageBars(
  warehouse: Warehouse,
  { clock }: StoreContext,
  puts: readonly (SeriesPut & { readonly content: string })[],
): Promise<string> {
  const now = clock.now();
  const contents = idOf({ contents: puts.map(({ content }) => content) });
  const id = `${contents}_${isoTime(now).slice(0, 10).replaceAll('-', '')}`;
  const table = `staging_${id}`;
  const folder = await mkdtemp(join(tmpdir(), 'quantline-load-'));
  try {
    const path = join(folder, 'bars.parquet');
    await writeParquet(path, columnsOf(puts), { timestamps: ['ts'] });
    await warehouse.ensureTable(table, sql.STAGING_LAYOUT, now);
    await warehouse.loadParquet(table, path, `quantline_${id}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return table;
}

/** The puts one after another as the columns of a staging table. */
function columnsOf(puts: readonly SeriesPut[]) {
  const rows = puts.reduce((n, { bars }) => n + bars.time.length, 0);
  const codes = new Int32Array(rows);
  const values = Object.fromEntries(BAR_FIELDS.map((field) => [field, new Float64Array(rows)])) as Record<
    (typeof BAR_FIELDS)[number],
    Float64Array
  >;
  let at = 0;
  for (const [k, { bars }] of puts.entries()) {
    for (const field of BAR_FIELDS) values[field].set(bars[field], at);
    codes.fill(k, at, at + bars.time.length);
    at += bars.time.length;
  }
  const key = (of: (key: SeriesKey) => string) => ({ values: puts.map(({ info }) => of(info.key)), codes });
  const { time: ts, ...prices } = values;
  return {
    series: key((one) => idOf(one)),
    instrument: key(({ instrument }) => instrument),
    source: key(({ source }) => source),
    feed: key(({ feed }) => feed),
    scope: key(({ scope }) => scope),
    interval: key(({ interval }) => interval),
    ts,
    ...prices,
  };
}
