import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { bigQueryAddress, Instant, type Parameters, type Row, Warehouse } from '../../clients/google/index.js';
import { BAR_FIELDS, type BarColumns, type CorporateAction, intervalMs, type SeriesKey } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { canonicalJson, idOf, isoTime } from '../../platform/index.js';
import { contentOf } from '../series/content.js';
import { addRange, missingRanges, subtractRange, type TimeRange } from '../series/coverage.js';
import { BlockHash, hashBars } from '../series/hash.js';
import { joinBars, sharedBars } from '../series/memory.js';
import type {
  BarStore,
  PutResult,
  SeriesInfo,
  SeriesMetadata,
  SeriesPin,
  StoreContext,
  StoreDamage,
} from '../store.js';
import { checkColumns, sorted, verifyPin } from './bigquery-bars.js';
import { type Loaded, stageBars, untouched } from './bigquery-loads.js';
import { prepare } from './bigquery-prepare.js';
import * as sql from './bigquery-sql.js';
import { ACTIONS, mirrorActions } from './bigquery-views.js';

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

interface Body extends SeriesMetadata {
  readonly actions: readonly CorporateAction[];
  readonly coverage: readonly TimeRange[];
  readonly loaded: readonly Loaded[];
  /** Put under way; changes the row's revision, so that no other put can call its own bars untouched. */
  readonly putting: string | null;
}
interface Saved extends Body {
  readonly revision: number;
}

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
    const { key } = info;
    checkColumns(key, bars);
    const n = bars.time.length;
    let saved = await this.saved(key);
    if (saved === undefined && n === 0 && covered === undefined) return { inserted: 0, updated: 0, generation: 0 };
    if (saved !== undefined && saved.basis !== info.basis && (await this.summary(key)).rows > 0)
      throw new QuantlineError(
        'MISMATCH',
        `The stored series of ${key.instrument} holds ${saved.basis} prices; these are ${info.basis}.`,
        { hint: `Ingest them with --basis ${saved.basis}, or into another dataset.`, details: { key } },
      );
    const content = contentOf(key, bars);
    const before = saved?.loaded.find(({ id }) => id === content);
    if (before !== undefined && saved !== undefined && isKnown(saved, info, covered))
      return { inserted: 0, updated: 0, generation: before.generation + saved.revision };
    const none: Pick<Body, 'actions' | 'coverage'> = { actions: [], coverage: [] };
    const commit = randomUUID();
    const [from, to] = [bars.time[0] ?? 0, bars.time.at(-1) ?? -1];
    saved = await this.save(key, saved, (old) => ({
      ...{ ...none, ...old, ...info },
      loaded: untouched(old?.loaded ?? [], from, to),
      putting: n === 0 ? null : commit,
    }));
    const parameters = { ...seriesOf(key), commit, ...rangeOf(bars) };
    if (n > 0) {
      const { source, feed, scope, interval } = key;
      const staging = await stageBars(await this.warehouse(), this.context, content, bars);
      await this.query(sql.mergeStatement(staging), { ...parameters, source, feed, scope, interval });
    }
    const [row] = await this.query(sql.COMMITTED, parameters);
    const [added, updated, latest] = [row?.['added'], row?.['closed'], row?.['latest']].map((one) =>
      Number(one ?? 0),
    ) as [number, number, number];
    // After the bars: a crash in between asks for the range again, which changes nothing.
    saved = await this.save(key, saved, (old) => ({
      ...old!,
      coverage: covered === undefined ? old!.coverage : addRange(old!.coverage, covered),
      // Another put came in between: whose values stand is not known without looking.
      ...(old!.putting === commit && {
        putting: null,
        loaded: [...untouched(old!.loaded, from, to), { id: content, from, to, generation: latest }],
      }),
    }));
    const generation = latest + saved.revision;
    return added === 0 ? { inserted: 0, updated: 0, generation } : { inserted: added - updated, updated, generation };
  }

  async contents(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const rows = await (await this.warehouse()).listRows(sql.SERIES);
    return new Map(
      rows.map((row) => [String(row['series']), new Set(bodyOf(row).loaded.map(({ id }) => id))] as const),
    );
  }

  /** The series' own row; changed by compare-and-set, so that two processes lose nothing. */
  private async saved(key: SeriesKey): Promise<Saved | undefined> {
    const statement = `SELECT body, revision FROM ${sql.SERIES} WHERE series = @series`;
    const [row] = await this.query(statement, { series: idOf(key) }, true);
    return row === undefined ? undefined : { ...bodyOf(row), revision: Number(row['revision']) };
  }

  private async save(
    key: SeriesKey,
    known: Saved | undefined,
    change: (old: Body | undefined) => Body,
  ): Promise<Saved> {
    let saved = known;
    for (let attempt = 0; attempt < 20; attempt++) {
      const { revision = 0, ...old } = saved ?? {};
      const before = saved === undefined ? undefined : (old as Body);
      const body = canonicalJson({ ...change(before), key });
      if (before !== undefined && canonicalJson(before) === body) return saved!;
      await this.query(sql.SAVE_SERIES, { series: idOf(key), body, revision }, true);
      saved = await this.saved(key);
    }
    throw new QuantlineError(
      'UNAVAILABLE',
      `The series of ${key.instrument} is being changed by others all the time.`,
      {
        hint: 'Run the same command again.',
      },
    );
  }

  async putActions(key: SeriesKey, actions: readonly CorporateAction[]): Promise<void> {
    const before = await this.known(key);
    const saved = await this.save(key, before, (old) => {
      const merged = new Map([...old!.actions, ...actions].map((one) => [`${one.date} ${one.type}`, one]));
      return { ...old!, actions: [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one) };
    });
    if (saved.revision === before.revision) return;
    const warehouse = await this.warehouse();
    await warehouse.ensureTable(ACTIONS.name, ACTIONS.layout, this.context.clock.now());
    await mirrorActions(warehouse, key, saved.actions);
  }

  private async known(key: SeriesKey): Promise<Saved> {
    const saved = await this.saved(key);
    if (saved !== undefined) return saved;
    const feed = key.feed === '' ? '' : `, feed ${key.feed}`;
    throw new QuantlineError(
      'NO_DATA',
      `The store has no ${key.interval} bars of ${key.instrument} from ${key.source}${feed} (${key.scope} hours).`,
      { hint: 'Ingest them first: quantline ingest --help.', details: { key } },
    );
  }

  private async summary(key: SeriesKey) {
    const [row] = await this.query(sql.SUMMARY, seriesOf(key));
    const optional = (value: unknown) => (value === null || value === undefined ? undefined : Number(value));
    return {
      rows: Number(row?.['rows'] ?? 0),
      firstTime: optional(row?.['first_time']),
      lastTime: optional(row?.['last_time']),
      /** Superseded bars included. */
      everFirst: optional(row?.['ever_first']),
      everLast: optional(row?.['ever_last']),
      generation: Number(row?.['generation'] ?? 0),
    };
  }

  async info(key: SeriesKey): Promise<SeriesInfo | undefined> {
    const saved = await this.saved(key);
    if (saved === undefined) return undefined;
    const { revision, actions: _, loaded: _loaded, putting: _putting, ...metadata } = saved;
    const { generation, rows, firstTime, lastTime } = await this.summary(key);
    // Both only grow, so their sum grows with either.
    return { ...metadata, rows, firstTime, lastTime, generation: generation + revision };
  }

  async list(): Promise<readonly SeriesInfo[]> {
    const rows = await this.query(`SELECT body FROM ${sql.SERIES}`, {}, true);
    const out: SeriesInfo[] = [];
    for (const row of rows) {
      const info = await this.info(bodyOf(row).key);
      if (info !== undefined) out.push(info);
    }
    return out;
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
    await this.save(key, await this.known(key), (old) => ({
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
const rangeOf = ({ time }: BarColumns) => ({ lo: new Instant(time[0] ?? 0), hi: new Instant(time.at(-1) ?? 0) });

/** The stored row, its key in the order of the fields that all stores use. */
function bodyOf(row: Row): Body {
  const body = JSON.parse(String(row['body'])) as Body;
  const { source, feed, scope, interval, instrument } = body.key;
  const key = { source, feed, scope, interval, instrument };
  return { ...body, loaded: body.loaded ?? [], putting: body.putting ?? null, key };
}

/** Whether a series says all of this already. */
function isKnown(saved: Body, info: SeriesMetadata, covered: TimeRange | undefined): boolean {
  const same = canonicalJson(saved.instrument) === canonicalJson(info.instrument) && saved.density === info.density;
  return (
    same && saved.basis === info.basis && (covered === undefined || missingRanges(saved.coverage, covered).length === 0)
  );
}

function generationOf(pin: SeriesPin): number {
  const generation = /^generation:(\d+)$/.exec(pin.reference[0] ?? '')?.[1];
  if (generation !== undefined) return Number(generation);
  throw new QuantlineError('MISMATCH', 'The dataset was pinned in another store.', {
    hint: 'Use the --store that it was made with.',
    details: { key: pin.key },
  });
}
