import { checkPeriod, fadingMemory, type Indicator, keep, ZERO } from './indicator.js';

/*
 * Windowed sums here and in rolling.ts are kept per block of `period` bars: the window ending inside a block is a suffix
 * of the block before (sums made once, when that block ended) plus the prefix of this one. Nothing is ever subtracted, so
 * a value depends on its window alone, rounding does not pile up, and a spike leaves no trace once it is out. The cost
 * is two additions a bar, amortised. Deviations are taken from the last value of the block before, which lies in
 * the window, so that a flat window gives exactly its value.
 */

/** Simple moving average: mean of the last `period` values. */
export class Sma implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly divisor: number = ZERO;
  private readonly last: number;
  /** Slot k: the value of bar k of this block once seen, before that the sum of the previous block's deviations from k on. */
  private readonly ring: Float64Array;
  private at = 0;
  private base = ZERO;
  private prefix = ZERO;

  constructor(period: number) {
    this.divisor = checkPeriod(period);
    this.last = period - 1;
    this.warmup = this.memory = period;
    this.ring = new Float64Array(period).fill(Number.NaN);
  }

  update(x: number): number {
    const i = this.at;
    const ring = this.ring;
    ring[i] = x;
    if (i === this.last) return this.endBlock(x);
    const prefix = this.prefix + (x - this.base);
    this.prefix = prefix;
    this.at = i + 1;
    return this.base + (prefix + ring[i + 1]!) / this.divisor;
  }

  private endBlock(base: number): number {
    const ring = this.ring;
    let sum = 0;
    for (let k = this.last; k >= 0; k--) {
      sum += ring[k]! - base;
      ring[k] = sum;
    }
    this.base = base;
    this.prefix = 0;
    this.at = 0;
    return base + sum / this.divisor;
  }
}

/**
 * Exponential moving average, weight 2 / (period + 1), seeded with the mean of the first `period` values
 * (as Stock.Indicators and TA-Lib do). `Ema.wilder(period)` has Wilder's weight 1 / period.
 */
export class Ema implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly period: number;
  private readonly alpha: number = ZERO;
  private readonly decay: number = ZERO;
  private missing: number;
  /** The first value; averages are kept relative to it, so that a flat series gives exactly its value. */
  private base = ZERO;
  private offset = ZERO;
  private readonly relative: boolean;

  /** `relative` false: for moves rather than levels, whose averages are to fade to zero without a rounding residue. */
  constructor(period: number, alpha: number = 2 / (period + 1), relative = true) {
    this.period = checkPeriod(period);
    this.relative = relative;
    this.alpha = alpha;
    this.decay = 1 - alpha;
    this.warmup = period;
    this.memory = period + fadingMemory(alpha);
    this.missing = period;
  }

  static wilder(period: number, relative = true): Ema {
    return new Ema(period, 1 / period, relative);
  }

  update(x: number): number {
    if (this.missing > 0) return this.seed(x);
    const base = this.base;
    const offset = this.offset * this.decay + this.alpha * (x - base);
    this.offset = offset;
    if (Number.isNaN(offset)) this.missing = this.period;
    return base + offset;
  }

  private seed(x: number): number {
    if (Number.isNaN(x)) {
      this.missing = this.period;
      return x;
    }
    if (this.missing === this.period) {
      this.base = this.relative ? x : 0;
      this.offset = 0;
    }
    this.offset += x - this.base;
    this.missing -= 1;
    if (this.missing > 0) return Number.NaN;
    this.offset /= this.period;
    return this.base + this.offset;
  }
}

/** Linearly weighted moving average: weight `period` on the newest value down to 1 on the oldest. */
export class Wma implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly period: number;
  private readonly last: number;
  private readonly weights: number = ZERO;
  private readonly ring: Float64Array;
  private at = 0;
  private base = ZERO;
  private prefix = ZERO;
  private weighted = ZERO;

  constructor(period: number) {
    this.period = checkPeriod(period);
    this.last = period - 1;
    this.weights = (period * (period + 1)) / 2;
    this.warmup = this.memory = period;
    this.ring = new Float64Array(period).fill(Number.NaN);
  }

  update(x: number): number {
    const i = this.at;
    const ring = this.ring;
    ring[i] = x;
    if (i === this.last) return this.endBlock(x);
    const d = x - this.base;
    const prefix = this.prefix + d;
    const weighted = this.weighted + (i + 1) * d;
    this.prefix = prefix;
    this.weighted = weighted;
    this.at = i + 1;
    return this.base + (ring[i + 1]! + weighted + (this.last - i) * prefix) / this.weights;
  }

  private endBlock(base: number): number {
    const ring = this.ring;
    let total = 0;
    for (let k = 0; k < this.period; k++) total += (k + 1) * (ring[k]! - base);
    let sum = 0;
    let weighted = 0;
    for (let k = this.last; k >= 0; k--) {
      sum += ring[k]! - base;
      weighted += sum;
      ring[k] = weighted;
    }
    this.base = base;
    this.prefix = this.weighted = 0;
    this.at = 0;
    return base + total / this.weights;
  }
}

keep(new Sma(2), new Ema(2), new Wma(2));
