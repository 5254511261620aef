import type { readOrder, TwsContract } from './wire.js';

export interface TwsOrder extends Omit<ReturnType<typeof readOrder>, 'conId' | 'symbol' | 'exchange'> {
  readonly contract: TwsContract;
  readonly clientId: number;
  readonly permId: number;
  total: number;
  status: string;
  filled: number;
  average: number;
  reason?: string;
  /** Its record went with the change of the day. */
  gone?: boolean;
}

export interface TwsExecution {
  readonly order: TwsOrder;
  readonly execId: string;
  readonly time: string;
  readonly at: number;
  readonly shares: number;
  readonly price: number;
  readonly cumulative: number;
  readonly commission: number;
}

export const DONE = new Set(['Filled', 'Cancelled', 'ApiCancelled', 'Rejected']);

/** What the book tells the clients. */
export interface BookListener {
  order(order: TwsOrder): void;
  execution(execution: TwsExecution): void;
  costs(execution: TwsExecution): void;
}

export interface BookRules {
  /** Market orders fill as soon as they are active. */
  fillMarket: boolean;
  /** A cancel stays pending until `finishCancel`. */
  holdCancels: boolean;
  /** No reports of costs. */
  noCosts: boolean;
}

/** Order book, ledger of accepted orders and positions of one account, as TWS and the exchange keep them. */
export class TwsBook {
  readonly orders: TwsOrder[] = [];
  /** Every order that was accepted, in order: the oracle. */
  readonly accepted: TwsOrder[] = [];
  readonly executions: TwsExecution[] = [];
  readonly positions = new Map<number, { contract: TwsContract; quantity: number; cost: number }>();
  readonly prices = new Map<string, number>();
  readonly rules: BookRules = { fillMarket: true, holdCancels: false, noCosts: false };
  private permIds = 1_200_345_000;

  constructor(
    private readonly time: () => { text: string; at: number },
    private readonly tell: BookListener,
  ) {}

  add(wire: ReturnType<typeof readOrder>, contract: TwsContract, clientId: number): TwsOrder {
    const { conId: _, symbol: __, exchange: ___, ...fields } = wire;
    const order: TwsOrder = {
      ...fields,
      contract,
      clientId,
      permId: this.permIds++,
      status: 'PendingSubmit',
      filled: 0,
      average: 0,
    };
    this.orders.push(order);
    this.accepted.push(order);
    if (order.transmit) this.transmit(order);
    return order;
  }

  /** The same order with other prices; it is shown anew. */
  change(order: TwsOrder, { lmtPrice, auxPrice }: Pick<TwsOrder, 'lmtPrice' | 'auxPrice'>): void {
    order.lmtPrice = lmtPrice;
    order.auxPrice = auxPrice;
    this.tell.order(order);
  }

  /** The last part of a group takes the others along. */
  private transmit(last: TwsOrder): void {
    const group = this.orders.filter(
      (one) =>
        !DONE.has(one.status) &&
        one.clientId === last.clientId &&
        (one === last || (last.parentId !== 0 && (one.orderId === last.parentId || one.parentId === last.parentId))),
    );
    for (const one of group) {
      one.transmit = true;
      one.status = one.parentId === 0 ? 'Submitted' : 'PreSubmitted';
    }
    for (const one of group) this.tell.order(one);
    for (const one of group) if (one.parentId === 0 && one.orderType === 'MKT' && this.rules.fillMarket) this.fill(one);
  }

  /** The market trades at a price: market orders fill, and resting ones that it crosses. */
  trade(symbol: string, price: number): void {
    this.prices.set(symbol, price);
    for (const order of [...this.orders]) {
      if (order.contract.symbol !== symbol || !this.active(order)) continue;
      const buy = order.action === 'BUY';
      const limit = order.lmtPrice;
      const trigger = order.auxPrice;
      const crosses =
        order.orderType === 'MKT' ||
        (order.orderType === 'LMT' && limit !== undefined && (buy ? price <= limit : price >= limit)) ||
        (order.orderType === 'STP' && trigger !== undefined && (buy ? price >= trigger : price <= trigger));
      if (crosses) this.fill(order, undefined, price);
    }
  }

  private active(order: TwsOrder): boolean {
    if (DONE.has(order.status) || !order.transmit) return false;
    const parent = this.parentOf(order);
    return parent === undefined || parent.status === 'Filled';
  }

  private parentOf(order: TwsOrder): TwsOrder | undefined {
    if (order.parentId === 0) return undefined;
    return this.orders.find((one) => one.clientId === order.clientId && one.orderId === order.parentId);
  }

  fill(order: TwsOrder, shares = order.total - order.filled, at?: number): TwsExecution {
    const price = at ?? order.lmtPrice ?? this.prices.get(order.contract.symbol) ?? 100;
    order.average = (order.average * order.filled + price * shares) / (order.filled + shares);
    order.filled += shares;
    order.status = order.filled >= order.total ? 'Filled' : 'Submitted';
    const signed = order.action === 'BUY' ? shares : -shares;
    const held = this.positions.get(order.contract.conId) ?? { contract: order.contract, quantity: 0, cost: price };
    held.quantity += signed;
    this.positions.set(order.contract.conId, held);
    const { text, at: now } = this.time();
    const execution: TwsExecution = {
      order,
      execId: `0000e0d5.${(0x6576fd38 + this.executions.length).toString(16)}.01.01`,
      time: text,
      at: now,
      shares,
      price,
      cumulative: order.filled,
      commission: 1,
    };
    this.executions.push(execution);
    this.tell.execution(execution);
    this.tell.order(order);
    if (!this.rules.noCosts) this.tell.costs(execution);
    this.settle(order);
    return execution;
  }

  /** The siblings of a filled exit end; those of an OCA group shrink with it, or end with the first part of a fill. */
  private settle(order: TwsOrder): void {
    const siblings = this.orders.filter(
      (one) =>
        one !== order &&
        !DONE.has(one.status) &&
        one.clientId === order.clientId &&
        ((order.parentId !== 0 && one.parentId === order.parentId) ||
          (order.ocaGroup !== '' && one.ocaGroup === order.ocaGroup)),
    );
    for (const one of siblings) {
      one.total = Math.min(one.total, one.filled + order.total - order.filled);
      if (one.ocaType === 1 && one.ocaGroup !== '') one.total = one.filled;
      if (one.total <= one.filled) this.end(one, 'Cancelled', 'OCA group');
      else this.tell.order(one);
    }
  }

  cancel(order: TwsOrder): void {
    order.status = 'PendingCancel';
    this.tell.order(order);
    if (!this.rules.holdCancels) this.finishCancel(order);
  }

  finishCancel(order: TwsOrder): void {
    this.end(order, 'Cancelled', 'Cancelled by Trader');
    for (const child of this.orders)
      if (this.parentOf(child) === order && !DONE.has(child.status))
        this.end(child, 'Cancelled', 'Cancelled with parent');
  }

  end(order: TwsOrder, status: string, reason?: string): void {
    order.status = status;
    if (reason !== undefined) order.reason = reason;
    this.tell.order(order);
  }

  /** The exchange corrects an execution: it comes again, with the last number of its id raised. */
  correct(execution: TwsExecution, shares: number, price: number): TwsExecution {
    const { order } = execution;
    const version = Number(execution.execId.slice(-2)) + 1;
    const corrected: TwsExecution = {
      ...execution,
      execId: `${execution.execId.slice(0, -2)}${String(version).padStart(2, '0')}`,
      shares,
      price,
    };
    order.filled += shares - execution.shares;
    const held = this.positions.get(order.contract.conId)!;
    held.quantity += (order.action === 'BUY' ? 1 : -1) * (shares - execution.shares);
    this.executions.push(corrected);
    this.tell.execution(corrected);
    this.tell.costs(corrected);
    return corrected;
  }

  open(): TwsOrder[] {
    return this.orders.filter(({ status }) => !DONE.has(status));
  }
}
