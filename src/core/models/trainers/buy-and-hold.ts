import { z } from 'zod';
import type { BarColumns } from '../../domain/bars.js';
import type { Rule } from '../trainer.js';

export const name = 'buy-and-hold';
export const summary = 'Always long: what every other strategy has to beat.';
export const settings = z.object({});

export function create(): Rule {
  return {
    kind: 'rule',
    short: false,
    warmup: 1,
    memory: 1,
    scorer: () => ({
      consume(_bars: BarColumns, from: number, to: number, out: Float64Array) {
        out.fill(1, from, to);
      },
    }),
  };
}
