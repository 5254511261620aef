import { z } from 'zod';
import { closeLocation, Mfi, RollingSum, Sma, Vwap, ZScore } from '../../indicators/index.js';
import { bars, define, type Feature, type FeatureModule, type Fill, none, of } from '../feature.js';

const period = (fallback: number, min = 1) => z.object({ period: bars(fallback, min) });

/** Anchored at the session: right from its first value on, whatever the start of the series. */
const anchored = (state: () => Fill): Feature => ({
  warmup: 1,
  memory: 1,
  sessions: true,
  anchored: true,
  state,
});

export const VOLUME: readonly FeatureModule[] = [
  define('volume_ratio', 'Volume / its average; 1 where nothing traded.', period(20), (s) =>
    of(new Sma(s.period), () => {
      const mean = new Sma(s.period);
      return ({ bars: { volume } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const average = mean.update(volume[i]!);
          out[i - from] = average === 0 ? 1 : volume[i]! / average;
        }
      };
    }),
  ),
  define('volume_z', '(Volume - mean) / standard deviation.', period(20, 2), (s) =>
    of(new ZScore(s.period), () => {
      const z = new ZScore(s.period);
      return ({ bars: { volume } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = z.update(volume[i]!);
      };
    }),
  ),
  define('money_z', 'z-score of log(1 + close · volume).', period(20, 2), (s) =>
    of(new ZScore(s.period), () => {
      const z = new ZScore(s.period);
      return ({ bars: { close, volume } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = z.update(Math.log(1 + close[i]! * volume[i]!));
      };
    }),
  ),
  define(
    'obv_change',
    'Change of the on-balance volume over the last bars, as a fraction of their volume.',
    period(20),
    (s) =>
      of(
        new RollingSum(s.period),
        () => {
          const flow = new RollingSum(s.period);
          const total = new RollingSum(s.period);
          let previous = Number.NaN;
          return ({ bars: { close, volume } }, from, to, out) => {
            for (let i = from; i < to; i++) {
              const change = close[i]! - previous;
              previous = close[i]!;
              const signed = volume[i]! * (Number(change > 0) - Number(change < 0));
              const net = flow.update(Number.isNaN(change) ? change : signed);
              const all = total.update(volume[i]!);
              out[i - from] = all === 0 ? 0 * net : net / all;
            }
          };
        },
        1,
      ),
  ),
  define(
    'ad_change',
    'Change of the accumulation/distribution line over the last bars, as a fraction of their volume.',
    period(20),
    (s) =>
      of(new RollingSum(s.period), () => {
        const flow = new RollingSum(s.period);
        const total = new RollingSum(s.period);
        return ({ bars: { high, low, close, volume } }, from, to, out) => {
          for (let i = from; i < to; i++) {
            const net = flow.update(closeLocation(high[i]!, low[i]!, close[i]!) * volume[i]!);
            const all = total.update(volume[i]!);
            out[i - from] = all === 0 ? 0 : net / all;
          }
        };
      }),
  ),
  define('mfi', 'Money flow index, 0 to 100.', period(14), (s) =>
    of(new Mfi(s.period), () => {
      const mfi = new Mfi(s.period);
      return ({ bars: { high, low, close, volume } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = mfi.update(high[i]!, low[i]!, close[i]!, volume[i]!);
      };
    }),
  ),
  define(
    'vwap_dist',
    'Close / volume-weighted average price of the last bars - 1; 0 where nothing traded.',
    period(20),
    (s) =>
      of(new RollingSum(s.period), () => {
        const money = new RollingSum(s.period);
        const total = new RollingSum(s.period);
        return ({ bars: { high, low, close, volume } }, from, to, out) => {
          for (let i = from; i < to; i++) {
            const m = money.update(((high[i]! + low[i]! + close[i]!) / 3) * volume[i]!);
            const v = total.update(volume[i]!);
            out[i - from] = v === 0 ? 0 : close[i]! / (m / v) - 1;
          }
        };
      }),
  ),
  define('session_vwap_dist', "Close / the session's volume-weighted average price - 1.", none, () =>
    anchored(() => {
      const vwap = new Vwap();
      return ({ bars: { high, low, close, volume }, sessions: { first, whole } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const k = i - from;
          const average = vwap.update(high[i]!, low[i]!, close[i]!, volume[i]!, first[k] === 1);
          out[k] = whole[k] === 1 ? close[i]! / average - 1 : Number.NaN;
        }
      };
    }),
  ),
  define('session_obv', "On-balance volume since the session's start, as a fraction of its volume.", none, () =>
    anchored(() => {
      let flow = 0;
      let total = 0;
      let previous = Number.NaN;
      return ({ bars: { close, volume }, sessions: { first, whole } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const k = i - from;
          if (first[k] === 1) {
            flow = 0;
            total = 0;
            previous = Number.NaN;
          }
          flow += volume[i]! * (Number(close[i]! > previous) - Number(close[i]! < previous));
          total += volume[i]!;
          previous = close[i]!;
          out[k] = whole[k] === 0 ? Number.NaN : total === 0 ? 0 : flow / total;
        }
      };
    }),
  ),
  define('session_ret', "Close / the session's first open - 1.", none, () =>
    anchored(() => {
      let start = Number.NaN;
      return ({ bars: { open, close }, sessions: { first, whole } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const k = i - from;
          if (first[k] === 1) start = open[i]!;
          out[k] = whole[k] === 1 ? close[i]! / start - 1 : Number.NaN;
        }
      };
    }),
  ),
  define('session_range_pos', "Where the close lies in the session's range so far: 0 the low, 1 the high.", none, () =>
    anchored(() => {
      let top = Number.NaN;
      let bottom = Number.NaN;
      return ({ bars: { high, low, close }, sessions: { first, whole } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          const k = i - from;
          top = first[k] === 1 ? high[i]! : Math.max(top, high[i]!);
          bottom = first[k] === 1 ? low[i]! : Math.min(bottom, low[i]!);
          const range = top - bottom;
          out[k] = whole[k] === 0 ? Number.NaN : range === 0 ? 0.5 : (close[i]! - bottom) / range;
        }
      };
    }),
  ),
];
