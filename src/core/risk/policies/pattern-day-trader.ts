import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'pattern-day-trader';
export const summary =
  'Refuses entries of a margin account below $25000 after three day trades in five sessions, until 2027-10-20.';
export const settings = z.object({
  trades: z.number().int().positive().default(3),
  equity: z.number().positive().default(25_000),
  sessions: z.number().int().positive().default(5),
  /** From this date on the rule (FINRA 4210(f)(8)(B)) is gone at every broker. */
  until: z.iso.date().default('2027-10-20'),
});

/** Sessions that the rule, and so a venue's own count, looks back on. */
const RULE_SESSIONS = 5;

/** An exit may never be held back; so the entry that could become one day trade too many is. */
export function create({ trades, equity, sessions, until }: z.infer<typeof settings>): RiskPolicy {
  const end = Date.parse(`${until}T00:00:00Z`);
  return {
    name,
    reason: `${trades} day trades in ${sessions} sessions with less than ${equity}`,
    needsActivity: true,
    review: ({ weight }, { time, equity: owned, activity, venueDayTrades }) => {
      if (time >= end || owned >= equity) return weight;
      // What people have traded by hand is in the venue's count alone, and what is not booked there yet in ours.
      const counted = sessions >= RULE_SESSIONS ? venueDayTrades : 0;
      return Math.max(counted, activity!.dayTrades(time, sessions)) >= trades ? 0 : weight;
    },
  };
}
