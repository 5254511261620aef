import { randomUUID } from 'node:crypto';

export interface FakeOrder {
  id: string;
  client_order_id: string;
  symbol: string;
  side: 'buy' | 'sell';
  type: string;
  time_in_force: string;
  order_class: string;
  qty: string | null;
  notional: string | null;
  filled_qty: string;
  filled_avg_price: string | null;
  limit_price: string | null;
  stop_price: string | null;
  trail_percent: string | null;
  status: string;
  extended_hours: boolean;
  created: number;
  updated: number;
  replaced_by: string | null;
  replaces: string | null;
  parent: string | undefined;
  legs: string[];
  reason?: string;
}

export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
}

export interface FakeFill {
  readonly id: string;
  readonly order: FakeOrder;
  readonly qty: string;
  readonly price: string;
  readonly time: number;
  readonly cumQty: string;
  readonly final: boolean;
}

export const TERMINAL = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);
const num = (text: string | null | undefined): number => Number(text ?? 0);
const text = (value: number): string => String(Math.round(value * 1e9) / 1e9);

/** Rules of the venue that a test may bend. */
export interface BookRules {
  /** Market orders fill at once at the symbol's price. */
  fillMarket: boolean;
  /** A cancel stays pending until `finishCancel`. */
  holdCancels: boolean;
  /** A replace is acknowledged and later loses against a fill. */
  loseReplaces: boolean;
  /** The stop leg of a bracket is rejected when the entry fills. */
  rejectStopLegs: boolean;
  /** Refuses every order with this. */
  refuse: Refusal | undefined;
  /** Units of open exits are reserved: an order for more than the rest is refused. */
  reserve: boolean;
  /** Refuses orders of this class ('' for simple ones). */
  refuseClass: string | undefined;
  /** How long a new order stays invisible to look-ups by client id, in reads. */
  invisibleReads: number;
}

/** Order book, ledger of accepted orders and positions of one account. */
export class FakeBook {
  readonly orders = new Map<string, FakeOrder>();
  /** Every order that was accepted, in order: the oracle. */
  readonly accepted: FakeOrder[] = [];
  readonly fills: FakeFill[] = [];
  readonly positions = new Map<string, { qty: number; average: number }>();
  /** Part of a crypto purchase that is kept. */
  feeInKind = 0;
  readonly prices = new Map<string, number>();
  readonly rules: BookRules = {
    fillMarket: true,
    holdCancels: false,
    loseReplaces: false,
    rejectStopLegs: false,
    refuse: undefined,
    reserve: false,
    refuseClass: undefined,
    invisibleReads: 0,
  };
  readonly hidden = new Map<string, number>();
  private sequence = 0;

  constructor(
    private readonly now: () => number,
    private readonly emit: (event: string, order: FakeOrder, fill?: FakeFill) => void,
  ) {}

  place(body: Readonly<Record<string, unknown>>): FakeOrder | Refusal {
    const { rules } = this;
    const clientId = (body['client_order_id'] as string | undefined) ?? randomUUID();
    if ([...this.orders.values()].some((one) => one.client_order_id === clientId))
      return { status: 422, code: 40010001, message: 'client_order_id must be unique' };
    if (rules.refuse !== undefined) return rules.refuse;
    const qty = body['qty'] as string | undefined;
    const notional = body['notional'] as string | undefined;
    if ((qty === undefined) === (notional === undefined))
      return { status: 422, code: 40010001, message: 'qty or notional is required' };
    if (qty !== undefined && !(num(qty) > 0)) return { status: 422, code: 42210000, message: 'qty must be > 0' };
    for (const price of [body['limit_price'], body['stop_price']] as (string | undefined)[]) {
      if (price === undefined) continue;
      const decimals = price.split('.')[1]?.replace(/0+$/, '').length ?? 0;
      if (decimals > (num(price) >= 1 ? 2 : 4))
        return {
          status: 422,
          code: 42210000,
          message: `invalid price ${price}. sub-penny increment does not fulfill minimum pricing criteria`,
        };
    }
    const klass = (body['order_class'] as string | undefined) ?? '';
    const takeProfit = body['take_profit'] as { limit_price: string } | undefined;
    const stopLoss = body['stop_loss'] as { stop_price: string; limit_price?: string } | undefined;
    if (klass === 'bracket' && (takeProfit === undefined || stopLoss === undefined))
      return { status: 422, code: 42210000, message: 'bracket orders require take_profit.limit_price' };
    if (rules.refuseClass !== undefined && rules.refuseClass === klass)
      return { status: 422, code: 42210000, message: `${klass} orders are not accepted now` };
    const short = this.reserved(String(body['symbol']), body['side'] as string, num(qty));
    if (rules.reserve && short) return { status: 403, code: 40310000, message: 'insufficient qty available for order' };
    const order = this.make(body, clientId, undefined);
    order.order_class = klass;
    if (klass === 'oco') {
      order.type = 'limit';
      order.limit_price = takeProfit?.limit_price ?? order.limit_price;
      if (stopLoss !== undefined) this.leg(order, 'stop', stopLoss, 'held', order.side);
    } else if (klass !== '' && klass !== 'simple') {
      const exit = order.side === 'buy' ? 'sell' : 'buy';
      if (takeProfit !== undefined) this.leg(order, 'limit', takeProfit, 'held', exit);
      if (stopLoss !== undefined) this.leg(order, 'stop', stopLoss, 'held', exit);
    }
    this.accepted.push(order);
    if (rules.invisibleReads > 0) this.hidden.set(clientId, rules.invisibleReads);
    this.emit('new', order);
    order.status = 'new';
    if (order.type === 'market' && rules.fillMarket) this.fill(order.id);
    return order;
  }

  /** Whether an exit asks for more than what other open exits leave free. */
  private reserved(symbol: string, side: string, qty: number): boolean {
    const held = this.positions.get(symbol)?.qty ?? 0;
    if (held === 0 || held > 0 === (side === 'buy')) return false;
    const open = [...this.orders.values()].filter(
      (one) => one.symbol === symbol && one.side === side && !TERMINAL.has(one.status) && one.status !== 'held',
    );
    return qty > Math.abs(held) - open.reduce((sum, one) => sum + num(one.qty) - num(one.filled_qty), 0) + 1e-9;
  }

  private make(body: Readonly<Record<string, unknown>>, clientId: string, parent: string | undefined): FakeOrder {
    const field = (name: string): string | null => (body[name] as string | undefined) ?? null;
    const at = this.now() + this.sequence++ / 1000;
    const order: FakeOrder = {
      id: randomUUID(),
      client_order_id: clientId,
      symbol: body['symbol'] as string,
      side: body['side'] as 'buy' | 'sell',
      type: body['type'] as string,
      time_in_force: body['time_in_force'] as string,
      order_class: '',
      qty: field('qty'),
      notional: field('notional'),
      filled_qty: '0',
      filled_avg_price: null,
      limit_price: field('limit_price'),
      stop_price: field('stop_price'),
      trail_percent: field('trail_percent'),
      status: 'pending_new',
      extended_hours: body['extended_hours'] === true,
      created: at,
      updated: at,
      replaced_by: null,
      replaces: null,
      parent,
      legs: [],
    };
    this.orders.set(order.id, order);
    return order;
  }

  private leg(
    parent: FakeOrder,
    type: string,
    prices: { limit_price?: string; stop_price?: string },
    status: string,
    side: 'buy' | 'sell',
  ): void {
    const body = {
      ...prices,
      symbol: parent.symbol,
      side,
      type: type === 'stop' && prices.limit_price ? 'stop_limit' : type,
      time_in_force: parent.time_in_force,
      ...(parent.qty === null ? {} : { qty: parent.qty }),
    };
    const leg = this.make(body, randomUUID(), parent.id);
    leg.status = status;
    leg.order_class = parent.order_class;
    parent.legs.push(leg.id);
  }

  /** Fills part or all of an order, at its price or the symbol's. */
  fill(id: string, quantity?: number, at?: number): FakeFill {
    const order = this.order(id);
    const price = at ?? (order.limit_price === null ? (this.prices.get(order.symbol) ?? 100) : num(order.limit_price));
    const total = order.qty === null ? num(order.notional) / price : num(order.qty);
    const done = num(order.filled_qty);
    const qty = Math.min(quantity ?? total - done, total - done);
    const cumulative = done + qty;
    order.filled_avg_price = text((done * num(order.filled_avg_price) + qty * price) / cumulative);
    order.filled_qty = text(cumulative);
    const final = cumulative >= total - 1e-9;
    order.status = final ? 'filled' : 'partially_filled';
    order.updated = this.now();
    // Crypto: the fee of a purchase is kept in the coins.
    const kept = order.side === 'buy' && order.symbol.includes('/') ? this.feeInKind : 0;
    this.move(order.symbol, order.side === 'buy' ? qty * (1 - kept) : -qty, price);
    const fill: FakeFill = {
      id: randomUUID(),
      order,
      qty: text(qty),
      price: text(price),
      time: this.now() + this.sequence++ / 1000,
      cumQty: order.filled_qty,
      final,
    };
    this.fills.push(fill);
    this.emit(final ? 'fill' : 'partial_fill', order, fill);
    if (final) this.settle(order);
    return fill;
  }

  /** What follows from a complete fill: exits are armed, or the sibling ends. */
  private settle(order: FakeOrder): void {
    for (const id of order.order_class === 'oco' ? [] : order.legs) {
      const leg = this.order(id);
      if (leg.status !== 'held') continue;
      if (leg.type === 'limit') leg.status = 'new';
      else if (this.rules.rejectStopLegs) this.end(leg.id, 'rejected');
      else if (order.legs.length === 1) leg.status = 'new';
    }
    const parent = order.parent === undefined ? undefined : this.order(order.parent);
    const siblings = order.order_class === 'oco' && parent === undefined ? order.legs : (parent?.legs ?? []);
    for (const id of siblings)
      if (id !== order.id && !TERMINAL.has(this.order(id).status)) this.quietly(id, 'canceled');
    if (parent?.order_class === 'oco' && !TERMINAL.has(parent.status)) this.quietly(parent.id, 'canceled');
  }

  /** The venue sends no event for a held stop that ends with its sibling. */
  private quietly(id: string, status: string): void {
    const order = this.order(id);
    const held = order.status === 'held';
    order.status = status;
    order.updated = this.now();
    if (!held) this.emit(status, order);
  }

  /** The market trades at a price: market orders fill, and limits that it crosses. */
  trade(symbol: string, price: number): void {
    this.prices.set(symbol, price);
    for (const order of [...this.orders.values()]) {
      if (order.symbol !== symbol || TERMINAL.has(order.status) || order.status === 'held') continue;
      const limit = num(order.limit_price);
      const crosses = order.type === 'limit' && (order.side === 'buy' ? price <= limit : price >= limit);
      if (order.type === 'market' || crosses) this.fill(order.id, undefined, price);
    }
  }

  end(id: string, status: 'canceled' | 'rejected' | 'expired' | 'done_for_day' | string, reason?: string): void {
    const order = this.order(id);
    order.status = status;
    order.updated = this.now();
    if (reason !== undefined) order.reason = reason;
    this.emit(status, order);
  }

  cancel(id: string): Refusal | undefined {
    const order = this.orders.get(id);
    if (order === undefined) return { status: 404, code: 40410000, message: 'order not found' };
    if (TERMINAL.has(order.status))
      return { status: 422, code: 42210000, message: `order is already in "${order.status}" state` };
    order.status = 'pending_cancel';
    this.emit('pending_cancel', order);
    if (!this.rules.holdCancels) this.finishCancel(id);
    return undefined;
  }

  finishCancel(id: string): void {
    this.end(id, 'canceled');
    for (const leg of this.order(id).legs) if (!TERMINAL.has(this.order(leg).status)) this.quietly(leg, 'canceled');
  }

  replace(id: string, body: Readonly<Record<string, unknown>>): FakeOrder | Refusal {
    const old = this.orders.get(id);
    if (old === undefined) return { status: 404, code: 40410000, message: 'order not found' };
    if (
      ['accepted', 'pending_new', 'pending_cancel', 'pending_replace'].includes(old.status) ||
      TERMINAL.has(old.status)
    )
      return { status: 422, code: 42210000, message: `cannot replace order in ${old.status} status` };
    const clientId = (body['client_order_id'] as string | undefined) ?? randomUUID();
    if ([...this.orders.values()].some((one) => one.client_order_id === clientId))
      return { status: 422, code: 40010001, message: 'client order id must be unique' };
    const next = this.make(
      {
        ...old,
        extended_hours: old.extended_hours,
        qty: old.qty ?? undefined,
        notional: old.notional ?? undefined,
        limit_price: old.limit_price ?? undefined,
        stop_price: old.stop_price ?? undefined,
        ...body,
      },
      clientId,
      old.parent,
    );
    next.order_class = old.order_class;
    next.replaces = old.id;
    // A replaced exit stays in its group; a replaced parent keeps its legs.
    if (old.parent !== undefined) this.order(old.parent).legs.push(next.id);
    next.legs = old.legs;
    for (const leg of next.legs) this.order(leg).parent = next.id;
    old.replaced_by = next.id;
    this.accepted.push(next);
    if (this.rules.loseReplaces) {
      old.status = 'pending_replace';
      next.status = 'accepted';
      return next;
    }
    next.status = 'new';
    this.end(old.id, 'replaced');
    this.emit('new', next);
    return next;
  }

  /** A pending replace loses: the old order goes on, the new one is rejected. */
  rejectReplace(oldId: string): void {
    const old = this.order(oldId);
    const next = this.order(old.replaced_by as string);
    next.status = 'rejected';
    old.replaced_by = null;
    old.status = num(old.filled_qty) > 0 ? 'partially_filled' : 'new';
    this.emit('order_replace_rejected', old);
  }

  move(symbol: string, qty: number, price: number): void {
    const position = this.positions.get(symbol) ?? { qty: 0, average: 0 };
    const next = position.qty + qty;
    if (Math.abs(next) < 1e-9) this.positions.delete(symbol);
    else
      this.positions.set(symbol, {
        qty: next,
        average:
          Math.sign(position.qty) === Math.sign(qty) || position.qty === 0
            ? (position.average * Math.abs(position.qty) + price * Math.abs(qty)) /
              (Math.abs(position.qty) + Math.abs(qty))
            : position.average,
      });
  }

  order(id: string): FakeOrder {
    const order = this.orders.get(id);
    if (order === undefined) throw new Error(`no order ${id} in the fake book`);
    return order;
  }
}

export const isRefusal = (value: unknown): value is Refusal =>
  value !== null && typeof value === 'object' && 'code' in value && 'message' in value;
