import { z } from 'zod';
import { Adx, Cci, FastStochastic, Rsi, Stochastic, StochasticRsi, WilliamsR } from '../../indicators/index.js';
import { bars, define, type FeatureModule, of } from '../feature.js';

const period = (fallback: number, min = 1) => z.object({ period: bars(fallback, min) });
const stochastic = z.object({ period: bars(14), kSmooth: bars(3), dSmooth: bars(3) });
const stochasticRsi = z.object({ rsi: bars(14), period: bars(14, 2), kSmooth: bars(3), dSmooth: bars(3) });

export const OSCILLATOR: readonly FeatureModule[] = [
  define('rsi', "Wilder's relative strength index, 0 to 100.", period(14), (s) =>
    of(new Rsi(s.period), () => {
      const rsi = new Rsi(s.period);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = rsi.update(close[i]!);
      };
    }),
  ),
  define('stoch_rsi_k', 'Smoothed stochastic of the RSI, 0 to 100.', stochasticRsi, (s) =>
    of(new StochasticRsi(s.rsi, s.period, s.kSmooth, 1), () => {
      const x = new StochasticRsi(s.rsi, s.period, s.kSmooth, s.dSmooth);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = x.update(close[i]!);
      };
    }),
  ),
  define('stoch_rsi_d', 'Average of the smoothed stochastic of the RSI, 0 to 100.', stochasticRsi, (s) =>
    of(new StochasticRsi(s.rsi, s.period, s.kSmooth, s.dSmooth), () => {
      const x = new StochasticRsi(s.rsi, s.period, s.kSmooth, s.dSmooth);
      return ({ bars: { close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          x.update(close[i]!);
          out[i - from] = x.d;
        }
      };
    }),
  ),
  define('stoch_fast', 'Where the close lies in the range of the last bars, 0 to 100.', period(14), (s) =>
    of(new FastStochastic(s.period), () => {
      const x = new FastStochastic(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = x.update(high[i]!, low[i]!, close[i]!);
      };
    }),
  ),
  define('stoch_k', 'Slow stochastic %K, 0 to 100.', stochastic, (s) =>
    of(new Stochastic(s.period, s.kSmooth, 1), () => {
      const x = new Stochastic(s.period, s.kSmooth, s.dSmooth);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = x.update(high[i]!, low[i]!, close[i]!);
      };
    }),
  ),
  define('stoch_d', 'Slow stochastic %D, 0 to 100.', stochastic, (s) =>
    of(new Stochastic(s.period, s.kSmooth, s.dSmooth), () => {
      const x = new Stochastic(s.period, s.kSmooth, s.dSmooth);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          x.update(high[i]!, low[i]!, close[i]!);
          out[i - from] = x.d;
        }
      };
    }),
  ),
  define('willr', 'Williams %R, -100 to 0.', period(14), (s) =>
    of(new WilliamsR(s.period), () => {
      const x = new WilliamsR(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = x.update(high[i]!, low[i]!, close[i]!);
      };
    }),
  ),
  define('cci', 'Commodity channel index.', period(20, 2), (s) =>
    of(new Cci(s.period), () => {
      const x = new Cci(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = x.update(high[i]!, low[i]!, close[i]!);
      };
    }),
  ),
  define('adx', 'Average directional index, 0 to 100.', period(14), (s) =>
    of(new Adx(s.period), () => {
      const x = new Adx(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) out[i - from] = x.update(high[i]!, low[i]!, close[i]!);
      };
    }),
  ),
  define('plus_di', 'Positive directional indicator, 0 to 100.', period(14), (s) =>
    of(directional(s.period), () => {
      const x = new Adx(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          x.update(high[i]!, low[i]!, close[i]!);
          out[i - from] = x.plus;
        }
      };
    }),
  ),
  define('minus_di', 'Negative directional indicator, 0 to 100.', period(14), (s) =>
    of(directional(s.period), () => {
      const x = new Adx(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          x.update(high[i]!, low[i]!, close[i]!);
          out[i - from] = x.minus;
        }
      };
    }),
  ),
  define('di_diff', 'Positive less negative directional indicator, -100 to 100.', period(14), (s) =>
    of(directional(s.period), () => {
      const x = new Adx(s.period);
      return ({ bars: { high, low, close } }, from, to, out) => {
        for (let i = from; i < to; i++) {
          x.update(high[i]!, low[i]!, close[i]!);
          out[i - from] = x.plus - x.minus;
        }
      };
    }),
  ),
];

const directional = (n: number) => ({ warmup: n + 1, memory: new Adx(n).memory });
