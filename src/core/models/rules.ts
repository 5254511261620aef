import { z } from 'zod';
import { QuantlineError } from '../errors/index.js';

/** Last argument of every rule: `long` is long or flat, `short` is long or short. */
export const sides = z.enum(['long', 'short']).default('long');
export type Sides = z.output<typeof sides>;

/** What a rule holds when it does not hold a long position. */
export const otherSide = (mode: Sides): -1 | 0 => (mode === 'short' ? -1 : 0);

export const bars = (fallback: number, min = 1) => z.number().int().min(min).max(1_000_000).default(fallback);

/** USAGE where two lengths are the wrong way round. */
export function requireShorter(rule: string, short: number, long: number): void {
  if (short < long) return;
  throw new QuantlineError('USAGE', `${rule}: the first length (${short}) must be shorter than the second (${long}).`, {
    hint: `For example ${rule}(${Math.min(short, long) || 1},${Math.max(short, long) + 1}).`,
  });
}
