import type { BarColumns, CorporateAction } from '../domain/index.js';
import { idOf } from '../platform/index.js';
import { contentOf } from './series/content.js';
import { partitionOf } from './series/layout.js';
import { sharedBars } from './series/memory.js';
import type { BarStore, SeriesInfo, SeriesPut } from './store.js';

export interface CopyOptions {
  readonly signal: AbortSignal;
  /** What the target is known to hold (`BarStore.contents`). */
  readonly held?: ReadonlyMap<string, ReadonlySet<string>>;
  /** After each block: its bars, and which of how many it was. */
  readonly onBlock?: (info: SeriesInfo, rows: number, done: number, blocks: number) => void;
}

export interface CopyResult {
  readonly rows: number;
  readonly inserted: number;
  readonly updated: number;
  /** Rows of blocks that were known to be there. */
  readonly skipped: number;
}

/** Bars put at once: 200 MB of columns, a load job of some 60 MB. */
const ROWS = 4_000_000;

/**
 * Copies series from one store to another, in the pieces that stores keep together: a month of minutes, a year of longer
 * bars, all days; out of a service a series at a time. A piece of many series is put at once. In the end follow actions, and what sources have answered. The
 * target keeps bars that the source lacks. Repeating it changes nothing.
 */
export async function copySeries(
  from: BarStore,
  to: BarStore,
  infos: readonly SeriesInfo[],
  options: CopyOptions,
): Promise<readonly CopyResult[]> {
  const totals = infos.map(() => ({ rows: 0, inserted: 0, updated: 0, skipped: 0 }));
  const blocks = infos.flatMap((info, k) => {
    const whole = from.remote === true && info.rows <= ROWS;
    return [...blocksOf(info, whole)].map((block) => ({ info, k, ...block }));
  });
  // Stable: within a piece, series keep their order.
  blocks.sort((a, b) => a.until - b.until || (a.name < b.name ? -1 : Number(a.name > b.name)));
  const batch = new Batch(to, totals);
  for (const [i, { info, k, name, from: at, to: end }] of blocks.entries()) {
    options.signal.throwIfAborted();
    const { key } = info;
    const bars = await from.read(key, at, end);
    const n = bars.time.length;
    totals[k]!.rows += n;
    if (n === 0 || options.held?.get(idOf(key))?.has(contentOf(key, bars)) === true) totals[k]!.skipped += n;
    else await batch.add(k, name, { info: metadataOf(info), bars });
    options.onBlock?.(info, n, i + 1, blocks.length);
  }
  await batch.put();
  const said: SeriesPut[] = [];
  for (const info of infos) {
    options.signal.throwIfAborted();
    const actions: readonly CorporateAction[] = await from.actions(info.key);
    const covered = info.coverage ?? [];
    if (info.rows === 0 || (actions.length === 0 && covered.length === 0)) continue;
    const bars: BarColumns = sharedBars(info.key.instrument, info.key.interval, 0);
    said.push({ info: metadataOf(info), bars, covered, actions });
  }
  await to.putAll(said);
  return totals;
}

const metadataOf = ({ key, instrument, basis, density }: SeriesInfo) => ({ key, instrument, basis, density });

/** Puts of one piece, until there are enough of them. */
class Batch {
  private puts: { readonly k: number; readonly put: SeriesPut }[] = [];
  private name = '';
  private rows = 0;

  constructor(
    private readonly to: BarStore,
    private readonly totals: readonly { inserted: number; updated: number }[],
  ) {}

  async add(k: number, name: string, put: SeriesPut): Promise<void> {
    const n = put.bars.time.length;
    if (name !== this.name || this.rows + n > ROWS) await this.put();
    this.name = name;
    this.puts.push({ k, put });
    this.rows += n;
  }

  async put(): Promise<void> {
    const { puts } = this;
    if (puts.length === 0) return;
    const results = await this.to.putAll(puts.map(({ put }) => put));
    results.forEach(({ inserted, updated }, i) => {
      const total = this.totals[puts[i]!.k]!;
      total.inserted += inserted;
      total.updated += updated;
    });
    this.puts = [];
    this.rows = 0;
  }
}

/**
 * The pieces of a series that stores keep together, or it as a whole: `from` inclusive, `to` exclusive; `until` is the
 * piece's own end.
 */
function* blocksOf({ key, firstTime, lastTime }: SeriesInfo, whole: boolean) {
  if (firstTime === undefined || lastTime === undefined) return;
  const partition = whole ? () => ({ name: 'all', end: Number.POSITIVE_INFINITY }) : partitionOf(key.interval);
  for (let from = firstTime; from <= lastTime; ) {
    const { name, end: until } = partition(from);
    const to = Math.min(until, lastTime + 1);
    yield { name, until, from, to };
    from = to;
  }
}
