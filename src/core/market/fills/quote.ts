import { z } from 'zod';
import type { FillModel } from '../fill-model.js';
import { type Candle, limitReference, stopReference } from '../reference.js';

export const name = 'quote';
export const summary =
  'At the next bar’s open like next-open, but buys pay the ask and sells get the bid: from quotes in the data, otherwise from a spread model.';
export const settings = z.object({
  /** Spread where the data has no quotes: a fraction of the price, or `abdi-ranaldo`, an estimate from the bars before. */
  spread: z.union([z.number().min(0).lt(1), z.literal('abdi-ranaldo')]).default('abdi-ranaldo'),
  /** Pairs of bars of the estimate. */
  window: z.int().min(2).default(21),
  /** `through`: a limit needs the opposite quote beyond its price; `touch`: reaching it is enough. */
  limits: z.enum(['through', 'touch']).default('through'),
  /** A bar that opens beyond the target and later reaches the stop: `open` sells at the open, `stop` at the stop. */
  first: z.enum(['open', 'stop']).default('open'),
});

/**
 * Prices of bars are taken as the middle of bid and ask, which lie half a spread away from them all through the bar. A
 * stop is elected by the bar's prices, as brokers elect it by trades, and filled at the opposite quote; a limit is filled
 * where the opposite quote reaches it.
 */
export function create({ spread, window, limits, first }: z.output<typeof settings>): FillModel {
  const quoted: Candle = { time: 0, open: 0, high: 0, low: 0, close: 0, volume: 0 };
  /** What a taker of this side meets, as a multiple of the middle. */
  const factorOf = (side: number, { spread: width = 0 }: Candle): number => 1 + (side * width) / 2;
  const limitAt = (side: number, limitPrice: number, bar: Candle): number => {
    const factor = factorOf(side, bar);
    quoted.open = bar.open * factor;
    quoted.high = bar.high * factor;
    quoted.low = bar.low * factor;
    return limitReference(side, limitPrice, quoted, limits);
  };
  return {
    name,
    liveOrder: 'market on open, otherwise market in session',
    stopFirst: first === 'stop',
    // Of a target the opposite quote is reached only where the bar's own price is.
    insideBar: true,
    spread: spread === 'abdi-ranaldo' ? { kind: spread, window } : { kind: 'fixed', fraction: spread },
    atOpen: (side, bar) => bar.open * factorOf(side, bar),
    stop: (side, stopPrice, bar) => stopReference(side, stopPrice, bar) * factorOf(side, bar),
    target: limitAt,
    reference(type, side, limitPrice, stopPrice, triggered, bar) {
      const factor = factorOf(side, bar);
      if (type === 'limit' || (type === 'stop_limit' && triggered)) return limitAt(side, limitPrice, bar);
      if (type === 'market' || (type === 'stop' && triggered)) return bar.open * factor;
      const elected = stopReference(side, stopPrice, bar);
      if (type === 'stop' || Number.isNaN(elected)) return elected * factor;
      if (elected === bar.open) return limitAt(side, limitPrice, bar);
      return side * elected * factor <= side * limitPrice ? elected * factor : Number.NaN;
    },
  };
}
