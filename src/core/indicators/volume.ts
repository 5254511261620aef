import { checkPeriod, type Indicator, keep, ZERO } from './indicator.js';
import { RollingSum } from './rolling.js';

/** On-balance volume, 0 at the first bar (TA-Lib begins with that bar's volume). A running total. */
export class Obv implements Indicator {
  readonly warmup = 1;
  readonly memory = Number.POSITIVE_INFINITY;
  private previous = Number.NaN;
  private total = ZERO;

  update(close: number, volume: number): number {
    const previous = this.previous;
    this.previous = close;
    const total = this.total + volume * (Number(close > previous) - Number(close < previous));
    if (Number.isNaN(total + close)) return this.restart();
    this.total = total;
    return total;
  }

  private restart(): number {
    this.total = 0;
    this.previous = Number.NaN;
    return Number.NaN;
  }
}

/** Money flow multiplier of a bar: where it closed in its range, -1 the low, 1 the high; 0 without a range. */
export function closeLocation(high: number, low: number, close: number): number {
  const range = high - low;
  return range === 0 ? 0 : (close - low - (high - close)) / range;
}

/** Accumulation/distribution line: the total of multiplier · volume. A running total. */
export class AccumulationDistribution implements Indicator {
  readonly warmup = 1;
  readonly memory = Number.POSITIVE_INFINITY;
  private total = ZERO;

  update(high: number, low: number, close: number, volume: number): number {
    const total = this.total + closeLocation(high, low, close) * volume;
    this.total = Number.isNaN(total) ? 0 : total;
    return total;
  }
}

/**
 * Money flow index, 100 · inflow / (inflow + outflow) of typical price · volume over `period` changes; an unchanged
 * typical price belongs to neither; 50 where no money flowed.
 */
export class Mfi implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly inflow: RollingSum;
  private readonly outflow: RollingSum;
  private previous = Number.NaN;

  constructor(period = 14) {
    this.inflow = new RollingSum(checkPeriod(period));
    this.outflow = new RollingSum(period);
    this.warmup = this.memory = period + 1;
  }

  update(high: number, low: number, close: number, volume: number): number {
    const price = (high + low + close) / 3;
    const change = price - this.previous;
    this.previous = price;
    // NaN at the first bar and after a NaN, in both sums.
    const flow = Number.isNaN(change) ? change : price * volume;
    const inflow = this.inflow.update(flow * Number(change > 0));
    const outflow = this.outflow.update(flow * Number(change < 0));
    const total = inflow + outflow;
    return total === 0 ? 50 : (100 * inflow) / total;
  }
}

/**
 * Volume-weighted average of the typical price since the session began. `first` marks the first bar of a session; without
 * it the average runs on. The bar's typical price while nothing has traded yet.
 */
export class Vwap implements Indicator {
  readonly warmup = 1;
  readonly memory = Number.POSITIVE_INFINITY;
  private money = ZERO;
  private volume = ZERO;

  update(high: number, low: number, close: number, volume: number, first = false): number {
    const price = (high + low + close) / 3;
    const before = first ? 0 : this.money;
    const money = before + price * volume;
    const total = (first ? 0 : this.volume) + volume;
    if (Number.isNaN(money)) return this.restart();
    this.money = money;
    this.volume = total;
    return total === 0 ? price : money / total;
  }

  private restart(): number {
    this.money = this.volume = 0;
    return Number.NaN;
  }
}

keep(new Obv(), new AccumulationDistribution(), new Mfi(2), new Vwap());
