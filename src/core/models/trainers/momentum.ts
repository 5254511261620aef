import { z } from 'zod';
import type { BarColumns } from '../../domain/bars.js';
import { Roc } from '../../indicators/index.js';
import { bars, otherSide, sides } from '../rules.js';
import type { Rule } from '../trainer.js';

export const name = 'momentum';
export const summary = 'Long while the close is above what it was `window` bars ago.';
export const settings = z.object({ window: bars(60), side: sides });

export function create({ window, side }: z.output<typeof settings>): Rule {
  const below = otherSide(side);
  return {
    kind: 'rule',
    short: side === 'short',
    warmup: window + 1,
    memory: window + 1,
    scorer() {
      const change = new Roc(window);
      return {
        consume({ close }: BarColumns, from: number, to: number, out: Float64Array) {
          for (let i = from; i < to; i++) {
            const r = change.update(close[i]!);
            out[i] = r > 0 ? 1 : Number.isNaN(r) ? Number.NaN : below;
          }
        },
      };
    },
  };
}
