/** An order that was filled, in the backtest or at the venue. Prices and money in the account's currency. */
export interface TradedOrder {
  readonly instrument: string;
  /** entry, exit, stop or target. */
  readonly leg: string;
  /** 1 buys, −1 sells. */
  readonly side: number;
  /** Decision that it belongs to, epoch ms; of protection, that of its entry or of its own start. */
  readonly slot: number;
  readonly quantity: number;
  readonly price: number;
  readonly costs: number;
  /** Opening of the bar, or instant, of its first fill. */
  readonly time: number;
}

/** One line of the comparison. */
export interface TradeDrift {
  readonly instrument: string;
  readonly leg: string;
  readonly side: number;
  readonly expected: TradedOrder | undefined;
  readonly actual: TradedOrder | undefined;
  /** (actual − expected) / expected price, positive = worse; NaN without a pair. */
  readonly slippage: number;
  /** The same in money on what was traded. */
  readonly cost: number;
}

/**
 * Pairs what the backtest traded with what the venue did: entries and exits by the decision they belong to, protection
 * (which no decision names) by its order within the instrument. What is alone is missing or extra.
 */
export function compareTrades(expected: readonly TradedOrder[], actual: readonly TradedOrder[]): readonly TradeDrift[] {
  const waiting = new Map<string, TradedOrder[]>();
  const ordinals = new Map<string, number>();
  const keyOf = (order: TradedOrder, side: string): string => {
    const decided = order.leg === 'entry' || order.leg === 'exit';
    const base = `${order.instrument}\n${order.leg}`;
    if (decided) return `${base}\n${order.slot}`;
    const n = (ordinals.get(side + base) ?? 0) + 1;
    ordinals.set(side + base, n);
    return `${base}\n#${n}`;
  };
  for (const order of inTime(actual)) {
    const key = keyOf(order, 'actual\n');
    waiting.set(key, [...(waiting.get(key) ?? []), order]);
  }
  const pairs: TradeDrift[] = [];
  for (const order of inTime(expected)) pairs.push(pair(order, waiting.get(keyOf(order, 'expected\n'))?.shift()));
  for (const alone of [...waiting.values()].flat()) pairs.push(pair(undefined, alone));
  return pairs.sort((a, b) => timeOf(a) - timeOf(b));
}

const inTime = (orders: readonly TradedOrder[]): TradedOrder[] => [...orders].sort((a, b) => a.time - b.time);
const timeOf = ({ expected, actual }: TradeDrift): number => (actual ?? expected)!.time;

function pair(expected: TradedOrder | undefined, actual: TradedOrder | undefined): TradeDrift {
  const { instrument, leg, side } = (expected ?? actual)!;
  const both = expected !== undefined && actual !== undefined;
  const worse = both ? side * (actual.price - expected.price) : Number.NaN;
  return {
    ...{ instrument, leg, side, expected, actual },
    slippage: both ? worse / expected.price : Number.NaN,
    cost: both ? worse * actual.quantity + actual.costs - expected.costs : Number.NaN,
  };
}

export const DRIFT_FIGURES = [
  'matched_trades',
  'missing_trades',
  'extra_trades',
  'missed_slots',
  'slippage',
  'drift_cost',
  'quantity_drift',
  'equity_drift',
] as const;
export type DriftFigure = (typeof DRIFT_FIGURES)[number];

/**
 * `slippage`: mean of the pairs weighted by value, positive = worse than the model. `drift_cost`: money lost to it and to
 * higher costs. `quantity_drift`: largest relative difference of a pair's quantities. `equity_drift`: |actual / expected
 * − 1| of the account's value after the last slot. null where nothing was traded.
 */
export function driftFigures(
  pairs: readonly TradeDrift[],
  slots: { readonly missed: number; readonly equity: number; readonly expectedEquity: number },
): Readonly<Record<DriftFigure, number | null>> {
  let matched = 0;
  let value = 0;
  let slipped = 0;
  let cost = 0;
  let quantity = 0;
  for (const { expected, actual, slippage, cost: lost } of pairs) {
    if (expected === undefined || actual === undefined) continue;
    matched++;
    const worth = expected.price * actual.quantity;
    value += worth;
    slipped += slippage * worth;
    cost += lost;
    quantity = Math.max(quantity, Math.abs(actual.quantity / expected.quantity - 1));
  }
  return {
    matched_trades: matched,
    missing_trades: pairs.filter(({ actual }) => actual === undefined).length,
    extra_trades: pairs.filter(({ expected }) => expected === undefined).length,
    missed_slots: slots.missed,
    slippage: value > 0 ? slipped / value : null,
    drift_cost: matched > 0 ? cost : null,
    quantity_drift: matched > 0 ? quantity : null,
    equity_drift: Math.abs(slots.equity / slots.expectedEquity - 1),
  };
}
