import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'max-drawdown';
export const summary = 'Closes everything and stops for good once equity is this fraction below its peak.';
export const settings = z.object({ fraction: z.number().gt(0).lt(1) });

export function create({ fraction }: z.infer<typeof settings>): RiskPolicy {
  let halted = false;
  return {
    name,
    lasting: true,
    halts(state) {
      if (state.equity < state.peak * (1 - fraction)) halted = true;
      return halted;
    },
    floor: (state) => (halted ? Number.POSITIVE_INFINITY : state.peak * (1 - fraction)),
    resume() {
      halted = false;
    },
  };
}
