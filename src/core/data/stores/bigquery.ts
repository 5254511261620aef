import { z } from 'zod';
import { bigQueryAddress, Instant, type Parameters, Warehouse } from '../../clients/google/index.js';
import { BAR_FIELDS, type BarColumns, type CorporateAction, intervalMs, type SeriesKey } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { idOf, isoTime } from '../../platform/index.js';
import { subtractRange, type TimeRange } from '../series/coverage.js';
import { BlockHash, hashBars } from '../series/hash.js';
import { joinBars, sharedBars } from '../series/memory.js';
import type {
  BarStore,
  PutResult,
  SeriesInfo,
  SeriesMetadata,
  SeriesPin,
  SeriesPut,
  StoreContext,
  StoreDamage,
} from '../store.js';
import { sorted, verifyPin } from './bigquery-bars.js';
import { untouched } from './bigquery-loads.js';
import { prepare } from './bigquery-prepare.js';
import { putAll } from './bigquery-put.js';
import {
  changeSeries,
  readSeries,
  type SavedSeries,
  type SeriesSummary,
  savedOf,
  summaries,
} from './bigquery-series.js';
import * as sql from './bigquery-sql.js';

export { initialise } from './bigquery-prepare.js';

export const name = 'bigquery';
export const summary = 'A BigQuery dataset: bigquery://project.dataset.';
export const settings = z.strictObject({
  /** bigquery://project.dataset?location=EU&maxBytes=…&impersonate=… */
  address: z.string(),
});
export type BigQueryStoreSettings = z.output<typeof settings>;

export const create = (options: BigQueryStoreSettings, context: StoreContext): BarStore =>
  new BigQueryStore(options.address, context);

const MONTH_MS = 31 * 86_400_000;
/** Above this a read session pays off; below it a query answers sooner. */
const SESSION_ROWS = 5000;
/** BigQuery's years end with 9999; the store's callers say infinity. */
const LAST = Date.parse('2262-01-01T00:00:00Z');
const FIRST = Date.parse('1800-01-01T00:00:00Z');
const bounded = (t: number): Instant => new Instant(Math.min(Math.max(t, FIRST), LAST));
const NOW = Number.MAX_SAFE_INTEGER;

/**
 * Bars in one partitioned table of a BigQuery dataset. Writing: a free load job into a staging table, then one atomic
 * MERGE with constant bounds. Reading: by query for small ranges, as Arrow columns for large ones.
 */
class BigQueryStore implements BarStore {
  readonly remote = true;
  private opened: Promise<Warehouse> | undefined;
  private prepared: Promise<void> | undefined;

  constructor(
    private readonly address: string,
    private readonly context: StoreContext,
  ) {}

  private async warehouse(): Promise<Warehouse> {
    this.opened ??= Warehouse.open(bigQueryAddress(this.address), this.context.logger);
    const warehouse = await this.opened;
    this.prepared ??= prepare(warehouse, this.context);
    await this.prepared;
    return warehouse;
  }

  private async query(statement: string, parameters: Parameters, small = false) {
    return (await (await this.warehouse()).query(statement, parameters, small)).rows;
  }

  async put(info: SeriesMetadata, bars: BarColumns, covered?: TimeRange): Promise<PutResult> {
    return (await this.putAll([{ info, bars, ...(covered !== undefined && { covered: [covered] }) }]))[0]!;
  }

  async putAll(puts: readonly SeriesPut[]): Promise<readonly PutResult[]> {
    return putAll(puts, await this.warehouse(), this.context);
  }

  async contents(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const rows = await (await this.warehouse()).listRows(sql.SERIES);
    return new Map(
      rows.map((row) => [String(row['series']), new Set(savedOf(row).loaded.map(({ id }) => id))] as const),
    );
  }

  private async saved(key: SeriesKey): Promise<SavedSeries | undefined> {
    return (await readSeries(await this.warehouse(), [key])).get(idOf(key));
  }

  async putActions(key: SeriesKey, actions: readonly CorporateAction[]): Promise<void> {
    const { instrument, basis, density } = await this.known(key);
    const bars = sharedBars(key.instrument, key.interval, 0);
    await this.putAll([{ info: { key, instrument, basis, density }, bars, actions }]);
  }

  private async known(key: SeriesKey): Promise<SavedSeries> {
    const saved = await this.saved(key);
    if (saved !== undefined) return saved;
    const feed = key.feed === '' ? '' : `, feed ${key.feed}`;
    throw new QuantlineError(
      'NO_DATA',
      `The store has no ${key.interval} bars of ${key.instrument} from ${key.source}${feed} (${key.scope} hours).`,
      { hint: 'Ingest them first: quantline ingest --help.', details: { key } },
    );
  }

  private async summary(key: SeriesKey): Promise<SeriesSummary> {
    return (await summaries(await this.warehouse(), [key]))(key);
  }

  async info(key: SeriesKey): Promise<SeriesInfo | undefined> {
    const saved = await this.saved(key);
    return saved === undefined ? undefined : infoOf(saved, await this.summary(key));
  }

  async list(): Promise<readonly SeriesInfo[]> {
    const warehouse = await this.warehouse();
    const all = (await warehouse.listRows(sql.SERIES)).map(savedOf);
    const standing = await summaries(
      warehouse,
      all.map(({ key }) => key),
    );
    return all.map((saved) => infoOf(saved, standing(saved.key)));
  }

  async read(key: SeriesKey, from: number, to: number): Promise<BarColumns> {
    await this.known(key);
    return this.columns(key, from, to, NOW);
  }

  /** Bars as they stood in a generation, ascending. */
  private async columns(key: SeriesKey, from: number, to: number, generation: number): Promise<BarColumns> {
    let expected = (Math.min(to, LAST) - Math.max(from, FIRST)) / intervalMs(key.interval);
    if (expected > SESSION_ROWS) {
      const { rows, everFirst, everLast } = await this.summary(key);
      if (everFirst === undefined) return sharedBars(key.instrument, key.interval, 0);
      const span = Math.min(to, everLast! + 1) - Math.max(from, everFirst);
      expected = Math.min(rows, span / intervalMs(key.interval));
    }
    const bars =
      expected > SESSION_ROWS
        ? await this.session(key, from, to, generation)
        : await this.select(key, from, to, generation);
    return sorted(bars);
  }

  private async select(key: SeriesKey, from: number, to: number, generation: number): Promise<BarColumns> {
    const parameters = { ...seriesOf(key), lo: bounded(from), hi: bounded(to), generation };
    const rows = await this.query(sql.SELECT_BARS, parameters);
    const bars = sharedBars(key.instrument, key.interval, rows.length);
    rows.forEach((row, i) => {
      for (const field of BAR_FIELDS) bars[field][i] = Number(row[field]);
    });
    return bars;
  }

  private async session(key: SeriesKey, from: number, to: number, generation: number): Promise<BarColumns> {
    const at = (t: Instant): string => `TIMESTAMP '${isoTime(t.ms).replace('T', ' ').replace('Z', '+00')}'`;
    const { series } = seriesOf(key);
    // Built from a hash, instants and numbers; text of a user never comes in here.
    const stands =
      generation === NOW
        ? 'superseded_in IS NULL'
        : `generation <= ${generation} AND (superseded_in IS NULL OR superseded_in > ${generation})`;
    const restriction = `series = '${series}' AND ts >= ${at(bounded(from))} AND ts < ${at(bounded(to))} AND ${stands}`;
    const warehouse = await this.warehouse();
    const parts: BarColumns[] = [];
    for await (const batch of warehouse.readColumns(sql.BARS, ['ts', ...BAR_FIELDS.slice(1)], restriction)) {
      const { ts, ...values } = batch;
      parts.push({ instrument: key.instrument, interval: key.interval, time: ts, ...values } as unknown as BarColumns);
    }
    return parts.length === 0
      ? sharedBars(key.instrument, key.interval, 0)
      : joinBars(key.instrument, key.interval, parts);
  }

  async times(key: SeriesKey, from: number, to: number): Promise<Float64Array> {
    if ((await this.saved(key)) === undefined) return new Float64Array();
    return (await this.columns(key, from, to, NOW)).time;
  }

  async actions(key: SeriesKey): Promise<readonly CorporateAction[]> {
    return (await this.saved(key))?.actions ?? [];
  }

  async pin(key: SeriesKey, from: number, to: number): Promise<SeriesPin> {
    await this.known(key);
    const { generation } = await this.summary(key);
    const bars = await this.columns(key, from, to, generation);
    return { key, from, to, rows: bars.time.length, sha256: hashBars(bars), reference: [`generation:${generation}`] };
  }

  async readPin(pin: SeriesPin): Promise<BarColumns> {
    const bars = await this.columns(pin.key, pin.from, pin.to, generationOf(pin));
    verifyPin(pin, bars.time.length, hashBars(bars));
    return bars;
  }

  async *pinBlocks(pin: SeriesPin): AsyncIterable<BarColumns> {
    const { everFirst: firstTime, everLast: lastTime } = await this.summary(pin.key);
    const hash = new BlockHash();
    let rows = 0;
    const [from, to] = [Math.max(pin.from, firstTime ?? pin.from), Math.min(pin.to, (lastTime ?? pin.from) + 1)];
    for (let at = from; at < to; at += MONTH_MS) {
      const block = await this.columns(pin.key, at, Math.min(at + MONTH_MS, to), generationOf(pin));
      if (block.time.length === 0) continue;
      hash.update(block);
      rows += block.time.length;
      yield block;
    }
    verifyPin(pin, rows, hash.digest());
  }

  async verify(key: SeriesKey): Promise<readonly StoreDamage[]> {
    await this.known(key);
    return (await this.query(sql.DAMAGE, seriesOf(key))).map((row) => ({
      key,
      file: String(row['month']),
      problem: `${row['doubled']} instants twice, ${row['lacking']} bars with missing values`,
      firstTime: Number(row['first_time']),
      lastTime: Number(row['last_time']),
    }));
  }

  async discard({ key, firstTime, lastTime }: StoreDamage): Promise<void> {
    await this.query(sql.CLOSE_RANGE, { ...seriesOf(key), lo: bounded(firstTime), hi: bounded(lastTime) });
    const given = { from: firstTime, to: lastTime + 1 };
    const known = new Map([[idOf(key), await this.known(key)]]);
    await changeSeries(await this.warehouse(), [key], known, (old) => ({
      ...{ ...old!, putting: null },
      coverage: subtractRange(old!.coverage, given),
      loaded: untouched(old!.loaded, firstTime, lastTime),
    }));
  }

  async prune(pins: readonly SeriesPin[]): Promise<{ files: number; bytes: number }> {
    let rows = 0;
    for (const { key } of await this.list()) {
      const own = pins.filter((pin) => idOf(pin.key) === idOf(key)).map(generationOf);
      // An empty array has no type of its own; no row stands in generation 0.
      const parameters = { ...seriesOf(key), generations: own.length === 0 ? [0] : own };
      const [row] = await this.query(sql.COUNT_UNPINNED, parameters);
      const n = Number(row?.['n'] ?? 0);
      if (n > 0) await this.query(sql.DELETE_UNPINNED, parameters);
      rows += n;
    }
    // Superseded rows have no files; logical bytes of a row of eight-byte columns and its key.
    return { files: 0, bytes: rows * 100 };
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    this.prepared = undefined;
    await (await opened?.catch(() => undefined))?.close();
  }
}

const seriesOf = (key: SeriesKey) => ({ series: idOf(key), instrument: key.instrument });

function infoOf(saved: SavedSeries, { generation, rows, firstTime, lastTime }: SeriesSummary): SeriesInfo {
  const { revision, actions: _, loaded: _loaded, putting: _putting, ...metadata } = saved;
  // Both only grow, so their sum grows with either.
  return { ...metadata, rows, firstTime, lastTime, generation: generation + revision };
}

function generationOf(pin: SeriesPin): number {
  const generation = /^generation:(\d+)$/.exec(pin.reference[0] ?? '')?.[1];
  if (generation !== undefined) return Number(generation);
  throw new QuantlineError('MISMATCH', 'The dataset was pinned in another store.', {
    hint: 'Use the --store that it was made with.',
    details: { key: pin.key },
  });
}
