import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'max-gross';
export const summary = 'Largest sum of all positions as a multiple of equity; entries beyond it are cut.';
export const settings = z.object({ multiple: z.number().positive() });

export function create({ multiple }: z.infer<typeof settings>): RiskPolicy {
  return {
    name,
    review({ weight }, state) {
      const room = Math.max(0, multiple - state.gross / state.equity);
      return Math.sign(weight) * Math.min(Math.abs(weight), room);
    },
  };
}
