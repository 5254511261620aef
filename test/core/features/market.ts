import { allocateBars, type BarColumns, sliceBars } from '../../../src/core/domain/bars.js';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { type CalendarId, defaultInstrument } from '../../../src/core/domain/instrument.js';
import type { Interval } from '../../../src/core/domain/interval.js';
import { intervalMs } from '../../../src/core/domain/interval.js';
import { seededRandom } from '../../../src/core/domain/random.js';
import type { FeatureSet } from '../../../src/core/features/index.js';

/** n bars of a seeded random walk on a calendar's sessions from 2020 on. */
export function market(n: number, seed: number, interval: Interval, calendar: CalendarId = 'XNYS'): BarColumns {
  const bars = allocateBars('TEST', interval, n);
  const hours = calendarOf(calendar);
  const random = seededRandom(seed);
  const step = intervalMs(interval);
  let session = hours.nextSession(Date.UTC(2020, 0, 2, 12));
  let t = session.open;
  let price = 100;
  for (let i = 0; i < n; i++) {
    bars.time[i] = t;
    const open = price * (1 + (random.next() - 0.5) * 0.004);
    price = open * (1 + (random.next() - 0.5) * 0.02);
    bars.open[i] = open;
    bars.close[i] = price;
    bars.high[i] = Math.max(open, price) * (1 + random.next() * 0.005);
    bars.low[i] = Math.min(open, price) * (1 - random.next() * 0.005);
    bars.volume[i] = 1 + Math.floor(random.next() * 10_000);
    t += step;
    if (interval === '1d' || t >= session.close) {
      session = hours.nextSession(session.close + 1);
      t = session.open;
    }
  }
  return bars;
}

/** The matrix of rows [from, n), fed in chunks of the given size (0 = in one go). */
export function matrix(
  set: FeatureSet,
  bars: BarColumns,
  chunk = 0,
  from = 0,
  calendar: CalendarId = 'XNYS',
): Float64Array {
  const view = sliceBars(bars, from);
  const n = view.time.length;
  const width = set.columns.length;
  const out = new Float64Array(n * width);
  const state = set.createState(defaultInstrument('TEST', calendar), calendarOf(calendar));
  const size = chunk === 0 ? n : chunk;
  for (let i = 0; i < n; i += size) state.consume(view, i, Math.min(n, i + size), out, i * width);
  return out;
}

/** Every bar from `from` on replaced by noise of another scale: not scaled, so that ratios differ too. */
export function scramble(bars: BarColumns, from: number, seed: number): BarColumns {
  const random = seededRandom(seed);
  const out = allocateBars(bars.instrument, bars.interval, bars.time.length);
  for (const field of ['time', 'open', 'high', 'low', 'close', 'volume'] as const) out[field].set(bars[field]);
  for (let i = from; i < out.time.length; i++) {
    const a = 1 + random.next() * 1000;
    const b = 1 + random.next() * 1000;
    out.open[i] = a;
    out.close[i] = b;
    out.high[i] = Math.max(a, b) + random.next() * 10;
    out.low[i] = Math.min(a, b) * random.next();
    out.volume[i] = Math.floor(random.next() * 1e6);
  }
  return out;
}
