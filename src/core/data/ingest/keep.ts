import {
  type BarColumns,
  type CorporateAction,
  calendarOf,
  DAY_MS,
  type Interval,
  knownAt,
  lowerBound,
  type SessionScope,
  sliceBars,
} from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { type Clock, canonicalJson, type Logger } from '../../platform/index.js';
import type { DatasetSeries } from '../dataset.js';
import { checkQuality, joinFindings, type QualityFinding, type QualityPolicies, type SourceNote } from '../quality.js';
import { type TimeRange, unfinishedFrom } from '../range.js';
import { joinBars } from '../series/memory.js';
import type { MarketDataSource } from '../source.js';
import type { BarStore, PutResult, SeriesPut } from '../store.js';
import { seriesOf } from './pinned.js';
import type { Chunk, Planned } from './plan.js';

export interface KeepContext {
  readonly source: MarketDataSource;
  readonly store: BarStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** What the source noted so far, by instrument; it is taken out. */
  readonly notes: Map<string, SourceNote[]>;
  readonly policies: QualityPolicies;
  readonly interval: Interval;
  readonly scope: SessionScope;
  /** Whether the range asked for has an end; then its last sessions are expected of an archive too. */
  readonly ends: boolean;
}

/** Bars before the first new one that the checks compare with. */
const CONTEXT_MS = 30 * DAY_MS;
/** Bars at the end of a chunk that are judged with the next one: an outlier shows by the bars on both sides. */
const HELD = 3;

/** One symbol that was stored. */
export interface IngestedSeries {
  readonly symbol: string;
  readonly series: DatasetSeries;
  /** Bars received and kept. */
  readonly rows: number;
  readonly inserted: number;
  readonly updated: number;
}

/**
 * Checks and stores the chunks of one symbol, in the order of time. Each is stored with the range that it answers:
 * whatever ends an ingest leaves bars without a hole, and what comes after them is asked again.
 */
export class SeriesKeeper {
  private readonly findings: QualityFinding[] = [];
  private actions: readonly CorporateAction[] | undefined;
  private unsaved: readonly CorporateAction[] = [];
  /** Bars of the chunk before that are stored, and its last ones, which are not. */
  private before: BarColumns | undefined;
  private held: BarColumns | undefined;
  /** Answered from here on, but not said to the store yet. */
  private answeredFrom: number | undefined;
  private received = 0;
  private readonly kept = { rows: 0, inserted: 0, updated: 0 };
  private firstTime: number | undefined;
  private lastTime: number | undefined;

  constructor(
    private readonly item: Planned,
    private readonly context: KeepContext,
  ) {}

  private get live(): boolean {
    return this.context.source.archive !== true;
  }

  private get isStored(): boolean {
    return this.kept.rows > 0 || (this.item.info?.rows ?? 0) > 0;
  }

  /**
   * Takes the answer to a chunk and gives what is to be put of it, before the next chunk is; actions come with the first
   * chunk of a range, for all of it.
   */
  async take(
    chunk: Chunk,
    parts: readonly BarColumns[],
    actions: readonly CorporateAction[],
  ): Promise<SeriesPut | undefined> {
    const bars = this.arrived(parts);
    const n = bars.time.length;
    await this.learn(actions);
    const heldAt = chunk.continues ? Math.max(0, n - HELD) : n;
    const heldFrom = bars.time[heldAt];
    this.held = heldAt < n ? sliceBars(bars, heldAt) : undefined;
    const good = chunk.continues && heldAt === 0 ? sliceBars(bars, 0, 0) : await this.check(chunk, bars, heldFrom);
    this.context.signal.throwIfAborted();
    this.answeredFrom ??= chunk.range?.from;
    const put = this.putOf(chunk, good, heldFrom ?? chunk.range?.to);
    if (!chunk.continues) this.before = undefined;
    else if (good.time.length > 0) this.before = good;
    return put;
  }

  /** Bars of this chunk behind those held back; one whose end lies ahead would be another one later. */
  private arrived(parts: readonly BarColumns[]): BarColumns {
    const { interval, clock } = this.context;
    const { id, calendar } = this.item.instrument;
    const fresh = parts.filter((part) => part.time.length > 0);
    let bars = joinBars(id, interval, this.held === undefined ? fresh : [this.held, ...fresh]);
    if (this.live) bars = sliceBars(bars, 0, lowerBound(knownAt(bars, calendarOf(calendar), 0), clock.now() + 1));
    this.received += bars.time.length - (this.held?.time.length ?? 0);
    return bars;
  }

  private async learn(actions: readonly CorporateAction[]): Promise<void> {
    const { info, key } = this.item;
    this.actions ??= info === undefined ? [] : await this.context.store.actions(key);
    const known = new Set(this.actions.map(canonicalJson));
    const fresh = actions.filter((action) => !known.has(canonicalJson(action)));
    this.actions = [...this.actions, ...fresh];
    this.unsaved = [...this.unsaved, ...fresh];
  }

  /** The bars before `heldFrom` that pass. */
  private async check(chunk: Chunk, bars: BarColumns, heldFrom: number | undefined): Promise<BarColumns> {
    const { source, store, clock, notes, scope, policies, interval, ends } = this.context;
    const { symbol, instrument, key, range, info } = this.item;
    const first = bars.time[0];
    const earlier =
      this.before ??
      (this.live && info !== undefined && first !== undefined
        ? await store.read(key, first - CONTEXT_MS, first)
        : undefined);
    const context = earlier !== undefined && earlier.time.length > 0 ? [earlier] : [];
    const checked = checkQuality(joinBars(instrument.id, interval, [...context, bars]), {
      calendar: calendarOf(instrument.calendar),
      scope,
      density: source.density,
      policies,
      actions: this.actions!,
      notes: notes.get(symbol) ?? [],
      ...(context.length === 0 ? {} : { judgeFrom: first ?? Number.POSITIVE_INFINITY }),
      ...(heldFrom === undefined ? {} : { judgeUntil: heldFrom }),
      ...(chunk.last && (this.live || ends)
        ? { expectedUntil: Math.min(range.to, clock.now()) - (source.delayMs ?? 0) }
        : {}),
    });
    notes.delete(symbol);
    this.findings.push(...checked.findings);
    return checked.bars;
  }

  /** No bars are nothing to say on their own, unless they are the last word on a series that is there. */
  private putOf(chunk: Chunk, bars: BarColumns, answeredTo: number | undefined): SeriesPut | undefined {
    const { source, interval, clock } = this.context;
    const { key, instrument } = this.item;
    const n = bars.time.length;
    if (n === 0 && (chunk.continues || !this.isStored || this.nothingLeft)) return undefined;
    // What is published later than now must be asked again.
    const settled = unfinishedFrom(clock.now() - (source.delayMs ?? 0), interval, calendarOf(instrument.calendar));
    const answered = { from: this.answeredFrom ?? 0, to: Math.min(answeredTo ?? 0, settled) };
    const covered = this.live && answered.from < answered.to ? [answered] : [];
    this.answeredFrom = chunk.continues ? answeredTo : undefined;
    const actions = this.unsaved;
    this.unsaved = [];
    this.kept.rows += n;
    this.firstTime ??= bars.time[0];
    this.lastTime = bars.time.at(-1) ?? this.lastTime;
    return { info: { key, instrument, basis: source.basis, density: source.density }, bars, covered, actions };
  }

  /** What a put of these bars changed. */
  note({ inserted, updated }: PutResult): void {
    this.kept.inserted += inserted;
    this.kept.updated += updated;
  }

  private get nothingLeft(): boolean {
    return this.received > 0 && this.kept.rows === 0;
  }

  /** After the last chunk: says what the checks found. @throws QuantlineError NO_DATA where nothing came. */
  finish(sourceName: string): void {
    const { symbol, key } = this.item;
    const findings = joinFindings(this.findings);
    if (this.nothingLeft)
      throw new QuantlineError('NO_DATA', `No bar of ${symbol} is left after the checks${named(findings)}.`, {
        hint: 'Check --interval, --session, --calendar and --timezone.',
        details: { symbol, findings },
      });
    if (!this.isStored)
      throw new QuantlineError('NO_DATA', `${sourceName} has no ${key.interval} bars of ${symbol} in that range.`, {
        hint: 'Check the symbol, the interval and the range; a delisted symbol has bars up to its last session.',
        details: { symbol },
      });
    warn(symbol, findings, this.context.logger);
  }

  /** The stored series, pinned. @throws QuantlineError NO_DATA where the range has no bars. */
  async pinned(): Promise<IngestedSeries> {
    const { symbol, key, range } = this.item;
    const series = await seriesOf(this.context.store, key, this.closed(range), joinFindings(this.findings));
    return { symbol, series, ...this.kept };
  }

  /** An open end of an archive's range closes where its bars do. */
  private closed({ from, to }: TimeRange): TimeRange {
    return {
      from: Number.isFinite(from) ? from : (this.firstTime ?? from),
      to: Number.isFinite(to) ? to : (this.lastTime ?? to) + 1,
    };
  }
}

const named = (findings: readonly QualityFinding[]): string =>
  findings.length === 0 ? '' : ` (${findings.map(({ check, count }) => `${check}: ${count}`).join(', ')})`;

function warn(symbol: string, findings: readonly QualityFinding[], logger: Logger): void {
  for (const { check, policy, count, examples } of findings) {
    if (policy === 'allow') continue;
    const what = policy === 'drop' ? 'left out' : 'found';
    const list = examples.slice(0, 3).join('; ');
    logger.warn(`${symbol}: ${check}: ${count} ${what}, at ${list}${count > 3 ? ', …' : ''}`);
  }
}
