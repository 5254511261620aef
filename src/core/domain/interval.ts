import { QuantlineError } from '../errors/index.js';

/** Bar lengths, shortest first. `1d` is a session bar: its length is the session's, not 24 hours. */
export const INTERVALS = ['1m', '2m', '5m', '10m', '15m', '30m', '1h', '2h', '4h', '1d'] as const;
export type Interval = (typeof INTERVALS)[number];

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const isSessionInterval = (interval: Interval): boolean => interval === '1d';

/** Nominal length in milliseconds (`1d` = 86,400,000). */
export function intervalMs(interval: Interval): number {
  return Number(interval.slice(0, -1)) * UNIT_MS[interval.at(-1) as keyof typeof UNIT_MS];
}

export function parseInterval(text: string): Interval {
  if ((INTERVALS as readonly string[]).includes(text)) return text as Interval;
  throw new QuantlineError('USAGE', `Unknown interval "${text}".`, { hint: `Use one of ${INTERVALS.join(', ')}.` });
}
