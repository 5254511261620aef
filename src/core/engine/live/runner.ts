import type { CorporateAction } from '../../domain/bars.js';
import type { TradingCalendar } from '../../domain/calendar.js';
import type { Instrument } from '../../domain/instrument.js';
import {
  type AnnouncedAction,
  accountMoved,
  type BrokerEvent,
  commitDecision,
  type EmergencyPolicy,
  type ExecutionContext,
  leavesAtOnce,
  type ReconcileOptions,
  type ReconcileResult,
  sendDecision,
  tryCancel,
  type Unprotected,
} from '../../execution/index.js';
import type { Rounding } from '../../market/index.js';
import { collectGarbage } from '../../platform/index.js';
import type { DecisionResult, Lease, NewIntent, OrderRecord } from '../../state/index.js';
import { actionEvent } from '../actions.js';
import { allocateView, type MarketView } from '../decide.js';
import { type EventSink, orderEvent } from '../events.js';
import { type PlannedOrder, Stepper } from '../step.js';
import type { Strategy } from '../strategy.js';
import { AccountKeeper } from './account.js';
import { AccountRisk } from './account-risk.js';
import { actionRecords, type Holding, type Owned } from './actions.js';
import { Ahead } from './ahead.js';
import { emitBooked } from './booked.js';
import { PositionGuard } from './guard.js';
import type { TradeHooks } from './hooks.js';
import { decisionBodySchema, emptyMemory, type RunnerMemory } from './memory.js';
import { isUnsent, VenueNews } from './news.js';
import { ordersFor } from './requests.js';
import { PolicyHalts, readStanding, StandingPolicy } from './standing.js';
import { type LiveTick, marketTick, type TickSource } from './tick.js';

export interface LiveSettings {
  readonly execution: ExecutionContext;
  readonly source: TickSource;
  readonly instruments: readonly Instrument[];
  readonly strategy: Strategy;
  readonly rounding: Rounding;
  /** Fractions of a unit where the instrument and the venue have them. */
  readonly fractional: boolean;
  /** Id of the report (or run) that decides; recorded with each decision. */
  readonly report: string;
  /** Id of its model, recorded likewise; absent where there is only one. */
  readonly model?: string;
  /** Its risk policies as calls, recorded likewise. */
  readonly risk?: readonly string[];
  /** Per instrument, when it trades. */
  readonly calendars: readonly TradingCalendar[];
  readonly events?: EventSink;
  readonly hooks?: TradeHooks;
  /**
   * Splits, dividends, renames and delistings since these positions or orders began, up to the session of today;
   * `announced`: asked of the source anew, up to the coming one. Absent: ticks tell all.
   */
  readonly actions?: (held: readonly Holding[], announced: boolean) => Promise<readonly CorporateAction[]>;
  /** What happens to a position whose exits the venue refuses. Default: it is closed. */
  readonly emergency?: EmergencyPolicy;
}

export interface TickOutcome {
  readonly slot: number;
  /** false: the slot had been decided before, or its decision would be too old; only maintenance was done. */
  readonly decided: boolean;
  /** Too late for a decision. */
  readonly expired?: true;
  readonly orders: readonly OrderRecord[];
  /** Decided, and not ordered: another strategy of the account owns the instrument. */
  readonly withheld?: number;
  readonly equity: number;
  readonly halted: boolean;
}

/**
 * The live runner: per slot it lets the venue catch up, reconciles, asks the same `decide`, makes the decision durable
 * and sends. Whether the venue is simulated it does not know. Every step can be repeated after a crash.
 */
export class LiveRunner {
  private readonly settings: LiveSettings;
  readonly news: VenueNews;
  private readonly keeper: AccountKeeper;
  private readonly accountRisk: AccountRisk;
  private readonly ahead: Ahead;
  private readonly view: MarketView;
  private stepper: Stepper | undefined;
  private memory: RunnerMemory | undefined;
  /** It has decided before. */
  private begun = false;
  private open: readonly OrderRecord[] | undefined;
  private readonly standing = new StandingPolicy();
  private readonly halts: PolicyHalts;
  private flatUntil = Number.NEGATIVE_INFINITY;
  private readonly guard: PositionGuard;

  constructor(given: LiveSettings) {
    this.news = new VenueNews(given.hooks?.notify, given.execution.logger);
    const settings = { ...given, execution: this.news.heardBy(given.execution) };
    this.settings = settings;
    const { execution, source } = settings;
    this.keeper = new AccountKeeper(execution, source);
    this.accountRisk = new AccountRisk(execution, settings.instruments);
    this.ahead = new Ahead(execution);
    this.halts = new PolicyHalts(execution, settings.hooks?.notify);
    this.view = allocateView(source.instruments.length);
    this.guard = new PositionGuard(settings);
  }

  /** For whatever else its session does at the venue: what that books is news here too. */
  get execution(): ExecutionContext {
    return this.settings.execution;
  }

  /** Positions that the venue does not protect, or that nothing decides about, as met so far. */
  get unprotected(): readonly Unprotected[] {
    return this.guard.unprotected;
  }

  /** Exits that could not be sent are tried again by the next look. */
  get retries(): boolean {
    return this.guard.retries;
  }

  /** Fills call for a look: exits at the venue have to follow them. */
  get protects(): boolean {
    return this.guard.protects;
  }

  /** Slot of the last decision; undefined before the first. */
  async lastSlot(): Promise<number | undefined> {
    return (await this.settings.execution.journal.lastDecision(this.settings.execution.scope))?.slot;
  }

  /** Tells a simulated venue the ticks up to `last` that its book does not hold yet; `told` is called before each. */
  async catchUp(last: number | undefined, told: (tick: LiveTick) => void): Promise<void> {
    const { execution, source } = this.settings;
    const { broker } = execution;
    const known = await broker.lastTick?.();
    if (last === undefined || known === undefined) return;
    for (const tick of source.past(known, last)) {
      told(tick);
      await broker.onTick?.(marketTick(tick, source.instruments));
    }
  }

  async tick(tick: LiveTick, lease: Lease): Promise<TickOutcome> {
    const { execution, source } = this.settings;
    const { journal, broker, scope, clock } = execution;
    await broker.onTick?.(marketTick(tick, source.instruments));
    const sendable = (order: OrderRecord) => order.slot === tick.time && clock.now() < tick.validUntil;
    let known: readonly AnnouncedAction[] | undefined;
    const sinceThen = async () => {
      known = await this.actionRecords(tick, this.keeper);
      return known;
    };
    const found = await this.ahead.take(tick.time, sinceThen);
    const decision = found === undefined ? await journal.decision(scope, tick.time) : undefined;
    // Asked once for both; again where executions are booked in between.
    const actions = async () => {
      const first = known ?? (await this.actionRecords(tick));
      known = undefined;
      return first;
    };
    const { state, memory } = await this.catchUpWithVenue(tick.time, lease, { sendable, actions }, tick, found?.state);
    const equity = Number(state.account.equity);
    const standing =
      found?.standing.state === 'active' ? found.standing : await readStanding(execution, this.open ?? []);
    this.standing.active = standing.state === 'active';
    const outcome = { slot: tick.time, equity, halted: memory.halted };
    if (decision !== undefined) {
      const orders = await sendDecision(execution, lease, state.resend, { validUntil: tick.validUntil });
      return { ...outcome, decided: false, orders };
    }
    if (clock.now() >= tick.validUntil) return { ...outcome, decided: false, expired: true, orders: [] };
    if (this.standing.active && memory.resumed !== standing.since) this.resume(memory, equity, standing.since);
    this.keeper.view.cash = Number(state.account.cash);
    const { recorded, cancel } = await this.record(tick, lease, state, memory);
    this.news.decided(recorded);
    // What cannot be cancelled yet is looked at again with the next tick; the orders of this one go out all the same.
    for (const order of cancel) await tryCancel(execution, order);
    const { positions, open } = this.keeper;
    const orders = await sendDecision(execution, lease, recorded.orders, {
      ...{ validUntil: tick.validUntil, leaving: recorded.leaving },
      ...(cancel.length === 0 && { standing: { positions, open } }),
    });
    for (const order of orders) {
      const { leg, status, reason, instrument } = order;
      const answered = status === 'rejected' ? status : 'accepted';
      this.settings.events?.emit(orderEvent(tick.time, instrument, { leg, status: answered, note: reason ?? '' }));
      if (status === 'rejected' || isUnsent(order)) this.news.rejected(order);
    }
    this.open = await journal.orders({ scope, open: true });
    return { ...outcome, halted: memory.halted, decided: true, orders, withheld: recorded.withheld.length };
  }

  /** Decides and makes it durable; again where another strategy of the account has ordered in between. */
  private async record(
    tick: LiveTick,
    lease: Lease,
    state: ReconcileResult,
    memory: RunnerMemory,
  ): Promise<{ readonly recorded: DecisionResult; readonly cancel: readonly OrderRecord[] }> {
    const { execution, report, model, risk } = this.settings;
    const { logger, clock } = execution;
    const desk = this.stepper!.risk;
    const { equity } = state.account;
    for (;;) {
      this.look(tick, memory);
      const last = await this.accountRisk.refresh(desk, state, this.keeper.view.quantity, memory.closes, tick.time);
      if (last !== undefined) this.view.last = last;
      const { submit, cancel } = this.split(this.decide(tick, Number(equity), memory));
      await this.halts.hear(desk.haltedBy, memory, this.standing.active);
      const { verdicts } = desk;
      const body = {
        memory,
        ...(model !== undefined && { model }),
        ...(risk !== undefined && { risk }),
        ...(verdicts.length > 0 && { verdicts }),
      };
      const decision = { slot: tick.time, report, time: clock.now(), body };
      const { seen } = this.accountRisk;
      const alone = cancel.length === 0 && this.open?.length === 0;
      try {
        const options = {
          ...(alone && { leaves: leavesAtOnce(execution, this.keeper.positions) }),
          ...(seen !== undefined && { seen }),
        };
        return { recorded: await commitDecision(execution, lease, decision, submit, options), cancel };
      } catch (error) {
        if (!accountMoved(error)) throw error;
        logger.info('Another strategy of the account has ordered meanwhile: decided again.');
      }
    }
  }

  /**
   * Reconciles without deciding: ahead of a slot, after an outage of the bars, or when events may have been missed.
   * A tick that follows at once need not ask the venue again, as long as its stream is connected and silent.
   */
  async maintain(lease: Lease): Promise<void> {
    const { clock, journal } = this.settings.execution;
    await this.catchUpWithVenue(clock.now(), lease, { actions: () => this.actionRecords() });
    await journal.tidy();
    collectGarbage();
  }

  /** An event of the venue has arrived; to be told before it is booked. */
  hear(event: BrokerEvent): void {
    this.ahead.hear(event);
  }

  /** Nothing is held or opened in ticks up to this instant. */
  stayFlat(until: number): void {
    this.flatUntil = until;
  }

  private async catchUpWithVenue(
    time: number,
    lease: Lease,
    options: ReconcileOptions,
    tick?: LiveTick,
    found?: ReconcileResult,
  ): Promise<{ readonly state: ReconcileResult; readonly memory: RunnerMemory }> {
    const { execution } = this.settings;
    const { journal, scope } = execution;
    const before = (this.open ??= await journal.orders({ scope, open: true }));
    const state =
      found ?? (await this.ahead.reconcile({ ...options, announced: (instruments) => this.announced(instruments) }));
    const memory = await this.remember(Number(state.account.equity));
    const booked = this.news.take();
    for (const action of tick?.actions ?? []) this.settings.events?.emit(actionEvent(time, action));
    await emitBooked(execution, this.settings.events, time, booked, before);
    await this.guard.keep(lease, state);
    // Where nothing has changed since the venue was looked at, what the journal holds has been read.
    if (found !== undefined && this.guard.idle) this.keeper.look(memory);
    else await this.keeper.refresh(booked, memory);
    this.open = this.keeper.open;
    await this.guard.warn(this.keeper.unknown);
    return { state, memory };
  }

  /** `owned`: where the journal has been read already. */
  private async actionRecords(tick?: LiveTick, owned?: AccountKeeper): Promise<readonly AnnouncedAction[]> {
    const { settings } = this;
    if (tick?.actions === undefined && settings.actions === undefined) return [];
    if (!(await this.hasBegun())) return [];
    return actionRecords(settings, tick?.actions ?? [], owned ?? (await this.owned()), (await this.remember(0)).closes);
  }

  /** Of instruments of which the venue holds less than is owned. */
  private async announced(instruments: readonly string[]): Promise<readonly AnnouncedAction[]> {
    const { settings } = this;
    if (settings.actions === undefined || !(await this.hasBegun())) return [];
    const { positions, open } = await this.owned();
    const concerned = <T extends { readonly instrument: string }>(rows: readonly T[]) =>
      rows.filter(({ instrument }) => instruments.includes(instrument));
    const owned = { positions: concerned(positions), open: concerned(open) };
    return actionRecords(settings, [], owned, (await this.remember(0)).closes, true);
  }

  private async owned(): Promise<Owned> {
    const { journal, scope } = this.settings.execution;
    const open = this.open ?? (await journal.orders({ scope, open: true }));
    return { positions: await journal.positions(scope), open };
  }

  private async hasBegun(): Promise<boolean> {
    this.begun ||= (await this.lastSlot()) !== undefined;
    return this.begun;
  }

  /** Memory and risk state of the last decision, or those of a new account. */
  private async remember(equity: number): Promise<RunnerMemory> {
    if (this.memory !== undefined) return this.memory;
    const { execution, source, strategy, rounding, events } = this.settings;
    const last = await execution.journal.lastDecision(execution.scope);
    this.memory = last === undefined ? emptyMemory(equity) : decisionBodySchema.parse(last.body).memory;
    const policies = [this.standing, ...strategy.policies];
    const own = { ...strategy, policies };
    this.stepper = new Stepper(source.instruments, own, rounding, this.memory.peak, events, source.inStep);
    source.instruments.forEach((name, j) => {
      this.view.close[j] = this.memory!.closes[name] ?? 0;
    });
    this.halts.recall(this.memory, this.stepper.risk);
    await this.keeper.start();
    return this.memory;
  }

  /** Losses before a person said "go on" do not halt the strategy again. */
  private resume(memory: RunnerMemory, equity: number, since: number | undefined): void {
    Object.assign(memory, { peak: equity, sessionStart: equity, equity, halted: false, resumed: since });
    this.stepper!.risk.resume(equity);
  }

  private decide(tick: LiveTick, equity: number, memory: RunnerMemory): readonly PlannedOrder[] {
    const { view } = this;
    const stepper = this.stepper!;
    const account = this.keeper.view;
    if (tick.session !== memory.session) {
      memory.sessionStart = memory.equity;
      memory.session = tick.session;
    }
    memory.equity = equity;
    account.equity = equity;
    const closing = (memory.halted && !this.standing.active) || tick.time <= this.flatUntil;
    stepper.risk.state.held = account.quantity.reduce((sum, units, j) => sum + Math.abs(units * view.close[j]!), 0);
    account.halted = stepper.risk.observe(tick.time, equity, tick.session, memory.sessionStart) || closing;
    memory.peak = stepper.risk.state.peak;
    memory.halted = account.halted;
    const planned = stepper.step(view, account);
    const { release } = stepper.targets;
    this.settings.source.instruments.forEach((name, j) => {
      if (release[j] === 0) return;
      release[j] = 0;
      const lockout = memory.lockouts[name];
      if (lockout !== undefined) lockout.released = true;
    });
    return planned;
  }

  private look(tick: LiveTick, memory: RunnerMemory): void {
    const { view } = this;
    view.time = tick.time;
    tick.bars.forEach((bar, j) => {
      view.fresh[j] = bar === undefined ? 0 : 1;
      if (bar === undefined) return;
      view.bar[j] = bar.index;
      view.close[j] = bar.close;
      view.score[j] = tick.scores[j]!;
      view.measure[j] = tick.measures[j]!;
      memory.closes[this.settings.source.instruments[j]!] = bar.close;
    });
  }

  private split(planned: readonly PlannedOrder[]): { submit: NewIntent[]; cancel: OrderRecord[] } {
    const { execution, instruments, fractional, calendars } = this.settings;
    const { broker, clock, logger } = execution;
    const { capabilities } = broker;
    const now = clock.now();
    const place = (j: number) => {
      const [instrument, calendar, close] = [instruments[j]!, calendars[j]!, this.view.close[j]!];
      return { instrument, calendar, close, capabilities, fractional, now };
    };
    const wanted = planned.filter(({ index }) => !this.guard.leftAlone(instruments[index]!.id));
    return ordersFor(wanted, place, this.open ?? [], logger);
  }
}
