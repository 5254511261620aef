import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-gross';
export const summary = 'Largest sum of all positions as a multiple of equity; entries beyond it are cut.';
export const settings = z.object({ multiple: z.number().positive() });

export function create({ multiple }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `all positions together are at most ${multiple} of equity`,
    review: ({ weight }, state) => within(weight, multiple - state.gross / state.equity),
  };
}
