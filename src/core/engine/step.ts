import type { OrderIntent } from '../domain/orders.js';
import type { Rounding } from '../market/index.js';
import type { RiskPolicy, RiskState } from '../risk/index.js';
import {
  type AccountView,
  allocateTargets,
  DECISION_REASONS,
  decide,
  type MarketView,
  type Targets,
} from './decide.js';
import type { EventSink } from './events.js';
import type { Strategy } from './strategy.js';

export type PlanReason = 'signal' | 'time_stop' | 'risk';

/** What the runner has to do: send an order, or cancel an entry that is still working. */
export type PlannedOrder =
  | { readonly action: 'submit'; readonly index: number; readonly intent: OrderIntent; readonly reason: PlanReason }
  | { readonly action: 'cancel'; readonly index: number; readonly reason: PlanReason };

const NOTHING: readonly PlannedOrder[] = [];

/**
 * decide → risk → intents: the part of a step that both runners share. The runner keeps `view` and `account` up to date,
 * calls `step`, and sends what it returns: to the simulated exchange, or through the journal to a broker.
 */
export class Stepper {
  readonly targets: Targets;
  readonly risk: RiskState;
  /** The policy that halts the strategy since the last `observe`, if one does. */
  haltedBy: RiskPolicy | undefined;
  private readonly halting: readonly RiskPolicy[];
  private readonly floors: readonly RiskPolicy[];
  private readonly reviewing: readonly RiskPolicy[];

  constructor(
    private readonly names: readonly string[],
    private readonly strategy: Strategy,
    private readonly rounding: Rounding,
    startEquity: number,
    private readonly events: EventSink | undefined,
  ) {
    this.targets = allocateTargets(names.length);
    this.risk = {
      time: 0,
      equity: startEquity,
      peak: startEquity,
      sessionStart: startEquity,
      session: 0,
      gross: 0,
      positions: 0,
    };
    this.halting = strategy.policies.filter((policy) => policy.halts);
    this.floors = this.halting.filter((policy) => policy.floor);
    this.reviewing = strategy.policies.filter((policy) => policy.review);
  }

  /** Whether a policy wants to see every tick. */
  get mustObserve(): boolean {
    return this.halting.length > this.floors.length;
  }

  /** Whether a policy follows equity from tick to tick by its floor. */
  get watchesEquity(): boolean {
    return this.floors.length > 0;
  }

  /** Equity below which `observe` would halt, as peak and session of `risk` stand; an account with nothing is ruined. */
  floor(): number {
    const { risk, floors } = this;
    let floor = Number.MIN_VALUE;
    for (let p = 0; p < floors.length; p++) floor = Math.max(floor, floors[p]!.floor!(risk));
    return floor;
  }

  /** Tells the policies in which session the next ticks lie and what equity was at the end of the one before. */
  enter(session: number, sessionStart: number): void {
    this.risk.session = session;
    this.risk.sessionStart = sessionStart;
  }

  /**
   * Keeps peak and session, and asks the policies that can halt; with such policies once per tick. `sessionStart` is the
   * equity at the end of the session before. Returns whether the strategy must be flat.
   */
  observe(time: number, equity: number, session: number, sessionStart: number): boolean {
    const { risk, halting } = this;
    this.enter(session, sessionStart);
    risk.time = time;
    risk.equity = equity;
    if (equity > risk.peak) risk.peak = equity;
    let halted = equity <= 0;
    this.haltedBy = undefined;
    for (let p = 0; p < halting.length; p++) {
      if (!halting[p]!.halts!(risk)) continue;
      halted = true;
      this.haltedBy = halting[p];
    }
    return halted;
  }

  /** A person has resumed the strategy: peak and session count from here. */
  resume(equity: number): void {
    this.risk.peak = equity;
    for (const policy of this.strategy.policies) policy.resume?.();
  }

  /** After `observe`: decide, then risk on what changed. */
  step(view: MarketView, account: AccountView): readonly PlannedOrder[] {
    decide(view, account, this.strategy, this.targets);
    return this.targets.changes === 0 ? NOTHING : this.plan(view, account);
  }

  private plan(view: MarketView, account: AccountView): readonly PlannedOrder[] {
    const { weight, reason } = this.targets;
    // Exits before entries, here and at every venue: they free the money that entries need.
    const exits: PlannedOrder[] = [];
    const entries: PlannedOrder[] = [];
    this.measureExposure(view, account);
    for (let j = 0; j < view.size; j++) {
      const wanted = weight[j]!;
      if (Number.isNaN(wanted)) continue;
      weight[j] = Number.NaN;
      const why = DECISION_REASONS[reason[j]!]! as PlanReason;
      this.emitDecision(view, j, wanted, why);
      const held = account.quantity[j]!;
      if (held !== 0 && account.exiting[j] === 0) exits.push(this.exit(view, j, held, why));
      else if (held === 0 && account.entering[j] !== 0) exits.push({ action: 'cancel', index: j, reason: why });
      if (wanted === 0) continue;
      const allowed = this.review(view, j, wanted);
      if (allowed !== 0) entries.push(this.entry(view, j, allowed, account.equity));
    }
    return entries.length === 0 ? exits : exits.concat(entries);
  }

  private measureExposure(view: MarketView, account: AccountView): void {
    this.risk.gross = 0;
    this.risk.positions = 0;
    for (let j = 0; j < view.size; j++) {
      if (account.quantity[j] === 0) continue;
      this.risk.gross += Math.abs(account.quantity[j]! * view.close[j]!);
      this.risk.positions++;
    }
  }

  private review(view: MarketView, j: number, wanted: number): number {
    let allowed = wanted;
    this.risk.time = view.time;
    for (const policy of this.reviewing) {
      const before = allowed;
      allowed = policy.review!({ instrument: this.names[j]!, weight: before, close: view.close[j]! }, this.risk);
      if (allowed !== before) {
        this.events?.emit({
          type: 'verdict',
          time: view.time,
          instrument: this.names[j]!,
          policy: policy.name,
          wanted: before,
          allowed,
        });
      }
      if (allowed === 0) return 0;
    }
    this.risk.gross += Math.abs(allowed) * this.risk.equity;
    this.risk.positions++;
    return allowed;
  }

  private entry(view: MarketView, j: number, weight: number, equity: number): PlannedOrder {
    const { sizing, protectFromSignal } = this.strategy;
    const protection =
      protectFromSignal && this.strategy.protection !== undefined
        ? { ...this.strategy.protection, anchor: view.close[j]! }
        : this.strategy.protection;
    const instrument = this.names[j]!;
    const side = weight > 0 ? 'buy' : 'sell';
    const notional = Math.abs(weight) * equity;
    return this.planned(view, j, 'signal', {
      ...{ instrument, side, leg: 'entry', type: this.strategy.entry?.type ?? 'market', notional },
      ...this.entryPrices(j, weight > 0 ? 1 : -1, view.close[j]!),
      ...(sizing.kind === 'all-in' && { share: Math.abs(weight) }),
      ...(protection !== undefined && { protection }),
    });
  }

  private entryPrices(j: number, side: number, close: number): Pick<OrderIntent, 'limitPrice' | 'stopPrice'> {
    const { entry } = this.strategy;
    if (entry === undefined || entry.type === 'market') return {};
    const price = (offset: number) => this.rounding.price(j, close * (1 + side * offset), side);
    if (entry.type === 'stop_limit') return { stopPrice: price(entry.offset), limitPrice: price(entry.limit) };
    return entry.type === 'limit' ? { limitPrice: price(-entry.offset) } : { stopPrice: price(entry.offset) };
  }

  private exit(view: MarketView, j: number, held: number, reason: PlanReason): PlannedOrder {
    return this.planned(view, j, reason, {
      instrument: this.names[j]!,
      side: held > 0 ? 'sell' : 'buy',
      leg: 'exit',
      type: 'market',
      // What was filled in parts may carry the noise of their sum.
      quantity: this.rounding.quantity(j, Math.abs(held)) || Math.abs(held),
    });
  }

  private planned(view: MarketView, index: number, reason: PlanReason, intent: OrderIntent): PlannedOrder {
    this.events?.emit({ type: 'intent', time: view.time, intent, reason });
    return { action: 'submit', index, intent, reason };
  }

  private emitDecision(view: MarketView, j: number, weight: number, reason: string): void {
    if (this.events === undefined) return;
    const score = view.score[j]!;
    this.events.emit({
      type: 'decision',
      time: view.time,
      instrument: this.names[j]!,
      score: Number.isNaN(score) ? null : score,
      weight,
      reason,
    });
  }
}
