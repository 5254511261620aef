import type { MarketFeed } from '../../engine/feed.js';

/**
 * Buy and hold without costs, dividends put back in, over ticks [from, to): the money split evenly over `members`, each bought at its first close
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
    const actions = feed.actions.filter(({ action }) => action.instrument === j);
    let a = 0;
    let first = 0;
    let last = 0;
    for (let k = from; k < to; k++) {
      for (; a < actions.length && actions[a]!.tick <= k; a++) {
        // A holder's price before the action in today's terms; dividends are put back in at the last close.
        const { action } = actions[a]!;
        if (action.type === 'split') first /= action.ratio;
        else if (action.type === 'dividend' && last > action.amount) first *= 1 - action.amount / last;
        if (action.type === 'split') last /= action.ratio;
      }
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
