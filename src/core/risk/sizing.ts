/**
 * How large an entry is, as a fraction of equity.
 * - `equal`: equity / number of instruments, times `fraction`.
 * - `fraction`: a fixed fraction of equity.
 * - `all-in`: a fraction of the money that is there when the order fills, not when it is sent; as other engines have it.
 * - `cash`: a fixed amount of money.
 * - `volatility`: annual volatility target / the instrument's realised volatility over `window` bars.
 * - `atr-risk`: `risk` of equity is lost when price moves `multiple` average true ranges (Wilder, `window` bars).
 */
export type Sizing =
  | { readonly kind: 'equal'; readonly fraction: number }
  | { readonly kind: 'fraction'; readonly fraction: number }
  | { readonly kind: 'all-in'; readonly fraction: number }
  | { readonly kind: 'cash'; readonly amount: number }
  | { readonly kind: 'volatility'; readonly target: number; readonly window: number }
  | { readonly kind: 'atr-risk'; readonly risk: number; readonly multiple: number; readonly window: number };

/**
 * Unsigned entry weight. `measure` is the instrument's number that the sizing asks for (see `SizingMeasure`): annual
 * volatility, or ATR in price units. NaN where it is not known yet: then there is no entry, never a guessed size.
 */
export function entryWeight(
  sizing: Sizing,
  instruments: number,
  equity: number,
  close: number,
  measure: number,
): number {
  switch (sizing.kind) {
    case 'equal':
      return sizing.fraction / instruments;
    case 'fraction':
    case 'all-in':
      return sizing.fraction;
    case 'cash':
      return sizing.amount / equity;
    case 'volatility':
      return measure > 0 ? sizing.target / measure : Number.NaN;
    case 'atr-risk':
      return measure > 0 ? (sizing.risk * close) / (sizing.multiple * measure) : Number.NaN;
  }
}

export const needsMeasure = (sizing: Sizing): boolean => sizing.kind === 'volatility' || sizing.kind === 'atr-risk';
