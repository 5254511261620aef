import { z } from 'zod';
import type { FillModel } from '../fill-model.js';
import { limitReference, referencePrice } from '../reference.js';

export const name = 'this-close';
export const summary =
  'At the close of the bar that was decided on, as other engines offer it; no order realises it, so no gate for trading passes.';
export const settings = z.object({
  /** `through`: a limit needs a trade beyond its price; `touch`: reaching it is enough. */
  limits: z.enum(['through', 'touch']).default('through'),
  /** A bar that opens beyond the target and later reaches the stop: `open` sells at the open, `stop` at the stop. */
  first: z.enum(['open', 'stop']).default('open'),
});

/** The close is known only when its bar is over. That is why there is no live order: this is for comparisons. */
export function create({ limits, first }: z.output<typeof settings>): FillModel {
  return {
    name,
    liveOrder: undefined,
    stopFirst: first === 'stop',
    beforeBar: true,
    insideBar: true,
    reference: (type, side, limitPrice, stopPrice, triggered, bar) =>
      type === 'market'
        ? (bar.previousClose ?? 0) > 0
          ? bar.previousClose!
          : Number.NaN
        : referencePrice(type, side, limitPrice, stopPrice, triggered, bar, limits),
    target: (side, limitPrice, bar) => limitReference(side, limitPrice, bar, limits),
  };
}
