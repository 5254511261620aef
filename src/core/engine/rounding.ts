import type { Instrument } from '../domain/instrument.js';
import { quantisePrice, quantiseQuantity } from '../domain/quantise.js';
import type { Rounding } from '../market/index.js';

/** The venue's grid for each instrument, by the one quantising function; `fractional`: fractions where it has them. */
export function roundingOf(instruments: readonly Instrument[], fractional: boolean): Rounding {
  return {
    quantity: (j, quantity) => quantiseQuantity(quantity, instruments[j]!, fractional),
    price: (j, price, side) => quantisePrice(price, instruments[j]!.tickRule, side > 0 ? 'buy' : 'sell'),
  };
}
