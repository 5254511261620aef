import { z } from 'zod';
import { parseCommission, parseSlippage } from '../../config/index.js';
import { create as nextOpen } from '../../market/fills/next-open.js';
import { NO_COSTS } from '../../market/index.js';
import type { MarketRules } from './environment.js';

const text = (parse: (text: string) => unknown, fallback: string) =>
  z.coerce
    .string<string | number>()
    .default(fallback)
    .refine(
      (value) => {
        try {
          parse(value);
          return true;
        } catch {
          return false;
        }
      },
      { message: `cannot be read; write it as for a backtest, such as ${fallback}` },
    );

/** What every agent in a market takes. */
export const agentShape = {
  /** Environment steps (bars) to train for, of each seed. */
  steps: z.number().int().min(100).default(20_000),
  /** Policies trained, each from a seed of its own; the one that does best on the last fifth of the range is used. */
  seeds: z.number().int().min(1).max(50).default(5),
  units: z.number().int().min(1).max(1024).default(64),
  learning_rate: z.number().positive().max(1).default(0.0005),
  gamma: z.number().min(0).max(1).default(0.9),
  /** Bars of a training episode. */
  episode: z.number().int().min(2).default(252),
  /** Allows short targets. */
  short: z.boolean().default(false),
  /** Target positions on each side: 1 is all or nothing, 2 has halves. */
  levels: z.number().int().min(1).max(20).default(1),
  commission: text(parseCommission, '5bp'),
  slippage: text(parseSlippage, '1bp'),
};

export const agentSettings = z.object(agentShape);
export type AgentSettings = z.output<typeof agentSettings>;

/** Signed levels from the least to 1: −1, 0, 1 or 0, 0.5, 1. */
export function levelsOf({ levels, short }: Pick<AgentSettings, 'levels' | 'short'>): number[] {
  const first = short ? -levels : 0;
  return Array.from({ length: levels - first + 1 }, (_, i) => (first + i) / levels);
}

/** The market's rules for these settings: next-open fills, no leverage. */
export function rulesOf(settings: AgentSettings, continuous: boolean): MarketRules {
  return {
    levels: continuous ? null : levelsOf(settings),
    least: settings.short ? -1 : 0,
    venue: {
      cash: 100_000,
      costs: { ...NO_COSTS, ...parseCommission(settings.commission) },
      slippage: parseSlippage(settings.slippage),
      fill: nextOpen({}),
      leverage: 1,
      allowShort: settings.short,
    },
  };
}
