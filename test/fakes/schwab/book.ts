export interface WireOrder {
  orderStrategyType: 'SINGLE' | 'TRIGGER' | 'OCO';
  orderType?: string;
  session?: string;
  duration?: string;
  price?: string;
  stopPrice?: string;
  stopPriceLinkBasis?: string;
  stopPriceLinkType?: string;
  stopPriceOffset?: number;
  orderLegCollection?: { instruction: string; quantity: number; instrument: { symbol: string; assetType: string } }[];
  childOrderStrategies?: WireOrder[];
}

export interface SchwabFill {
  readonly id: string;
  readonly quantity: number;
  readonly price: number;
  readonly left: number;
  readonly time: number;
}

export interface BookOrder {
  readonly id: number;
  readonly wire: WireOrder;
  readonly parent: BookOrder | undefined;
  readonly children: BookOrder[];
  readonly entered: number;
  status: string;
  reason?: string;
  filled: number;
  closed?: number;
  readonly fills: SchwabFill[];
}

export const DONE = new Set(['FILLED', 'CANCELED', 'REJECTED', 'EXPIRED', 'REPLACED']);
const ofLeg = (order: BookOrder) => order.wire.orderLegCollection![0]!;
export const symbolOf = (order: BookOrder): string => ofLeg(order).instrument.symbol;
export const quantityOf = (order: BookOrder): number => ofLeg(order).quantity;
const buys = (order: BookOrder): boolean => ofLeg(order).instruction.startsWith('BUY');

/** Order book, ledger of accepted orders and positions of one account at Schwab. */
export class SchwabBook {
  readonly roots: BookOrder[] = [];
  readonly all: BookOrder[] = [];
  readonly positions = new Map<string, { quantity: number; average: number }>();
  readonly prices = new Map<string, number>();
  /** Market orders fill at once. */
  fillMarket = true;
  holdCancels = false;
  /** Refuses the next orders after they were taken, as Schwab does. */
  rejectLater: string | undefined;
  private ids = 1_003_812_340_000;

  constructor(private readonly now: () => number) {}

  place(wire: WireOrder): BookOrder {
    const root = this.add(wire, undefined);
    this.roots.push(root);
    if (this.rejectLater !== undefined) {
      root.status = 'REJECTED';
      root.reason = this.rejectLater;
    } else if (root.wire.orderType === 'MARKET' && this.fillMarket) this.fill(root);
    return root;
  }

  /** A new order in the place of one that works, in its group too. */
  replace(old: BookOrder, wire: WireOrder): BookOrder {
    const order = this.add(wire, old.parent);
    const { status } = old;
    this.end(old, 'REPLACED');
    if (old.parent === undefined) this.roots.push(order);
    else {
      order.status = status;
      old.parent.children[old.parent.children.indexOf(old)] = order;
    }
    return order;
  }

  private add(wire: WireOrder, parent: BookOrder | undefined): BookOrder {
    const order: BookOrder = {
      id: this.ids++,
      wire,
      parent,
      children: [],
      entered: this.now(),
      status: parent === undefined || parent.wire.orderStrategyType === 'OCO' ? 'WORKING' : 'AWAITING_PARENT_ORDER',
      filled: 0,
      fills: [],
    };
    if (parent?.status === 'AWAITING_PARENT_ORDER') order.status = parent.status;
    this.all.push(order);
    for (const child of wire.childOrderStrategies ?? []) order.children.push(this.add(child, order));
    return order;
  }

  trade(symbol: string, price: number): void {
    this.prices.set(symbol, price);
    for (const order of [...this.all]) {
      if (order.wire.orderStrategyType === 'OCO' || symbolOf(order) !== symbol || order.status !== 'WORKING') continue;
      const { orderType, price: limit, stopPrice } = order.wire;
      const crosses =
        orderType === 'MARKET' ||
        (orderType === 'LIMIT' && (buys(order) ? price <= Number(limit) : price >= Number(limit))) ||
        (orderType === 'STOP' && (buys(order) ? price >= Number(stopPrice) : price <= Number(stopPrice)));
      if (crosses) this.fill(order, undefined, price);
    }
  }

  fill(order: BookOrder, quantity = quantityOf(order) - order.filled, at?: number): SchwabFill {
    const price = at ?? Number(order.wire.price ?? this.prices.get(symbolOf(order)) ?? 100);
    order.filled += quantity;
    const left = quantityOf(order) - order.filled;
    const fill = { id: `${this.reported(order)}/${left}/0`, quantity, price, left, time: this.now() };
    order.fills.push(fill);
    const held = this.positions.get(symbolOf(order)) ?? { quantity: 0, average: price };
    held.quantity += buys(order) ? quantity : -quantity;
    this.positions.set(symbolOf(order), held);
    if (left <= 0) this.settle(order);
    return fill;
  }

  /** A pair is told under its own id, for which its target stands. */
  private reported(order: BookOrder): number {
    const { parent } = order;
    return parent?.wire.orderStrategyType === 'OCO' && parent.parent === undefined && parent.children[0] === order
      ? parent.id
      : order.id;
  }

  private settle(order: BookOrder): void {
    order.status = 'FILLED';
    order.closed = this.now();
    for (const child of order.children) this.activate(child);
    if (order.parent?.wire.orderStrategyType === 'OCO') {
      for (const sibling of order.parent.children) if (!DONE.has(sibling.status)) this.end(sibling, 'CANCELED');
      order.parent.status = 'FILLED';
    }
  }

  private activate(order: BookOrder): void {
    order.status = 'WORKING';
    if (order.wire.orderStrategyType === 'OCO') for (const child of order.children) this.activate(child);
  }

  cancel(order: BookOrder): void {
    order.status = 'PENDING_CANCEL';
    if (!this.holdCancels) this.finishCancel(order);
  }

  finishCancel(order: BookOrder): void {
    this.end(order, 'CANCELED');
    for (const child of order.children) if (!DONE.has(child.status)) this.finishCancel(child);
  }

  end(order: BookOrder, status: string, reason?: string): void {
    order.status = status;
    order.closed = this.now();
    if (reason !== undefined) order.reason = reason;
  }
}
