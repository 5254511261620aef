import { z } from 'zod';
import type { RiskPolicy } from '../policy.js';

export const name = 'daily-loss';
export const summary = 'Closes everything until the next session once the session has lost this fraction of equity.';
export const settings = z.object({ fraction: z.number().gt(0).lt(1) });

export function create({ fraction }: z.infer<typeof settings>): RiskPolicy {
  let haltedIn = -1;
  return {
    name,
    halts(state) {
      if (state.equity < state.sessionStart * (1 - fraction)) haltedIn = state.session;
      return haltedIn === state.session;
    },
    floor: (state) => (haltedIn === state.session ? Number.POSITIVE_INFINITY : state.sessionStart * (1 - fraction)),
    recallHalt(session) {
      haltedIn = session;
    },
    resume() {
      haltedIn = -1;
    },
  };
}
