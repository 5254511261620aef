import { BAR_FIELDS, type BarField, calendarOf, type SeriesKey } from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import { gaps, staleSessions } from './checks.js';
import type { TimeRange } from './series/coverage.js';
import type { BarStore, SeriesInfo, StoreDamage } from './store.js';

/** Which series a maintenance command means; empty lists mean all. */
export interface SeriesFilter {
  readonly sources?: readonly string[];
  readonly symbols?: readonly string[];
  readonly intervals?: readonly string[];
}

export async function selectSeries(store: BarStore, filter: SeriesFilter): Promise<readonly SeriesInfo[]> {
  const fits = (wanted: readonly string[] | undefined, value: string) =>
    wanted === undefined || wanted.length === 0 || wanted.includes(value);
  return (await store.list()).filter(
    ({ key }) =>
      fits(filter.sources, key.source) && fits(filter.symbols, key.instrument) && fits(filter.intervals, key.interval),
  );
}

/** Coverage, gaps and freshness of one series. */
export interface SeriesStatus {
  readonly info: SeriesInfo;
  /** Bars missing between the first and the last; 0 for a sparse series. */
  readonly gaps: number;
  readonly gapExamples: readonly string[];
  /** Dates of finished sessions after the last bar's. */
  readonly staleSessions: readonly string[];
}

export async function seriesStatus(store: BarStore, info: SeriesInfo, now: number): Promise<SeriesStatus> {
  const { key, density, instrument } = info;
  const calendar = calendarOf(instrument.calendar);
  const time = await store.times(key, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  const bars = { instrument: key.instrument, interval: key.interval, time };
  const found = density === 'sparse' ? { count: 0, examples: [] } : gaps(bars, calendar, key.scope);
  return {
    info,
    gaps: found.count,
    gapExamples: found.examples,
    staleSessions: staleSessions(bars, calendar, now),
  };
}

/** Re-reads and re-hashes every file of the series. */
export async function verifySeries(
  store: BarStore,
  series: readonly SeriesInfo[],
  signal: AbortSignal,
): Promise<readonly StoreDamage[]> {
  const damages: StoreDamage[] = [];
  for (const { key } of series) {
    signal.throwIfAborted();
    damages.push(...(await store.verify(key)));
  }
  return damages;
}

/** Gives damaged files up and fetches their ranges again; what cannot be fetched stays given up and is reported. */
export async function repairSeries(
  store: BarStore,
  damages: readonly StoreDamage[],
  fetchAgain: (key: SeriesKey, range: TimeRange) => Promise<void>,
): Promise<readonly { readonly damage: StoreDamage; readonly error: QuantlineError | undefined }[]> {
  const out: { damage: StoreDamage; error: QuantlineError | undefined }[] = [];
  for (const damage of damages) {
    await store.discard(damage);
    try {
      await fetchAgain(damage.key, { from: damage.firstTime, to: damage.lastTime + 1 });
      out.push({ damage, error: undefined });
    } catch (error) {
      if (!(error instanceof QuantlineError)) throw error;
      out.push({ damage, error });
    }
  }
  return out;
}

/** A bar in which two series differ; undefined where one has no bar. */
export interface SeriesDifference {
  readonly time: string;
  readonly field: BarField | 'bar';
  readonly a: number | undefined;
  readonly b: number | undefined;
}

export interface SeriesComparison {
  readonly compared: number;
  readonly onlyInA: number;
  readonly onlyInB: number;
  /** Bars with at least one value further apart than the tolerance. */
  readonly differing: number;
  /** Largest relative difference per field over all common bars. */
  readonly largest: Readonly<Record<string, number>>;
  /** The first cases, ascending by time. */
  readonly examples: readonly SeriesDifference[];
}

/**
 * Compares two stored series of one interval bar by bar. `tolerance` is relative for prices; volume has its own, which
 * differs much between feeds. MISMATCH where intervals or price bases differ.
 */
export async function compareSeries(
  store: BarStore,
  a: SeriesKey,
  b: SeriesKey,
  options: {
    readonly range?: TimeRange;
    readonly tolerance: number;
    readonly volumeTolerance?: number;
    readonly limit?: number;
  },
): Promise<SeriesComparison> {
  const range = options.range ?? { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  const [infoA, infoB] = await Promise.all([store.info(a), store.info(b)]);
  if (a.interval !== b.interval || (infoA !== undefined && infoB !== undefined && infoA.basis !== infoB.basis))
    throw new QuantlineError(
      'MISMATCH',
      `${a.source} (${a.interval}, ${infoA?.basis}) and ${b.source} (${b.interval}, ${infoB?.basis}) cannot be compared.`,
      { hint: 'Compare series of one interval and one price basis.' },
    );
  const [x, y] = await Promise.all([store.read(a, range.from, range.to), store.read(b, range.from, range.to)]);
  const limit = options.limit ?? 20;
  const examples: SeriesDifference[] = [];
  const largest: Record<string, number> = { open: 0, high: 0, low: 0, close: 0, volume: 0 };
  const show = (time: number, field: SeriesDifference['field'], va: number | undefined, vb: number | undefined) => {
    if (examples.length < limit) examples.push({ time: isoTime(time), field, a: va, b: vb });
  };
  let [i, j, compared, onlyInA, onlyInB, differing] = [0, 0, 0, 0, 0, 0];
  while (i < x.time.length || j < y.time.length) {
    const ta = x.time[i] ?? Number.POSITIVE_INFINITY;
    const tb = y.time[j] ?? Number.POSITIVE_INFINITY;
    if (ta < tb) {
      onlyInA++;
      show(ta, 'bar', x.close[i++], undefined);
    } else if (tb < ta) {
      onlyInB++;
      show(tb, 'bar', undefined, y.close[j++]);
    } else {
      let differs = false;
      for (const field of BAR_FIELDS) {
        if (field === 'time') continue;
        const [va, vb] = [x[field][i]!, y[field][j]!];
        const apart = va === vb ? 0 : Math.abs(va - vb) / Math.max(Math.abs(va), Math.abs(vb));
        largest[field] = Math.max(largest[field]!, apart);
        const allowed = field === 'volume' ? (options.volumeTolerance ?? Number.POSITIVE_INFINITY) : options.tolerance;
        if (apart <= allowed) continue;
        differs = true;
        show(ta, field, va, vb);
      }
      if (differs) differing++;
      compared++;
      i++;
      j++;
    }
  }
  return { compared, onlyInA, onlyInB, differing, largest, examples };
}
