/** A position is resized only where its weight is off the wanted one by this share of a full position: trading costs. */
export const REBALANCE_BAND = 0.1;

/**
 * The weight to trade to, NaN to keep what is held; both signed shares of a full position. Targets within the band
 * around nothing count as flat, those within it around what is held are not worth a trade.
 */
export function wantedWeight(target: number, held: number, band: number): number {
  const wanted = Math.abs(target) < band ? 0 : target;
  if (wanted === 0) return held === 0 ? Number.NaN : 0;
  if (Math.sign(wanted) !== Math.sign(held)) return wanted;
  return Math.abs(wanted - held) < band ? Number.NaN : wanted;
}

/** How a held quantity becomes a wanted one, by money: what is closed of it, and what is added on the wanted side. */
export interface Resizing {
  /** Units to close, 0 = none. */
  close: number;
  /** Money to add on the side of the target, 0 = none. */
  add: number;
}

/** @param weight signed fraction of equity that is wanted */
export function resize(held: number, price: number, equity: number, weight: number, out: Resizing): void {
  const value = held * price;
  const wanted = weight * equity;
  out.close = 0;
  out.add = 0;
  if (held === 0 || wanted === 0 || Math.sign(value) !== Math.sign(wanted)) {
    out.close = Math.abs(held);
    out.add = Math.abs(wanted);
  } else if (Math.abs(wanted) > Math.abs(value)) out.add = Math.abs(wanted) - Math.abs(value);
  else out.close = Math.abs(held) * (1 - wanted / value);
}
