import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-net';
export const summary =
  'Largest difference of long and short positions as a multiple of equity, of the strategy or of the account.';
export const settings = z.object({
  multiple: z.number().positive(),
  of: z.enum(['strategy', 'account']).default('strategy'),
});

export function create({ multiple, of }: z.output<typeof settings>): RiskPolicy {
  const account = of === 'account';
  return {
    name,
    reason: `long less short positions${account ? ' of the account' : ''} are at most ${multiple} of equity`,
    needsAccount: account,
    // Working entries of the other side may never fill: they make no room.
    review({ weight }, { net, buying, selling, others, equity }) {
      const side = Math.sign(weight);
      const held = account ? net + others.net : net;
      const ordered = side > 0 ? buying + (account ? others.buying : 0) : selling + (account ? others.selling : 0);
      return within(weight, multiple - (side * held + ordered) / equity);
    },
  };
}
