/**
 * How far a fill is worse than the reference price, and how much of a bar's volume may be taken.
 * `fixed`: a fraction of the price. `entry-spread`: the same, but entries alone pay it. `volume-share`: price impact = impact · share², share capped at `limit`, the rest
 * waits for the next bar (the rule of Zipline's VolumeShareSlippage; defaults 2.5 % and 0.1 there).
 */
export type SlippageSettings =
  | { readonly kind: 'fixed'; readonly fraction: number }
  | { readonly kind: 'entry-spread'; readonly fraction: number }
  | { readonly kind: 'volume-share'; readonly limit: number; readonly impact: number };

export const NO_SLIPPAGE: SlippageSettings = { kind: 'fixed', fraction: 0 };

/** Most units that may still be filled in this bar. */
export function fillableQuantity(slippage: SlippageSettings, barVolume: number, takenInBar: number): number {
  if (slippage.kind !== 'volume-share') return Number.POSITIVE_INFINITY;
  return Math.max(0, slippage.limit * barVolume - takenInBar);
}

/** Fill price of a marketable order: worse than `price` for the taker, whichever side. */
export function slippedPrice(
  slippage: SlippageSettings,
  side: number,
  price: number,
  share: number,
  entry: boolean,
): number {
  if (slippage.kind === 'fixed') return price * (1 + side * slippage.fraction);
  if (slippage.kind === 'entry-spread') return entry ? price * (1 + side * slippage.fraction) : price;
  return price * (1 + side * slippage.impact * share * share);
}
