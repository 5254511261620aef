import { QuantlineError } from '../errors/index.js';
import type { BarColumns } from './bars.js';
import type { Session, TradingCalendar } from './calendar.js';
import { intervalMs, isSessionInterval } from './interval.js';

/**
 * Per bar, the instant (epoch ms UTC) from which it may be used. An intraday bar: the end of its interval or its
 * session's close, whichever is first, plus the publication delay (a bar outside every session ends with its interval).
 * A session bar: its session's close plus the delay; MISMATCH when its time lies in no session of the calendar.
 */
export function knownAt(bars: BarColumns, calendar: TradingCalendar, delayMs: number): Float64Array {
  const { time } = bars;
  const out = new Float64Array(time.length);
  const session = isSessionInterval(bars.interval);
  const length = intervalMs(bars.interval);
  let current: Session | undefined;
  for (let i = 0; i < time.length; i++) {
    const t = time[i]!;
    if (current === undefined || t < current.open || t >= current.close) current = calendar.sessionAt(t);
    if (session) {
      if (current === undefined)
        throw new QuantlineError(
          'MISMATCH',
          `Bar ${i} of ${bars.instrument} at ${t} lies in no session of ${calendar.id}.`,
          {
            hint: 'Ingest the series again with the right calendar.',
            details: { instrument: bars.instrument, time: t },
          },
        );
      out[i] = current.close + delayMs;
    } else out[i] = (current === undefined ? t + length : Math.min(t + length, current.close)) + delayMs;
  }
  return out;
}
