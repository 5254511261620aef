import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'price-collar';
export const summary = 'Refuses an entry whose price is further than this fraction from the last trade.';
export const settings = z.object({ fraction: z.number().gt(0).lt(1) });

export function create({ fraction }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    reason: `the order's price is more than ${fraction} from the last trade, or no last trade is known`,
    needsLast: true,
    review: ({ weight, price, last }) => (Math.abs(price / last - 1) <= fraction ? weight : 0),
  };
}
