import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'margin-call';
export const summary =
  'Closes everything at the next open once equity is below this fraction of what is held: the maintenance margin.';
export const settings = z.object({ maintenance: z.number().gt(0).lt(1).default(0.25) });

/** A broker would sell as much as it needs; closing all of it is the worse case. It may trade again once it is flat. */
export function create({ maintenance }: z.output<typeof settings>): RiskPolicy {
  return {
    name,
    needsExposure: true,
    halts: ({ equity, held }) => equity < maintenance * held,
  };
}
