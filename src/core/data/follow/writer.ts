import { randomUUID } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { type BarColumns, type CorporateAction, sliceBars } from '../../domain/index.js';
import { isQuantlineError } from '../../errors/index.js';
import { type Clock, isoTime, type Logger } from '../../platform/index.js';
import { currentOwner, ownerIsGone } from '../../state/index.js';
import type { QualityCheck, QualityPolicies } from '../quality.js';
import { addRange, type TimeRange } from '../series/coverage.js';
import { unionBars } from '../series/merge.js';
import type { BarStore, SeriesMetadata } from '../store.js';
import { BarChecker } from './checker.js';
import type { FollowEvent } from './events.js';
import { readTail, TailLog, tailLogs } from './tail.js';

export interface WriterSettings {
  readonly store: BarStore;
  /** The store's address, for a later start that finds the log. */
  readonly storeName: string;
  /** Folder of the logs. */
  readonly folder: string;
  readonly series: readonly SeriesMetadata[];
  readonly policies: QualityPolicies;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bars wait in the log at most this long before they are folded into the store, ms. */
  readonly foldMs: number;
  readonly faultPoint?: (name: string) => void;
}

/** What was done so far. */
export interface FollowCounts {
  readonly streamed: number;
  readonly restated: number;
  readonly backfilled: number;
  readonly refused: number;
}

interface Followed {
  readonly metadata: SeriesMetadata;
  readonly checker: BarChecker;
  /** Received since the last fold. */
  pending: BarColumns[];
  covered: readonly TimeRange[];
  restated: number;
}

/**
 * Takes followed bars through the checks into a durable log, and folds the log into the store now and then. A bar is
 * kept once `take` returns, whatever happens afterwards; folding twice changes nothing, so a crash loses and doubles none.
 */
export class FollowWriter {
  private readonly counters = { streamed: 0, restated: 0, backfilled: 0, refused: 0 };
  private readonly followed: ReadonlyMap<string, Followed>;
  private readonly numbers: ReadonlyMap<string, number>;
  private foldAt: number;

  private constructor(
    private readonly settings: WriterSettings,
    private readonly log: TailLog,
    followed: readonly Followed[],
  ) {
    this.followed = new Map(followed.map((one) => [one.metadata.instrument.id, one]));
    this.numbers = new Map(followed.map((one, i) => [one.metadata.instrument.id, i]));
    this.foldAt = settings.clock.now() + settings.foldMs;
  }

  static async open(settings: WriterSettings): Promise<FollowWriter> {
    const { store, series, policies, folder, storeName } = settings;
    const followed: Followed[] = [];
    for (const metadata of series) {
      const { key, instrument } = metadata;
      const info = await store.info(key);
      const actions: readonly CorporateAction[] = info === undefined ? [] : await store.actions(key);
      const before = await lastBars(store, metadata, info?.lastTime);
      const checker = new BarChecker(
        { instrument, interval: key.interval, scope: key.scope, policies, actions },
        before,
      );
      followed.push({ metadata, checker, pending: [], covered: [], restated: 0 });
    }
    const log = await TailLog.create(folder, randomUUID(), {
      owner: currentOwner(),
      store: storeName,
      interval: series[0]!.key.interval,
      series,
    });
    return new FollowWriter(settings, log, followed);
  }

  get counts(): FollowCounts {
    return { ...this.counters };
  }

  /** What was restated and what the checks found of one instrument. */
  detailsOf(instrument: string): { readonly restated: number; readonly found: ReadonlyMap<QualityCheck, number> } {
    const { restated, checker } = this.followed.get(instrument)!;
    return { restated, found: checker.found };
  }

  /** Checks the bars of an event and makes them durable; folds where it is time. */
  async take(event: Extract<FollowEvent, { type: 'bars' }>): Promise<void> {
    const { faultPoint } = this.settings;
    for (const bars of event.bars) {
      const series = this.followed.get(bars.instrument);
      if (series === undefined) continue;
      const kept = series.checker.check(bars, ({ time, reason }) => {
        this.counters.refused++;
        this.settings.logger.warn(`The bar of ${isoTime(time)} is not kept: ${reason}`);
      });
      if (kept.time.length === 0) continue;
      this.log.append(this.numbers.get(bars.instrument)!, kept);
      series.pending.push(kept);
      if (event.origin === 'restated') series.restated += kept.time.length;
      const counter = { stream: 'streamed', restated: 'restated', backfill: 'backfilled' } as const;
      this.counters[counter[event.origin]] += kept.time.length;
    }
    faultPoint?.('follow-checked');
    await this.log.flush();
    faultPoint?.('follow-flushed');
    if (event.origin === 'backfill' && event.covered.from < event.covered.to)
      for (const symbol of event.symbols) {
        const series = this.followed.get(symbol);
        if (series !== undefined) series.covered = addRange(series.covered, event.covered);
      }
    if (this.settings.clock.now() >= this.foldAt) await this.fold();
  }

  /** Moves everything from the log into the store; a store that does not answer is tried again later. */
  async fold(): Promise<void> {
    const { clock, foldMs, logger } = this.settings;
    this.foldAt = clock.now() + foldMs;
    try {
      await this.foldNow();
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
      logger.warn(`${error.message} The bars wait in ${this.log.path}.`);
    }
  }

  private async foldNow(): Promise<void> {
    const { store, faultPoint } = this.settings;
    for (const series of this.followed.values()) {
      const { pending, covered, metadata } = series;
      if (pending.length === 0 && covered.length === 0) continue;
      const bars = pending.length === 0 ? emptyBars(metadata) : unionBars(pending);
      await store.put(metadata, bars, covered[0]);
      for (const more of covered.slice(1)) await store.put(metadata, sliceBars(bars, 0, 0), more);
      faultPoint?.('follow-put');
    }
    faultPoint?.('follow-folded');
    await this.log.clear();
    for (const series of this.followed.values()) {
      series.pending = [];
      series.covered = [];
    }
  }

  /** Folds for the last time and removes the log; where the store does not answer the log stays for the next start. */
  async close(): Promise<void> {
    try {
      await this.foldNow();
      await this.log.remove();
    } catch (error) {
      await this.log.close();
      throw error;
    }
  }
}

/** The newest stored bars of a series, about a hundred of them. */
async function lastBars(store: BarStore, metadata: SeriesMetadata, lastTime: number | undefined): Promise<BarColumns> {
  if (lastTime === undefined) return emptyBars(metadata);
  return store.read(metadata.key, lastTime - 5 * 86_400_000, lastTime + 1);
}

const emptyBars = ({ instrument, key }: SeriesMetadata): BarColumns => {
  const none = new Float64Array();
  return {
    ...{ instrument: instrument.id, interval: key.interval },
    ...{ time: none, open: none, high: none, low: none, close: none, volume: none },
  };
};

/**
 * Folds what processes that are certainly dead have left in their logs into their stores. `openStore` is asked once a
 * store. Returns the bars that were new or different there.
 */
export async function recoverTails(
  folder: string,
  openStore: (name: string) => Promise<BarStore>,
  logger: Logger,
): Promise<number> {
  let recovered = 0;
  for (const path of await tailLogs(folder)) {
    const tail = await readTail(path);
    if (!ownerIsGone(tail.owner)) {
      logger.info(`Another process follows ${tail.series.map(({ instrument }) => instrument.id).join(', ')}.`);
      continue;
    }
    const store = await openStore(tail.store);
    for (const [k, bars] of tail.bars.entries()) {
      if (bars === undefined) continue;
      const { inserted, updated } = await store.put(tail.series[k]!, bars);
      recovered += inserted + updated;
    }
    await unlink(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  return recovered;
}
