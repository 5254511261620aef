import type { OrderType } from '../domain/orders.js';
import type { Candle } from './reference.js';
import type { SpreadModel } from './spread.js';

/** What decides at which price a working order fills within a bar. Adapters in `fills/`. */
export interface FillModel {
  readonly name: string;
  /** The order type at a real venue that realises these fills; undefined: there is none, so no gate for trading passes. */
  readonly liveOrder: string | undefined;
  /** A stop reached in a bar is taken even where the bar opened beyond the target. */
  readonly stopFirst?: boolean;
  /** Market orders fill at the close of the bar that they were decided on: before the bar that `reference` sees. */
  readonly beforeBar?: boolean;
  /**
   * A stop or target is reached only in a bar whose open, high or low reaches its price. The backtest then passes over
   * bars that reach none of them; without it, every bar of a protected position goes through the venue.
   */
  readonly insideBar?: boolean;
  /** The spread where the data has no quotes; absent: fills do not depend on bid and ask, and `Candle.spread` is 0. */
  readonly spread?: SpreadModel;
  /** What an order of this side pays or gets at the open of the bar; absent: its open. */
  atOpen?(side: number, bar: Candle): number;
  /** Price at which a protective stop of this side is filled, NaN for no fill; absent: `stopReference`. */
  stop?(side: number, stopPrice: number, bar: Candle): number;
  /**
   * Reference price before slippage, NaN for no fill. `triggered` is a stop-limit whose stop was reached in an earlier bar.
   */
  reference(
    type: OrderType,
    side: number,
    limitPrice: number,
    stopPrice: number,
    triggered: boolean,
    bar: Candle,
  ): number;
  /** Price of a resting target of this side, NaN for no fill. */
  target(side: number, limitPrice: number, bar: Candle): number;
}
