import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-order';
export const summary = 'Largest value of one order; larger entries are cut.';
export const settings = z.object({ value: z.number().positive() });

export function create({ value }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `an order is worth at most ${value}`,
    review: ({ weight }, state) => within(weight, value / state.equity),
  };
}
