import { unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  BAR_FIELDS,
  type BarColumns,
  type CorporateAction,
  lowerBound,
  type SeriesKey,
  sliceBars,
} from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { storageError } from '../../platform/index.js';
import { readParquet, writeParquet } from '../../platform/parquet.js';
import { addRange, subtractRange, type TimeRange } from '../series/coverage.js';
import {
  checkColumns,
  corrupt,
  describe,
  exists,
  fileName,
  folders,
  infoOf,
  partitionOfName,
  sameIndex,
} from '../series/files.js';
import { BlockHash, hashBars } from '../series/hash.js';
import { commitIndex, readIndex, type SeriesFile, type SeriesIndex } from '../series/index.js';
import { keyOfSegments, partitionOf, seriesFolder } from '../series/layout.js';
import { joinBars, sharedBars } from '../series/memory.js';
import { mergeBars, partitions } from '../series/merge.js';
import { pruneFolder } from '../series/prune.js';
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

export const name = 'parquet';
export const summary = 'Parquet files in a local folder.';
export const settings = z.strictObject({
  /** Folder of the store. */
  root: z.string(),
});
export type ParquetStoreSettings = z.output<typeof settings>;

export const create = (options: ParquetStoreSettings, context: StoreContext): BarStore =>
  new ParquetStore(options.root, context);

/** Types of the columns that this store writes. */
const STORED = new Map(BAR_FIELDS.map((field) => [field, field === 'time' ? 'TIMESTAMP_MS' : 'DOUBLE']));

/**
 * Bars as immutable Parquet files whose names hold the hash of their contents, and one index per series, committed as
 * generation n+1 by exclusive create. A crash leaves files that no index names, which `prune` removes.
 */
class ParquetStore implements BarStore {
  constructor(
    private readonly root: string,
    private readonly context: StoreContext,
  ) {}

  async put(info: SeriesMetadata, bars: BarColumns, covered?: TimeRange): Promise<PutResult> {
    checkColumns(info.key, bars);
    const folder = seriesFolder(this.root, info.key);
    const parts = partitions(bars, partitionOf(info.key.interval));
    for (;;) {
      const current = await readIndex(folder);
      if (current === undefined && parts.length === 0 && covered === undefined) return { inserted: 0, updated: 0 };
      if (current !== undefined && current.basis !== info.basis && current.files.length > 0)
        throw new QuantlineError(
          'MISMATCH',
          `The stored series of ${info.key.instrument} holds ${current.basis} prices; these are ${info.basis}.`,
          {
            hint: `Ingest them with --basis ${current.basis}, or into another --workspace.`,
            details: { key: info.key },
          },
        );
      let inserted = 0;
      let updated = 0;
      const changed: { file: SeriesFile; bars: BarColumns }[] = [];
      for (const part of parts) {
        const old = current?.files.find((file) => file.partition === part.name);
        const merged =
          old === undefined
            ? { bars: part.bars, inserted: part.bars.time.length, updated: 0 }
            : mergeBars(await this.readFile(folder, info.key, old), part.bars);
        if (merged.inserted + merged.updated === 0) continue;
        inserted += merged.inserted;
        updated += merged.updated;
        changed.push({ file: describe(part.name, merged.bars), bars: merged.bars });
      }
      const replaced = new Set(changed.map(({ file }) => file.partition));
      const index: SeriesIndex = {
        schema: 1,
        generation: (current?.generation ?? 0) + 1,
        key: info.key,
        instrument: structuredClone(info.instrument) as SeriesIndex['instrument'],
        basis: info.basis,
        density: info.density,
        files: [
          ...(current?.files ?? []).filter((file) => !replaced.has(file.partition)),
          ...changed.map((c) => c.file),
        ].sort((a, b) => a.firstTime - b.firstTime),
        actions: current?.actions ?? [],
        coverage: covered === undefined ? (current?.coverage ?? []) : addRange(current?.coverage ?? [], covered),
      };
      if (current !== undefined && sameIndex(current, index)) return { inserted, updated };
      for (const { file, bars: columns } of changed) await this.writeFile(folder, file, columns);
      if (!(await commitIndex(folder, index))) continue;
      // A prune may have taken a file of the same contents between our look at it and the commit.
      for (const { file, bars: columns } of changed)
        if (!(await exists(join(folder, file.name)))) await this.writeFile(folder, file, columns);
      return { inserted, updated };
    }
  }

  async putAll(puts: readonly SeriesPut[]): Promise<readonly PutResult[]> {
    const results: PutResult[] = [];
    for (const { info, bars, covered = [], actions = [] } of puts) {
      // What was answered is said last: a crash before it asks again.
      const alone = actions.length === 0;
      results.push(await this.put(info, bars, alone ? covered[0] : undefined));
      if (!alone) await this.putActions(info.key, actions);
      for (const more of covered.slice(alone ? 1 : 0)) await this.put(info, sliceBars(bars, 0, 0), more);
    }
    return results;
  }

  async putActions(key: SeriesKey, actions: readonly CorporateAction[]): Promise<void> {
    const folder = seriesFolder(this.root, key);
    for (;;) {
      const current = await this.indexOf(key);
      const merged = new Map(
        [...current.actions, ...actions].map((action) => [`${action.date} ${action.type}`, action]),
      );
      const index = {
        ...current,
        generation: current.generation + 1,
        actions: [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, action]) => action),
      };
      if (sameIndex(current, index) || (await commitIndex(folder, index))) return;
    }
  }

  async info(key: SeriesKey): Promise<SeriesInfo | undefined> {
    const index = await readIndex(seriesFolder(this.root, key));
    return index === undefined ? undefined : infoOf(index);
  }

  async list(): Promise<readonly SeriesInfo[]> {
    const out: SeriesInfo[] = [];
    const visit = async (segments: readonly string[]): Promise<void> => {
      const folder = join(this.root, ...segments);
      if (segments.length === 5) {
        const key = keyOfSegments(segments);
        const index = key === undefined ? undefined : await readIndex(folder);
        if (index !== undefined) out.push(infoOf(index));
        return;
      }
      for (const entry of await folders(folder)) await visit([...segments, entry]);
    };
    await visit([]);
    return out;
  }

  async read(key: SeriesKey, from: number, to: number): Promise<BarColumns> {
    const index = await this.indexOf(key);
    const parts: BarColumns[] = [];
    for await (const part of this.blocks(key, index.files, from, to)) parts.push(part);
    return parts.length === 0
      ? sharedBars(key.instrument, key.interval, 0)
      : joinBars(key.instrument, key.interval, parts);
  }

  async times(key: SeriesKey, from: number, to: number): Promise<Float64Array> {
    const index = await readIndex(seriesFolder(this.root, key));
    const parts: Float64Array[] = [];
    for (const file of index?.files ?? []) {
      if (file.lastTime < from || file.firstTime >= to) continue;
      const path = join(seriesFolder(this.root, key), file.name);
      const time = (await readParquet(path, ['time'], STORED))['time'] as Float64Array;
      parts.push(time.subarray(lowerBound(time, from), lowerBound(time, to)));
    }
    const out = new Float64Array(parts.reduce((n, part) => n + part.length, 0));
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  async actions(key: SeriesKey): Promise<readonly CorporateAction[]> {
    return (await readIndex(seriesFolder(this.root, key)))?.actions ?? [];
  }

  async pin(key: SeriesKey, from: number, to: number): Promise<SeriesPin> {
    const { files } = await this.indexOf(key);
    const named = files.filter((file) => file.lastTime >= from && file.firstTime < to);
    const hash = new BlockHash();
    let rows = 0;
    for await (const block of this.blocks(key, named, from, to)) {
      hash.update(block);
      rows += block.time.length;
    }
    return { key, from, to, rows, sha256: hash.digest(), reference: named.map((file) => file.name) };
  }

  async readPin(pin: SeriesPin): Promise<BarColumns> {
    // Filled block by block: of a large universe no series is in memory twice.
    const out = sharedBars(pin.key.instrument, pin.key.interval, pin.rows);
    let at = 0;
    for await (const block of this.pinBlocks(pin)) {
      const n = Math.min(block.time.length, pin.rows - at);
      for (const field of BAR_FIELDS) out[field].set(block[field].subarray(0, n), at);
      at += n;
    }
    return out;
  }

  async *pinBlocks(pin: SeriesPin): AsyncIterable<BarColumns> {
    let rows = 0;
    // Each file is verified against the hash in its name, which the pin names: its bars are the pinned ones.
    const files = pin.reference.map((file) => ({ name: file }));
    for await (const block of this.blocks(pin.key, files, pin.from, pin.to)) {
      rows += block.time.length;
      yield block;
    }
    if (rows !== pin.rows)
      throw corrupt(pin.key, `${rows} bars instead of ${pin.rows}`, seriesFolder(this.root, pin.key));
  }

  async verify(key: SeriesKey): Promise<readonly StoreDamage[]> {
    const folder = seriesFolder(this.root, key);
    const damages: StoreDamage[] = [];
    for (const file of (await this.indexOf(key)).files) {
      try {
        await this.readFile(folder, key, file);
      } catch (error) {
        if (!isQuantlineError(error) || error.code !== 'ARTIFACT_CORRUPT') throw error;
        const { name: file_, firstTime, lastTime } = file;
        damages.push({ key, file: file_, problem: error.message, firstTime, lastTime });
      }
    }
    return damages;
  }

  async discard(damage: StoreDamage): Promise<void> {
    const folder = seriesFolder(this.root, damage.key);
    for (;;) {
      const current = await this.indexOf(damage.key);
      const files = current.files.filter((file) => file.name !== damage.file);
      if (files.length === current.files.length) return;
      // The damaged bytes stand under a name that promises others: out of the way, or a later put would trust it.
      await unlink(join(folder, damage.file)).catch(() => {});
      const coverage = subtractRange(current.coverage, { from: damage.firstTime, to: damage.lastTime + 1 });
      if (await commitIndex(folder, { ...current, generation: current.generation + 1, files, coverage })) return;
    }
  }

  async prune(pins: readonly SeriesPin[]): Promise<{ files: number; bytes: number }> {
    const total = { files: 0, bytes: 0 };
    for (const { key } of await this.list()) {
      const folder = seriesFolder(this.root, key);
      const pinned = pins.filter((pin) => seriesFolder(this.root, pin.key) === folder).flatMap((pin) => pin.reference);
      const freed = await pruneFolder(folder, pinned, this.context.clock.now());
      total.files += freed.files;
      total.bytes += freed.bytes;
    }
    return total;
  }

  async close(): Promise<void> {}

  private async indexOf(key: SeriesKey): Promise<SeriesIndex> {
    const index = await readIndex(seriesFolder(this.root, key));
    if (index !== undefined) return index;
    const feed = key.feed === '' ? '' : `, feed ${key.feed}`;
    throw new QuantlineError(
      'NO_DATA',
      `The store has no ${key.interval} bars of ${key.instrument} from ${key.source}${feed} (${key.scope} hours).`,
      { hint: 'Ingest them first: quantline ingest --help.', details: { key } },
    );
  }

  /** Non-empty slices of files in [from, to), ascending. */
  private async *blocks(
    key: SeriesKey,
    files: readonly (Pick<SeriesFile, 'name'> & Partial<SeriesFile>)[],
    from: number,
    to: number,
  ): AsyncIterable<BarColumns> {
    const folder = seriesFolder(this.root, key);
    const wanted = files.filter(
      ({ firstTime, lastTime }) => firstTime === undefined || (lastTime! >= from && firstTime < to),
    );
    // The next file is read while the caller works on this one.
    let ahead: Promise<BarColumns> | undefined;
    const start = (file: (typeof wanted)[number] | undefined) => {
      if (file === undefined) return undefined;
      const reading = this.readFile(folder, key, file);
      reading.catch(() => {});
      return reading;
    };
    for (let i = 0; i < wanted.length; i++) {
      const bars: BarColumns = await (ahead ?? start(wanted[i])!);
      ahead = start(wanted[i + 1]);
      const part = sliceBars(bars, lowerBound(bars.time, from), lowerBound(bars.time, to));
      if (part.time.length > 0) yield part;
    }
  }

  /** One file's bars, verified against the hash in its name. */
  private async readFile(
    folder: string,
    key: SeriesKey,
    file: Pick<SeriesFile, 'name'> & Partial<SeriesFile>,
  ): Promise<BarColumns> {
    const path = join(folder, file.name);
    let columns: Awaited<ReturnType<typeof readParquet>>;
    try {
      columns = await readParquet(path, BAR_FIELDS, STORED);
    } catch (error) {
      if (isQuantlineError(error) && error.code === 'INPUT') throw corrupt(key, error.message, path, error);
      throw error;
    }
    const bars = { instrument: key.instrument, interval: key.interval, ...columns } as unknown as BarColumns;
    if (file.name !== fileName(partitionOfName(file.name), hashBars(bars)))
      throw corrupt(key, 'the file was changed after it was written (its hash does not match)', path);
    return bars;
  }

  private async writeFile(folder: string, file: SeriesFile, bars: BarColumns): Promise<void> {
    const path = join(folder, file.name);
    if (await exists(path)) {
      // Contents decide the name: an equal file is there. It counts as new, for a prune in progress.
      const now = this.context.clock.now() / 1000;
      try {
        await utimes(path, now, now);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, path);
      }
    }
    const columns = Object.fromEntries(BAR_FIELDS.map((field) => [field, bars[field]]));
    await writeParquet(path, columns, { timestamps: ['time'] });
  }
}
