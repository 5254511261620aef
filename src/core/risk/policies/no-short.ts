import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'no-short';
export const summary = 'Refuses short entries.';
export const settings = z.object({});

export function create(): RiskPolicy {
  return {
    name,
    reason: 'short positions are switched off',
    review: ({ weight }) => (weight < 0 ? 0 : weight),
  };
}
