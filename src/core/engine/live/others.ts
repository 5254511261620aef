import type { BrokerOrder, ReconcileResult } from '../../execution/index.js';
import type { Others } from '../../risk/index.js';
import type { ExecutionRecord, OrderRecord } from '../../state/index.js';

/** What is known of an account beside one of its strategies. */
export interface AccountParts {
  /** Units that the strategy itself owns. */
  readonly owned: ReadonlyMap<string, number>;
  /** What the venue says. */
  readonly state: Pick<ReconcileResult, 'positions' | 'externalOrders' | 'listed' | 'listedAt'>;
  /** Open orders of other strategies, and their newest fills, by the journal. */
  readonly orders: readonly OrderRecord[];
  readonly fills: readonly ExecutionRecord[];
  /** Last price of an instrument; NaN where none is known. */
  readonly price: (instrument: string) => number;
}

/** So long after it was sent, or has filled, an order may be missing in what the venue lists, ms. */
const LATE_MS = 10_000;

/** Money that an entry may still spend, without sign: the rest of its amount, or its unfilled units at its price. */
export function openMoney({ request, filledQuantity, averagePrice }: OrderRecord, last: number): number {
  const { quantity, notional, limitPrice, stopPrice, triggers } = request;
  const filled = Number(filledQuantity);
  if (notional !== undefined) return Math.max(0, Number(notional) - filled * Number(averagePrice ?? 0));
  const units = Number(quantity) + Number(triggers?.quantity ?? 0) - filled;
  return units === 0 ? 0 : units * Number(limitPrice ?? stopPrice ?? last);
}

/** Entries that count: what hangs on an entry that works is counted with it. */
export const workingEntries = (open: readonly OrderRecord[]): readonly OrderRecord[] => {
  const ids = new Set(open.map(({ clientOrderId }) => clientOrderId));
  return open.filter(({ leg, parent }) => leg === 'entry' && (parent === undefined || !ids.has(parent)));
};

/**
 * What others hold is what the venue holds beyond our own, with fills that it may not show yet. An order of theirs that
 * the journal counts as open and the venue does not list any more is over: its strategy has not looked since.
 */
export function othersOf({ owned, state, orders, fills, price }: AccountParts): Others {
  const { positions, externalOrders: external, listed, listedAt } = state;
  const units = new Map([...owned].map(([instrument, quantity]) => [instrument, -quantity]));
  for (const { instrument, quantity } of positions) add(units, instrument, Number(quantity));
  const late = new Map<string, number>();
  for (const { instrument, side, quantity, time } of fills)
    if (time >= listedAt - LATE_MS) add(late, instrument, side === 'buy' ? Number(quantity) : -Number(quantity));
  for (const [instrument, more] of late) {
    const there = units.get(instrument) ?? 0;
    if (Math.abs(there + more) > Math.abs(there)) units.set(instrument, there + more);
  }
  const buys = new Map<string, number>();
  const sells = new Map<string, number>();
  const shown = new Map(listed.flatMap((order) => [order.clientOrderId, order.venueOrderId].map((id) => [id, order])));
  for (const order of workingEntries(orders)) {
    const { venueOrderId, clientOrderId, sentAt, instrument, request } = order;
    const there = shown.get(clientOrderId) ?? (venueOrderId === undefined ? undefined : shown.get(venueOrderId));
    if (there === undefined && venueOrderId !== undefined && (sentAt ?? 0) < listedAt - LATE_MS) continue;
    add(request.side === 'buy' ? buys : sells, instrument, openMoney(order, price(instrument)));
  }
  const legs = new Set(external.flatMap((order) => order.legs ?? []));
  for (const order of external)
    if (!legs.has(order))
      add(order.side === 'buy' ? buys : sells, order.instrument, externalMoney(order, price(order.instrument)));
  const of = new Map<string, number>();
  let net = 0;
  for (const instrument of new Set([...units.keys(), ...buys.keys(), ...sells.keys()])) {
    const held = units.get(instrument) ?? 0;
    const value = held === 0 ? 0 : held * price(instrument);
    const [bought, sold] = [buys.get(instrument) ?? 0, sells.get(instrument) ?? 0];
    of.set(instrument, Math.max(Math.abs(value), Math.abs(value + bought), Math.abs(value - sold)));
    net += value;
  }
  return { gross: sum(of), net, buying: sum(buys), selling: sum(sells), of };
}

function externalMoney(order: BrokerOrder, last: number): number {
  const { quantity, notional, filledQuantity, averagePrice, limitPrice, stopPrice } = order;
  const filled = Number(filledQuantity);
  if (quantity !== undefined) return (Number(quantity) - filled) * Number(limitPrice ?? stopPrice ?? last);
  return Math.max(0, Number(notional ?? Number.NaN) - filled * Number(averagePrice ?? 0));
}

const add = (sums: Map<string, number>, key: string, value: number): Map<string, number> =>
  sums.set(key, (sums.get(key) ?? 0) + value);

const sum = (values: ReadonlyMap<string, number>): number => [...values.values()].reduce((a, b) => a + b, 0);
