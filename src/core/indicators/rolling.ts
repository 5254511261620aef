import { checkFactor, checkPeriod, type Indicator, keep, ZERO } from './indicator.js';

/** Sum of the last `period` values (see moving-average.ts for the block scheme). */
export class RollingSum implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly last: number;
  private readonly ring: Float64Array;
  private at = 0;
  private prefix = ZERO;

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
    const prefix = this.prefix + x;
    this.prefix = prefix;
    this.at = i + 1;
    return prefix + ring[i + 1]!;
  }

  private endBlock(): number {
    const ring = this.ring;
    let sum = 0;
    for (let k = this.last; k >= 0; k--) {
      sum += ring[k]!;
      ring[k] = sum;
    }
    this.prefix = 0;
    this.at = 0;
    return sum;
  }
}

/** Mean and population variance of the last `period` values. `update` returns the mean. */
export class RollingMoments implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  mean = Number.NaN;
  variance = Number.NaN;
  private readonly divisor: number = ZERO;
  private readonly last: number;
  private readonly ring: Float64Array;
  private readonly squares: Float64Array;
  private at = 0;
  private base = ZERO;
  private sum = ZERO;
  private square = ZERO;

  constructor(period: number) {
    this.divisor = checkPeriod(period);
    this.last = period - 1;
    this.warmup = this.memory = period;
    this.ring = new Float64Array(period).fill(Number.NaN);
    this.squares = new Float64Array(period).fill(Number.NaN);
  }

  update(x: number): number {
    const i = this.at;
    const ring = this.ring;
    ring[i] = x;
    if (i === this.last) return this.endBlock(x);
    const d = x - this.base;
    const sum = this.sum + d;
    const square = this.square + d * d;
    this.sum = sum;
    this.square = square;
    this.at = i + 1;
    return this.finish(sum + ring[i + 1]!, square + this.squares[i + 1]!);
  }

  /**
   * From sums of deviations and of their squares. The reference lies in the window, so the square of the mean deviation
   * is at most `period` times the variance and the subtraction loses no more than that.
   */
  private finish(sum: number, square: number): number {
    const deviation = sum / this.divisor;
    const variance = square / this.divisor - deviation * deviation;
    const mean = this.base + deviation;
    this.mean = mean;
    this.variance = Math.max(variance, 0);
    return mean;
  }

  private endBlock(base: number): number {
    const { ring, squares } = this;
    let sum = 0;
    let square = 0;
    for (let k = this.last; k >= 0; k--) {
      const d = ring[k]! - base;
      sum += d;
      square += d * d;
      ring[k] = sum;
      squares[k] = square;
    }
    this.base = base;
    this.sum = this.square = 0;
    this.at = 0;
    return this.finish(sum, square);
  }
}

/** Population standard deviation of the last `period` values. */
export class StdDev implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly moments: RollingMoments;

  constructor(period: number) {
    this.moments = new RollingMoments(period);
    this.warmup = this.memory = period;
  }

  update(x: number): number {
    this.moments.update(x);
    return Math.sqrt(this.moments.variance);
  }
}

/** (x - mean) / population standard deviation over the last `period` values; 0 in a flat window. */
export class ZScore implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly moments: RollingMoments;

  constructor(period: number) {
    this.moments = new RollingMoments(checkPeriod(period, 'period', 2));
    this.warmup = this.memory = period;
  }

  update(x: number): number {
    const mean = this.moments.update(x);
    const variance = this.moments.variance;
    return variance === 0 ? 0 : (x - mean) / Math.sqrt(variance);
  }
}

/** Bollinger bands: mean ± `width` population standard deviations. `update` returns the middle band. */
export class BollingerBands implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  upper = Number.NaN;
  middle = Number.NaN;
  lower = Number.NaN;
  private readonly moments: RollingMoments;
  private readonly width: number = ZERO;

  constructor(period = 20, width = 2) {
    this.moments = new RollingMoments(checkPeriod(period, 'period', 2));
    this.width = checkFactor(width, 'width');
    this.warmup = this.memory = period;
  }

  update(x: number): number {
    const mean = this.moments.update(x);
    const d = this.width * Math.sqrt(this.moments.variance);
    this.upper = mean + d;
    this.lower = mean - d;
    this.middle = mean;
    return mean;
  }

  /** Where x lies between the bands: 0 the lower, 1 the upper, 0.5 when they coincide. */
  percentB(x: number): number {
    const range = this.upper - this.lower;
    return range === 0 ? 0.5 : (x - this.lower) / range;
  }

  /** Distance between the bands as a fraction of the middle one. */
  get bandwidth(): number {
    return (this.upper - this.lower) / this.middle;
  }
}

keep(new RollingSum(2), new RollingMoments(2), new StdDev(2), new ZScore(2), new BollingerBands(2));
