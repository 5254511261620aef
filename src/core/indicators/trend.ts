import { checkFactor, checkPeriod, fadingMemory, type Indicator, keep, STILL, ZERO } from './indicator.js';
import { Ema } from './moving-average.js';

/** max(high, previous close) - min(low, previous close), without a branch: at most one of the two gaps is positive. */
function trueRange(high: number, low: number, previous: number): number {
  const above = previous - high;
  const below = low - previous;
  return high - low + 0.5 * (above + Math.abs(above) + (below + Math.abs(below)));
}

/** Wilder's true range: the larger of high and previous close less the smaller of low and previous close. */
export class TrueRange implements Indicator {
  readonly warmup = 2;
  readonly memory = 2;
  private previous = Number.NaN;

  update(high: number, low: number, close: number): number {
    const previous = this.previous;
    this.previous = close;
    return trueRange(high, low, previous);
  }
}

/** Average true range: Wilder's average of the true range. */
export class Atr implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  private readonly range = new TrueRange();
  private readonly average: Ema;

  constructor(period = 14) {
    this.average = Ema.wilder(period, false);
    this.warmup = period + 1;
    this.memory = this.average.memory + 1;
  }

  update(high: number, low: number, close: number): number {
    return this.average.update(this.range.update(high, low, close));
  }
}

/**
 * Directional movement (Wilder): `plus` and `minus` DI and the DX from bar period + 1, the ADX from bar 2 · period
 * (Stock.Indicators' seeding). 0 where there is no movement to compare. `update` returns the ADX.
 */
export class Adx implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  dx = Number.NaN;
  adx = Number.NaN;
  private readonly period: number;
  private readonly alpha: number = ZERO;
  private readonly decay: number = ZERO;
  private readonly average: Ema;
  private missing: number;
  private high = Number.NaN;
  private low = Number.NaN;
  private close = Number.NaN;
  /** Wilder averages of true range, +DM and -DM, written out: one check of the warm-up serves all three. */
  private range = ZERO;
  private up = ZERO;
  private down = ZERO;

  constructor(period = 14) {
    this.period = checkPeriod(period);
    this.alpha = 1 / period;
    this.decay = 1 - this.alpha;
    this.missing = period;
    this.average = Ema.wilder(period, false);
    this.warmup = 2 * period;
    this.memory = 2 * this.average.memory + 1;
  }

  update(high: number, low: number, close: number): number {
    const rise = high - this.high;
    const fall = this.low - low;
    const move = trueRange(high, low, this.close);
    this.high = high;
    this.low = low;
    this.close = close;
    const plusMove = 0.5 * (rise + Math.abs(rise)) * Number(rise > fall);
    const minusMove = 0.5 * (fall + Math.abs(fall)) * Number(fall > rise);
    if (this.missing > 0 || Number.isNaN(move + rise + fall)) return this.seed(move, plusMove, minusMove);
    this.range = this.range * this.decay + this.alpha * move;
    const up = this.up * this.decay + this.alpha * plusMove;
    const down = this.down * this.decay + this.alpha * minusMove;
    this.up = up;
    this.down = down;
    return this.finish(up, down, close);
  }

  private finish(up: number, down: number, close: number): number {
    const sum = up + down;
    const dx = sum <= STILL * Math.abs(close) ? 0 : (100 * Math.abs(up - down)) / sum;
    const adx = this.average.update(dx);
    this.dx = dx;
    this.adx = adx;
    return adx;
  }

  private seed(move: number, plusMove: number, minusMove: number): number {
    if (this.missing === this.period || Number.isNaN(move + plusMove + minusMove)) {
      this.range = this.up = this.down = 0;
      this.missing = this.period;
    }
    if (Number.isNaN(move + plusMove + minusMove)) {
      this.dx = this.adx = Number.NaN;
      return this.average.update(Number.NaN);
    }
    this.range += move;
    this.up += plusMove;
    this.down += minusMove;
    this.missing -= 1;
    if (this.missing > 0) return Number.NaN;
    this.range /= this.period;
    this.up /= this.period;
    this.down /= this.period;
    return this.finish(this.up, this.down, this.close);
  }

  private still(): boolean {
    return this.range <= STILL * Math.abs(this.close);
  }

  /** +DI of the bar, 0 to 100. */
  get plus(): number {
    if (this.missing > 0) return Number.NaN;
    return this.still() ? 0 : (100 * this.up) / this.range;
  }

  /** -DI of the bar, 0 to 100. */
  get minus(): number {
    if (this.missing > 0) return Number.NaN;
    return this.still() ? 0 : (100 * this.down) / this.range;
  }
}

/** Keltner channel: EMA(period) of the close ± width · ATR(atrPeriod). `update` returns the centre line. */
export class Keltner implements Indicator {
  readonly warmup: number;
  readonly memory: number;
  upper = Number.NaN;
  middle = Number.NaN;
  lower = Number.NaN;
  private readonly average: Ema;
  private readonly atr: Atr;
  private readonly width: number = ZERO;

  constructor(period = 20, width = 2, atrPeriod = 10) {
    this.average = new Ema(period);
    this.atr = new Atr(atrPeriod);
    this.width = checkFactor(width, 'width');
    this.warmup = Math.max(period, this.atr.warmup);
    this.memory = Math.max(this.average.memory, this.atr.memory);
  }

  update(high: number, low: number, close: number): number {
    const d = this.width * this.atr.update(high, low, close);
    // Both bands and the centre begin together.
    const middle = this.average.update(close) + 0 * d;
    this.upper = middle + d;
    this.middle = middle;
    this.lower = middle - d;
    return middle;
  }
}

/** Heikin-Ashi candle of the bar. `update` returns its close. */
export class HeikinAshi implements Indicator {
  readonly warmup = 1;
  readonly memory = 1 + fadingMemory(0.5);
  open = Number.NaN;
  high = Number.NaN;
  low = Number.NaN;
  close = Number.NaN;

  update(open: number, high: number, low: number, close: number): number {
    const before = (this.open + this.close) / 2;
    const haOpen = Number.isNaN(before) ? (open + close) / 2 : before;
    const haClose = (open + high + low + close) / 4;
    this.open = haOpen;
    this.close = haClose;
    this.high = Math.max(high, haOpen, haClose);
    this.low = Math.min(low, haOpen, haClose);
    return haClose;
  }
}

/**
 * Wilder's parabolic stop and reverse. The side of the first leg is a guess, so values begin at the first reversal.
 * Reversals bring different starts together and the acceleration makes the rest fade; 300 bars have always been enough.
 */
export class ParabolicSar implements Indicator {
  readonly warmup = 2;
  readonly memory = 300;
  /** 1 in a rising leg (stop below the price), -1 in a falling one, NaN before the first reversal. */
  direction = Number.NaN;
  private rising = true;
  private reversed = false;
  private sar = Number.NaN;
  private extreme = Number.NaN;
  private acceleration: number;
  private readonly step: number;
  private readonly limit: number;
  private high1 = Number.NaN;
  private high2 = Number.NaN;
  private low1 = Number.NaN;
  private low2 = Number.NaN;

  constructor(step = 0.02, limit = 0.2) {
    this.step = this.acceleration = checkFactor(step, 'step');
    this.limit = checkFactor(limit, 'limit');
  }

  update(high: number, low: number): number {
    if (Number.isNaN(high) || Number.isNaN(low)) this.reversed = false;
    if (Number.isNaN(this.sar) || Number.isNaN(high) || Number.isNaN(low)) {
      this.rising = true;
      this.acceleration = this.step;
      this.sar = low;
      this.extreme = high;
      this.low2 = this.high2 = Number.NaN;
    } else this.advance(high, low);
    this.high2 = this.high1;
    this.low2 = this.low1;
    this.high1 = high;
    this.low1 = low;
    this.direction = this.reversed ? (this.rising ? 1 : -1) : Number.NaN;
    return this.reversed ? this.sar : Number.NaN;
  }

  private advance(high: number, low: number): void {
    let sar = this.sar + this.acceleration * (this.extreme - this.sar);
    if (this.rising) {
      sar = Math.min(sar, this.low1, Number.isNaN(this.low2) ? this.low1 : this.low2);
      if (low < sar) {
        this.reverse(low);
        return;
      }
      if (high > this.extreme) this.extend(high);
    } else {
      sar = Math.max(sar, this.high1, Number.isNaN(this.high2) ? this.high1 : this.high2);
      if (high > sar) {
        this.reverse(high);
        return;
      }
      if (low < this.extreme) this.extend(low);
    }
    this.sar = sar;
  }

  private extend(extreme: number): void {
    this.extreme = extreme;
    this.acceleration = Math.min(this.acceleration + this.step, this.limit);
  }

  private reverse(extreme: number): void {
    this.sar = this.extreme;
    this.extreme = extreme;
    this.rising = !this.rising;
    this.reversed = true;
    this.acceleration = this.step;
  }
}

keep(new TrueRange(), new Atr(2), new Adx(2), new Keltner(2), new HeikinAshi(), new ParabolicSar());
