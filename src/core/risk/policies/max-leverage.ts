import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-leverage';
export const summary =
  'Largest sum of everything in the account, other strategies and hand trades included, as a multiple of equity.';
export const settings = z.object({ multiple: z.number().positive() });

export function create({ multiple }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `the account holds at most ${multiple} of its equity`,
    review: ({ weight }, state) => within(weight, multiple - (state.gross + state.others) / state.equity),
  };
}
