import { checkPeriod, type Indicator, keep } from './indicator.js';

/*
 * Rolling extremes by van Herk's and Gil and Werman's block scheme (1992, 1993): the extreme of a window is that of a
 * suffix of one block of `period` bars and the prefix of the next. Three comparisons a bar, amortised, in any market.
 */

/** Largest of the last `period` values. */
export class RollingMax implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly last: number;
  private readonly ring: Float64Array;
  private at = 0;
  private prefix = Number.NEGATIVE_INFINITY;

  constructor(period: number) {
    this.last = checkPeriod(period) - 1;
    this.warmup = this.memory = period;
    this.ring = new Float64Array(period).fill(Number.NaN);
  }

  update(x: number): number {
    const i = this.at;
    const ring = this.ring;
    ring[i] = x;
    if (i === this.last) return this.endBlock();
    const prefix = Math.max(this.prefix, x);
    this.prefix = prefix;
    this.at = i + 1;
    return Math.max(prefix, ring[i + 1]!);
  }

  private endBlock(): number {
    const ring = this.ring;
    let best = Number.NEGATIVE_INFINITY;
    for (let k = this.last; k >= 0; k--) {
      best = Math.max(best, ring[k]!);
      ring[k] = best;
    }
    this.prefix = Number.NEGATIVE_INFINITY;
    this.at = 0;
    return best;
  }
}

/** Smallest of the last `period` values. */
export class RollingMin implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly last: number;
  private readonly ring: Float64Array;
  private at = 0;
  private prefix = Number.POSITIVE_INFINITY;

  constructor(period: number) {
    this.last = checkPeriod(period) - 1;
    this.warmup = this.memory = period;
    this.ring = new Float64Array(period).fill(Number.NaN);
  }

  update(x: number): number {
    const i = this.at;
    const ring = this.ring;
    ring[i] = x;
    if (i === this.last) return this.endBlock();
    const prefix = Math.min(this.prefix, x);
    this.prefix = prefix;
    this.at = i + 1;
    return Math.min(prefix, ring[i + 1]!);
  }

  private endBlock(): number {
    const ring = this.ring;
    let best = Number.POSITIVE_INFINITY;
    for (let k = this.last; k >= 0; k--) {
      best = Math.min(best, ring[k]!);
      ring[k] = best;
    }
    this.prefix = Number.POSITIVE_INFINITY;
    this.at = 0;
    return best;
  }
}

/** Highest high and lowest low of the last `period` bars, this one included. `update` returns their distance. */
export class RollingRange implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  high = Number.NaN;
  low = Number.NaN;
  private readonly last: number;
  /** High and low of slot k at 2k and 2k + 1. */
  private readonly ring: Float64Array;
  /** Candidates side by side: a comparison picks one by index, since the branch would be a coin toss. */
  private readonly pick = new Float64Array(4);
  private at = 0;

  constructor(period: number) {
    this.last = checkPeriod(period) - 1;
    this.warmup = this.memory = period;
    this.ring = new Float64Array(2 * period).fill(Number.NaN);
    this.restart();
  }

  update(high: number, low: number): number {
    const i = this.at;
    const ring = this.ring;
    ring[2 * i] = high;
    ring[2 * i + 1] = low;
    if (Number.isNaN(high - low)) return this.restart();
    if (i === this.last) return this.endBlock();
    const pick = this.pick;
    pick[1] = high;
    pick[3] = low;
    const top = pick[Number(high > pick[0]!)]!;
    const bottom = pick[2 + Number(low < pick[2]!)]!;
    pick[0] = top;
    pick[2] = bottom;
    this.at = i + 1;
    const highest = Math.max(top, ring[2 * i + 2]!);
    const lowest = Math.min(bottom, ring[2 * i + 3]!);
    this.high = highest;
    this.low = lowest;
    return highest - lowest;
  }

  private endBlock(): number {
    const { ring, pick } = this;
    let top = ring[2 * this.last]!;
    let bottom = ring[2 * this.last + 1]!;
    for (let k = this.last - 1; k >= 0; k--) {
      const high = ring[2 * k]!;
      const low = ring[2 * k + 1]!;
      pick[0] = top;
      pick[1] = high;
      pick[2] = bottom;
      pick[3] = low;
      top = pick[Number(high > top)]!;
      bottom = pick[2 + Number(low < bottom)]!;
      ring[2 * k] = top;
      ring[2 * k + 1] = bottom;
    }
    this.begin();
    this.high = top;
    this.low = bottom;
    return top - bottom;
  }

  private begin(): void {
    this.pick[0] = Number.NEGATIVE_INFINITY;
    this.pick[2] = Number.POSITIVE_INFINITY;
    this.at = 0;
  }

  private restart(): number {
    this.begin();
    this.ring.fill(Number.NaN);
    this.high = this.low = Number.NaN;
    return Number.NaN;
  }
}

/**
 * Donchian channel of the `period` bars BEFORE this one (Donchian's rule and Stock.Indicators: a breakout is a price
 * beyond it). `update` returns the centre line. For the range that includes this bar see RollingRange.
 */
export class Donchian implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  upper = Number.NaN;
  lower = Number.NaN;
  private readonly range: RollingRange;

  constructor(period = 20) {
    this.range = new RollingRange(period);
    this.warmup = this.memory = period + 1;
  }

  update(high: number, low: number): number {
    const upper = this.range.high;
    const lower = this.range.low;
    const gap = Number.isNaN(this.range.update(high, low)) && Number.isNaN(high - low);
    this.upper = gap ? Number.NaN : upper;
    this.lower = gap ? Number.NaN : lower;
    return (this.upper + this.lower) / 2;
  }
}

/** Stochastic oscillator, 100 · (close - lowest low) / (highest high - lowest low); 50 in a flat window. */
export class FastStochastic implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly range: RollingRange;

  constructor(period = 14) {
    this.range = new RollingRange(period);
    this.warmup = this.memory = period;
  }

  update(high: number, low: number, close: number): number {
    const width = this.range.update(high, low);
    return width === 0 ? 50 : (100 * (close - this.range.low)) / width;
  }
}

/** Williams %R, -100 · (highest high - close) / (highest high - lowest low); -50 in a flat window. */
export class WilliamsR implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly range: RollingRange;

  constructor(period = 14) {
    this.range = new RollingRange(period);
    this.warmup = this.memory = period;
  }

  update(high: number, low: number, close: number): number {
    const width = this.range.update(high, low);
    return width === 0 ? -50 : (-100 * (this.range.high - close)) / width;
  }
}

keep(
  new RollingMax(2),
  new RollingMin(2),
  new RollingRange(2),
  new Donchian(2),
  new FastStochastic(2),
  new WilliamsR(2),
);
