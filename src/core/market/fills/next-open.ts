import { z } from 'zod';
import type { FillModel } from '../fill-model.js';
import { limitReference, referencePrice } from '../reference.js';

export const name = 'next-open';
export const summary =
  'At the next bar’s open; stops and limits inside the bar, gaps at the open, limits when traded through.';
export const settings = z.object({
  /** `through`: a limit needs a trade beyond its price; `touch`: reaching it is enough. */
  limits: z.enum(['through', 'touch']).default('through'),
  /** A bar that opens beyond the target and later reaches the stop: `open` sells at the open, `stop` at the stop. */
  first: z.enum(['open', 'stop']).default('open'),
});

export function create({ limits = 'through', first }: z.input<typeof settings>): FillModel {
  return {
    name,
    liveOrder: 'market on open, otherwise market in session',
    stopFirst: first === 'stop',
    insideBar: true,
    reference: (type, side, limitPrice, stopPrice, triggered, bar) =>
      referencePrice(type, side, limitPrice, stopPrice, triggered, bar, limits),
    target: (side, limitPrice, bar) => limitReference(side, limitPrice, bar, limits),
  };
}
