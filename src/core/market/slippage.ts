import type { Candle } from './reference.js';

/**
 * How far a fill is worse than the reference price, and how much of a bar's volume may be taken.
 * `fixed`: a fraction of the price. `entry-spread`: the same, but entries alone pay it. The other two cap the share of a
 * bar's volume at `limit`; the rest waits for the next bar. `volume-share`: price impact = impact · share² (the rule of
 * Zipline's VolumeShareSlippage; defaults 2.5 % and 0.1 there). `square-root`: impact = factor · σ · √share, the square-root
 * law of market impact (Tóth et al., "Anomalous price impact and the critical nature of liquidity in financial markets",
 * Physical Review X 1, 021006, 2011; Almgren et al., "Direct estimation of equity market impact", 2005), whose factor
 * is about 1. Volume and σ are those of the bar that fills: the law is the same on every horizon as both grow with it.
 */
export type SlippageSettings =
  | { readonly kind: 'fixed'; readonly fraction: number }
  | { readonly kind: 'entry-spread'; readonly fraction: number }
  | { readonly kind: 'volume-share'; readonly limit: number; readonly impact: number }
  | { readonly kind: 'square-root'; readonly limit: number; readonly factor: number };

export const NO_SLIPPAGE: SlippageSettings = { kind: 'fixed', fraction: 0 };

/** Whether fills are cut to a share of the bar's volume, and their price depends on that share. */
export const capsVolume = (
  slippage: SlippageSettings,
): slippage is Extract<SlippageSettings, { readonly limit: number }> =>
  slippage.kind === 'volume-share' || slippage.kind === 'square-root';

/** Most units that may still be filled in this bar. */
export function fillableQuantity(slippage: SlippageSettings, barVolume: number, takenInBar: number): number {
  if (!capsVolume(slippage)) return Number.POSITIVE_INFINITY;
  return Math.max(0, slippage.limit * barVolume - takenInBar);
}

/** Fill price of a marketable order for `share` of the bar's volume: worse than `price` for the taker, whichever side. */
export function slippedPrice(
  slippage: SlippageSettings,
  side: number,
  price: number,
  share: number,
  entry: boolean,
  bar: Candle,
): number {
  switch (slippage.kind) {
    case 'fixed':
      return price * (1 + side * slippage.fraction);
    case 'entry-spread':
      return entry ? price * (1 + side * slippage.fraction) : price;
    case 'volume-share':
      return price * (1 + side * slippage.impact * share * share);
    case 'square-root':
      return price * (1 + side * slippage.factor * volatilityOf(bar) * Math.sqrt(share));
  }
}

const PARKINSON = 1 / (2 * Math.sqrt(Math.LN2));

/** Volatility of one bar from its range: ln(high / low) / √(4 ln 2) (Parkinson, 1980). */
const volatilityOf = ({ high, low }: Candle): number => Math.log(high / low) * PARKINSON;
