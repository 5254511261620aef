import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-leverage';
export const summary =
  'Largest sum of everything held and ordered in the account, by other strategies and people too, as a multiple of equity.';
export const settings = z.object({ multiple: z.number().positive() });

export function create({ multiple }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `the account holds at most ${multiple} of its equity`,
    needsAccount: true,
    review: ({ weight }, { gross, others, equity }) => within(weight, multiple - (gross + others.gross) / equity),
  };
}
