import type { MarketFeed } from '../../engine/feed.js';
import type { FillColumns } from '../../engine/recorder.js';

export interface HeldPositions {
  /** Per instrument and tick: position value over equity held INTO that tick, decided before it. */
  readonly weights: readonly Float64Array[];
  /** Per instrument and tick: change of the last price since the tick before; 0 without a bar. */
  readonly returns: readonly Float64Array[];
}

/** What was held over each tick [from, to), by the fills. */
export function heldPositions(
  feed: MarketFeed,
  fills: FillColumns,
  equity: Float64Array,
  from: number,
  to: number,
): HeldPositions {
  const size = feed.instruments.length;
  const n = to - from;
  const column = () => new Float64Array(n);
  const weights = feed.instruments.map(column);
  const returns = feed.instruments.map(column);
  const units = new Float64Array(size);
  const price = new Float64Array(size);
  let next = 0;
  for (let k = from; k < to; k++) {
    const worth = k > from ? equity[k - from - 1]! : 0;
    for (let j = 0; j < size; j++) {
      const i = feed.barAt[j]![k]!;
      if (worth > 0) weights[j]![k - from] = (units[j]! * price[j]!) / worth;
      if (i < 0) continue;
      const close = feed.bars[j]!.close[i]!;
      if (price[j]! > 0) returns[j]![k - from] = close / price[j]! - 1;
      price[j] = close;
    }
    const now = feed.clock[k]!;
    for (; next < fills.known.length && fills.known[next]! <= now; next++) {
      const j = fills.instrument[next]!;
      units[j] = units[j]! + fills.side[next]! * fills.quantity[next]!;
      if (Math.abs(units[j]!) < 1e-9) units[j] = 0;
    }
  }
  return { weights, returns };
}
