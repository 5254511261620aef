import type { CorporateAction } from '../domain/bars.js';
import type { SimulatedExchange } from './exchange.js';
import { repriced } from './orders.js';

/**
 * What befalls the holders of an instrument before its next bar; `instrument` and `becomes` are indices. `amount` is cash
 * a unit: a dividend, or what a delisting pays (NaN: the last price). A rename to what is not traded here is a delisting.
 */
export type VenueAction =
  | { readonly type: 'split'; readonly instrument: number; readonly ratio: number }
  | { readonly type: 'dividend'; readonly instrument: number; readonly amount: number }
  | { readonly type: 'rename'; readonly instrument: number; readonly becomes: number }
  | { readonly type: 'delisting'; readonly instrument: number; readonly amount: number };

/** The action by indices; `index` are those of the instruments that are traded. */
export function venueAction(
  action: CorporateAction,
  instrument: number,
  index: ReadonlyMap<string, number>,
): VenueAction {
  switch (action.type) {
    case 'split':
      return { type: 'split', instrument, ratio: action.ratio };
    case 'dividend':
      return { type: 'dividend', instrument, amount: action.amount };
    case 'delisting':
      return { type: 'delisting', instrument, amount: action.amount ?? Number.NaN };
    case 'rename': {
      const becomes = index.get(action.becomes);
      // What it is called now is not in the dataset: there are no prices to hold it at.
      if (becomes === undefined) return { type: 'delisting', instrument, amount: Number.NaN };
      return { type: 'rename', instrument, becomes };
    }
  }
}

export const FLOW_KINDS = ['dividend', 'split', 'rename', 'delisting', 'borrow', 'interest'] as const;

/** A change of cash or units that is no fill. */
export interface Flow {
  readonly kind: (typeof FLOW_KINDS)[number];
  readonly instrument: number;
  /** Into the account, or out of it. */
  readonly cash: number;
  /** Change of the position, and the factor that the instrument's earlier prices take (1 but for splits). */
  readonly units: number;
  readonly priceFactor: number;
}

/** Applies one action to position, working orders and protection. `index` is the bar that trades next. */
export function applyAction(exchange: SimulatedExchange, action: VenueAction, time: number, index: number): void {
  const { ledger, listener } = exchange;
  const j = action.instrument;
  const held = ledger.quantity[j]!;
  const cash = ledger.cash;
  const tell = (kind: Flow['kind'], priceFactor = 1) =>
    listener.onFlow?.({
      ...{ kind, instrument: j, cash: ledger.cash - cash },
      ...{ units: ledger.quantity[j]! - held, priceFactor },
    });
  switch (action.type) {
    case 'dividend':
      // A short owes it to the lender.
      if (held === 0) return;
      ledger.receive(j, held * action.amount);
      tell('dividend');
      break;
    case 'split':
      split(exchange, j, action.ratio, time, index);
      tell('split', 1 / action.ratio);
      break;
    case 'rename':
      // Two holdings under one name cannot be told apart any more: the old one is paid out.
      if (ledger.quantity[action.becomes] !== 0) {
        applyAction(exchange, { type: 'delisting', instrument: j, amount: Number.NaN }, time, index);
        return;
      }
      exchange.cancelAll(j, 'renamed');
      if (held === 0) return;
      ledger.rename(j, action.becomes);
      exchange.moveProtection(j, action.becomes);
      tell('rename');
      listener.onFlow?.({
        ...{ kind: 'rename', instrument: action.becomes, cash: 0 },
        ...{ units: held, priceFactor: 1 },
      });
      break;
    case 'delisting':
      exchange.cancelAll(j, 'delisted');
      if (held === 0) return;
      if (!Number.isNaN(action.amount)) ledger.mark[j] = action.amount;
      ledger.settle(j, Math.abs(held), ledger.mark[j]!, time, index, 'delisting');
      exchange.dropProtection(j);
      tell('delisting');
  }
}

/** Units, prices of orders and of protection in new shares; what is no whole lot any more is paid out. */
function split(exchange: SimulatedExchange, j: number, ratio: number, time: number, index: number): void {
  const { ledger, rounding } = exchange;
  ledger.split(j, ratio);
  const inShares = (price: number, side: number) =>
    Number.isNaN(price) ? price : rounding.price(j, price / ratio, side);
  for (const order of exchange.orders(j)) {
    order.quantity *= ratio;
    order.filled *= ratio;
    order.limitPrice = inShares(order.limitPrice, order.side);
    order.stopPrice = inShares(order.stopPrice, order.side);
    const other = (price: number) => inShares(price, order.side);
    if (order.either !== undefined) order.either = repriced(order.either, other);
    if (order.triggers !== undefined) order.triggers = repriced(order.triggers, other);
    exchange.listener.onOrder(order);
  }
  const side = Math.sign(ledger.quantity[j]!);
  exchange.protectionOf(j)?.rescale(ratio, (price) => inShares(price, -side));
  const units = Math.abs(ledger.quantity[j]!);
  const whole = rounding.quantity(j, units);
  // Less than this is the noise of one multiplication, not a fraction of a share.
  if (units - whole > 1e-8) ledger.settle(j, units - whole, ledger.mark[j]!, time, index, 'split');
  if (ledger.quantity[j] === 0) exchange.dropProtection(j);
  else ledger.quantity[j] = side * whole;
  exchange.touch(j);
}
