import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'max-position';
export const summary = 'Largest position of a symbol as a fraction of equity, of the strategy or of the account.';
export const settings = z.object({
  fraction: z.number().positive(),
  of: z.enum(['strategy', 'account']).default('strategy'),
});

export function create({ fraction, of }: z.output<typeof settings>): RiskPolicy {
  const account = of === 'account';
  return {
    name,
    reason: `a position${account ? ' of the account' : ''} is at most ${fraction} of equity`,
    needsAccount: account,
    // Entries start from nothing of one's own: a position is never added to, and a reversal closes it first.
    review: ({ weight, instrument }, { others, equity }) =>
      within(weight, account ? fraction - (others.of.get(instrument) ?? 0) / equity : fraction),
  };
}
