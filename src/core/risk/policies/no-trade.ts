import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'no-trade';
export const summary = 'Refuses entries in these symbols: no-trade(GME,AMC).';
export const settings = z.object({ symbols: z.array(z.string()).min(1) });

export function create({ symbols }: z.infer<typeof settings>): RiskPolicy {
  const listed = new Set(symbols);
  return {
    name,
    reason: 'the symbol is on the no-trade list',
    review: ({ instrument, weight }) => (listed.has(instrument) ? 0 : weight),
  };
}
