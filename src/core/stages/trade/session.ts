import { z } from 'zod';
import type { TradeOptions } from '../../config/index.js';
import type { TradingCalendar } from '../../domain/index.js';
import {
  isUnsent,
  type LiveRunner,
  type LiveTick,
  refusalText,
  type TickOutcome,
  type TradeHooks,
} from '../../engine/live/index.js';
import { isQuantlineError } from '../../errors/index.js';
import {
  alarmText,
  awaitOutcome,
  type BrokerEvent,
  bookEvent,
  DEFAULT_LIMITS,
  type ExecutionContext,
} from '../../execution/index.js';
import { isoTime, Serial } from '../../platform/index.js';
import { isUnresolved, type OrderRecord, type StrategyState, streamOf } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { flattenAtClose } from './at-close.js';
import { HeldLease } from './lease.js';
import { Looks } from './looks.js';
import type { TradeMarket } from './market.js';
import type { SessionFile } from './session-file.js';
import { silentHoldings } from './silent.js';
import { RETRY_MS, survive } from './survive.js';
import { idleText, orderText, startText, unattendedText } from './told.js';

export interface SessionParts {
  readonly options: TradeOptions;
  readonly runtime: Runtime;
  readonly market: TradeMarket;
  readonly runner: LiveRunner;
  readonly execution: ExecutionContext;
  /** Id of the report or run that decides. */
  readonly report: string;
  /** Id of the model that scores. */
  readonly model: string;
  readonly hooks: TradeHooks;
  /** Sessions of the market; closes are theirs. */
  readonly calendar: TradingCalendar;
  /** The market is a dataset told again: nothing happens beside its slots. */
  readonly replay: boolean;
}

/** How often it looks whether it holds its lease still, and renews it where that is due, ms. */
const RENEW_MS = 5_000;

/** Why slots passed undecided, where there is nothing to say about a single one. */
const TOO_LATE = 'no start could decide in time';

const endedHalted = z.object({ phase: z.literal('ended'), body: z.object({ outcome: z.literal('halted') }) });

/** The venue has not said whether it has it. */
const isInDoubt = (order: OrderRecord): boolean => isUnresolved(order) && order.venueOrderId === undefined;

/** One start: takes the lease, goes through the slots that are due or to come, and sums up. */
export class Session {
  private readonly outcomes: TickOutcome[] = [];
  private missed = 0;
  /** The newest slot that this or an earlier start has told as missed. */
  private told: number | undefined;
  /** Slots that were missed and are not in the journal yet. */
  private readonly toNote: { readonly slot: number; readonly count: number; readonly reason: string }[] = [];
  /** Instruments whose silence was told. */
  private readonly silent = new Set<string>();
  private lease!: HeldLease;
  private readonly serial = new Serial();
  /** Ends what runs beside the slots; its reason is why, where that was a failure. */
  private readonly ended = new AbortController();
  private readonly looks: Looks;

  constructor(private readonly parts: SessionParts) {
    const { market, runner, execution, runtime } = parts;
    const orders = Math.min(market.source.instruments.length, DEFAULT_LIMITS.concurrency);
    this.looks = new Looks({
      clock: runtime.clock,
      slotAfter: (time) => market.slotAfter(time),
      retries: () => runner.retries,
      look: () => this.look(),
      prepare: () => survive(runtime.logger, async () => execution.broker.prepare?.(orders)),
    });
  }

  async run(): Promise<SessionFile> {
    const { runtime, execution, report } = this.parts;
    const { journal, scope } = execution;
    const name = streamOf(scope);
    const lease = await HeldLease.take(journal, name, runtime.clock.now());
    if (lease === undefined) {
      const holder = await journal.leaseHolder(name, runtime.clock.now());
      return this.summary('slot-taken', `another start holds the lease: ${holder?.owner ?? 'unknown'}`);
    }
    this.lease = lease;
    const id = `${lease.token}`;
    try {
      await journal.recordSession(scope, id, 'started', { report }, runtime.clock.now());
      const file = await this.trade();
      await journal.recordSession(scope, id, 'ended', { outcome: file.outcome }, runtime.clock.now());
      return file;
    } catch (error) {
      if (isQuantlineError(error) && error.code === 'CREDENTIALS') await this.warnOfOpen();
      throw error;
    } finally {
      await lease.release();
    }
  }

  private async trade(): Promise<SessionFile> {
    const { runtime, execution, hooks } = this.parts;
    try {
      const state = await this.tradingState();
      if (state.state === 'halted') {
        await this.tellHalt(state);
        return await this.summary('halted', state.reason ?? 'halted before');
      }
      await this.withBackground(() => this.slots());
      const [bare] = this.parts.runner.unprotected;
      if (bare !== undefined) return await this.summary('halted', alarmText(bare));
      const decided = this.outcomes.some((outcome) => outcome.decided);
      return await this.summary(decided ? 'decided' : 'nothing', decided ? null : idleText(this.outcomes.at(-1)));
    } catch (error) {
      if (runtime.signal.aborted) return this.summary(this.outcomes.length > 0 ? 'decided' : 'nothing', 'interrupted');
      if (!isQuantlineError(error) || error.code !== 'HALTED') throw error;
      runtime.logger.warn(error.message);
      const { reason } = await execution.journal.state(execution.scope);
      hooks.notify?.({ type: 'halt', reason: reason ?? error.message });
      return this.summary('halted', error.message);
    }
  }

  /** A halt that no session has ended with is news still: a person halted, or the session was killed before it told. */
  private async tellHalt({ reason = 'halted before', since = 0 }: StrategyState): Promise<void> {
    const { journal, scope } = this.parts.execution;
    const sessions = await journal.events({ scope, types: ['session'] });
    const ended = sessions.some(({ time, body }) => time >= since && endedHalted.safeParse(body).success);
    if (!ended) this.parts.hooks.notify?.({ type: 'halt', reason });
  }

  /** It goes on until it is ended: people see what it does. */
  private get stays(): boolean {
    return !this.parts.options.once && !this.parts.replay;
  }

  private say(text: string | undefined): void {
    if (text !== undefined) this.parts.runtime.logger.info(text);
  }

  private tradingState(): Promise<StrategyState> {
    const { journal, scope } = this.parts.execution;
    return journal.state(scope);
  }

  private async slots(): Promise<void> {
    const { options, market, runner, execution, runtime } = this.parts;
    const { source, until } = market;
    const signal = AbortSignal.any([runtime.signal, this.ended.signal]);
    const last = await runner.lastSlot();
    await this.readTold();
    // What the venue has missed of slots that were decided before, and the last of them again: a crash may have left
    // its orders unsent.
    await runner.catchUp(last, (tick) => market.arrive(tick));
    let time = last ?? Number.NEGATIVE_INFINITY;
    for (let again = last !== undefined; ; again = false) {
      signal.throwIfAborted();
      const tick = await source.next(again ? time - 0.5 : time, signal);
      if (again && tick?.time !== last) continue;
      if (tick === undefined || tick.time > until) break;
      if (tick.missed !== undefined && !again) await this.noteMissed(tick);
      await this.slot(tick);
      if (last !== undefined && this.outcomes.at(-1)?.expired) await this.miss(tick.time, tick.time, TOO_LATE);
      time = tick.time;
      runtime.progress.update(`slot ${isoTime(time)}`);
      await market.settle(time, signal);
      if (options.once && !again) break;
    }
    if (execution.broker.onTick === undefined) await this.awaitOrders();
  }

  private async slot(tick: LiveTick): Promise<void> {
    const { market, runner, runtime, options } = this.parts;
    const { clock, logger } = runtime;
    market.arrive(tick);
    for (;;) {
      try {
        await this.lease.renew(clock.now());
        if (tick.problem === undefined) {
          const outcome = await this.serial.run(() => runner.tick(tick, this.lease));
          this.outcomes.push(outcome);
          if (this.stays) for (const order of outcome.orders) this.say(orderText(order));
          return;
        }
        await this.serial.run(() => runner.maintain(this.lease));
        await this.tellSilent(tick.problem);
        if (options.once) throw tick.problem;
        return this.miss(tick.time, tick.time, tick.problem.message);
      } catch (error) {
        const resident = !options.once && error !== tick.problem;
        if (!resident || !isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
        // An outage of the venue: the slot lives as long as its decision may be sent.
        if (clock.now() + RETRY_MS >= tick.validUntil) return this.miss(tick.time, tick.time, error.message);
        logger.warn(`${error.message} The slot is tried again.`);
        await clock.sleep(RETRY_MS, runtime.signal);
      }
    }
  }

  /** Once an instrument: nothing is decided about it, and nothing would say so but an exit code. */
  private async tellSilent(problem: unknown): Promise<void> {
    const { execution, hooks, runtime } = this.parts;
    const { journal, scope } = execution;
    const alarms = silentHoldings(problem, await journal.positions(scope), scope.strategy, runtime.clock.now());
    for (const alarm of alarms) {
      if (this.silent.has(alarm.instrument)) continue;
      this.silent.add(alarm.instrument);
      runtime.logger.warn(`${alarmText(alarm)}.`);
      hooks.notify?.({ type: 'unprotected', alarm });
    }
  }

  private async noteMissed(tick: LiveTick): Promise<void> {
    const { market, runner } = this.parts;
    const { first, last } = tick.missed!;
    await runner.catchUp(last, (each) => market.arrive(each));
    await this.miss(first, last, TOO_LATE);
  }

  private async readTold(): Promise<void> {
    const { journal, scope } = this.parts.execution;
    const [note] = (await journal.events({ scope, types: ['note:missed-slots'] })).slice(-1);
    if (note !== undefined) this.told = (note.body as { slot: number }).slot;
  }

  /** A slot is told once, whichever start finds it; at once, and in the journal now, or with the next that is missed. */
  private async miss(first: number, slot: number, reason: string): Promise<void> {
    const { execution, hooks, runtime, market } = this.parts;
    const untold = this.told === undefined ? first : Math.max(first, market.slotAfter(this.told));
    let count = 0;
    for (let t = untold; t <= slot; t = market.slotAfter(t)) count++;
    if (count === 0) return;
    this.told = slot;
    this.missed += count;
    runtime.logger.warn(
      `${count === 1 ? 'The slot' : `${count} slots up to`} ${isoTime(slot)} passed undecided: ${reason}`,
    );
    hooks.notify?.({ type: 'missed', slot, count, reason });
    this.toNote.push({ slot, count, reason });
    await survive(runtime.logger, async () => {
      for (const { journal, scope } = execution; this.toNote.length > 0; this.toNote.shift())
        await journal.note(scope, 'missed-slots', this.toNote[0]!, runtime.clock.now());
    });
  }

  /** Runs the slots with what goes on beside them: bars, events of the venue, looks at it, the close, the lease. */
  private async withBackground(work: () => Promise<void>): Promise<void> {
    const { options, execution, runtime, market } = this.parts;
    if (!this.stays) return work();
    this.say(startText(execution, market.source.instruments, market.slotAfter(runtime.clock.now())));
    const signal = AbortSignal.any([runtime.signal, this.ended.signal]);
    const tasks = [market.follow(signal), this.renewing(signal)];
    if (execution.broker.events !== undefined) tasks.push(this.listen(signal), this.looks.run(signal));
    if (options.atClose === 'flatten') tasks.push(flattenAtClose(this.parts, this.lease, this.serial, signal));
    const beside = tasks.map((task) =>
      task.catch((error: unknown) => (signal.aborted ? undefined : this.ended.abort(error))),
    );
    try {
      await work();
    } finally {
      this.ended.abort();
      await Promise.all(beside);
    }
  }

  private renewing(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.parts.runtime;
    return this.every(RENEW_MS, signal, () => survive(logger, () => this.lease.watch(clock.now())));
  }

  private async every(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { clock } = this.parts.runtime;
    while (!signal.aborted) {
      await clock.sleep(ms, signal);
      await work();
    }
  }

  private async listen(signal: AbortSignal): Promise<void> {
    const { execution, runner } = this.parts;
    let booking: Promise<void> = Promise.resolve();
    for await (const event of execution.broker.events!(signal)) {
      // Heard at once, although others may have to be booked before it.
      runner.hear(event);
      booking = booking.then(() => this.book(event));
      booking.catch((error: unknown) => this.ended.abort(error));
    }
    await booking;
  }

  private async book(event: BrokerEvent): Promise<void> {
    const { execution, runtime, runner } = this.parts;
    if (runner.protects && 'execution' in event) this.looks.soon();
    // What could not be booked is found by the next look.
    await survive(runtime.logger, async () => {
      if (!(await this.serial.run(() => bookEvent(execution, event)))) await this.look();
    });
  }

  /** Reconciles; an outage is waited out, everything else ends the session. */
  private async look(): Promise<void> {
    const { runner, runtime } = this.parts;
    await survive(runtime.logger, async () => {
      await this.serial.run(() => runner.maintain(this.lease));
    });
  }

  /**
   * Waits, within bounds, for what becomes of orders that can fill now, and sees to the exits of what has filled: the
   * remainder of a partly filled entry is given up after a while, an emergency exit is waited for.
   */
  private async awaitOrders(): Promise<void> {
    const { execution, runtime, options, runner, calendar } = this.parts;
    const { journal, scope } = execution;
    // The venue's clock is that of its stock market.
    if (calendar.id !== '24/7' && !(await execution.broker.clock()).open) return;
    const waited = new Map<string, string>();
    for (let round = 0; round < 3; round++) {
      const orders = (await journal.orders({ scope, open: true })).filter(
        ({ leg, request }) => request.type === 'market' && (leg === 'entry' || leg === 'exit'),
      );
      // What has not moved since it was waited for will not do so by being waited for again.
      const moved = orders.filter(({ clientOrderId, status }) => waited.get(clientOrderId) !== status);
      if (moved.length === 0 && round > 0) return;
      const ids = orders.map(({ clientOrderId }) => clientOrderId);
      const patience = Math.max(options.patience, DEFAULT_LIMITS.partialEntryFor + 1000);
      if (ids.length > 0) await awaitOutcome(execution, ids, runtime.clock.now() + patience);
      for (const { clientOrderId, status } of await journal.ordersById(ids)) waited.set(clientOrderId, status);
      await this.serial.run(() => runner.maintain(this.lease));
    }
  }

  /** Once the venue does not accept the keys any more, nobody watches what is there. */
  private async warnOfOpen(): Promise<void> {
    const text = await unattendedText(this.parts.execution);
    if (text !== undefined) this.parts.runtime.logger.warn(text);
  }

  private tellInDoubt(order: OrderRecord): void {
    const { hooks, runtime } = this.parts;
    runtime.logger.warn(`${refusalText(order)}. Each start looks for it; no second one is placed.`);
    hooks.notify?.({ type: 'reject', order });
  }

  private async summary(outcome: SessionFile['outcome'], reason: string | null): Promise<SessionFile> {
    const { outcomes, parts } = this;
    const { journal, scope } = parts.execution;
    const open = await journal.orders({ scope, open: true });
    // What another start has on its way is its own question.
    const unresolved = outcome === 'slot-taken' ? [] : open.filter(isInDoubt);
    for (const order of unresolved) this.tellInDoubt(order);
    const orders = outcomes.flatMap((each) => each.orders);
    const at = (tick: TickOutcome | undefined) => (tick === undefined ? null : isoTime(tick.slot));
    const positions = await journal.positions(scope);
    // As they are by now: a venue may refuse an order that it had taken.
    const ids = new Set([...orders.map(({ clientOrderId }) => clientOrderId), ...parts.runner.news.refused]);
    const known = await journal.ordersById([...ids]);
    return {
      schema: 1,
      outcome,
      reason,
      strategy: scope.strategy,
      venue: scope.venue,
      account: scope.account,
      report: parts.report,
      model: parts.model,
      accepted_ungated: parts.options.acceptUngated ?? null,
      slots: outcomes.filter((each) => each.decided).length,
      missed_slots: this.missed,
      first_slot: at(outcomes[0]),
      last_slot: at(outcomes.at(-1)),
      orders: orders.length,
      rejected: known.filter((order) => order.status === 'rejected').length,
      unsent: known.filter(isUnsent).length + outcomes.reduce((n, { withheld = 0 }) => n + withheld, 0),
      unresolved: unresolved.length,
      open_orders: open.map(({ clientOrderId }) => clientOrderId),
      fills: (await journal.fills({ scope })).length,
      equity: outcomes.at(-1)?.equity ?? null,
      positions: positions.map(({ instrument, quantity }) => ({ instrument, quantity })),
    };
  }
}
