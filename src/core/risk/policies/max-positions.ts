import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'max-positions';
export const summary = 'Largest number of open positions; further entries are refused.';
export const settings = z.object({ count: z.number().int().positive() });

export function create({ count }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `at most ${count} positions are open`,
    review: ({ weight }, state) => (state.positions < count ? weight : 0),
  };
}
