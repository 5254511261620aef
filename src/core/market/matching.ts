import type { FillModel } from './fill-model.js';
import { swapTerms, type VenueOrder } from './orders.js';
import { type Candle, stopReference } from './reference.js';

/**
 * Reference price at which a working order is filled in this bar, NaN for none. Of a pair of which one cancels the other,
 * the one that is reached becomes the order's own terms: what fills at the open comes first; where both lie inside the
 * bar its path is unknown, so the worse one counts.
 */
export function referenceOf(order: VenueOrder, bar: Candle, fill: FillModel): number {
  const { side, either } = order;
  const own = fill.reference(order.type, side, order.limitPrice, order.stopPrice, order.triggered, bar);
  if (either === undefined) return own;
  const { type, limitPrice = Number.NaN, stopPrice = Number.NaN } = either;
  const other = fill.reference(type, side, limitPrice, stopPrice, false, bar);
  const open = openFor(fill, side, bar);
  if (Number.isNaN(other) || own === open) return own;
  if (!Number.isNaN(own) && other !== open && side * own >= side * other) return own;
  swapTerms(order);
  return other;
}

/** What an order of this side pays or gets at the open. */
export const openFor = (fill: FillModel, side: number, bar: Candle): number =>
  fill.atOpen === undefined ? bar.open : fill.atOpen(side, bar);

/** What a protective stop of this side is filled at, NaN for no fill. */
export const stopFor = (fill: FillModel, side: number, stopPrice: number, bar: Candle): number =>
  fill.stop === undefined ? stopReference(side, stopPrice, bar) : fill.stop(side, stopPrice, bar);

/** Whether the stop of a stop-limit is reached in this bar. */
export const electedIn = ({ side, stopPrice }: VenueOrder, bar: Candle): boolean =>
  side > 0 ? bar.high >= stopPrice : bar.low <= stopPrice;
