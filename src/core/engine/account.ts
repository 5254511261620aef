import type { MarketFeed } from './feed.js';
import type { FillColumns, FlowColumns } from './recorder.js';

/** Cash and gross exposure (Σ |position value|, in currency) by tick. */
export interface AccountColumns {
  readonly cash: Float64Array;
  readonly gross: Float64Array;
}

/**
 * What the backtest does not keep by tick because it follows from fills and flows: one walk over ticks [from, to).
 * Shapes: as the equity column.
 */
export function accountColumns(
  feed: MarketFeed,
  fills: FillColumns,
  flows: FlowColumns,
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
  let flow = 0;
  for (let k = from; k < to; k++) {
    const now = feed.clock[k]!;
    // Actions come before the bars of a tick.
    for (; flow < flows.known.length && flows.known[flow]! <= now; flow++) {
      const j = flows.instrument[flow]!;
      if (j >= 0) units[j] = grounded(units[j]! + flows.units[flow]!);
      money += flows.cash[flow]!;
    }
    for (; next < fills.known.length && fills.known[next]! <= now; next++) {
      const j = fills.instrument[next]!;
      const signed = fills.side[next]! * fills.quantity[next]!;
      units[j] = grounded(units[j]! + signed);
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

/** Without what sums of partial fills leave of a closed position. */
const grounded = (units: number): number => (Math.abs(units) < 1e-9 ? 0 : units);
