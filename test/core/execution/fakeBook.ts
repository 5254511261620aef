import { add, compare, divide, isZero, multiply, negate, subtract } from '../../../src/core/domain/decimal.js';
import type { OrderStatus } from '../../../src/core/domain/orders.js';
import type { BrokerEvent, BrokerExecution, BrokerOrder, OrderRequest } from '../../../src/core/execution/index.js';
import type { Clock } from '../../../src/core/platform/index.js';
import { isTerminal } from '../../../src/core/state/index.js';

/** A split (`ratio`), a new name (`becomes`), or the end of an instrument. */
export interface VenueAction {
  readonly instrument: string;
  readonly ratio?: string;
  readonly becomes?: string;
}

export interface Booked {
  readonly venueOrderId: string;
  /** undefined: an order of somebody else, or one that hangs on another and has no id of its own. */
  readonly clientOrderId: string | undefined;
  request: OrderRequest;
  readonly acceptedAt: number;
  status: OrderStatus;
  venueStatus: string;
  filled: string;
  replacedBy?: string;
  replaces?: string;
  /** Not shown by look-ups and lists before this instant. */
  visibleFrom: number;
  /** The order that it hangs on; `triggered`: it waits until that one is complete. */
  parent?: Booked;
  readonly triggered?: boolean;
  /** Placed by a person. */
  readonly external?: boolean;
}

/** Where an order stands among others. */
export type Place = { readonly [K in 'parent' | 'triggered']?: Booked[K] | undefined };
/** What a venue in memory holds: every order, its trades, and what people and companies do in the account. */
export class FakeBook {
  readonly orders = new Map<string, Booked>();
  readonly trades: BrokerExecution[] = [];
  /** Trades and corporate actions as they happened. */
  private readonly history: (BrokerExecution | VenueAction)[] = [];
  /** What its stream has said since the beginning. */
  readonly told: BrokerEvent[] = [];
  readonly external = new Map<string, string>();
  /** How long new orders stay invisible, in milliseconds. */
  invisible = 0;
  /** The other one of a pair is not cancelled: both may fill. */
  races = false;
  /** It is cancelled with the first part of a fill already. */
  endsEarly = false;
  /** A split cancels orders that hang together, in place of changing them. */
  cancelsGroups = false;
  /** How it calls orders and executions. */
  names = {
    order: (n: number): string => `v${n}`,
    execution: (n: number, _order: Booked): string => `x${n}`,
  };
  private ids = 0;

  private latest = Number.NEGATIVE_INFINITY;

  constructor(protected readonly time: Clock) {}

  /** Its own time, which does not go back where the clock of those who ask it is set back. */
  protected now(): number {
    this.latest = Math.max(this.latest, this.time.now());
    return this.latest;
  }

  held(instrument: string): string {
    return add(this.bought().get(instrument) ?? '0', this.external.get(instrument) ?? '0');
  }

  /** What trades add up to, of those orders alone that are asked for, with corporate actions applied. */
  bought(of: (order: Booked) => boolean = () => true): ReadonlyMap<string, string> {
    const held = new Map<string, string>();
    const busted = new Set(this.trades.flatMap(({ refersTo }) => refersTo ?? []));
    for (const step of this.history) {
      if ('kind' in step && (step.kind === 'bust' || busted.has(step.executionId))) continue;
      const { instrument } = step;
      const before = held.get(instrument) ?? '0';
      if ('kind' in step) {
        if (!of(this.orders.get(step.venueOrderId)!)) continue;
        const signed = step.side === 'buy' ? step.quantity : negate(step.quantity);
        held.set(instrument, add(before, signed));
      } else {
        held.delete(instrument);
        if (step.ratio !== undefined) held.set(instrument, wholeUnits(multiply(before, step.ratio)));
        if (step.becomes !== undefined) held.set(step.becomes, add(held.get(step.becomes) ?? '0', before));
      }
    }
    return held;
  }

  /** A corporate action: holdings follow, resting orders too or they are cancelled. Fractions are paid out. */
  act(action: VenueAction, cancels: boolean): void {
    const { instrument, ratio, becomes } = action;
    this.now();
    const total = this.held(instrument);
    this.history.push(action);
    const rest = this.external.get(instrument) ?? '0';
    this.external.delete(instrument);
    if (becomes !== undefined) this.external.set(becomes, add(this.external.get(becomes) ?? '0', rest));
    if (ratio !== undefined) {
      const owned = this.bought().get(instrument) ?? '0';
      this.external.set(instrument, subtract(wholeUnits(multiply(total, ratio)), owned));
    }
    for (const order of this.open()) {
      if (order.request.instrument !== instrument) continue;
      const whole = ratio === undefined || !ratio.includes('.');
      const grouped = this.cancelsGroups && (order.parent !== undefined || this.hanging(order).length > 0);
      if (cancels || grouped || !whole || !isZero(order.filled) || (ratio ?? becomes) === undefined)
        order.status = 'canceled';
      else if (becomes !== undefined) order.request = { ...order.request, instrument: becomes };
      else order.request = splitRequest(order.request, ratio!);
      this.tell(order);
    }
    // What waits for an order that is over is never triggered.
    for (const order of this.open()) {
      if (this.works(order) || !isTerminal(order.parent!.status)) continue;
      order.status = 'canceled';
      this.tell(order);
    }
  }

  /** The second of a pair of entries, exits that an entry arms, and the stop of a pair of exits. */
  protected hang(request: OrderRequest, parent: Booked): void {
    const { either, triggers, takeProfit, stopLoss, instrument, side, quantity } = request;
    const { timeInForce } = request;
    const add = (more: Partial<OrderRequest> & Pick<OrderRequest, 'type'>, triggered: boolean) =>
      this.add({ instrument, side, timeInForce, quantity: quantity!, ...more }, undefined, { parent, triggered });
    const priced = ({ type, limitPrice, stopPrice }: NonNullable<typeof either>) => ({
      type,
      ...(limitPrice !== undefined && { limitPrice: String(limitPrice) }),
      ...(stopPrice !== undefined && { stopPrice: String(stopPrice) }),
    });
    if (either !== undefined) add(priced(either), false);
    if (triggers !== undefined) add({ ...priced(triggers.terms), quantity: triggers.quantity! }, true);
    const exits = request.opens !== false;
    const closing = exits ? ({ side: side === 'buy' ? 'sell' : 'buy' } as const) : {};
    if (takeProfit !== undefined && exits) add({ type: 'limit', ...takeProfit, ...closing }, true);
    if (stopLoss !== undefined) add({ type: 'stop', ...stopLoss, ...closing }, exits);
  }

  /** An order of somebody else in the same account. */
  byHand(instrument: string, side: OrderRequest['side'], quantity: string): Booked {
    const request = { instrument, side, quantity, type: 'limit', limitPrice: '1', timeInForce: 'gtc' } as const;
    return this.add(request, undefined, { external: true });
  }

  protected add(
    request: OrderRequest,
    clientOrderId: string | undefined,
    more: Place & Pick<Booked, 'external'> = {},
  ): Booked {
    const { parent, triggered, external } = more;
    const order: Booked = {
      ...(parent !== undefined && { parent }),
      ...(triggered !== undefined && { triggered }),
      ...(external !== undefined && { external }),
      venueOrderId: this.names.order(++this.ids),
      clientOrderId,
      request,
      acceptedAt: this.now(),
      status: 'accepted',
      venueStatus: 'new',
      filled: '0',
      visibleFrom: this.now() + this.invisible,
    };
    this.orders.set(order.venueOrderId, order);
    this.tell(order);
    return order;
  }

  /** Announces an order as it is now. */
  tell(order: Booked, execution?: BrokerExecution): void {
    this.told.push({ type: 'order', order: this.view(order), ...(execution !== undefined && { execution }) });
  }

  /** What ends with an order: exits that hang together, and what an order was to trigger. */
  protected group(order: Booked): readonly Booked[] {
    const first = order.parent !== undefined && order.request.opens === undefined ? order.parent : order;
    const pairOfExits = first.request.opens === false && first.request.stopLoss !== undefined;
    const top = pairOfExits ? first : order;
    return [top, ...this.hanging(top).filter(({ triggered }) => pairOfExits || (triggered && !isComplete(top)))];
  }

  /** What nobody of ours has asked for: it expires, or a person cancels it. */
  end(order: Booked, status: 'expired' | 'canceled'): void {
    for (const each of this.group(order)) {
      if (isTerminal(each.status)) continue;
      each.status = status;
      this.tell(each);
    }
  }

  hanging(order: Booked): readonly Booked[] {
    return [...this.orders.values()].filter(({ parent }) => parent === order);
  }

  visible(order: Booked): boolean {
    return this.now() >= order.visibleFrom;
  }

  protected view(order: Booked): BrokerOrder {
    const { request } = order;
    const legs = this.hanging(order).map((each) => this.view(each));
    return {
      venueOrderId: order.venueOrderId,
      clientOrderId: order.clientOrderId,
      instrument: request.instrument,
      side: request.side,
      type: request.type,
      status: order.status,
      venueStatus: order.venueStatus,
      quantity: request.quantity,
      notional: request.notional,
      filledQuantity: order.filled,
      averagePrice: undefined,
      limitPrice: request.limitPrice,
      stopPrice: request.stopPrice,
      submittedAt: order.acceptedAt,
      updatedAt: this.now(),
      ...(order.replacedBy === undefined ? {} : { replacedBy: order.replacedBy }),
      ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
      ...(legs.length > 0 && { legs }),
    };
  }

  find(clientOrderId: string): Booked | undefined {
    return [...this.orders.values()].find((order) => order.clientOrderId === clientOrderId);
  }

  /** Fills part of an order; more than is left is cut. */
  fill(order: Booked, quantity: string, price = '100'): BrokerExecution | undefined {
    const left = subtract(order.request.quantity!, order.filled);
    const filled = compare(quantity, left) < 0 ? quantity : left;
    if (isZero(filled)) return undefined;
    order.filled = add(order.filled, filled);
    if (order.filled === order.request.quantity) order.status = 'filled';
    else if (order.status === 'accepted') order.status = 'partially_filled';
    const { instrument, side } = order.request;
    const trade: BrokerExecution = {
      executionId: this.names.execution(this.trades.length + 1, order),
      venueOrderId: order.venueOrderId,
      clientOrderId: undefined,
      instrument,
      side,
      quantity: filled,
      price,
      time: this.now(),
      kind: 'fill',
    };
    this.trades.push(trade);
    this.history.push(trade);
    this.tell(order, trade);
    if (!this.races) this.endOthers(order);
    return trade;
  }

  /** One cancels the other: of a pair of entries, and of exits that hang together. */
  private endOthers(order: Booked): void {
    if (!isComplete(order) && !this.endsEarly) return;
    const first = order.parent ?? order;
    const { request } = first;
    const exits = this.hanging(first).filter((each) => each.request.side !== request.side);
    const pairs = request.either !== undefined || request.opens === false;
    const tied = pairs ? [first, ...this.hanging(first)] : exits.includes(order) ? exits : [];
    for (const each of tied) {
      if (each === order || isTerminal(each.status)) continue;
      each.status = 'canceled';
      this.tell(each);
    }
  }

  /** Whether it works: an order that is to be triggered waits for the one before it. */
  works({ parent, triggered }: Booked): boolean {
    return triggered !== true || isComplete(parent!);
  }

  /** Takes an execution back. */
  bust(trade: BrokerExecution): void {
    const executionId = `x${this.trades.length + 1}`;
    const execution: BrokerExecution = { ...trade, executionId, kind: 'bust', refersTo: trade.executionId };
    this.trades.push(execution);
    this.history.push(execution);
    this.told.push({ type: 'execution', execution });
    const order = this.orders.get(trade.venueOrderId)!;
    order.filled = subtract(order.filled, trade.quantity);
  }

  open(): readonly Booked[] {
    return [...this.orders.values()].filter((order) => !isTerminal(order.status));
  }

  finishCancels(): void {
    for (const order of this.open()) if (order.status === 'pending_cancel') order.status = 'canceled';
  }
}

/** Or was so, before an execution was taken back: what it has triggered by then works. */
const isComplete = ({ status }: Booked): boolean => status === 'filled';

const wholeUnits = (quantity: string): string => quantity.replace(/\.\d*$/, '').replace(/^-0$/, '0');

function splitRequest(request: OrderRequest, ratio: string): OrderRequest {
  const { quantity, takeProfit, stopLoss, either, triggers } = request;
  const prices = <T extends { readonly limitPrice?: string; readonly stopPrice?: string }>(terms: T): T => ({
    ...terms,
    ...(terms.limitPrice !== undefined && { limitPrice: divide(terms.limitPrice, ratio) }),
    ...(terms.stopPrice !== undefined && { stopPrice: divide(terms.stopPrice, ratio) }),
  });
  return {
    ...prices(request),
    quantity: multiply(quantity!, ratio),
    ...(takeProfit !== undefined && { takeProfit: prices(takeProfit) }),
    ...(stopLoss !== undefined && { stopLoss: prices(stopLoss) }),
    ...(either !== undefined && { either: prices(either) }),
    ...(triggers !== undefined && {
      triggers: { ...triggers, quantity: multiply(triggers.quantity!, ratio), terms: prices(triggers.terms) },
    }),
  };
}
