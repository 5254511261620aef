import type { Flow } from './corporate.js';
import type { CostSettings } from './costs.js';
import type { FillModel } from './fill-model.js';
import type { RateRow } from './financing.js';
import { flawOf, type VenueOrder } from './orders.js';
import type { SlippageSettings } from './slippage.js';

export interface ExchangeSettings {
  readonly cash: number;
  readonly costs: CostSettings;
  readonly slippage: SlippageSettings;
  readonly fill: FillModel;
  /** Gross exposure may reach leverage · equity. */
  readonly leverage: number;
  readonly allowShort: boolean;
  /** Interest and borrow fees; none by default. */
  readonly rates?: readonly RateRow[];
}

/** The venue's rounding, by instrument index; one implementation in domain/quantise.ts. */
export interface Rounding {
  /** Downwards to the lot (0 = too small to trade). */
  quantity(instrument: number, quantity: number): number;
  /** A sum or difference of such quantities without the noise that it carries; one that is off the grid stays. */
  sum(instrument: number, quantity: number): number;
  /** To the tick of that price level, never in the order's favour. */
  price(instrument: number, price: number, side: number): number;
}

/** One fill. A venue uses one object for all of its fills: who wants to keep one copies it. */
export interface Fill {
  /** Opening of the bar that filled it, epoch ms. */
  time: number;
  price: number;
  quantity: number;
  costs: number;
  /** `quantity` / volume of the bar. */
  share: number;
}

/** Told about everything the venue does, in order. */
export interface ExchangeListener {
  onOrder(order: VenueOrder): void;
  onFill(order: VenueOrder, fill: Fill): void;
  /** Dividends, splits, renames and delistings; interest and borrow fees. */
  onFlow?(flow: Flow): void;
}

/** Why a venue with these settings does not take an order; '' where it does. */
export function refusal(order: VenueOrder, settings: ExchangeSettings): string {
  if (order.leg === 'entry' && order.side < 0 && !settings.allowShort) return 'short selling is not allowed';
  const { either, triggers } = order;
  const flaw =
    flawOf(order.type, order.limitPrice, order.stopPrice) ||
    (either === undefined ? '' : flawOf(either.type, either.limitPrice, either.stopPrice)) ||
    (triggers === undefined ? '' : flawOf(triggers.type, triggers.limitPrice, triggers.stopPrice));
  if (flaw !== '') return flaw;
  if (triggers !== undefined && !(order.first > 0 && order.first < 1)) return 'the first part lies between 0 and 1';
  if (Number.isNaN(order.notional) ? !(order.quantity > 0) : !(order.notional > 0)) return 'quantity must be positive';
  return '';
}
