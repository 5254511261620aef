import type { Artifact } from '../artifacts/index.js';
import type { TradeOptions } from '../config/index.js';
import type { EventSink } from '../engine/events.js';
import { LiveRunner, type TradeHooks } from '../engine/live/index.js';
import type { ExecutionContext, FaultPoint } from '../execution/index.js';
import { ManualClock } from '../platform/index.js';
import { openJournal, requireDurableDisk } from '../state/index.js';
import { returnCalendar } from './compose/market.js';
import { composeStrategy } from './compose/strategy.js';
import { fillText, type TradeNews, tradeNews } from './notify/index.js';
import type { Runtime } from './runtime.js';
import { checkAccount, checkEntries, checkLive, checkNames, checkNewerBars } from './trade/guards.js';
import { accountLimits } from './trade/limits.js';
import { isLive, liveMarket } from './trade/live.js';
import { replayMarket } from './trade/replay.js';
import { Session } from './trade/session.js';
import { type SessionFile, writeSession } from './trade/session-file.js';
import { openTradeable } from './trade/tradeable.js';
import { checkVenueExists } from './trade/vendor.js';
import { checkVenueClock, openBroker } from './trade/venue.js';

export { SESSION_FILE, type SessionFile, sessionSchema } from './trade/session-file.js';

export interface TradeResult {
  readonly artifact: Artifact;
  readonly session: SessionFile;
  /**
   * `refused` (exit 6) where the strategy is halted, or an order of --once was refused, not sent or
   * may or may not be there, `nothing` (exit 8)
   * under --strict-slot: results, not errors.
   */
  readonly exit: 'ok' | 'refused' | 'nothing';
}

/** Where a caller joins in: the canonical event stream, news for people. */
export interface TradeExtras {
  readonly events?: EventSink;
  readonly hooks?: TradeHooks;
}

/**
 * `quantline trade`: the live runner, slot by slot, at the venue. Bars are those of the report's dataset replayed (at the
 * simulated venue, unless a source is named), or those that follow it as they arrive.
 */
export async function trade(options: TradeOptions, runtime: Runtime, extras: TradeExtras = {}): Promise<TradeResult> {
  await checkVenueExists(options.broker);
  checkNames(options);
  const news = tradeNews(options, runtime);
  try {
    return await start(options, runtime, extras, news);
  } finally {
    await news.close();
  }
}

async function start(
  options: TradeOptions,
  runtime: Runtime,
  { events, hooks: asked }: TradeExtras,
  news: TradeNews,
): Promise<TradeResult> {
  const hooks: TradeHooks = {
    ...asked,
    notify: (event) => {
      news.notify(event);
      // Of a start for one slot the summary says it.
      if (event.type === 'fill' && isLive(options) && !options.once)
        runtime.logger.info(`${fillText(event.execution)}.`);
      asked?.notify?.(event);
    },
  };
  const tradeable = await openTradeable(options, runtime);
  await checkLive(options, runtime, tradeable);
  if (options.live) await requireDurableDisk(runtime.journal);
  const { run, model, dataset, source } = tradeable;
  const live = isLive(options);
  const replayClock = new ManualClock(0);
  const broker = await openBroker(options, runtime, tradeable, live ? runtime.clock : replayClock, news.expiring);
  const opened: { close(): Promise<void> }[] = [broker];
  try {
    const account = await broker.account();
    checkAccount(options, runtime, broker, account);
    const risk = [...run.run.strategy.risk, ...accountLimits(options, run.run.strategy.risk, account)];
    const settings = { ...run.run.strategy, risk };
    const composed = await composeStrategy(settings, model.file.scoreKind, dataset.instruments);
    const { strategy, rounding } = composed;
    checkEntries(broker, strategy);
    if (live) checkNewerBars(broker, composed.venue, dataset, run.run);
    if (live) await checkVenueClock(broker, runtime, returnCalendar(dataset));
    const market = live
      ? await liveMarket(tradeable, composed, options, runtime)
      : await replayMarket(tradeable, composed, replayClock, options, runtime);
    opened.unshift(market);
    const journal = await openJournal(runtime.journal);
    opened.unshift(journal);
    const { faultPoint } = runtime;
    const execution: ExecutionContext = {
      journal,
      broker,
      scope: { venue: broker.venue, account: account.id, strategy: options.strategy ?? 'paper' },
      clock: runtime.clock,
      logger: runtime.logger,
      signal: runtime.signal,
      ...(faultPoint !== undefined && { faultPoint: (name: FaultPoint) => faultPoint(name) }),
    };
    const runner = new LiveRunner({
      execution,
      source: market.source,
      instruments: dataset.instruments,
      calendars: dataset.calendars,
      strategy,
      rounding,
      fractional: run.run.strategy.lot === 'fractional',
      report: source.id,
      model: model.artifact.id,
      risk,
      hooks,
      actions: (held, announced) => market.actions(held, announced),
      emergency: options.unprotected,
      ...(events !== undefined && { events }),
    });
    const session = new Session({
      ...{ options, runtime, market, runner, execution: runner.execution, hooks },
      report: source.id,
      model: model.artifact.id,
      calendar: returnCalendar(dataset),
      replay: !live,
    });
    const file = await session.run();
    const artifact = await writeSession(file, tradeable, runtime);
    const idle = file.outcome === 'nothing' || file.outcome === 'slot-taken';
    // Of a start for one slot the code says whether its orders got through; a session goes on, and tells.
    const lacking = options.once && live && file.rejected + file.unsent + file.unresolved > 0;
    const exit = file.outcome === 'halted' || lacking ? 'refused' : idle && options.strictSlot ? 'nothing' : 'ok';
    return { artifact, session: file, exit };
  } finally {
    for (const each of opened) await each.close();
    runtime.progress.end();
  }
}
