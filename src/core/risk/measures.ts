import type { BarColumns } from '../domain/bars.js';
import { Atr, StdDev } from '../indicators/index.js';
import type { Sizing } from './sizing.js';

/** Computes what a sizing asks for, bar by bar: annual volatility (a fraction) or average true range (price units). */
export interface Measure {
  /** Consumes bars [from, to) in order and writes out[i]; NaN while warming up. */
  consume(bars: BarColumns, from: number, to: number, out: Float64Array): void;
}

/** The measure of one instrument; undefined where the sizing needs none. `barsPerYear` annualises. */
export function measureOf(sizing: Sizing, barsPerYear: number): Measure | undefined {
  if (sizing.kind === 'volatility') return new Volatility(sizing.window, Math.sqrt(barsPerYear));
  if (sizing.kind === 'atr-risk') return new TrueRange(sizing.window);
  return undefined;
}

/** Bars before the first value. */
export function measureWarmup(sizing: Sizing): number {
  if (sizing.kind === 'volatility') return sizing.window + 1;
  return sizing.kind === 'atr-risk' ? sizing.window + 1 : 0;
}

/** Standard deviation of simple close-to-close returns, annualised by √barsPerYear. */
class Volatility implements Measure {
  private readonly deviation: StdDev;
  private previous = Number.NaN;

  constructor(
    window: number,
    private readonly scale: number,
  ) {
    this.deviation = new StdDev(window);
  }

  consume({ close }: BarColumns, from: number, to: number, out: Float64Array): void {
    for (let i = from; i < to; i++) {
      const x = close[i]!;
      out[i] = this.deviation.update(x / this.previous - 1) * this.scale;
      this.previous = x;
    }
  }
}

class TrueRange implements Measure {
  private readonly atr: Atr;

  constructor(window: number) {
    this.atr = new Atr(window);
  }

  consume({ high, low, close }: BarColumns, from: number, to: number, out: Float64Array): void {
    for (let i = from; i < to; i++) out[i] = this.atr.update(high[i]!, low[i]!, close[i]!);
  }
}
