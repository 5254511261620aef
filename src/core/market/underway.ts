import { emptyCandle } from './reference.js';
import { capsVolume, fillableQuantity, type SlippageSettings, slippedPrice } from './slippage.js';
import type { Fill } from './venue.js';

/** The bar that happens at a venue: its prices, what was taken of its volume, and the fill that is at work. */
export class BarUnderway {
  readonly candle = emptyCandle();
  /** Counts the instrument's bars. */
  index = 0;
  taken = 0;
  /** Whether fills are cut to a share of the volume. */
  readonly capped: boolean;
  /** One object for all: numbers in a field need no memory of their own when they are handed on. */
  private readonly fill: Fill = { time: 0, price: 0.5, quantity: 0.5, costs: 0.5, share: 0.5 };

  constructor(private readonly slippage: SlippageSettings) {
    this.capped = capsVolume(slippage);
  }

  /** Most units that may still be filled. */
  available(): number {
    return this.capped ? fillableQuantity(this.slippage, this.candle.volume, this.taken) : Number.POSITIVE_INFINITY;
  }

  /** Price of a marketable order of this side for so many units. */
  slipped(side: number, price: number, quantity: number, entry: boolean): number {
    return slippedPrice(this.slippage, side, price, quantity / this.candle.volume, entry, this.candle);
  }

  /** The same before the quantity is known: what depends on the share of the volume is nothing for none of it. */
  unsized(side: number, price: number, entry: boolean): number {
    return this.capped ? price : slippedPrice(this.slippage, side, price, 0, entry, this.candle);
  }

  /** A fill in this bar, before its costs. */
  filling(price: number, quantity: number): Fill {
    const { fill, candle } = this;
    fill.time = candle.time;
    fill.price = price;
    fill.quantity = quantity;
    fill.share = quantity / candle.volume;
    return fill;
  }
}
