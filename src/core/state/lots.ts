import {
  absolute,
  add,
  compare,
  type DecimalText,
  decimalText,
  divide,
  isZero,
  multiply,
  negate,
  round,
  signOf,
  subtract,
  sum,
} from '../domain/decimal.js';
import { wholeLots } from '../domain/quantise.js';
import type { CorporateActionRecord, ExecutionRecord, LotRecord } from './records.js';

/** What a strategy holds of one instrument: open lots, oldest first, all of one sign. */
export interface Holding {
  readonly lots: readonly LotRecord[];
  readonly realised: DecimalText;
}

export const EMPTY_HOLDING: Holding = { lots: [], realised: '0' };

export const quantityOf = (holding: Holding): DecimalText => sum(holding.lots.map((lot) => lot.quantity));

/** Quantity-weighted entry price of the open lots; undefined when flat. */
export function averagePriceOf(holding: Holding): DecimalText | undefined {
  const quantity = quantityOf(holding);
  if (isZero(quantity)) return undefined;
  return divide(sum(holding.lots.map((lot) => multiply(lot.quantity, lot.price))), quantity);
}

type Fill = Pick<ExecutionRecord, 'executionId' | 'side' | 'quantity' | 'price' | 'time' | 'costs'> &
  Pick<LotRecord, 'leg'>;

/** First in, first out. A fill larger than the position closes it and opens the rest on the other side. */
export function applyFill(holding: Holding, fill: Fill): Holding {
  const lots = [...holding.lots];
  let realised = subtract(holding.realised, fill.costs ?? '0');
  let rest = fill.side === 'buy' ? fill.quantity : negate(fill.quantity);
  while (lots.length > 0 && !isZero(rest) && signOf(lots[0]!.quantity) !== signOf(rest)) {
    const lot = lots[0]!;
    const left = add(lot.quantity, rest);
    const closesLot = signOf(left) !== signOf(lot.quantity);
    const closed = closesLot ? lot.quantity : negate(rest);
    realised = add(realised, multiply(closed, subtract(fill.price, lot.price)));
    if (closesLot) lots.shift();
    else lots[0] = { ...lot, quantity: left };
    rest = closesLot ? left : '0';
  }
  if (!isZero(rest)) {
    const { executionId, leg, price, time } = fill;
    lots.push({ executionId, leg, quantity: rest, price, time });
  }
  return { lots, realised };
}

/** A split scales lots, a dividend pays (a short pays it), a delisting closes at its cash value, a disposal at cost. */
export function applyAction(holding: Holding, action: CorporateActionRecord): Holding {
  const value = action.value ?? '0';
  switch (action.type) {
    case 'split':
      return cashInLieu(
        {
          ...holding,
          lots: holding.lots.map((lot) => ({
            ...lot,
            quantity: multiply(lot.quantity, value),
            price: divide(lot.price, value),
          })),
        },
        action,
      );
    case 'dividend':
      return { ...holding, realised: add(holding.realised, multiply(quantityOf(holding), value)) };
    case 'delisting':
      return {
        lots: [],
        realised: add(
          holding.realised,
          sum(holding.lots.map((lot) => multiply(lot.quantity, subtract(value, lot.price)))),
        ),
      };
    case 'fee':
      return cashInLieu(holding, action);
    case 'disposal':
      return dispose(holding, action.units ?? '0');
    case 'rename':
      return holding;
  }
}

/** The oldest lots leave at their own price, down to so many units: nobody here knows what they went for. */
function dispose(holding: Holding, units: DecimalText): Holding {
  const lots = [...holding.lots];
  let gone = subtract(quantityOf(holding), units);
  // What was bought before may have been taken back since: nothing is ever added.
  if (lots.length === 0 || signOf(gone) !== signOf(lots[0]!.quantity)) return holding;
  while (lots.length > 0 && !isZero(gone)) {
    const lot = lots[0]!;
    if (compare(absolute(lot.quantity), absolute(gone)) > 0) {
      lots[0] = { ...lot, quantity: subtract(lot.quantity, gone) };
      break;
    }
    lots.shift();
    gone = subtract(gone, lot.quantity);
  }
  return { ...holding, lots };
}

/** The units that an action leaves of so many. */
export const applyToQuantity = (quantity: DecimalText, action: CorporateActionRecord): DecimalText =>
  quantityOf(
    applyAction({ lots: [{ executionId: '', leg: 'entry', quantity, price: '0', time: 0 }], realised: '0' }, action),
  );

/** What a split leaves beyond the venue's lots is paid out; a fee in kind leaves for nothing, and never adds anything. */
function cashInLieu(holding: Holding, { type, units, lot, price }: CorporateActionRecord): Holding {
  if (price === undefined) return holding;
  const held = quantityOf(holding);
  const rest = subtract(held, units ?? (lot === undefined ? held : keptUnits(held, lot)));
  // The purchase of a fee may be taken back later.
  if (isZero(rest) || (type === 'fee' && signOf(rest) < 0)) return holding;
  const side = signOf(rest) > 0 ? 'sell' : 'buy';
  return applyFill(holding, { executionId: '', leg: 'exit', side, quantity: absolute(rest), price, time: 0 });
}

/** By the rule of the simulated venue, which it has to agree with: a ratio such as 1/3 has no end. */
function keptUnits(held: DecimalText, lot: DecimalText): DecimalText {
  const units = round(decimalText(wholeLots(Number(absolute(held)), Number(lot))), 9);
  return signOf(held) < 0 ? negate(units) : units;
}

/** Both holdings as one, older lots first; opposite signs are netted by the caller's venue and never occur here. */
export const mergeHoldings = (a: Holding, b: Holding): Holding => ({
  lots: [...a.lots, ...b.lots].sort((x, y) => x.time - y.time || compare(x.price, y.price)),
  realised: add(a.realised, b.realised),
});
