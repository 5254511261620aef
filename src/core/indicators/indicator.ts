import { QuantlineError } from '../errors/index.js';

/**
 * What every indicator states about itself. Each class has `update(…): number`, called once per bar with the columns it
 * needs; several outputs are fields that hold the bar's values after `update`.
 *
 * NaN policy, the same everywhere: the result is NaN until warmed up, and a NaN input gives NaN and starts the warm-up
 * again. Inputs are finite otherwise. Results never depend on bars that have left the window of a windowed indicator.
 */
export interface Indicator {
  /** Bars needed for the first result (1 = the first bar has one). */
  readonly warmup: number;
  /**
   * Bars after which the start of the series no longer matters at 1e-9 of the series' scale; Infinity for running totals.
   * For a ratio of two fading averages (RSI, ADX) this presumes a series that keeps moving.
   */
  readonly memory: number;
}

/** A start may be wrong by a thousand times the series' scale and still be forgotten at 1e-9. */
const FORGOTTEN = 1e-12;

/** Below this share of the price an average move is the rest of an old one, not movement. */
export const STILL = 1e-13;

/** Bars until an exponential average with this weight has forgotten where it began. */
export function fadingMemory(alpha: number): number {
  return alpha >= 1 ? 1 : Math.ceil(Math.log(FORGOTTEN) / Math.log(1 - alpha));
}

/** A whole number of bars, at least `min`; USAGE otherwise. */
export function checkPeriod(value: number, name = 'period', min = 1): number {
  if (!Number.isInteger(value) || value < min || value > 1_000_000)
    throw new QuantlineError('USAGE', `${name} must be a whole number of bars from ${min} to 1000000, not ${value}.`, {
      hint: `Give a whole number for ${name}, for example ${Math.max(min, 14)}.`,
    });
  return value;
}

/** A finite factor > 0; USAGE otherwise. */
export function checkFactor(value: number, name: string): number {
  if (!Number.isFinite(value) || value <= 0)
    throw new QuantlineError('USAGE', `${name} must be a number above 0, not ${value}.`, {
      hint: `Give a positive number for ${name}, for example 2.`,
    });
  return value;
}

/**
 * Zero for a field that will hold fractions. An integer zero would give the object another hidden class first, and V8
 * would compile everything twice.
 */
export const ZERO = -0;

const kept: unknown[] = [];

/**
 * Keeps one instance of each class for the life of the process: V8 holds hidden classes weakly and would throw away the
 * compiled loops whenever the last indicator of a kind is collected, between two runs of a sweep for example.
 */
export function keep(...instances: Indicator[]): void {
  kept.push(...instances);
}
