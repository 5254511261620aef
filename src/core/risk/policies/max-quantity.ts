import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-quantity';
export const summary = 'Largest number of units of one order; larger entries are cut.';
export const settings = z.object({ units: z.number().positive() });

export function create({ units }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `an order has at most ${units} units`,
    // An order by money gets a little more where the price falls before it fills: the lower of both prices counts.
    review: ({ weight, price, close }, state) => within(weight, (units * Math.min(price, close)) / state.equity),
  };
}
