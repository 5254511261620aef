import type { YahooChart } from '../../clients/yahoo/index.js';
import { type BarColumns, type Interval, intervalMs, type TradingCalendar } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { dateAt } from './vendor-columns.js';

export interface SplitEvent {
  /** Instant of the ex-date's session. */
  readonly time: number;
  /** New units per old unit. */
  readonly ratio: number;
}

interface Row {
  readonly t: number;
  readonly o: unknown;
  readonly h: unknown;
  readonly l: unknown;
  readonly c: unknown;
  readonly v: unknown;
}

/**
 * The chart as rows, cleaned of what Yahoo adds: rows without any value, and the row of the last trade, which stands
 * beside the real bars with a time of its own.
 */
export function rowsOf(chart: YahooChart, calendar: TradingCalendar, unit: Interval, empty: { left: number }): Row[] {
  const { time, quote, lastTrade } = chart;
  const length = intervalMs(unit);
  const rows: Row[] = [];
  for (let i = 0; i < time.length; i++) {
    const t = time[i]!;
    const row = { t, o: quote.open[i], h: quote.high[i], l: quote.low[i], c: quote.close[i], v: quote.volume[i] };
    if ([row.o, row.h, row.l, row.c].every((value) => value === null || value === undefined)) {
      empty.left++;
      continue;
    }
    if (unit === '1d') {
      const before = rows.at(-1);
      const date = dateAt(t, calendar.timezone);
      // The last day twice: its bar and its last trade. The later row has the whole day.
      if (before !== undefined && t === lastTrade && dateAt(before.t, calendar.timezone) === date) rows.pop();
    } else if (t === lastTrade && (t - (calendar.sessionAt(t)?.open ?? 0)) % length !== 0) continue;
    rows.push(row);
  }
  return rows;
}

/** @throws QuantlineError QUALITY for a split whose ratio cannot be read: prices could not be taken back. */
export function splitsOf(chart: YahooChart, symbol: string): readonly SplitEvent[] {
  return chart.splits
    .map((event) => {
      const ratio = Number(event['numerator']) / Number(event['denominator']);
      const { time } = event;
      if (!(ratio > 0) || !Number.isFinite(ratio) || !Number.isFinite(time))
        throw new QuantlineError('QUALITY', `${symbol}: Yahoo reports a split without a readable ratio.`, {
          hint: 'Use --set basis=split, which keeps the prices as delivered, or another source.',
          details: { symbol },
        });
      return { time, ratio };
    })
    .sort((a, b) => a.time - b.time);
}

/**
 * Takes split adjustment back, in place: a price before a split is multiplied by its ratio, volume divided.
 */
export function undo(bars: BarColumns, splits: readonly SplitEvent[], timezone: string): void {
  const dates = splits.map(({ time }) => dateAt(time, timezone));
  const n = bars.time.length;
  let next = 0;
  for (let i = 0; i < n; i++) {
    const date = splits.length === 0 ? '' : dateAt(bars.time[i]!, timezone);
    while (next < splits.length && dates[next]! <= date) next++;
    let factor = 1;
    for (let s = next; s < splits.length; s++) factor *= splits[s]!.ratio;
    for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][i] = printed(bars[field][i]! * factor);
    if (factor !== 1) bars.volume[i] = Math.round(bars.volume[i]! / factor);
  }
}

/** Yahoo stores prices as 32-bit floats: seven digits of them are true, and at most four decimals were ever printed. */
function printed(price: number): number {
  const scale = price < 1000 ? 1e4 : price < 10_000 ? 1e3 : price < 100_000 ? 1e2 : 10;
  return Math.round(price * scale) / scale;
}
