import { isWorking, type VenueOrder } from './orders.js';

/** Never written to. */
const NO_ORDERS: VenueOrder[] = [];

/** Working orders by instrument, oldest first. */
export class OrderBook {
  private readonly lists: VenueOrder[][];

  constructor(size: number) {
    this.lists = Array.from({ length: size }, () => NO_ORDERS);
  }

  orders(j: number): readonly VenueOrder[] {
    return this.lists[j]!;
  }

  /** Whether an entry of this side works. */
  enters(j: number, side: number): boolean {
    const list = this.lists[j]!;
    for (let k = 0; k < list.length; k++) if (list[k]!.leg === 'entry' && list[k]!.side === side) return true;
    return false;
  }

  all(): readonly VenueOrder[] {
    return this.lists.flat();
  }

  /** A list that was emptied is replaced, not grown again: most hold one order for one bar. */
  add(order: VenueOrder): void {
    const list = this.lists[order.instrument]!;
    if (list.length === 0) this.lists[order.instrument] = [order];
    else list.push(order);
  }

  /** Whether the order was there. */
  remove(order: VenueOrder): boolean {
    const list = this.lists[order.instrument]!;
    const at = list.indexOf(order);
    if (at >= 0) list.splice(at, 1);
    return at >= 0;
  }

  /** Drops what is over. */
  keepOpen(j: number): void {
    const list = this.lists[j]!;
    let kept = 0;
    for (let k = 0; k < list.length; k++) {
      const order = list[k]!;
      if (isWorking(order)) list[kept++] = order;
    }
    if (kept === 0) this.lists[j] = NO_ORDERS;
    else if (kept < list.length) list.length = kept;
  }

  snapshot(): VenueOrder[][] {
    return this.lists.map((list) => list.map((order) => ({ ...order })));
  }

  restore(j: number, orders: readonly VenueOrder[]): void {
    this.lists[j] = orders.map((order) => ({ ...order }));
  }
}
