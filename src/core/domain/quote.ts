import { add, compare, type DecimalText, decimalText, multiply } from './decimal.js';

/** What an instrument can be sold and bought at, and its last trade. Prices are positive decimal text; absent: none. */
export interface Quote {
  readonly instrument: string;
  readonly bid?: DecimalText;
  readonly ask?: DecimalText;
  readonly last?: DecimalText;
  /** The newest of the three, epoch ms UTC. */
  readonly time: number;
  /** When `last` was traded, epoch ms UTC; absent where the vendor does not say. */
  readonly lastTime?: number;
}

/** A vendor's numbers as a quote: what is absent, zero or negative is no price. undefined where nothing is left. */
export function quoteOf(
  instrument: string,
  prices: { readonly bid?: unknown; readonly ask?: unknown; readonly last?: unknown },
  time: number,
  lastTime?: number,
): Quote | undefined {
  const price = (name: 'bid' | 'ask' | 'last') => {
    const value = prices[name];
    return typeof value === 'number' && Number.isFinite(value) && value > 0 ? { [name]: decimalText(value) } : {};
  };
  const known = { ...price('bid'), ...price('ask'), ...price('last') };
  if (Object.keys(known).length === 0 || !Number.isFinite(time)) return undefined;
  const traded = 'last' in known && Number.isFinite(lastTime) ? { lastTime: lastTime! } : {};
  return { instrument, ...known, time, ...traded };
}

/**
 * What a unit is worth: the last trade, moved to the nearer of bid and ask where it lies outside of them; without a
 * trade the middle of both. This is Interactive Brokers' mark price. A crossed market says nothing.
 */
export function markPrice({ bid, ask, last }: Quote): DecimalText | undefined {
  const crossed = bid !== undefined && ask !== undefined && compare(bid, ask) > 0;
  if (last === undefined || crossed)
    return last ?? (bid === undefined || ask === undefined || crossed ? undefined : multiply(add(bid, ask), '0.5'));
  if (bid !== undefined && compare(last, bid) < 0) return bid;
  return ask !== undefined && compare(last, ask) > 0 ? ask : last;
}
