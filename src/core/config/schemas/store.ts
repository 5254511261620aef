import { z } from 'zod';
import { INTERVALS, type Interval, parseInterval } from '../../domain/index.js';
import { option, texts } from '../option.js';
import { parseList } from '../values/index.js';
import { ingestOptions } from './ingest.js';
import { duration, fraction, integer, list, moment, off, paths, word } from './kinds.js';
import { format } from './shared.js';

const { store, session, from, to, interval } = ingestOptions.shape;
const symbols = option(
  { summary: 'Only these symbols; all by default.', value: 'SPY,QQQ', multiple: true },
  list().optional(),
);
const intervals = option(
  { summary: 'Only bars of these lengths; all by default.', value: '1d,1m', char: 'i', choices: INTERVALS },
  texts((raw) => parseList(raw).map((item): Interval => parseInterval(item))).optional(),
);
const sources = option(
  { summary: 'Only series of these sources; all by default.', value: 'csv,yahoo', char: 's', multiple: true },
  list().optional(),
);

/** Options of `quantline ingest status` and `quantline ingest verify`. */
export const seriesOptions = z.strictObject({ source: sources, symbols, interval: intervals, store, format });
export type SeriesOptions = z.output<typeof seriesOptions>;

const { file, timezone, calendar, basis, feed, seed, edge, quality, set } = ingestOptions.shape;

/** Options of `quantline ingest repair`: those of `ingest` that say how the source is asked. */
export const repairOptions = z.strictObject({
  source: option(
    {
      summary: 'Source whose damaged series are fetched again, from itself.',
      value: 'name',
      char: 's',
      adapter: 'source',
    },
    word().optional(),
  ),
  symbols,
  interval: intervals,
  ...{ file, timezone, calendar, basis, feed, seed, edge, store, quality, set, format },
});
export type RepairOptions = z.output<typeof repairOptions>;

/** Options of `quantline ingest compare`. */
export const compareOptions = z.strictObject({
  source: option(
    { summary: 'First source, or source/feed where it has several.', value: 'alpaca/sip', char: 's' },
    word().optional(),
  ),
  against: option({ summary: 'Second source, or source/feed.', value: 'yahoo' }, word().optional()),
  symbols: option(
    { summary: 'Symbols; by default all that both sources have.', value: 'SPY,QQQ', multiple: true },
    list().optional(),
  ),
  ...{ interval, session },
  from,
  to,
  tolerance: option(
    { summary: 'Prices further apart than this share differ.', value: '0.1%' },
    fraction({ min: 0, max: 1 }).prefault('0.1%'),
  ),
  volumeTolerance: option(
    { summary: 'The same for volumes, which are not compared without it.', value: '5%' },
    fraction({ min: 0, max: 1 }).optional(),
  ),
  limit: option({ summary: 'Most differences listed per symbol.', value: 'n' }, integer(0).prefault(20)),
  ...{ store, format },
});
export type CompareOptions = z.output<typeof compareOptions>;

/** Options of `quantline ingest news`. */
export const newsOptions = z.strictObject({
  source: option(
    { summary: 'Where news come from.', value: 'name', char: 's', adapter: 'news' },
    word().prefault('alpaca'),
  ),
  symbols: ingestOptions.shape.symbols,
  from: option({ summary: 'First day of UTC, or instant with a zone.', value: 'date' }, moment().optional()),
  to: option({ summary: 'Last day of UTC, inclusive, or instant with a zone.', value: 'date' }, moment().optional()),
  last: option({ summary: 'Instead of --from: this long back from --to.', value: '30d' }, duration().optional()),
  update: option({ summary: 'Instead of --from: from where stored news end.', switch: true }, off()),
  format,
});
export type NewsOptions = z.output<typeof newsOptions>;

/** Options of `quantline store prune`. */
export const pruneOptions = z.strictObject({ store });
export type PruneOptions = z.output<typeof pruneOptions>;

const warehouse = option(
  { summary: 'Address of the warehouse.', value: 'bigquery://project.dataset' },
  word().optional(),
);

/** Options of `quantline store sync`. */
export const storeSyncOptions = z.strictObject({
  store: warehouse,
  data: option(
    { summary: 'Only the series of this dataset: path, id, tag or latest.', value: 'dataset' },
    word().optional(),
  ),
  source: sources,
  symbols,
  interval: intervals,
  pull: option({ summary: 'From the warehouse to the files of the workspace.', switch: true }, off()),
  all: option({ summary: 'Also news, trades, executions, journal and reports.', switch: true }, off()),
  format,
});
export type StoreSyncOptions = z.output<typeof storeSyncOptions>;

/** Options of `quantline store query`. */
export const storeQueryOptions = z.strictObject({
  store: warehouse,
  param: option(
    { summary: "Parameter of the query; 'text' in quotes is always text.", value: 'name=value', multiple: true },
    paths().optional(),
  ),
  dryRun: option({ summary: 'Only say what it would read.', switch: true }, off()),
  maxBytes: option(
    { summary: 'Most bytes that it may be billed for; maxBytes of the address, or 20 GiB, otherwise.', value: 'n' },
    integer(1).optional(),
  ),
  format,
});
export type StoreQueryOptions = z.output<typeof storeQueryOptions>;

/** Options of `quantline store cost`. */
export const storeCostOptions = z.strictObject({ store: warehouse, format });
export type StoreCostOptions = z.output<typeof storeCostOptions>;

/** Options of `quantline store init`. */
export const storeInitOptions = z.strictObject({
  store: option(
    { summary: 'Address of the dataset to create.', value: 'bigquery://project.dataset' },
    word().optional(),
  ),
});
export type StoreInitOptions = z.output<typeof storeInitOptions>;
