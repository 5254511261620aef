import { FastStochastic, RollingMax, RollingMin } from './extremes.js';
import { checkPeriod, fadingMemory, type Indicator, keep, STILL, ZERO } from './indicator.js';
import { Ema, Sma } from './moving-average.js';

/**
 * Wilder's relative strength index, 100 · gain / (gain + loss) of Wilder averages seeded with the mean of the first
 * `period` changes (Stock.Indicators, TA-Lib). 50 where the price has stood still for so long that nothing is left of
 * its last move.
 */
export class Rsi implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly period: number;
  private readonly alpha: number = ZERO;
  private readonly decay: number = ZERO;
  private missing: number;
  private previous = Number.NaN;
  /** Average of |change| + change, twice the gain, and of |change|, gain + loss: the same without a branch. */
  private rises = ZERO;
  private moves = ZERO;

  constructor(period = 14) {
    this.period = checkPeriod(period);
    this.alpha = 1 / period;
    this.decay = 1 - this.alpha;
    this.warmup = period + 1;
    this.memory = this.warmup + fadingMemory(this.alpha);
    this.missing = period;
  }

  update(x: number): number {
    const change = x - this.previous;
    this.previous = x;
    const move = Math.abs(change);
    if (this.missing > 0) return this.seed(change, move);
    const rises = this.rises * this.decay + this.alpha * (move + change);
    const moves = this.moves * this.decay + this.alpha * move;
    this.rises = rises;
    this.moves = moves;
    return moves > STILL * Math.abs(x) ? (50 * rises) / moves : this.still(moves);
  }

  /** No movement left, or none known. */
  private still(moves: number): number {
    this.rises = this.moves = 0;
    if (!Number.isNaN(moves)) return 50;
    this.missing = this.period;
    return moves;
  }

  private seed(change: number, move: number): number {
    if (Number.isNaN(change)) return this.still(change);
    this.rises += move + change;
    this.moves += move;
    this.missing -= 1;
    if (this.missing > 0) return Number.NaN;
    this.rises /= this.period;
    this.moves /= this.period;
    return this.moves > STILL * Math.abs(this.previous) ? (50 * this.rises) / this.moves : this.still(this.moves);
  }
}

/**
 * Moving average convergence divergence: EMA(fast) - EMA(slow), its EMA as signal, their difference as histogram.
 * Each EMA is seeded with its own first mean (Stock.Indicators). `update` returns the MACD line.
 */
export class Macd implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  macd = Number.NaN;
  signal = Number.NaN;
  histogram = Number.NaN;
  private readonly fast: Ema;
  private readonly slow: Ema;
  private readonly average: Ema;

  constructor(fast = 12, slow = 26, signal = 9) {
    this.fast = new Ema(checkPeriod(fast, 'fast'));
    this.slow = new Ema(checkPeriod(slow, 'slow', fast + 1));
    this.average = new Ema(checkPeriod(signal, 'signal'));
    this.warmup = slow + signal - 1;
    this.memory = this.slow.memory + this.average.memory;
  }

  update(x: number): number {
    const macd = this.fast.update(x) - this.slow.update(x);
    const signal = this.average.update(macd);
    this.macd = macd;
    this.signal = signal;
    this.histogram = macd - signal;
    return macd;
  }
}

/** One-bar rate of change, in percent, of a triple EMA. */
export class Trix implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly first: Ema;
  private readonly second: Ema;
  private readonly third: Ema;
  private previous = Number.NaN;

  constructor(period = 15) {
    this.first = new Ema(period);
    this.second = new Ema(period);
    this.third = new Ema(period);
    this.warmup = 3 * period - 1;
    this.memory = 3 * this.first.memory + 1;
  }

  update(x: number): number {
    const value = this.third.update(this.second.update(this.first.update(x)));
    const change = (100 * (value - this.previous)) / this.previous;
    this.previous = value;
    return change;
  }
}

/** Rate of change over `period` bars, in percent. */
export class Roc implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly ring: Float64Array;
  private readonly last: number;
  private at = 0;

  constructor(period = 10) {
    this.ring = new Float64Array(checkPeriod(period)).fill(Number.NaN);
    this.last = period - 1;
    this.warmup = this.memory = period + 1;
  }

  update(x: number): number {
    const i = this.at;
    const then = this.ring[i]!;
    this.ring[i] = x;
    if (Number.isNaN(x)) this.ring.fill(x);
    this.at = i === this.last ? 0 : i + 1;
    return (100 * (x - then)) / then;
  }
}

/**
 * Commodity channel index, (p - mean) / (0.015 · mean absolute deviation) of the typical price p = (high + low + close) / 3;
 * 0 in a flat window. The deviation around a moving mean has no constant-time form: O(period) a bar, as in TA-Lib.
 */
export class Cci implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly period: number;
  private readonly last: number;
  private readonly ring: Float64Array;
  private readonly average: Sma;
  private at = 0;

  constructor(period = 20) {
    this.period = checkPeriod(period, 'period', 2);
    this.last = period - 1;
    this.ring = new Float64Array(period);
    this.average = new Sma(period);
    this.warmup = this.memory = period;
  }

  update(high: number, low: number, close: number): number {
    const price = (high + low + close) / 3;
    const ring = this.ring;
    ring[this.at] = price;
    this.at = this.at === this.last ? 0 : this.at + 1;
    const mean = this.average.update(price);
    if (Number.isNaN(mean)) return mean;
    // Four independent sums keep the adder busy; their order is fixed, so the bits are too.
    const n = this.period;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let k = 0;
    for (; k + 3 < n; k += 4) {
      a += Math.abs(ring[k]! - mean);
      b += Math.abs(ring[k + 1]! - mean);
      c += Math.abs(ring[k + 2]! - mean);
      d += Math.abs(ring[k + 3]! - mean);
    }
    for (; k < n; k++) a += Math.abs(ring[k]! - mean);
    const deviation = (a + b + (c + d)) / n;
    return deviation === 0 ? 0 : (price - mean) / (0.015 * deviation);
  }
}

/** Slow stochastic: %K = SMA(kSmooth) of the fast one, %D = SMA(dSmooth) of %K. `update` returns %K. */
export class Stochastic implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  k = Number.NaN;
  d = Number.NaN;
  private readonly fast: FastStochastic;
  private readonly kAverage: Sma;
  private readonly dAverage: Sma;

  constructor(period = 14, kSmooth = 3, dSmooth = 3) {
    this.fast = new FastStochastic(period);
    this.kAverage = new Sma(checkPeriod(kSmooth, 'kSmooth'));
    this.dAverage = new Sma(checkPeriod(dSmooth, 'dSmooth'));
    this.warmup = this.memory = period + kSmooth + dSmooth - 2;
  }

  update(high: number, low: number, close: number): number {
    const k = this.kAverage.update(this.fast.update(high, low, close));
    this.k = k;
    this.d = this.dAverage.update(k);
    return k;
  }
}

/** Stochastic of the RSI (Chande and Kroll), smoothed: k = SMA(kSmooth), d = SMA(dSmooth) of k. `update` returns k. */
export class StochasticRsi implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  k = Number.NaN;
  d = Number.NaN;
  private readonly rsi: Rsi;
  private readonly highest: RollingMax;
  private readonly lowest: RollingMin;
  private readonly kAverage: Sma;
  private readonly dAverage: Sma;

  constructor(rsiPeriod = 14, period = 14, kSmooth = 3, dSmooth = 3) {
    this.rsi = new Rsi(rsiPeriod);
    this.highest = new RollingMax(period);
    this.lowest = new RollingMin(period);
    this.kAverage = new Sma(checkPeriod(kSmooth, 'kSmooth'));
    this.dAverage = new Sma(checkPeriod(dSmooth, 'dSmooth'));
    const windows = period + kSmooth + dSmooth - 3;
    this.warmup = this.rsi.warmup + windows;
    this.memory = this.rsi.memory + windows;
  }

  update(x: number): number {
    const rsi = this.rsi.update(x);
    const lowest = this.lowest.update(rsi);
    const range = this.highest.update(rsi) - lowest;
    const k = this.kAverage.update(range === 0 ? 50 : (100 * (rsi - lowest)) / range);
    this.k = k;
    this.d = this.dAverage.update(k);
    return k;
  }
}

keep(new Rsi(2), new Macd(), new Trix(2), new Roc(2), new Cci(2), new Stochastic(2), new StochasticRsi(2, 2));
