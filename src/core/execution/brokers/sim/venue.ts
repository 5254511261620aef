import type { CorporateAction } from '../../../domain/bars.js';
import { decimalText, round } from '../../../domain/decimal.js';
import type { Instrument } from '../../../domain/instrument.js';
import type { OrderIntent, OrderTerms } from '../../../domain/orders.js';
import type { QuantisedTerms } from '../../../domain/quantise.js';
import {
  applyAction,
  EXIT_REASONS,
  type ExchangeListener,
  type ExchangeSettings,
  type ExitReason,
  type Fill,
  Financing,
  type Flow,
  onPath,
  roundingOf,
  SimulatedExchange,
  type VenueOrder,
  venueAction,
} from '../../../market/index.js';
import type { OrderRequest } from '../../../state/index.js';
import type { BrokerExecution, BrokerOrder, MarketTick } from '../../broker.js';
import { type BookedOrder, type BookState, isOpen } from './book.js';

/** Quantities carry 9 decimals at most; what sums of doubles leave beyond is noise. */
export const quantityText = (quantity: number): string => round(decimalText(quantity), 9);

const SUFFIX = { stop: 's', target: 't' } as const;

/** What happened since the book was last saved. */
export interface Changes {
  readonly orders: Map<string, BookedOrder>;
  readonly executions: BrokerExecution[];
}

/**
 * The simulated exchange with orders and executions in the words of the Broker port. Knows no disk and no clock; a pure
 * function of its state and of what it is told, so that ticks told again after a crash give the same fills.
 */
export class Venue implements ExchangeListener {
  readonly exchange: SimulatedExchange;
  private readonly financing: Financing | undefined;
  readonly instruments: readonly Instrument[];
  readonly changes: Changes = { orders: new Map(), executions: [] };
  lastTick: number | undefined;
  executions: number;
  /** Told about everything that happens from now on. */
  listener: ExchangeListener | undefined;
  private readonly index: ReadonlyMap<string, number>;
  private readonly guards: (string | null)[];
  private readonly open = new Map<string, BookedOrder>();
  /** Venue ids of protective orders that the exchange made itself, by its sequence number. */
  private readonly fired = new Map<number, string>();
  private now = 0;
  /** Set while the exchange refuses an order at once: such an order never enters the book. */
  private submitting: { order: BookedOrder } | undefined;

  constructor(
    state: BookState | undefined,
    open: readonly BookedOrder[],
    instruments: readonly Instrument[],
    settings: ExchangeSettings,
    fractional: boolean,
  ) {
    const known = new Set((state?.instruments ?? []).map((instrument) => instrument.id));
    this.instruments = [
      ...(state?.instruments ?? []),
      ...instruments.filter((instrument) => !known.has(instrument.id)),
    ];
    this.index = new Map(this.instruments.map((instrument, j) => [instrument.id, j]));
    const grid = this.instruments;
    this.exchange = new SimulatedExchange(grid.length, settings, roundingOf(grid, fractional), this);
    const { rates = [] } = settings;
    if (rates.length > 0) this.financing = new Financing(this.exchange, rates, [...this.index.keys()]);
    if (state !== undefined) this.exchange.restore(state.exchange);
    this.lastTick = state?.lastTick;
    this.executions = state?.executions ?? 0;
    this.guards = grid.map((_, j) => state?.guards[j] ?? null);
    for (const order of open) this.open.set(order.venueOrderId, order);
    for (let j = 0; j < grid.length; j++) {
      for (const order of this.exchange.orders(j)) {
        if (order.clientId === '') this.fired.set(order.sequence, this.legId(order));
      }
    }
  }

  indexOf(instrument: string): number | undefined {
    return this.index.get(instrument);
  }

  state(): BookState {
    return {
      instruments: this.instruments,
      exchange: this.exchange.snapshot(),
      lastTick: this.lastTick,
      executions: this.executions,
      guards: this.guards,
    };
  }

  /** The booked order, or the reason of an immediate refusal. */
  submit(request: OrderRequest, clientOrderId: string, time: number): BookedOrder | string {
    const j = this.index.get(request.instrument)!;
    this.now = time;
    const draft: BookedOrder = {
      venueOrderId: '',
      clientOrderId,
      instrument: request.instrument,
      side: request.side,
      type: request.type,
      status: 'accepted',
      venueStatus: 'accepted',
      quantity: request.quantity,
      notional: request.notional,
      filledQuantity: '0',
      averagePrice: undefined,
      limitPrice: request.limitPrice,
      stopPrice: request.stopPrice,
      submittedAt: time,
      updatedAt: time,
      request,
      parent: undefined,
    };
    this.submitting = { order: draft };
    const accepted = this.exchange.submit(j, intentOf(request), time, reasonOf(request), clientOrderId);
    this.submitting = undefined;
    this.sweepLegs(j);
    if (accepted.status === 'rejected') return accepted.note;
    return this.changes.orders.get(String(accepted.sequence))!;
  }

  cancel(venueOrderId: string, time: number): void {
    const order = this.open.get(venueOrderId);
    if (order === undefined) return;
    this.now = time;
    const j = this.index.get(order.instrument)!;
    const working = this.exchange.orders(j).find((each) => this.idOf(each) === venueOrderId);
    if (working !== undefined) this.exchange.cancel(working);
    else if (order.parent !== undefined) this.dropLeg(order, j);
    this.sweepLegs(j);
  }

  /** Lets the bars of one instant happen. Returns whether the book changed. */
  tick(tick: MarketTick, expired: (order: BookedOrder) => boolean): boolean {
    const before = this.exchange.revision;
    this.now = tick.time;
    for (const order of [...this.open.values()]) {
      if (order.parent !== undefined || !expired(order)) continue;
      const j = this.index.get(order.instrument)!;
      const working = this.exchange.orders(j).find((each) => this.idOf(each) === order.venueOrderId);
      if (working === undefined) continue;
      this.exchange.cancel(working, 'day order expired');
      this.put({ ...this.changes.orders.get(order.venueOrderId)!, status: 'expired', venueStatus: 'expired' });
      this.sweepLegs(j);
    }
    this.financing?.accrue(tick.time);
    for (const action of tick.actions ?? []) this.act(action, tick);
    for (const bar of tick.bars) {
      const j = this.index.get(bar.instrument);
      if (j === undefined) continue;
      if (bar.halted === true) this.exchange.onHalt(j, bar.close);
      // What nothing waits for is only marked, at the bar's own close.
      else if (bar.path !== undefined && this.exchange.busy[j] !== 0)
        onPath(this.exchange, j, bar.index, bar.path, bar.spread);
      else this.exchange.onBar(j, bar.index, bar);
      this.sweepLegs(j);
    }
    this.lastTick = tick.time;
    return this.exchange.revision !== before || this.changes.orders.size > 0;
  }

  private act(action: CorporateAction, tick: MarketTick): void {
    const j = this.index.get(action.instrument);
    if (j === undefined) return;
    const venue = venueAction(action, j, this.index);
    const guard = this.guards[j] ?? null;
    const index = tick.bars.find((bar) => bar.instrument === action.instrument)?.index ?? 0;
    applyAction(this.exchange, venue, tick.time, index);
    if (venue.type === 'rename' && guard !== null) {
      this.guards[venue.becomes] = guard;
      this.guards[j] = null;
      const { id } = this.instruments[venue.becomes]!;
      for (const leg of [...this.open.values()]) if (leg.parent === guard) this.put({ ...leg, instrument: id });
    }
    this.sweepLegs(j);
  }

  onFlow(flow: Flow): void {
    this.listener?.onFlow?.(flow);
  }

  onOrder(order: VenueOrder): void {
    const draft = this.submitting?.order;
    if (draft !== undefined && order.clientId === draft.clientOrderId) {
      if (order.status !== 'rejected') this.accept(order, draft);
    } else {
      const id = this.idOf(order);
      const known = this.open.get(id) ?? this.changes.orders.get(id);
      if (known !== undefined) this.put(updated(known, order, this.now));
    }
    this.listener?.onOrder(order);
  }

  onFill(order: VenueOrder, fill: Fill): void {
    const { time, price, quantity, costs } = fill;
    const id = this.idOf(order);
    const known = this.open.get(id) ?? this.changes.orders.get(id);
    this.changes.executions.push({
      executionId: `${++this.executions}`,
      venueOrderId: id,
      clientOrderId: known?.clientOrderId,
      instrument: this.instruments[order.instrument]!.id,
      side: order.side > 0 ? 'buy' : 'sell',
      quantity: quantityText(quantity),
      price: decimalText(price),
      time,
      kind: 'fill',
      costs: decimalText(costs),
    });
    if (this.exchange.ledger.quantity[order.instrument] === 0) this.guards[order.instrument] = null;
    else if (order.leg === 'entry' && order.protection !== undefined) this.guards[order.instrument] ??= id;
    this.listener?.onFill(order, fill);
  }

  private accept(order: VenueOrder, draft: BookedOrder): void {
    const id = String(order.sequence);
    this.put({ ...draft, venueOrderId: id });
    const { protection } = draft.request;
    if (protection === undefined || order.leg !== 'entry') return;
    const legs = [
      ...(protection.stopLoss !== undefined || protection.trailingStop !== undefined ? ['stop' as const] : []),
      ...(protection.takeProfit !== undefined ? ['target' as const] : []),
    ];
    for (const leg of legs) {
      const type = leg === 'stop' ? 'stop' : 'limit';
      const side = draft.side === 'buy' ? 'sell' : 'buy';
      this.put({
        ...draft,
        venueOrderId: `${id}${SUFFIX[leg]}`,
        clientOrderId: `${draft.clientOrderId}.${leg}`,
        side,
        type,
        venueStatus: 'held',
        quantity: undefined,
        notional: undefined,
        request: { instrument: draft.instrument, side, type, timeInForce: 'gtc', opens: false },
        parent: id,
      });
    }
  }

  private idOf(order: VenueOrder): string {
    if (order.clientId !== '') return String(order.sequence);
    let id = this.fired.get(order.sequence);
    if (id === undefined) {
      id = this.legId(order);
      this.fired.set(order.sequence, id);
    }
    return id;
  }

  /** The attached exit that a protective order of the exchange stands for. */
  private legId(order: VenueOrder): string {
    const guard = this.guards[order.instrument];
    const suffix = order.leg === 'target' ? SUFFIX.target : SUFFIX.stop;
    return guard === null || guard === undefined ? `${order.sequence}${suffix}` : `${guard}${suffix}`;
  }

  /** Closes attached exits that guard nothing: their entry ended unfilled, or the position is gone. */
  private sweepLegs(j: number): void {
    const flat = this.exchange.ledger.quantity[j] === 0;
    const entering = new Set(this.exchange.orders(j).map((order) => String(order.sequence)));
    const { id } = this.instruments[j]!;
    for (const leg of [...this.open.values()]) {
      if (leg.instrument !== id || leg.parent === undefined || entering.has(leg.parent)) continue;
      if (!flat && leg.parent === this.guards[j]) continue;
      this.put({ ...leg, status: 'canceled', venueStatus: 'canceled', updatedAt: this.now });
    }
    if (flat) this.guards[j] = null;
  }

  /** An order as others see it; an armed exit with the price and size that it has now. */
  view(order: BookedOrder): BrokerOrder {
    const { request: _, parent, ...rest } = order;
    const j = this.index.get(order.instrument)!;
    const state = parent !== undefined && parent === this.guards[j] ? this.exchange.protectionOf(j) : undefined;
    if (state === undefined || !isOpen(order)) return rest;
    const quantity = quantityText(Math.abs(this.exchange.ledger.quantity[j]!) + Number(order.filledQuantity));
    if (order.type === 'limit') return { ...rest, quantity, limitPrice: decimalText(state.target) };
    const long = this.exchange.ledger.quantity[j]! > 0;
    const prices = [state.stop, state.trail].filter((price) => !Number.isNaN(price));
    return { ...rest, quantity, stopPrice: decimalText(long ? Math.max(...prices) : Math.min(...prices)) };
  }

  forgetChanges(): void {
    this.changes.orders.clear();
    this.changes.executions.length = 0;
  }

  private dropLeg(leg: BookedOrder, j: number): void {
    const state = this.exchange.snapshot();
    const protection = state.protection.map((each, i) => {
      if (i !== j || each === null || this.guards[j] !== leg.parent) return each;
      return leg.type === 'limit' ? { ...each, target: Number.NaN } : { ...each, stop: Number.NaN, trail: Number.NaN };
    });
    this.exchange.restore({ ...state, protection });
    this.put({ ...leg, status: 'canceled', venueStatus: 'canceled', updatedAt: this.now });
  }

  private put(order: BookedOrder): void {
    this.changes.orders.set(order.venueOrderId, order);
    if (isOpen(order)) this.open.set(order.venueOrderId, order);
    else this.open.delete(order.venueOrderId);
  }
}

function updated(known: BookedOrder, order: VenueOrder, time: number): BookedOrder {
  const filled = order.filled > 0;
  return {
    ...known,
    status: order.status,
    venueStatus: order.status,
    quantity: Number.isNaN(order.quantity) ? known.quantity : quantityText(order.quantity),
    // A split changes them.
    limitPrice: Number.isNaN(order.limitPrice) ? known.limitPrice : decimalText(order.limitPrice),
    stopPrice: Number.isNaN(order.stopPrice) ? known.stopPrice : decimalText(order.stopPrice),
    filledQuantity: filled ? quantityText(order.filled) : '0',
    averagePrice: filled ? decimalText(order.filledValue / order.filled) : undefined,
    updatedAt: time,
    ...(order.note === '' ? {} : { reason: order.note }),
  };
}

const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));

const termsOf = ({ type, limitPrice, stopPrice }: QuantisedTerms): OrderTerms => ({
  type,
  ...(limitPrice !== undefined && { limitPrice: Number(limitPrice) }),
  ...(stopPrice !== undefined && { stopPrice: Number(stopPrice) }),
});

function intentOf(request: OrderRequest): OrderIntent {
  const { either, triggers } = request;
  const fields = {
    quantity: number(request.quantity),
    notional: number(request.notional),
    limitPrice: number(request.limitPrice),
    stopPrice: number(request.stopPrice),
    protection: request.protection,
    either: either && termsOf(either),
    triggers: triggers && { first: triggers.first, terms: termsOf(triggers.terms) },
  };
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return {
    instrument: request.instrument,
    side: request.side,
    leg: request.opens === false ? 'exit' : 'entry',
    type: request.type as OrderIntent['type'],
    ...given,
  };
}

const reasonOf = (request: OrderRequest): ExitReason =>
  EXIT_REASONS.find((reason) => reason === request.purpose) ?? 'signal';
