import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-net';
export const summary =
  'Largest difference of long and short positions as a multiple of equity; entries beyond it are cut.';
export const settings = z.object({ multiple: z.number().positive() });

export function create({ multiple }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `long less short positions are at most ${multiple} of equity`,
    review: ({ weight }, state) => within(weight, multiple - (Math.sign(weight) * state.net) / state.equity),
  };
}
