import { DAY_MS } from '../domain/index.js';
import { applyAction, Financing, type SimulatedExchange } from '../market/index.js';
import { actionEvent, namedAction } from './actions.js';
import type { EventSink } from './events.js';
import type { MarketFeed } from './feed.js';

/** What touches the ledger on a date and not by a fill, applied before the bars of its tick: financing, then actions. */
export class LedgerCalendar {
  /** Tick of what comes next; Infinity where nothing does. */
  next: number;
  private at = 0;
  private readonly names: readonly string[];
  private readonly financing: Financing | undefined;

  constructor(
    private readonly feed: MarketFeed,
    private readonly exchange: SimulatedExchange,
    private readonly ticks: { readonly from: number; readonly to: number },
    private readonly events: EventSink | undefined,
  ) {
    const { rates = [] } = exchange.settings;
    this.names = feed.instruments.map(({ id }) => id);
    if (rates.length > 0) this.financing = new Financing(exchange, rates, this.names);
    while (this.at < feed.actions.length && feed.actions[this.at]!.tick < ticks.from) this.at++;
    this.next = this.nextAction(this.financing === undefined ? Number.POSITIVE_INFINITY : ticks.from);
  }

  private nextAction(day: number): number {
    return Math.min(day, this.feed.actions[this.at]?.tick ?? Number.POSITIVE_INFINITY);
  }

  apply(k: number): void {
    const { feed, exchange, events, names } = this;
    const now = feed.clock[k]!;
    this.financing?.accrue(now);
    for (; feed.actions[this.at]?.tick === k; this.at++) {
      const one = feed.actions[this.at]!;
      const j = one.action.instrument;
      const bar = feed.barAt[j]![k]!;
      events?.emit(actionEvent(now, namedAction(names, one)));
      applyAction(exchange, one.action, now, bar < 0 ? feed.bars[j]!.time.length : bar);
    }
    this.next = this.nextAction(this.financing === undefined ? Number.POSITIVE_INFINITY : this.nextDay(k));
  }

  /** First tick of the next day (UTC). */
  private nextDay(k: number): number {
    const { clock } = this.feed;
    const day = Math.floor(clock[k]! / DAY_MS);
    let next = k + 1;
    while (next < this.ticks.to && Math.floor(clock[next]! / DAY_MS) === day) next++;
    return next;
  }
}
