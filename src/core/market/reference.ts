import type { BarColumns } from '../domain/bars.js';
import type { OrderType } from '../domain/orders.js';

/** One bar as numbers; `time` is its opening instant. */
export interface Candle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  /** Close of the bar before, 0 where there was none; set by the exchange. */
  previousClose?: number;
  /** Distance of ask and bid as a fraction of the price, as known before the bar; 0 where fills do not depend on it. */
  spread?: number;
}

export const emptyCandle = (): Required<Candle> => ({
  time: 0,
  open: 0,
  high: 0,
  low: 0,
  close: 0,
  volume: 0,
  previousClose: 0,
  spread: 0,
});

/** Copies all but `previousClose`, which its owner knows. */
export function copyCandle({ time, open, high, low, close, volume, spread = 0 }: Candle, out: Required<Candle>): void {
  out.time = time;
  out.open = open;
  out.high = high;
  out.low = low;
  out.close = close;
  out.volume = volume;
  out.spread = spread;
}

/** The same from a row of columns. */
export function readCandle(bars: BarColumns, row: number, spread: number, out: Required<Candle>): void {
  out.time = bars.time[row]!;
  out.open = bars.open[row]!;
  out.high = bars.high[row]!;
  out.low = bars.low[row]!;
  out.close = bars.close[row]!;
  out.volume = bars.volume[row]!;
  out.spread = spread;
}

/** Limits are filled when the market trades through them, or already when it touches them. */
export type LimitFill = 'through' | 'touch';

/**
 * Reference price at which an order is filled within a bar, before slippage; NaN when it is not.
 * A gap beyond a stop or a limit fills at the open. `triggered` is a stop or stop-limit whose stop was reached in an earlier bar.
 */
export function referencePrice(
  type: OrderType,
  side: number,
  limitPrice: number,
  stopPrice: number,
  triggered: boolean,
  bar: Candle,
  limitFill: LimitFill,
): number {
  switch (type) {
    case 'market':
      return bar.open;
    case 'limit':
      return limitReference(side, limitPrice, bar, limitFill);
    case 'stop':
      return triggered ? bar.open : stopReference(side, stopPrice, bar);
    case 'stop_limit': {
      if (triggered) return limitReference(side, limitPrice, bar, limitFill);
      const trigger = stopReference(side, stopPrice, bar);
      if (Number.isNaN(trigger)) return Number.NaN;
      if (trigger === bar.open) return limitReference(side, limitPrice, bar, limitFill);
      // The stop is reached inside the bar. What came after is unknown, so a limit beyond it must wait.
      return side * trigger <= side * limitPrice ? trigger : Number.NaN;
    }
  }
}

/** Price at which a stop is elected and filled: the open where the bar opens beyond it, else the stop. */
export function stopReference(side: number, stopPrice: number, bar: Candle): number {
  if (side > 0) return bar.open >= stopPrice ? bar.open : bar.high >= stopPrice ? stopPrice : Number.NaN;
  return bar.open <= stopPrice ? bar.open : bar.low <= stopPrice ? stopPrice : Number.NaN;
}

export function limitReference(side: number, limitPrice: number, bar: Candle, limitFill: LimitFill): number {
  if (side > 0) {
    if (bar.open <= limitPrice) return bar.open;
    return (limitFill === 'touch' ? bar.low <= limitPrice : bar.low < limitPrice) ? limitPrice : Number.NaN;
  }
  if (bar.open >= limitPrice) return bar.open;
  return (limitFill === 'touch' ? bar.high >= limitPrice : bar.high > limitPrice) ? limitPrice : Number.NaN;
}
