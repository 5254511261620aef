import { z } from 'zod';
import { type RiskPolicy, within } from '../policy.js';

export const name = 'settled-cash';
export const summary =
  'Buys with settled money only and never sells short, as a cash account does (T+1; longer before May 2024).';
export const settings = z.object({});

/** Who buys with settled money alone can commit no good-faith violation, whenever it is sold again. */
export function create(): RiskPolicy {
  return {
    name,
    reason: 'the account has not that much settled cash',
    needsActivity: true,
    needsAccount: true,
    // What a working purchase will spend is spent.
    review: ({ weight }, { time, cash, buying, others, equity, activity }) =>
      weight < 0 ? 0 : within(weight, (cash - buying - others.buying - activity!.unsettled(time)) / equity),
  };
}
