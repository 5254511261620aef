import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'max-orders';
export const summary = 'Largest number of orders in a minute; further entries are refused, exits never.';
export const settings = z.object({
  count: z.number().int().positive(),
  seconds: z.number().positive().default(60),
});

export function create({ count, seconds }: z.infer<typeof settings>): RiskPolicy {
  // The times of the last `count` orders, in a ring.
  const times = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  let at = Number.NaN;
  let exits = 0;
  const sent = (time: number): void => {
    times[next] = time;
    next = (next + 1) % count;
  };
  return {
    name,
    reason: `at most ${count} orders in ${seconds} s`,
    review({ weight }, state) {
      if (state.time !== at) exits = 0;
      at = state.time;
      for (; exits < state.exits; exits++) sent(at);
      if (times[next]! > at - seconds * 1000) return 0;
      sent(at);
      return weight;
    },
  };
}
