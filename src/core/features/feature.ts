import { z } from 'zod';
import type { BarColumns } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';
import type { SessionColumns } from './sessions.js';

/** What features read: the bars so far and, for those that ask for it, their sessions. */
export interface Frame {
  readonly bars: BarColumns;
  readonly sessions: SessionColumns;
}

/**
 * Computes one column for bars [from, to), which follow the bars computed before: out[i - from] for each i. It may read
 * bars up to i only; what it needs of the past it remembers. In one go or bar by bar it gives the same bits. NaN where
 * there is no value.
 */
export type Fill = (frame: Frame, from: number, to: number, out: Float64Array) => void;

export interface FeatureContext {
  readonly instrument: Instrument;
  readonly calendar: TradingCalendar;
}

/** The form for a user's own feature: one value a bar. `update` may read bars up to i only. */
export interface FeatureUpdate {
  update(bars: BarColumns, i: number): number;
}

/** A feature with its settings; `state` begins one instrument's column. */
export interface Feature {
  /** Bars needed for the first value (1 = the first bar has one). */
  readonly warmup: number;
  /** Bars after which the start of the series no longer matters at 1e-9; never Infinity. */
  readonly memory: number;
  /** Reads the frame's sessions, which are computed only where a feature asks for them. */
  readonly sessions?: boolean;
  /** The value is anchored at the session, and absent until a session was seen from its start. */
  readonly anchored?: boolean;
  state(context: FeatureContext): Fill | FeatureUpdate;
}

/**
 * A named feature: ours, or a module of the user's own (`./my-feature.ts`) that exports these four. Call arguments fill
 * the settings in the order of their keys, or by name: `bb_pctb(20, width=2.5)`.
 */
export interface FeatureModule {
  readonly name: string;
  readonly summary: string;
  readonly settings: z.ZodObject;
  create(settings: never): Feature;
}

export const asFill = (state: Fill | FeatureUpdate): Fill =>
  typeof state === 'function'
    ? state
    : ({ bars }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = state.update(bars, i);
      };

export function define<S extends z.ZodObject>(
  name: string,
  summary: string,
  settings: S,
  create: (settings: z.output<S>) => Feature,
): FeatureModule {
  return { name, summary, settings, create };
}

/** A setting that is a number of bars. */
export const bars = (fallback: number, min = 1) => z.number().int().min(min).max(1_000_000).default(fallback);
/** A setting that is a factor above zero. */
export const factor = (fallback: number) => z.number().positive().max(1e6).default(fallback);
export const none = z.object({});

/** A feature whose needs are those of one indicator. */
export const of = (
  about: { readonly warmup: number; readonly memory: number },
  state: () => Fill,
  extra = 0,
): Feature => ({ warmup: about.warmup + extra, memory: about.memory + extra, state });
