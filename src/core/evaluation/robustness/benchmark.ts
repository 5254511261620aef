import type { MarketFeed } from '../../engine/feed.js';

/**
 * Buy and hold without costs over ticks [from, to): the money split evenly over `members`, each bought at its first close
 * in the range; until then its share is cash.
 * @returns account value at each tick
 */
export function buyAndHold(
  feed: MarketFeed,
  from: number,
  to: number,
  initial: number,
  members: readonly number[] = feed.instruments.map((_, j) => j),
): Float64Array {
  const out = new Float64Array(to - from);
  const part = initial / members.length;
  for (const j of members) {
    let first = 0;
    let last = 0;
    for (let k = from; k < to; k++) {
      const i = feed.barAt[j]![k]!;
      if (i >= 0) {
        last = feed.bars[j]!.close[i]!;
        if (first === 0) first = last;
      }
      out[k - from] = out[k - from]! + (first === 0 ? part : (part * last) / first);
    }
  }
  return out;
}
