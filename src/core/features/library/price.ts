import { z } from 'zod';
import {
  BollingerBands,
  Donchian,
  Ema,
  HeikinAshi,
  Keltner,
  Macd,
  ParabolicSar,
  Roc,
  RollingMax,
  RollingMin,
  Sma,
  Trix,
  Wma,
  ZScore,
} from '../../indicators/index.js';
import { bars, define, type FeatureModule, factor, none, of } from '../feature.js';

/*
 * Every loop is written out where its indicator is made: a shared one would call `update` through a megamorphic site.
 * Prices enter as ratios or distances, so that a feature means the same at any price level.
 */
const period = (fallback: number, min = 1) => z.object({ period: bars(fallback, min) });
const pair = (fast: number, slow: number) => z.object({ fast: bars(fast), slow: bars(slow) });

export const PRICE: readonly FeatureModule[] = [
  define('ret', 'Return over the last bars: close / close n bars ago - 1.', period(1), (s) =>
    of(new Roc(s.period), () => {
      const roc = new Roc(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = roc.update(close[i]!) / 100;
      };
    }),
  ),
  define('logret', 'Logarithmic return over the last bars.', period(1), (s) =>
    of(new Roc(s.period), () => {
      const roc = new Roc(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = Math.log(1 + roc.update(close[i]!) / 100);
      };
    }),
  ),
  define('roc', 'Rate of change in percent.', period(10), (s) =>
    of(new Roc(s.period), () => {
      const roc = new Roc(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = roc.update(close[i]!);
      };
    }),
  ),
  define('sma_dist', 'Close / SMA - 1.', period(20), (s) =>
    of(new Sma(s.period), () => {
      const sma = new Sma(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = close[i]! / sma.update(close[i]!) - 1;
      };
    }),
  ),
  define('ema_dist', 'Close / EMA - 1.', period(20), (s) =>
    of(new Ema(s.period), () => {
      const ema = new Ema(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = close[i]! / ema.update(close[i]!) - 1;
      };
    }),
  ),
  define('wma_dist', 'Close / WMA - 1.', period(20), (s) =>
    of(new Wma(s.period), () => {
      const wma = new Wma(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = close[i]! / wma.update(close[i]!) - 1;
      };
    }),
  ),
  define('sma_ratio', 'Fast SMA / slow SMA - 1.', pair(10, 50), (s) =>
    of(new Sma(Math.max(s.fast, s.slow)), () => {
      const fast = new Sma(s.fast);
      const slow = new Sma(s.slow);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = fast.update(close[i]!) / slow.update(close[i]!) - 1;
      };
    }),
  ),
  define('ema_ratio', 'Fast EMA / slow EMA - 1.', pair(10, 50), (s) =>
    of(new Ema(Math.max(s.fast, s.slow)), () => {
      const fast = new Ema(s.fast);
      const slow = new Ema(s.slow);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = fast.update(close[i]!) / slow.update(close[i]!) - 1;
      };
    }),
  ),
  define('slope', 'Least-squares slope of the close a bar, as a fraction of the close.', period(20, 2), (s) =>
    of(new Sma(s.period), () => {
      const sma = new Sma(s.period);
      const wma = new Wma(s.period);
      // For weights 1…n the WMA exceeds the SMA by (n - 1) / 6 slopes.
      const scale = 6 / (s.period - 1);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const x = close[i]!;
          out[i - from] = (scale * (wma.update(x) - sma.update(x))) / x;
        }
      };
    }),
  ),
  define('zscore', '(Close - mean) / standard deviation.', period(20, 2), (s) =>
    of(new ZScore(s.period), () => {
      const z = new ZScore(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = z.update(close[i]!);
      };
    }),
  ),
  define('macd', 'MACD line as a fraction of the close.', macdSettings(), (s) =>
    of(new Ema(s.slow), () => {
      const macd = new Macd(s.fast, s.slow, s.signal);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = macd.update(close[i]!) / close[i]!;
      };
    }),
  ),
  define('macd_signal', 'MACD signal as a fraction of the close.', macdSettings(), (s) =>
    of(new Macd(s.fast, s.slow, s.signal), () => {
      const macd = new Macd(s.fast, s.slow, s.signal);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          macd.update(close[i]!);
          out[i - from] = macd.signal / close[i]!;
        }
      };
    }),
  ),
  define('macd_hist', 'MACD histogram as a fraction of the close.', macdSettings(), (s) =>
    of(new Macd(s.fast, s.slow, s.signal), () => {
      const macd = new Macd(s.fast, s.slow, s.signal);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          macd.update(close[i]!);
          out[i - from] = macd.histogram / close[i]!;
        }
      };
    }),
  ),
  define('trix', 'One-bar change of a triple EMA, in percent.', period(15), (s) =>
    of(new Trix(s.period), () => {
      const trix = new Trix(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = trix.update(close[i]!);
      };
    }),
  ),
  define('bb_pctb', 'Where the close lies between the Bollinger bands: 0 the lower, 1 the upper.', bands(20, 2), (s) =>
    of(new BollingerBands(s.period, s.width), () => {
      const bb = new BollingerBands(s.period, s.width);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          bb.update(close[i]!);
          out[i - from] = bb.percentB(close[i]!);
        }
      };
    }),
  ),
  define('bb_width', 'Distance of the Bollinger bands as a fraction of the middle one.', bands(20, 2), (s) =>
    of(new BollingerBands(s.period, s.width), () => {
      const bb = new BollingerBands(s.period, s.width);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          bb.update(close[i]!);
          out[i - from] = bb.bandwidth;
        }
      };
    }),
  ),
  define(
    'donchian_pos',
    'Where the close lies in the channel of the bars before: above 1 or below 0 is a breakout.',
    period(20),
    (s) =>
      of(new Donchian(s.period), () => {
        const channel = new Donchian(s.period);
        return ({ bars: { high, low, close } }, from, to, out) => {
          for (let i = from; i < to; i++) {
            channel.update(high[i]!, low[i]!);
            const width = channel.upper - channel.lower;
            out[i - from] = width === 0 ? 0.5 : (close[i]! - channel.lower) / width;
          }
        };
      }),
  ),
  define('donchian_width', 'Width of the channel of the bars before, as a fraction of the close.', period(20), (s) =>
    of(new Donchian(s.period), () => {
      const channel = new Donchian(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          channel.update(high[i]!, low[i]!);
          out[i - from] = (channel.upper - channel.lower) / close[i]!;
        }
      };
    }),
  ),
  define(
    'keltner_pos',
    'Where the close lies in the Keltner channel: 0 the lower, 1 the upper line.',
    keltnerSettings(),
    (s) =>
      of(new Keltner(s.period, s.width, s.atr), () => {
        const channel = new Keltner(s.period, s.width, s.atr);
        return ({ bars: { high, low, close } }, from, to, out) => {
          for (let i = from; i < to; i++) {
            channel.update(high[i]!, low[i]!, close[i]!);
            const width = channel.upper - channel.lower;
            out[i - from] = width === 0 ? 0.5 : (close[i]! - channel.lower) / width;
          }
        };
      }),
  ),
  define('keltner_width', 'Width of the Keltner channel as a fraction of its centre.', keltnerSettings(), (s) =>
    of(new Keltner(s.period, s.width, s.atr), () => {
      const channel = new Keltner(s.period, s.width, s.atr);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const centre = channel.update(high[i]!, low[i]!, close[i]!);
          out[i - from] = (channel.upper - channel.lower) / centre;
        }
      };
    }),
  ),
  define('high_dist', 'Close / highest high - 1.', period(20), (s) =>
    of(new RollingMax(s.period), () => {
      const highest = new RollingMax(s.period);
      return ({ bars: { high, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = close[i]! / highest.update(high[i]!) - 1;
      };
    }),
  ),
  define('low_dist', 'Close / lowest low - 1.', period(20), (s) =>
    of(new RollingMin(s.period), () => {
      const lowest = new RollingMin(s.period);
      return ({ bars: { low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = close[i]! / lowest.update(low[i]!) - 1;
      };
    }),
  ),
  define('ha_body', 'Heikin-Ashi close less open, as a fraction of the close.', none, () =>
    of(new HeikinAshi(), () => {
      const ha = new HeikinAshi();
      return ({ bars: { open, high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++)
          out[i - from] = (ha.update(open[i]!, high[i]!, low[i]!, close[i]!) - ha.open) / close[i]!;
      };
    }),
  ),
  define('ha_range', 'Heikin-Ashi high less low, as a fraction of the close.', none, () =>
    of(new HeikinAshi(), () => {
      const ha = new HeikinAshi();
      return ({ bars: { open, high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          ha.update(open[i]!, high[i]!, low[i]!, close[i]!);
          out[i - from] = (ha.high - ha.low) / close[i]!;
        }
      };
    }),
  ),
  define(
    'psar_dist',
    'Distance of the close from the parabolic stop and reverse, as a fraction of the close.',
    psarSettings(),
    (s) =>
      of(new ParabolicSar(s.step, s.limit), () => {
        const sar = new ParabolicSar(s.step, s.limit);
        return ({ bars: { high, low, close } }, from, to, out) => {
          for (let i = from; i < to; i++) out[i - from] = (close[i]! - sar.update(high[i]!, low[i]!)) / close[i]!;
        };
      }),
  ),
];

function macdSettings() {
  return z
    .object({ fast: bars(12), slow: bars(26, 2), signal: bars(9) })
    .refine((s) => s.fast < s.slow, { message: 'fast must be below slow', path: ['slow'] });
}

function bands(fallback: number, width: number) {
  return z.object({ period: bars(fallback, 2), width: factor(width) });
}

function keltnerSettings() {
  return z.object({ period: bars(20), width: factor(2), atr: bars(10) });
}

function psarSettings() {
  return z.object({ step: factor(0.02), limit: factor(0.2) });
}
