import type { Instrument } from '../domain/instrument.js';
import { Grid } from '../domain/quantise.js';
import type { Rounding } from './venue.js';

/** The venue's grid for each instrument, by the one quantising function; `fractional`: fractions where it has them. */
export function roundingOf(instruments: readonly Instrument[], fractional: boolean): Rounding {
  const grids = instruments.map((instrument) => new Grid(instrument, fractional));
  return {
    quantity: (j, quantity) => grids[j]!.quantity(quantity),
    sum: (j, quantity) => grids[j]!.sum(quantity),
    price: (j, price, side) => grids[j]!.price(price, side),
  };
}
