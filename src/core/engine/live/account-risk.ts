import type { TradingCalendar } from '../../domain/calendar.js';
import { calendarOf } from '../../domain/calendars/index.js';
import type { Instrument } from '../../domain/instrument.js';
import { markPrice, type Quote } from '../../domain/quote.js';
import { isQuantlineError } from '../../errors/index.js';
import type { ExecutionContext, ReconcileResult } from '../../execution/index.js';
import { type RiskDesk, SessionActivity } from '../../risk/index.js';
import { isTerminal, type OrderRecord, type StrategyScope } from '../../state/index.js';
import type { PlanReason } from '../step.js';
import { decisionBodySchema } from './memory.js';
import { othersOf } from './others.js';

/** Fills that are read again: more than the account's strategies have in some seconds. */
const NEWEST = 1000;
const HOUR_MS = 3_600_000;

/** Orders that a decision has planned: their time is their slot, as in a backtest. */
const PLANNED: ReadonlySet<string | undefined> = new Set<PlanReason>(['signal', 'time_stop', 'risk']);

/** What risk policies must know of the whole account, other strategies and hand trades included. */
export class AccountRisk {
  /** Newest event of the journal before the account was read; undefined where no limit looks at what others do. */
  seen: number | undefined;
  private readonly calendar: TradingCalendar;
  private activity: SessionActivity;
  /** Executions that `activity` has seen, and the time of the last. */
  private readonly seenFills = new Set<string>();
  private readUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly execution: ExecutionContext,
    private readonly instruments: readonly Instrument[],
  ) {
    const calendars = new Set(instruments.map(({ calendar }) => calendar));
    this.calendar = calendarOf(calendars.size === 1 ? [...calendars][0]! : '24/7');
    this.activity = new SessionActivity(this.calendar);
  }

  /**
   * Before a decision at `time`. `owned`: what the strategy itself holds; `closes`: its last prices by instrument. Returns
   * last trades of the instruments where a limit asks for them and the venue tells: NaN for those that it does not.
   */
  async refresh(
    risk: RiskDesk,
    state: ReconcileResult,
    owned: Float64Array,
    closes: Readonly<Record<string, number>>,
    time: number,
  ): Promise<Float64Array | undefined> {
    this.seen = undefined;
    if (risk.needsAccount || risk.remembers > 0) this.seen = await this.execution.journal.head();
    if (risk.needsAccount) await this.readOthers(risk, state, owned, closes);
    if (risk.remembers > 0) risk.recall(await this.orderTimes(time, risk.remembers));
    if (risk.needsActivity) await this.readFills(risk);
    risk.state.venueDayTrades = state.account.dayTrades ?? 0;
    if (!risk.needsLast || this.execution.broker.quotes === undefined) return undefined;
    const last = await this.lastPrices(
      this.instruments.map(({ id }) => id),
      freshSince(this.calendar, time),
    );
    return Float64Array.from(this.instruments, ({ id }) => last.get(id) ?? Number.NaN);
  }

  private async readOthers(
    risk: RiskDesk,
    state: ReconcileResult,
    owned: Float64Array,
    closes: Readonly<Record<string, number>>,
  ): Promise<void> {
    const { journal, scope } = this.execution;
    const account = { venue: scope.venue, account: scope.account };
    const others = <T extends StrategyScope>(rows: readonly T[]) =>
      rows.filter((row) => row.strategy !== scope.strategy);
    const orders = others(await journal.orders({ ...account, open: true }));
    const fills = others(await journal.fills({ ...account, limit: NEWEST })).filter((fill) => !fill.void);
    const prices = new Map<string, number>();
    const learn = (instrument: string, price: unknown) => {
      if (!prices.has(instrument) && Number(price) > 0) prices.set(instrument, Number(price));
    };
    for (const { instrument, marketPrice } of state.positions) learn(instrument, marketPrice);
    for (const [instrument, price] of Object.entries(closes)) learn(instrument, price);
    for (const strategy of new Set(orders.map((row) => row.strategy))) {
      const decision = await journal.lastDecision({ ...scope, strategy });
      const { data } = decisionBodySchema.safeParse(decision?.body);
      for (const [instrument, price] of Object.entries(data?.memory.closes ?? {})) learn(instrument, price);
    }
    // Where nobody gives a price of what is held, what was paid is near enough: no slot waits for a quote of it.
    for (const { instrument, averagePrice } of state.positions) learn(instrument, averagePrice);
    const ordered = [...state.externalOrders, ...orders].map(({ instrument }) => instrument);
    const unpriced = [...new Set(ordered)].filter((id) => !prices.has(id));
    if (unpriced.length > 0)
      for (const [instrument, price] of await this.lastPrices(unpriced)) learn(instrument, price);
    risk.state.others = othersOf({
      owned: new Map(this.instruments.map(({ id }, j) => [id, owned[j]!])),
      ...{ state, orders, fills },
      price: (instrument) => prices.get(instrument) ?? Number.NaN,
    });
  }

  /**
   * The venue's last trades, or the middle of bid and ask of what has none, from `since` on; instruments without either
   * are left out.
   */
  private async lastPrices(instruments: readonly string[], since = 0): Promise<ReadonlyMap<string, number>> {
    const { broker, logger } = this.execution;
    try {
      const quotes = (await broker.quotes?.(instruments)) ?? [];
      return new Map(quotes.map((quote) => [quote.instrument, lastPrice(quote, since)]));
    } catch (error) {
      if (!isQuantlineError(error)) throw error;
      logger.warn(`${broker.venue} gives no last prices: ${error.message}`);
      return new Map();
    }
  }

  /** When the account's orders of the last `ms` before a decision left or are to leave, ascending. */
  private async orderTimes(time: number, ms: number): Promise<readonly number[]> {
    const { journal, scope } = this.execution;
    const times: number[] = [];
    for (const each of await journal.scopes()) {
      if (each.venue !== scope.venue || each.account !== scope.account) continue;
      // What was ordered since belongs to the slot of the last decision.
      const last = (await journal.lastDecision(each))?.slot ?? time;
      const orders = await journal.orders({ scope: each, fromSlot: Math.min(time - ms, last) });
      for (const order of orders) if (isOrdered(order)) times.push(timeOf(order));
    }
    return times.filter((at) => at > time - ms).sort((a, b) => a - b);
  }

  private async readFills(risk: RiskDesk): Promise<void> {
    const { journal, scope } = this.execution;
    const { venue, account } = scope;
    // All at first; later the newest are enough: a slot books few.
    const limit = this.seenFills.size === 0 ? {} : { limit: NEWEST };
    let fills = await journal.fills({ venue, account, ...limit });
    // One that was taken back, or that came before what is counted, changes all that follows.
    const late = fills.some((fill) => (this.seenFills.has(fill.executionId) ? fill.void : fill.time < this.readUntil));
    if (late) {
      this.activity = new SessionActivity(this.calendar);
      this.seenFills.clear();
      fills = await journal.fills({ venue, account });
    }
    for (const fill of [...fills].sort((a, b) => a.time - b.time)) {
      const { executionId, instrument, side, quantity, price, costs, time } = fill;
      if (fill.void || this.seenFills.has(executionId)) continue;
      this.seenFills.add(executionId);
      this.readUntil = time;
      const [units, money] = [Number(quantity), Number(costs ?? 0)];
      this.activity.fill(instrument, side === 'buy' ? 1 : -1, units, Number(price), money, time);
    }
    risk.state.activity = this.activity;
  }
}

/** Quotes of a decision at `time` are those of its session; just after an open, of the last hour. */
function freshSince(calendar: TradingCalendar, time: number): number {
  const session = calendar.nextSession(time - 1);
  const { open } = session.open < time ? session : calendar.previousSession(time);
  return Math.min(open, time - HOUR_MS);
}

/** NaN where all that is quoted is older: yesterday's price says nothing of an order of today. */
function lastPrice({ last, ...quote }: Quote, since: number): number {
  if (last !== undefined && (quote.lastTime ?? quote.time) >= since) return Number(last);
  return quote.time >= since ? Number(markPrice(quote)) : Number.NaN;
}

/** An order that the strategy sent or is about to send: not its protection, nor what was never sent. */
const isOrdered = ({ leg, parent, status, sentAt }: OrderRecord): boolean =>
  (leg === 'entry' || leg === 'exit') && parent === undefined && !(isTerminal(status) && sentAt === undefined);

const timeOf = ({ request, slot, createdAt }: OrderRecord): number => (PLANNED.has(request.purpose) ? slot : createdAt);
