import {
  allocateBars,
  BAR_FIELDS,
  type BarColumns,
  type Interval,
  intervalMs,
  isSessionInterval,
  type Session,
  type TradingCalendar,
} from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';

/**
 * Longer bars from shorter ones, by session: anchored at the session's open and cut at its close, so that every source
 * bar lies wholly inside one result bar and no result bar spans two sessions. Open is the first open, close the last
 * close, volume the sum. A result bar is made where at least one source bar is (a sparse series stays sparse); bars
 * outside regular sessions are left out. Nothing is known earlier than from the source: the end of a result bar is
 * never before the end of its last source bar.
 *
 * With `until`, bars that end after that instant are left out: they would be other ones later. MISMATCH when the interval is not a multiple of the source's.
 */
export function resample(
  bars: BarColumns,
  interval: Interval,
  calendar: TradingCalendar,
  options: { readonly until?: number } = {},
): BarColumns {
  const from = intervalMs(bars.interval);
  const to = intervalMs(interval);
  if (isSessionInterval(bars.interval) || from > to || (!isSessionInterval(interval) && to % from !== 0))
    throw new QuantlineError('MISMATCH', `${bars.interval} bars cannot be put together to ${interval} bars.`, {
      hint: 'Start from shorter bars whose length divides the one wanted, such as 1m.',
      details: { from: bars.interval, to: interval },
    });
  const { time } = bars;
  const out = allocateBars(bars.instrument, interval, time.length);
  const until = options.until ?? Number.POSITIVE_INFINITY;
  const daily = isSessionInterval(interval);
  let n = 0;
  let end = Number.NEGATIVE_INFINITY;
  let session: Session | undefined;
  for (let i = 0; i < time.length; i++) {
    const t = time[i]!;
    if (session === undefined || t < session.open || t >= session.close) {
      session = calendar.sessionAt(t);
      end = Number.NEGATIVE_INFINITY;
      if (session === undefined) continue;
    }
    if (t >= end) {
      const start = daily ? session.open : session.open + Math.floor((t - session.open) / to) * to;
      end = daily ? session.close : Math.min(start + to, session.close);
      if (end > until) break;
      out.time[n] = start;
      out.open[n] = bars.open[i]!;
      out.high[n] = bars.high[i]!;
      out.low[n] = bars.low[i]!;
      n++;
    } else {
      if (bars.high[i]! > out.high[n - 1]!) out.high[n - 1] = bars.high[i]!;
      if (bars.low[i]! < out.low[n - 1]!) out.low[n - 1] = bars.low[i]!;
    }
    out.close[n - 1] = bars.close[i]!;
    out.volume[n - 1] = out.volume[n - 1]! + bars.volume[i]!;
  }
  const cut = Object.fromEntries(BAR_FIELDS.map((field) => [field, out[field].slice(0, n)]));
  return { ...out, ...cut } as BarColumns;
}
