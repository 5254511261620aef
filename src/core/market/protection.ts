import type { OrderIntent, Protection } from '../domain/orders.js';
import type { FillModel } from './fill-model.js';
import { openFor, stopFor } from './matching.js';
import type { Candle } from './reference.js';
import type { ExitReason } from './trades.js';
import type { Rounding } from './venue.js';

/** The order that closes a position; NaN for a price that it does not have. */
export type ClosingTerms = Pick<OrderIntent, 'leg' | 'type'> & Record<'limitPrice' | 'stopPrice', number>;

/** What a protective order did in a bar. */
export interface ProtectionHit {
  price: number;
  reason: ExitReason;
  /** Whether the exit is a marketable stop (slips) or a resting limit (does not). */
  marketable: boolean;
}

/** Stop, target and trailing stop of one open position, as prices. NaN = none. */
export class ProtectionState {
  stop = Number.NaN;
  target = Number.NaN;
  trail = Number.NaN;
  /** Best price since entry, for the trailing stop. */
  best = Number.NaN;
  /** The one that `trail` was computed from. */
  private trailedFrom = Number.NaN;
  readonly hit: ProtectionHit = { price: Number.NaN, reason: 'stop_loss', marketable: true };

  constructor(
    public spec: Protection,
    private readonly rounding: Rounding,
    private readonly instrument: number,
  ) {}

  /** (Re)computes prices from the average fill price; called on each entry fill. `side` is the position's. */
  arm(side: number, entryPrice: number): void {
    const { stopLoss, takeProfit, trailingStop, anchor = entryPrice } = this.spec;
    if (stopLoss !== undefined) this.stop = this.roundPrice(anchor * (1 - side * stopLoss), -side);
    if (takeProfit !== undefined) this.target = this.roundPrice(anchor * (1 + side * takeProfit), -side);
    if (trailingStop === undefined) return;
    if (Number.isNaN(this.best)) this.best = entryPrice;
    if (this.trailedFrom !== this.best) this.trailBehind(this.best, side, trailingStop);
  }

  private trailBehind(best: number, side: number, distance: number): void {
    this.best = best;
    this.trailedFrom = best;
    this.trail = this.roundPrice(best * (1 - side * distance), -side);
  }

  /** Whether the trailing stop is the one that counts: it is nearer to the market, or the only one. */
  private trails(side: number): boolean {
    return !Number.isNaN(this.trail) && !(side * this.stop >= side * this.trail);
  }

  /** The stop that counts, of the fixed and the trailing one; NaN = none. */
  nearestStop(side: number): number {
    return this.trails(side) ? this.trail : this.stop;
  }

  /**
   * Whether the bar closes a position of this side; fills `hit`. Where stop and target lie in one bar the stop is taken:
   * the path inside the bar is unknown, so the worse reading counts. After an entry inside the bar (`targetAllowed`
   * false) only the stop is tested, for the same reason.
   */
  test(side: number, bar: Candle, fill: FillModel, targetAllowed: boolean): boolean {
    const useTrail = this.trails(side);
    const stop = useTrail ? this.trail : this.stop;
    // A favourable gap through the target at the open precedes whatever the bar does later.
    const open = openFor(fill, -side, bar);
    if (targetAllowed && fill.stopFirst !== true && side * open >= side * this.target) {
      return this.record(open, 'take_profit', false);
    }
    const price = Number.isNaN(stop) ? Number.NaN : stopFor(fill, -side, stop, bar);
    if (!Number.isNaN(price)) return this.record(price, useTrail ? 'trailing_stop' : 'stop_loss', true);
    if (!targetAllowed || Number.isNaN(this.target)) return false;
    const limit = fill.target(-side, this.target, bar);
    return Number.isNaN(limit) ? false : this.record(limit, 'take_profit', false);
  }

  /** Whether the bar's open, high or low reaches the price of a stop or the target: without, `test` finds nothing inside. */
  isReached(side: number, { open, high, low }: Candle): boolean {
    const stop = this.nearestStop(side);
    if (side > 0) return low <= stop || high >= this.target || open <= stop || open >= this.target;
    return high >= stop || low <= this.target || open >= stop || open <= this.target;
  }

  /** The order that the last hit amounts to. */
  closingTerms(): ClosingTerms {
    const { price, marketable } = this.hit;
    return marketable
      ? { leg: 'stop', type: 'stop', limitPrice: Number.NaN, stopPrice: price }
      : { leg: 'target', type: 'limit', limitPrice: price, stopPrice: Number.NaN };
  }

  opensBeyondStop(side: number, bar: Candle): boolean {
    return side * bar.open <= side * this.stop || side * bar.open <= side * this.trail;
  }

  /** Moves the trailing stop after the bar is over: a bar's own high must not tighten the stop inside that bar. */
  trailTo(side: number, bar: Pick<Candle, 'high' | 'low'>): void {
    const { trailingStop } = this.spec;
    if (trailingStop === undefined) return;
    const extreme = side > 0 ? bar.high : bar.low;
    if (side * extreme > side * this.best) this.trailBehind(extreme, side, trailingStop);
  }

  snapshot() {
    const { spec, stop, target, trail, best } = this;
    return { spec, stop, target, trail, best };
  }

  /** Prices in the shares after a split of this ratio; `scaled` is one price so. */
  rescale(ratio: number, scaled: (price: number) => number): void {
    this.stop = scaled(this.stop);
    this.target = scaled(this.target);
    this.trail = scaled(this.trail);
    this.best /= ratio;
    if (this.spec.anchor !== undefined) this.spec = { ...this.spec, anchor: this.spec.anchor / ratio };
  }

  private roundPrice(price: number, side: number): number {
    return this.rounding.price(this.instrument, price, side);
  }

  private record(price: number, reason: ExitReason, marketable: boolean): true {
    this.hit.price = price;
    this.hit.reason = reason;
    this.hit.marketable = marketable;
    return true;
  }
}
