import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-position';
export const summary = 'Largest position of a symbol as a fraction of equity; larger entries are cut.';
export const settings = z.object({ fraction: z.number().positive() });

export function create({ fraction }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `a position is at most ${fraction} of equity`,
    // Entries start from nothing: a position is never added to, and a reversal closes it first.
    review: ({ weight }) => within(weight, fraction),
  };
}
