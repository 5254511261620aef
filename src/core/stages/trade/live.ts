import type { TradeOptions } from '../../config/index.js';
import { scopeOf } from '../../data/checks.js';
import { openDatasetStore } from '../../data/open.js';
import { qualityPolicies } from '../../data/quality.js';
import { timeRange } from '../../data/range.js';
import { dateAt } from '../../data/sources/vendor-columns.js';
import type { BarStore } from '../../data/store.js';
import { type CorporateAction, DAY_MS, intervalMs } from '../../domain/index.js';
import {
  type DatedAction,
  GrowingFeed,
  type Holding,
  isEnding,
  SlotClock,
  SlotSchedule,
} from '../../engine/live/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { SpreadScorer } from '../../market/index.js';
import { loadAdapter } from '../../registry/index.js';
import { measureOf, needsMeasure } from '../../risk/index.js';
import { adjustingOf, asOfModel, asOfScorer } from '../compose/as-of.js';
import { barsPerYear, returnCalendar } from '../compose/market.js';
import type { ComposedStrategy } from '../compose/strategy.js';
import { openSource, type SourceModule } from '../ingest.js';
import type { Runtime } from '../runtime.js';
import { NewerBars } from './bars.js';
import { LiveSource } from './live-source.js';
import type { TradeMarket } from './market.js';
import { canStream, StreamedBars } from './streamed.js';
import type { Tradeable } from './tradeable.js';
import { sourceSettings } from './venue.js';

/** Sources that have no bars of now: what they hold is replayed at the simulated venue. */
const ARCHIVES = new Set(['csv', 'parquet', 'duckdb', 'synthetic']);

/** For how long the store need not be asked again, ms: another process may have put something there. */
const ACTIONS_HOLD_MS = 10_000;

/** Whether bars as they arrive are traded, and not a replay. */
export const isLive = (options: Pick<TradeOptions, 'source' | 'broker'>): boolean =>
  options.broker !== 'sim' || (options.source !== undefined && options.source !== 'replay');

/** The bars that follow the dataset, from its own source and feed, or from another that agrees with it. */
export async function liveMarket(
  tradeable: Tradeable,
  composed: ComposedStrategy,
  options: TradeOptions,
  runtime: Runtime,
): Promise<TradeMarket> {
  const { dataset } = tradeable;
  const store = await openDatasetStore(runtime, dataset.artifact, dataset);
  try {
    const bars = await openNewerBars(tradeable, options, runtime, store);
    const market = new LiveMarket(tradeable, composed, options, runtime, store, bars);
    await market.start();
    return market;
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openNewerBars(
  { dataset }: Tradeable,
  options: TradeOptions,
  runtime: Runtime,
  store: BarStore,
): Promise<NewerBars> {
  const { key } = dataset.series[0]!.pin;
  const name = options.source ?? key.source;
  if (ARCHIVES.has(name))
    throw new QuantlineError('CONFIG', `The dataset comes from ${name}, which has no bars of now.`, {
      hint: `Name a source of the same market, such as --source alpaca${options.broker === 'sim' ? '' : ', or replay it at --broker sim'}.`,
    });
  const marked = dataset.series.filter(({ basis }) => basis !== 'raw').map(({ instrument }) => instrument.id);
  if (marked.length > 0)
    throw new QuantlineError(
      'MISMATCH',
      `The prices of ${marked.join(', ')} are adjusted, and a venue trades raw ones.`,
      {
        hint: 'Ingest raw prices (with their corporate actions), train and evaluate on them.',
        details: { instruments: marked },
      },
    );
  const own = name === key.source;
  const { module } = await loadAdapter<SourceModule>('source', name);
  const set = {
    ...(own && key.feed !== '' && 'feed' in module.settings.shape ? { feed: key.feed } : {}),
    ...sourceSettings(options),
  };
  const opened = await openSource({ source: name, symbols: dataset.instruments.map(({ id }) => id), set }, runtime);
  if (opened.source.archive === true)
    throw new QuantlineError('CONFIG', `The source ${name} is an archive, which has no bars of now.`, {
      hint: 'Name a source of the same market, such as --source alpaca.',
    });
  if (opened.source.basis !== 'raw')
    throw new QuantlineError('MISMATCH', `The prices of ${name} are adjusted, and a venue trades raw ones.`, {
      hint: 'Use a source of raw prices, such as --source alpaca.',
    });
  const policies = qualityPolicies({ gaps: 'refuse', ...options.quality });
  const bars = new NewerBars(dataset, opened, store, policies, runtime);
  if (!bars.continues) await bars.checkOverlap();
  return bars;
}

interface ReadActions {
  readonly since: number;
  /** Up to this date. */
  readonly date: string;
  readonly time: number;
  readonly actions: readonly CorporateAction[];
}

class LiveMarket implements TradeMarket {
  readonly until: number;
  private readonly schedule: SlotSchedule;
  private feed!: GrowingFeed;
  /** By instrument: actions since the end of the dataset. */
  private readonly newActions: (readonly DatedAction[])[] = [];
  /** By instrument what the store said last; forgotten when something new is fetched. */
  private readonly readActions = new Map<number, ReadActions>();
  private stream: StreamedBars | undefined;
  source!: LiveSource;

  constructor(
    private readonly tradeable: Tradeable,
    private readonly composed: ComposedStrategy,
    private readonly options: TradeOptions,
    private readonly runtime: Runtime,
    private readonly store: BarStore,
    private readonly bars: NewerBars,
  ) {
    const { dataset } = tradeable;
    const { interval, scope, delayMs } = dataset;
    this.schedule = new SlotSchedule(
      dataset.calendars.map((calendar) => new SlotClock(calendar, interval, scope, delayMs, scopeOf)),
    );
    const calendar = returnCalendar(dataset);
    this.until = timeRange({ to: options.until }, calendar, scope, Number.POSITIVE_INFINITY).to;
  }

  async start(): Promise<void> {
    const { runtime, options, schedule, bars, tradeable } = this;
    const { dataset } = tradeable;
    const calendar = returnCalendar(dataset);
    const recent = (slot: number) => {
      const session = calendar.sessionAt(slot - 1) ?? calendar.previousSession(slot);
      return scopeOf(session, dataset.scope)[0];
    };
    // Actions are known only with the bars around them: the history is scaled before anything is computed.
    await bars.fetch(recent(schedule.last(runtime.clock.now()))).catch(() => {});
    this.feed = await this.build();
    const { clock, logger } = runtime;
    const { instruments, interval, scope, delayMs } = dataset;
    if (!options.once && canStream(bars.source, instruments, interval))
      this.stream = new StreamedBars({
        ...{ instruments, interval, scope, delayMs, schedule, clock, logger, feed: this.feed },
        source: bars.source,
        policies: bars.policies,
        from: recent(schedule.next(clock.now())),
      });
    const { stream } = this;
    this.source = new LiveSource({
      feed: this.feed,
      schedule,
      inflow: {
        fetch: (from) => this.fetch(from),
        ...(stream && { streamed: (slot, deadline, signal) => stream.streamed(slot, deadline, signal) }),
      },
      clock: runtime.clock,
      logger: runtime.logger,
      interval: dataset.interval,
      density: bars.density,
      nextFill: (slot) => (calendar.sessionAt(slot) === undefined ? calendar.nextSession(slot).open : slot),
      recent,
      maxAge: options.maxDecisionAge ?? intervalMs(dataset.interval) / 2,
      patience: options.patience,
      waits: !options.once,
      until: this.until,
      expiry: this.tradeable.model.expiry,
    });
  }

  /** The dataset's bars with a scorer for each instrument; newer bars come behind. Each sees prices as of its bar. */
  private async build(): Promise<GrowingFeed> {
    const { dataset, model } = this.tradeable;
    const { instruments, calendars } = dataset;
    const { sizing } = this.composed.strategy;
    const { spread } = this.composed.venue.fill;
    const ends = dataset.bars.map(({ time }) => time.at(-1)!);
    const newer = await Promise.all(instruments.map((_, j) => this.bars.actions(j, ends[j]!, this.today())));
    const series = dataset.series.map((one, j) => ({ ...one, actions: [...one.actions, ...newer[j]!] }));
    const adjusting = adjustingOf({ series });
    const asOf = asOfModel(model.model, adjusting);
    return new GrowingFeed(
      dataset.bars,
      (j) => {
        const calendar = calendars[j]!;
        const perYear = barsPerYear(dataset, calendar);
        const measure = () => measureOf(sizing, perYear)!;
        return {
          score: asOf.scorer(instruments[j]!, calendar),
          measure: needsMeasure(sizing) ? asOfScorer(measure, adjusting.get(instruments[j]!.id), calendar) : undefined,
          spread: spread && new SpreadScorer(spread, undefined),
        };
      },
      returnCalendar(dataset),
      (j) => this.newActions[j] ?? [],
      asOf.seesPosition,
    );
  }

  private async fetch(recent: number): Promise<void> {
    const { instruments, bars, calendars } = this.tradeable.dataset;
    await this.bars.fetch(recent);
    this.readActions.clear();
    for (const [j] of instruments.entries()) {
      const last = this.feed.bars(j).time.at(-1)!;
      this.feed.put(j, await this.bars.read(j, Math.min(last, recent) - DAY_MS));
      const actions = await this.bars.actions(j, bars[j]!.time.at(-1)!, this.today());
      this.newActions[j] = actions.flatMap((given) => {
        const action = this.asTraded(given);
        const open = calendars[j]!.session(action.date)?.open;
        return open === undefined ? [] : [{ action, open }];
      });
      this.end(j);
    }
  }

  /** An instrument that was delisted or renamed has no bars any more; the others go on without it. */
  private end(j: number): void {
    const last = this.newActions[j]!.find(({ action }) => isEnding(action));
    if (last === undefined || !this.schedule.trades(j, last.open)) return;
    const { action, open } = last;
    this.schedule.end(j, open);
    this.bars.end(j);
    const what = action.type === 'rename' ? `is ${action.becomes} since` : 'is not traded any more since';
    this.runtime.logger.warn(`${action.instrument} ${what} ${action.date}; the other instruments go on without it.`);
  }

  /** A simulated venue has no prices of a name that the dataset does not know: it closes there, as in a backtest. */
  private asTraded(action: CorporateAction): CorporateAction {
    const { instruments } = this.tradeable.dataset;
    if (action.type !== 'rename' || this.options.broker !== 'sim') return action;
    if (instruments.some(({ id }) => id === action.becomes)) return action;
    return { type: 'delisting', instrument: action.instrument, date: action.date };
  }

  slotAfter(time: number): number {
    return this.schedule.next(time);
  }

  arrive(): void {}

  follow(signal: AbortSignal): Promise<void> {
    return this.stream?.run(signal) ?? Promise.resolve();
  }

  /** What a stream has brought is asked of the source too: its bars are what is kept, and count where they differ. */
  async settle(slot: number, signal: AbortSignal): Promise<void> {
    if (this.stream === undefined) return;
    try {
      const calendar = returnCalendar(this.tradeable.dataset);
      const session = calendar.sessionAt(slot - 1) ?? calendar.previousSession(slot);
      await this.fetch(scopeOf(session, this.tradeable.dataset.scope)[0]);
      this.feed.score();
    } catch (error) {
      if (signal.aborted || !isQuantlineError(error)) throw error;
      this.runtime.logger.warn(`Bars of the stream were not kept yet: ${error.message}`);
    }
  }

  /** The date at the venue. */
  private today(): string {
    const { timezone } = returnCalendar(this.tradeable.dataset);
    return dateAt(this.runtime.clock.now(), timezone);
  }

  async actions(held: readonly Holding[], announced: boolean): Promise<readonly CorporateAction[]> {
    const { instruments, calendars } = this.tradeable.dataset;
    const found: CorporateAction[] = [];
    const date = this.today();
    for (const { instrument, since } of held) {
      const j = instruments.findIndex(({ id }) => id === instrument);
      if (j < 0) continue;
      const actions = announced
        ? await this.bars.announced(j, since, calendars[j]!.nextSession(this.runtime.clock.now()).date)
        : await this.heldActions(j, since, date);
      const last = this.feed.bars(j).close.at(-1)!;
      for (const given of actions) {
        const action = this.asTraded(given);
        // One that does not say what it pays does so at the last price.
        found.push(action.type === 'delisting' ? { ...action, amount: action.amount ?? last } : action);
      }
    }
    return found;
  }

  /** Read ahead of a slot, they serve the slot as well: nothing is read between its last bar and its orders. */
  private async heldActions(j: number, since: number, date: string): Promise<readonly CorporateAction[]> {
    const now = this.runtime.clock.now();
    const known = this.readActions.get(j);
    if (known !== undefined && known.since === since && known.date === date && now - known.time < ACTIONS_HOLD_MS)
      return known.actions;
    const actions = await this.bars.actions(j, since, date);
    this.readActions.set(j, { since, date, time: now, actions });
    return actions;
  }

  async close(): Promise<void> {
    await this.store.close();
  }
}
