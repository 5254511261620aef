import type { OrderIntent, OrderTerms } from '../domain/orders.js';
import { type Resizing, type Rounding, resize } from '../market/index.js';
import { RiskDesk } from '../risk/index.js';
import { type InStep, scoreInStep } from './aim.js';
import {
  type AccountView,
  allocateTargets,
  DECISION_REASONS,
  decide,
  type MarketView,
  type Targets,
} from './decide.js';
import type { EventSink } from './events.js';
import type { SimpleEntry, Strategy } from './strategy.js';

export type PlanReason = 'signal' | 'time_stop' | 'risk';

/** What the runner has to do: send an order, or cancel entries that are still working. */
export type PlannedOrder =
  | { readonly action: 'submit'; readonly index: number; readonly intent: OrderIntent; readonly reason: PlanReason }
  | { readonly action: 'cancel'; readonly index: number; readonly reason: PlanReason };

const NOTHING: readonly PlannedOrder[] = [];
const AT_MARKET = { type: 'market' } as const;

type Draft = { -readonly [K in keyof OrderIntent]: OrderIntent[K] };

/**
 * decide → risk → intents: the part of a step that both runners share. The runner keeps `view` and `account` up to date,
 * calls `step`, and sends what it returns: to the simulated exchange, or through the journal to a broker.
 */
export class Stepper {
  readonly targets: Targets;
  readonly risk: RiskDesk;
  private readonly change: Resizing = { close: 0, add: 0 };

  constructor(
    private readonly names: readonly string[],
    private readonly strategy: Strategy,
    private readonly rounding: Rounding,
    startEquity: number,
    private readonly events: EventSink | undefined,
    private readonly inStep?: InStep,
  ) {
    this.targets = allocateTargets(names.length);
    this.risk = new RiskDesk(strategy.policies, startEquity);
  }

  /** Whether a policy, or a model that sees its own position, wants to see every tick. */
  get mustObserve(): boolean {
    return this.inStep !== undefined || this.risk.mustObserve;
  }

  /** After `risk.observe`: decide, then risk on what changed. */
  step(view: MarketView, account: AccountView): readonly PlannedOrder[] {
    if (this.inStep !== undefined) scoreInStep(view, account, this.strategy, this.inStep);
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
      if (this.strategy.rebalance !== undefined && Math.sign(held) === Math.sign(wanted) && account.exiting[j] === 0) {
        this.resizing(view, account, j, wanted, exits, entries);
        continue;
      }
      if (held !== 0 && account.exiting[j] === 0) {
        exits.push(this.exit(view, j, held, why));
      } else if (account.entering[j] !== 0) exits.push({ action: 'cancel', index: j, reason: why });
      if (wanted === 0) continue;
      const allowed = this.review(view, j, wanted);
      if (allowed !== 0) entries.push(this.entry(view, j, allowed, account.equity));
    }
    this.risk.end();
    if (entries.length === 0) return exits;
    return exits.length === 0 ? entries : exits.concat(entries);
  }

  /** Adds to a position, or closes a part of it; what risk allows counts in place of what is held. */
  private resizing(
    view: MarketView,
    account: AccountView,
    j: number,
    wanted: number,
    exits: PlannedOrder[],
    entries: PlannedOrder[],
  ): void {
    const held = account.quantity[j]!;
    const close = view.close[j]!;
    const { state } = this.risk;
    const value = held * close;
    state.gross -= Math.abs(value);
    state.positions--;
    if (value > 0) state.cash += value;
    const { change } = this;
    resize(held, close, account.equity, this.review(view, j, wanted), change);
    const quantity = change.close < Math.abs(held) ? this.rounding.quantity(j, change.close) : Math.abs(held);
    if (quantity > 0) {
      exits.push(this.exit(view, j, Math.sign(held) * quantity, 'signal'));
    }
    if (change.add > 0) {
      entries.push(this.entry(view, j, (Math.sign(held) * change.add) / account.equity, account.equity));
    }
  }

  private measureExposure(view: MarketView, account: AccountView): void {
    const { risk, targets } = this;
    const { state } = risk;
    risk.begin(view.time, account.cash);
    for (let j = 0; j < view.size; j++) {
      // A target means that what is held is closed, and that what is left of an entry is cancelled.
      const stays = Number.isNaN(targets.weight[j]!);
      const ordered = stays && account.entering[j] !== 0 ? account.ordered(j) : 0;
      if (account.quantity[j] === 0 && ordered === 0) continue;
      const value = account.quantity[j]! * view.close[j]!;
      state.gross += Math.abs(value) + Math.abs(ordered);
      state.positions++;
      if (stays) state.net += value;
      if (ordered > 0) state.buying += ordered;
      else state.selling -= ordered;
    }
  }

  private review(view: MarketView, j: number, wanted: number): number {
    const { risk, names, events } = this;
    const close = view.close[j]!;
    const { limitPrice, stopPrice } = this.entryTerms(j, Math.sign(wanted), close);
    const before = risk.verdicts.length;
    const allowed = risk.review(names[j]!, wanted, close, limitPrice ?? stopPrice ?? close, view.last?.[j] ?? close);
    if (events === undefined) return allowed;
    for (let v = before; v < risk.verdicts.length; v++) {
      events.emit({ type: 'verdict', time: view.time, ...risk.verdicts[v]! });
    }
    return allowed;
  }

  private entry(view: MarketView, j: number, weight: number, equity: number): PlannedOrder {
    const { sizing, protection, protectFromSignal, entry } = this.strategy;
    const close = view.close[j]!;
    const { type, limitPrice, stopPrice } = this.entryTerms(j, Math.sign(weight), close);
    const intent: Draft = {
      instrument: this.names[j]!,
      side: weight > 0 ? 'buy' : 'sell',
      leg: 'entry',
      type,
      notional: Math.abs(weight) * equity,
    };
    if (limitPrice !== undefined) intent.limitPrice = limitPrice;
    if (stopPrice !== undefined) intent.stopPrice = stopPrice;
    if (entry?.type === 'oco') intent.either = this.terms(entry.orders[1], j, Math.sign(weight), close);
    if (entry?.type === 'oto') {
      intent.triggers = { first: entry.share, terms: this.terms(entry.orders[1], j, Math.sign(weight), close) };
    }
    if (sizing.kind === 'all-in') intent.share = Math.abs(weight);
    if (protection !== undefined) intent.protection = protectFromSignal ? { ...protection, anchor: close } : protection;
    return this.planned(view, j, 'signal', intent);
  }

  /** Type and prices of an entry; of two orders those of the first. */
  private entryTerms(j: number, side: number, close: number): Pick<OrderIntent, 'type' | 'limitPrice' | 'stopPrice'> {
    const { entry = AT_MARKET } = this.strategy;
    if (entry.type === 'oco' || entry.type === 'oto') return this.terms(entry.orders[0], j, side, close);
    if (entry.type !== 'stop_limit') return this.terms(entry, j, side, close);
    const price = (offset: number) => this.rounding.price(j, close * (1 + side * offset), side);
    return { type: 'stop_limit', stopPrice: price(entry.offset), limitPrice: price(entry.limit) };
  }

  private terms(entry: SimpleEntry, j: number, side: number, close: number): OrderTerms {
    if (entry.type === 'market') return AT_MARKET;
    const toward = entry.type === 'limit' ? -side : side;
    const price = this.rounding.price(j, close * (1 + toward * entry.offset), side);
    return entry.type === 'limit' ? { type: 'limit', limitPrice: price } : { type: 'stop', stopPrice: price };
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
    this.risk.state.orders++;
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
