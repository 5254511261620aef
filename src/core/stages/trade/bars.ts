import { type IngestContext, ingestBars } from '../../data/ingest.js';
import type { QualityPolicies, SourceNote } from '../../data/quality.js';
import type { BarRequest, MarketDataSource } from '../../data/source.js';
import type { BarStore } from '../../data/store.js';
import {
  type BarColumns,
  type CorporateAction,
  DAY_MS,
  lowerBound,
  type SeriesKey,
  sliceBars,
} from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import type { Runtime } from '../runtime.js';
import type { Tradeable } from './tradeable.js';

/** Newer bars of a dataset's instruments: through the same ingest, checks and store as any others. */
export class NewerBars {
  /** Per instrument the end of the dataset. */
  private readonly ends: readonly number[];
  private readonly keys: readonly SeriesKey[];
  private readonly notes: Map<string, SourceNote[]>;
  readonly source: MarketDataSource;
  private caughtUp = false;
  /** Instruments of which no more bars come. */
  private readonly ended = new Set<number>();

  constructor(
    private readonly dataset: Tradeable['dataset'],
    opened: { readonly source: MarketDataSource; readonly name: string; readonly notes: Map<string, SourceNote[]> },
    private readonly store: BarStore,
    readonly policies: QualityPolicies,
    private readonly runtime: Runtime,
  ) {
    this.notes = opened.notes;
    this.source = opened.source;
    this.ends = dataset.bars.map(({ time }) => time.at(-1)!);
    this.keys = dataset.instruments.map(({ id }) => ({
      ...{ source: opened.name, feed: opened.source.feed, scope: dataset.scope },
      ...{ interval: dataset.interval, instrument: id },
    }));
  }

  get name(): string {
    return this.keys[0]!.source;
  }

  get density(): MarketDataSource['density'] {
    return this.source.density;
  }

  /** Whether these are the very series of the dataset, continued. */
  get continues(): boolean {
    return this.dataset.series.every(
      ({ pin }, j) => pin.key.source === this.keys[j]!.source && pin.key.feed === this.keys[j]!.feed,
    );
  }

  /**
   * Asks the source for what is missing since the end of the dataset, and again for everything from `recent` on, which
   * may have been published late or restated. QUALITY, NO_DATA … where an instrument fails.
   */
  async fetch(recent: number, from: number = Math.min(...this.ends)): Promise<void> {
    if (!this.caughtUp && from < recent) await this.ingest(from, recent, false);
    this.caughtUp = true;
    try {
      await this.ingest(recent, undefined, true);
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'QUALITY') throw error;
      // What was wrong, or missing, in an earlier session may have been put right since it was asked for.
      await this.ingest(from, undefined, true);
    }
  }

  /** Instrument j is not asked for any more. */
  end(j: number): void {
    this.ended.add(j);
  }

  private async ingest(from: number, to: number | undefined, refetch: boolean): Promise<void> {
    const { dataset, runtime, store, policies, notes } = this;
    const instant = (time: number) => ({ kind: 'instant', time }) as const;
    const context: IngestContext = { ...runtime, source: this.known(), store, notes };
    const symbols = dataset.instruments.filter((_, j) => !this.ended.has(j)).map(({ id }) => id);
    if (symbols.length === 0) return;
    const { interval, scope } = dataset;
    const range = { from: instant(from), to: to === undefined ? undefined : instant(to) };
    const outcome = await ingestBars(
      { sourceName: this.name, symbols, interval, scope, range, policies, refetch, pins: false },
      { ...context, progress: { ...context.progress, end: () => {}, update: () => {} } },
    );
    const [failure] = outcome.failures.filter(({ error }) => error.code !== 'NO_DATA');
    if (failure !== undefined) throw failure.error;
  }

  /** The source, not asked again what the instruments are: those of the dataset are traded. */
  private known(): MarketDataSource {
    const { source, dataset } = this;
    const byId = new Map(dataset.instruments.map((one) => [one.id, one]));
    return {
      ...{ feed: source.feed, basis: source.basis, density: source.density },
      ...(source.batch === undefined ? {} : { batch: source.batch }),
      ...(source.delayMs === undefined ? {} : { delayMs: source.delayMs }),
      instruments: async (symbols) => symbols.map((symbol) => byId.get(symbol)!),
      bars: (request: BarRequest, signal: AbortSignal) => source.bars(request, signal),
      ...(source.actions && { actions: (request, signal) => source.actions!(request, signal) }),
    };
  }

  /** Stored bars of instrument j that open at or after `from` and after the end of the dataset. */
  async read(j: number, from: number): Promise<BarColumns> {
    return this.store.read(this.keys[j]!, Math.max(from, this.ends[j]! + 1), Number.POSITIVE_INFINITY);
  }

  /** Corporate actions of instrument j in sessions after the one of `since`, up to `date`, as fetched with the bars. */
  async actions(j: number, since: number, date: string): Promise<readonly CorporateAction[]> {
    return this.between(await this.store.actions(this.keys[j]!), j, since, date);
  }

  /** The same as the source knows them now. */
  async announced(j: number, since: number, date: string): Promise<readonly CorporateAction[]> {
    const { source, dataset, runtime } = this;
    if (source.actions === undefined) return this.actions(j, since, date);
    const { interval, scope } = dataset;
    const to = dataset.calendars[j]!.session(date)?.close ?? runtime.clock.now();
    const request = { symbols: [dataset.instruments[j]!.id], interval, scope, from: since, to };
    return this.between(await source.actions(request, runtime.signal), j, since, date);
  }

  private between(actions: readonly CorporateAction[], j: number, since: number, date: string) {
    const calendar = this.dataset.calendars[j]!;
    const last = calendar.sessionAt(since) ?? calendar.previousSession(since + DAY_MS);
    return actions.filter((action) => action.date > last.date && action.date <= date);
  }

  /** MISMATCH where the source's bars do not agree with the last ones of the dataset. */
  async checkOverlap(): Promise<void> {
    const OVERLAP = 20;
    const first = this.dataset.bars.map(({ time }) => time[Math.max(0, time.length - OVERLAP)]!);
    await this.ingest(Math.min(...first), Math.max(...this.ends) + 1, false);
    for (const [j, own] of this.dataset.bars.entries()) {
      const other = await this.store.read(this.keys[j]!, first[j]!, this.ends[j]! + 1);
      compareCloses(sliceBars(own, lowerBound(own.time, first[j]!)), other, this.name);
    }
  }
}

/** Closes of two series at the same instants must agree before one may continue the other. */
export function compareCloses(own: BarColumns, other: BarColumns, name: string): void {
  const LEAST = 5;
  const WIDEST = 0.01;
  let common = 0;
  for (let i = 0; i < other.time.length; i++) {
    const at = lowerBound(own.time, other.time[i]!);
    if (own.time[at] !== other.time[i]) continue;
    common++;
    const difference = Math.abs(other.close[i]! / own.close[at]! - 1);
    if (difference <= WIDEST) continue;
    throw new QuantlineError(
      'MISMATCH',
      `${own.instrument}: ${name} closes at ${other.close[i]} where the dataset has ${own.close[at]} (${(difference * 100).toFixed(1)} % apart).`,
      {
        hint: 'Trade on the source of the dataset, or ingest, train and evaluate on the new one.',
        details: { instrument: own.instrument, time: other.time[i], source: name },
      },
    );
  }
  if (common >= Math.min(LEAST, own.time.length)) return;
  throw new QuantlineError(
    'MISMATCH',
    `${own.instrument}: ${name} and the dataset have ${common} bars in common, too few to compare.`,
    {
      hint: 'The new source must reach back to the end of the dataset; ingest newer bars and evaluate again.',
      details: { instrument: own.instrument, source: name, common },
    },
  );
}
