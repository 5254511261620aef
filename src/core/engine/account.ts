import type { MarketFeed } from './feed.js';
import type { FillColumns } from './recorder.js';

/** Cash and gross exposure (Σ |position value|, in currency) by tick. */
export interface AccountColumns {
  readonly cash: Float64Array;
  readonly gross: Float64Array;
}

/**
 * What the backtest does not keep by tick because it follows from the fills: one walk over ticks [from, to).
 * Shapes: as the equity column.
 */
export function accountColumns(
  feed: MarketFeed,
  fills: FillColumns,
  startCash: number,
  from: number,
  to: number,
): AccountColumns {
  const size = feed.instruments.length;
  const cash = new Float64Array(Math.max(0, to - from));
  const gross = new Float64Array(cash.length);
  const units = new Float64Array(size);
  const mark = new Float64Array(size);
  let money = startCash;
  let next = 0;
  for (let k = from; k < to; k++) {
    const now = feed.clock[k]!;
    for (; next < fills.known.length && fills.known[next]! <= now; next++) {
      const j = fills.instrument[next]!;
      const signed = fills.side[next]! * fills.quantity[next]!;
      units[j] = units[j]! + signed;
      if (Math.abs(units[j]!) < 1e-9) units[j] = 0;
      money -= signed * fills.price[next]! + fills.costs[next]!;
    }
    let exposure = 0;
    for (let j = 0; j < size; j++) {
      const i = feed.barAt[j]![k]!;
      if (i >= 0) mark[j] = feed.bars[j]!.close[i]!;
      exposure += Math.abs(units[j]! * mark[j]!);
    }
    cash[k - from] = money;
    gross[k - from] = exposure;
  }
  return { cash, gross };
}
