import { NOBODY, type Proposal, type RiskPolicy, type RiskState } from './policy.js';

/** A policy has cut or refused a wanted entry. Weights are signed fractions of equity. */
export interface Verdict {
  readonly instrument: string;
  readonly policy: string;
  readonly wanted: number;
  readonly allowed: number;
  readonly reason: string;
}

/** Asks the policies in their order, and keeps what they look at. Allocates only where one of them says no. */
export class RiskDesk {
  readonly state: RiskState;
  /** What this step's reviews changed. */
  readonly verdicts: Verdict[] = [];
  /** The policy that halts the strategy since the last `observe`, if one does. */
  haltedBy: RiskPolicy | undefined;
  private readonly halting: readonly RiskPolicy[];
  private readonly floors: readonly RiskPolicy[];
  private readonly reviewing: readonly RiskPolicy[];
  private readonly planning: readonly RiskPolicy[];
  /** Equity below this is for `observe`, as peak and session stand; NaN where that is not known. */
  private least = Number.NaN;
  private readonly proposal: { -readonly [K in keyof Proposal]: Proposal[K] } = {
    instrument: '',
    weight: 0,
    close: 0,
    price: 0,
    last: 0,
  };

  constructor(
    private readonly policies: readonly RiskPolicy[],
    equity: number,
  ) {
    this.state = {
      time: 0,
      equity,
      peak: equity,
      sessionStart: equity,
      session: 0,
      held: 0,
      gross: 0,
      positions: 0,
      net: 0,
      buying: 0,
      selling: 0,
      cash: equity,
      others: NOBODY,
      orders: 0,
      activity: undefined,
      venueDayTrades: 0,
    };
    this.halting = policies.filter((policy) => policy.halts);
    this.floors = this.halting.filter((policy) => policy.floor);
    this.reviewing = policies.filter((policy) => policy.review);
    this.planning = policies.filter((policy) => policy.planned);
  }

  /** Whether a policy wants to see every tick. */
  get mustObserve(): boolean {
    return this.halting.length > this.floors.length;
  }

  /** Whether a policy follows equity from tick to tick by its floor. */
  get watchesEquity(): boolean {
    return this.floors.length > 0;
  }

  /** Equity below which `observe` would halt, as peak and session stand; an account with nothing is ruined. */
  floor(): number {
    const { state, floors } = this;
    let floor = Number.MIN_VALUE;
    for (let p = 0; p < floors.length; p++) floor = Math.max(floor, floors[p]!.floor!(state));
    this.least = floor;
    return floor;
  }

  /** Whether this equity is no new peak and halts nothing, so that `observe` need not hear of it. Not for `mustObserve`. */
  isCalm(equity: number): boolean {
    return equity >= this.least && equity <= this.state.peak;
  }

  /** Tells the policies in which session the next ticks lie and what equity was at the end of the one before. */
  enter(session: number, sessionStart: number): void {
    const { state } = this;
    if (session === state.session && sessionStart === state.sessionStart) return;
    state.session = session;
    state.sessionStart = sessionStart;
    this.least = Number.NaN;
  }

  get needsExposure(): boolean {
    return this.policies.some((policy) => policy.needsExposure);
  }

  get needsActivity(): boolean {
    return this.policies.some((policy) => policy.needsActivity);
  }

  get needsAccount(): boolean {
    return this.policies.some((policy) => policy.needsAccount);
  }

  get needsLast(): boolean {
    return this.policies.some((policy) => policy.needsLast);
  }

  /** For how long before a decision a policy wants to know of orders, ms; 0: none does. */
  get remembers(): number {
    return Math.max(0, ...this.policies.map((policy) => policy.remembers ?? 0));
  }

  /** Times of the account's orders, ascending. */
  recall(orders: readonly number[]): void {
    for (const policy of this.policies) policy.recall?.(orders);
  }

  /** An earlier process was halted by the policy of this name. */
  recallHalt(name: string, session: number): void {
    for (const policy of this.policies) if (policy.name === name) policy.recallHalt?.(session);
  }

  /** A tick: keeps peak and session, and asks the policies that can halt. Whether the strategy must be flat. */
  observe(time: number, equity: number, session: number, sessionStart: number): boolean {
    const { state, halting } = this;
    this.enter(session, sessionStart);
    const calm = this.isCalm(equity);
    state.time = time;
    state.equity = equity;
    if (equity > state.peak) state.peak = equity;
    let halted = equity <= 0;
    this.haltedBy = undefined;
    for (let p = 0; p < halting.length; p++) {
      if (!halting[p]!.halts!(state)) continue;
      halted = true;
      // Of several the one that lasts is what people must hear of.
      if (this.haltedBy?.lasting !== true) this.haltedBy = halting[p];
    }
    if (!calm) this.floor();
    return halted;
  }

  /** A person has resumed the strategy: peak and losses count from here. */
  resume(equity: number): void {
    this.state.peak = equity;
    for (const policy of this.policies) policy.resume?.();
  }

  /** Before the reviews of a step; exposure is entered by the caller. */
  begin(time: number, cash: number): void {
    const { state } = this;
    if (this.verdicts.length > 0) this.verdicts.length = 0;
    state.time = time;
    state.cash = cash;
    state.gross = 0;
    state.positions = 0;
    state.net = 0;
    state.buying = 0;
    state.selling = 0;
    state.orders = 0;
  }

  /** After the reviews of a step. */
  end(): void {
    for (let p = 0; p < this.planning.length; p++) this.planning[p]!.planned!(this.state);
  }

  /** The weight that all policies allow. What is allowed counts in the reviews after it. */
  review(instrument: string, wanted: number, close: number, price: number, last: number): number {
    const { proposal, state } = this;
    proposal.instrument = instrument;
    proposal.close = close;
    proposal.price = price;
    proposal.last = last;
    let allowed = wanted;
    for (let p = 0; p < this.reviewing.length; p++) {
      const policy = this.reviewing[p]!;
      const before = allowed;
      proposal.weight = before;
      allowed = policy.review!(proposal, state);
      if (allowed !== before) {
        const { name, reason } = policy;
        this.verdicts.push({ instrument, policy: name, wanted: before, allowed, reason: reason ?? name });
      }
      if (allowed === 0) return 0;
    }
    const value = allowed * state.equity;
    state.gross += Math.abs(value);
    state.net += value;
    if (value > 0) state.cash -= value;
    state.positions++;
    return allowed;
  }
}
