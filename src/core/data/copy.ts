import { type BarColumns, DAY_MS, formatDate, intervalMs, parseDate, sliceBars } from '../domain/index.js';
import { idOf } from '../platform/index.js';
import { contentOf } from './series/content.js';
import type { TimeRange } from './series/coverage.js';
import type { BarStore, SeriesInfo } from './store.js';

export interface CopyOptions {
  readonly signal: AbortSignal;
  /** Only bars of these opening instants. */
  readonly range?: TimeRange;
  /** What the target is known to hold (`BarStore.contents`). */
  readonly held?: ReadonlyMap<string, ReadonlySet<string>>;
  readonly onBlock?: (rows: number) => void;
}

export interface CopyResult {
  readonly rows: number;
  readonly inserted: number;
  readonly updated: number;
  /** Rows of blocks that were known to be there. */
  readonly skipped: number;
}

/**
 * Copies a series from one store to another, month by month (of longer bars: year by year), with its actions and what
 * of it was answered by its source. The target keeps bars that the source lacks. Repeating it changes nothing.
 */
export async function copySeries(
  from: BarStore,
  to: BarStore,
  info: SeriesInfo,
  options: CopyOptions,
): Promise<CopyResult> {
  const { key, instrument, basis, density } = info;
  const metadata = { key, instrument, basis, density };
  const held = options.held?.get(idOf(key));
  const total = { rows: 0, inserted: 0, updated: 0, skipped: 0 };
  let none: BarColumns | undefined;
  for (const block of blocksOf(info, options.range)) {
    options.signal.throwIfAborted();
    const bars = await from.read(key, block.from, block.to);
    none ??= sliceBars(bars, 0, 0);
    const n = bars.time.length;
    if (n === 0) continue;
    total.rows += n;
    if (held?.has(contentOf(key, bars)) === true) total.skipped += n;
    else {
      const put = await to.put(metadata, bars);
      total.inserted += put.inserted;
      total.updated += put.updated;
    }
    options.onBlock?.(n);
  }
  if (options.range !== undefined || none === undefined) return total;
  const known = (await to.info(key))?.coverage ?? [];
  for (const range of info.coverage ?? [])
    if (!known.some((one) => one.from <= range.from && one.to >= range.to)) await to.put(metadata, none, range);
  const [actions, there] = [await from.actions(key), await to.actions(key)];
  const lacking = actions.filter((action) => !there.some((one) => JSON.stringify(one) === JSON.stringify(action)));
  if (lacking.length > 0) await to.putActions(key, lacking);
  return total;
}

/** Calendar months of short bars, years of hours, all of days: what a store's files and partitions are cut by. */
function* blocksOf({ key, firstTime, lastTime }: SeriesInfo, range: TimeRange | undefined): Iterable<TimeRange> {
  if (firstTime === undefined || lastTime === undefined) return;
  const first = Math.max(firstTime, range?.from ?? firstTime);
  const end = Math.min(lastTime + 1, range?.to ?? lastTime + 1);
  const length = intervalMs(key.interval);
  const months = length >= DAY_MS ? 1200 : length >= 300_000 ? 12 : 1;
  for (let at = first; at < end; ) {
    const [year, month] = formatDate(Math.floor(at / DAY_MS))
      .split('-')
      .map(Number) as [number, number];
    const next = (months === 12 ? 0 : month - 1) + months;
    const date = `${String(year + Math.floor(next / 12)).padStart(4, '0')}-${String((next % 12) + 1).padStart(2, '0')}-01`;
    const to = parseDate(date)! * DAY_MS;
    yield { from: at, to: Math.min(to, end) };
    at = to;
  }
}
