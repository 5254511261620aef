import { z } from 'zod';
import type { RiskPolicy, RiskState } from '../policy.js';

export const name = 'max-orders';
export const summary = 'Largest number of orders of the account in a minute; further entries are refused, exits never.';
export const settings = z.object({
  count: z.number().int().positive(),
  seconds: z.number().positive().default(60),
});

export function create({ count, seconds }: z.output<typeof settings>): RiskPolicy {
  // The times of the last `count` orders, in a ring.
  const times = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  let at = Number.NaN;
  let counted = 0;
  const sent = (time: number): void => {
    times[next] = time;
    next = (next + 1) % count;
  };
  const catchUp = ({ time, orders }: RiskState): void => {
    if (time !== at) counted = 0;
    at = time;
    for (; counted < orders; counted++) sent(time);
  };
  return {
    name,
    reason: `at most ${count} orders in ${seconds} s`,
    remembers: seconds * 1000,
    recall(orders) {
      times.fill(Number.NEGATIVE_INFINITY);
      for (const time of orders) sent(time);
      at = Number.NaN;
    },
    review({ weight }, state) {
      catchUp(state);
      return times[next]! > state.time - seconds * 1000 ? 0 : weight;
    },
    planned: catchUp,
  };
}
