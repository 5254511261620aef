import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'max-position';
export const summary = 'Largest position as a fraction of equity; larger entries are cut.';
export const settings = z.object({ fraction: z.number().positive() });

export function create({ fraction }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    review: ({ weight }) => Math.sign(weight) * Math.min(Math.abs(weight), fraction),
  };
}
