import { z } from 'zod';
import { Atr, closeLocation, RollingMoments, Sma, StdDev, TrueRange } from '../../indicators/index.js';
import { bars, define, type FeatureModule, none, of } from '../feature.js';

const period = (fallback: number, min = 1) => z.object({ period: bars(fallback, min) });
const LN2 = Math.LN2;

/** max(x, 0) under the root: rounding may leave a sum of squares a hair below zero. */
const root = (x: number) => Math.sqrt(Math.max(x, 0));

export const VOLATILITY: readonly FeatureModule[] = [
  define('vol', 'Standard deviation of the one-bar logarithmic returns.', period(20, 2), (s) =>
    of(
      new StdDev(s.period),
      () => {
        const sd = new StdDev(s.period);
        let previous = Number.NaN;
        return ({ bars: { close } }, from, to, out) => {
          for (let i = from; i < to; i++) {
            out[i - from] = sd.update(Math.log(close[i]! / previous));
            previous = close[i]!;
          }
        };
      },
      1,
    ),
  ),
  define(
    'vol_ratio',
    'Fast volatility / slow volatility - 1.',
    z.object({ fast: bars(10, 2), slow: bars(50, 2) }),
    (s) =>
      of(
        new StdDev(Math.max(s.fast, s.slow)),
        () => {
          const fast = new StdDev(s.fast);
          const slow = new StdDev(s.slow);
          let previous = Number.NaN;
          return ({ bars: { close } }, from, to, out) => {
            for (let i = from; i < to; i++) {
              const r = Math.log(close[i]! / previous);
              previous = close[i]!;
              const a = fast.update(r);
              const b = slow.update(r);
              out[i - from] = b === 0 ? 0 * a : a / b - 1;
            }
          };
        },
        1,
      ),
  ),
  define('std_pct', 'Standard deviation of the close as a fraction of its mean.', period(20, 2), (s) =>
    of(new StdDev(s.period), () => {
      const moments = new RollingMoments(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const mean = moments.update(close[i]!);
          out[i - from] = Math.sqrt(moments.variance) / mean;
        }
      };
    }),
  ),
  define('atr_pct', 'Average true range as a fraction of the close.', period(14), (s) =>
    of(new Atr(s.period), () => {
      const atr = new Atr(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = atr.update(high[i]!, low[i]!, close[i]!) / close[i]!;
      };
    }),
  ),
  define('tr_pct', 'True range as a fraction of the close.', none, () =>
    of(new TrueRange(), () => {
      const tr = new TrueRange();
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = tr.update(high[i]!, low[i]!, close[i]!) / close[i]!;
      };
    }),
  ),
  define('tr_ratio', 'True range / average true range of the bars so far.', period(14), (s) =>
    of(new Atr(s.period), () => {
      const tr = new TrueRange();
      const atr = new Atr(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const range = tr.update(high[i]!, low[i]!, close[i]!);
          const average = atr.update(high[i]!, low[i]!, close[i]!);
          out[i - from] = average === 0 ? 1 : range / average;
        }
      };
    }),
  ),
  define('parkinson', 'Volatility a bar from highs and lows (Parkinson 1980).', period(20), (s) =>
    of(new Sma(s.period), () => {
      const mean = new Sma(s.period);
      return ({ bars: { high, low } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const r = Math.log(high[i]! / low[i]!);
          out[i - from] = root(mean.update(r * r) / (4 * LN2));
        }
      };
    }),
  ),
  define('garman_klass', 'Volatility a bar from open, high, low and close (Garman and Klass 1980).', period(20), (s) =>
    of(new Sma(s.period), () => {
      const mean = new Sma(s.period);
      return ({ bars: { open, high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const r = Math.log(high[i]! / low[i]!);
          const c = Math.log(close[i]! / open[i]!);
          out[i - from] = root(mean.update(0.5 * r * r - (2 * LN2 - 1) * c * c));
        }
      };
    }),
  ),
  define('range_pct', 'High less low as a fraction of the close.', none, () =>
    of({ warmup: 1, memory: 1 }, () => ({ bars: { high, low, close } }, from, to, out) => {
      for (let i = from; i < to; i++) out[i - from] = (high[i]! - low[i]!) / close[i]!;
    }),
  ),
  define('gap', 'Open / previous close - 1.', none, () =>
    of({ warmup: 2, memory: 2 }, () => {
      let previous = Number.NaN;
      return ({ bars: { open, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          out[i - from] = open[i]! / previous - 1;
          previous = close[i]!;
        }
      };
    }),
  ),
  define('body', 'Close less open as a fraction of the range; 0 without a range.', none, () =>
    of({ warmup: 1, memory: 1 }, () => ({ bars: { open, high, low, close } }, from, to, out) => {
      for (let i = from; i < to; i++) {
        const range = high[i]! - low[i]!;
        out[i - from] = range === 0 ? 0 : (close[i]! - open[i]!) / range;
      }
    }),
  ),
  define('upper_wick', 'High above the body as a fraction of the range; 0 without a range.', none, () =>
    of({ warmup: 1, memory: 1 }, () => ({ bars: { open, high, low, close } }, from, to, out) => {
      for (let i = from; i < to; i++) {
        const range = high[i]! - low[i]!;
        out[i - from] = range === 0 ? 0 : (high[i]! - Math.max(open[i]!, close[i]!)) / range;
      }
    }),
  ),
  define('lower_wick', 'Low below the body as a fraction of the range; 0 without a range.', none, () =>
    of({ warmup: 1, memory: 1 }, () => ({ bars: { open, high, low, close } }, from, to, out) => {
      for (let i = from; i < to; i++) {
        const range = high[i]! - low[i]!;
        out[i - from] = range === 0 ? 0 : (Math.min(open[i]!, close[i]!) - low[i]!) / range;
      }
    }),
  ),
  define('close_loc', 'Where the bar closed in its range: -1 the low, 1 the high.', none, () =>
    of({ warmup: 1, memory: 1 }, () => ({ bars: { high, low, close } }, from, to, out) => {
      for (let i = from; i < to; i++) out[i - from] = closeLocation(high[i]!, low[i]!, close[i]!);
    }),
  ),
];
