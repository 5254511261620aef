import { createRequire } from 'node:module';
import { z } from 'zod';
import { fadingMemory } from '../../indicators/index.js';
import { bars, define, type Feature, type FeatureModule, factor, none } from '../feature.js';
import { OSCILLATOR } from './oscillator.js';
import { PRICE } from './price.js';
import { VOLUME } from './volume.js';

/*
 * The npm package technicalindicators 3.1.0 under `ti.<name>`: its candlestick patterns, and those of its indicators that
 * equal published values. RSI (rounded to two digits), MFI (counts ties as outflow), ADL (rounded to integers, a running
 * total), StochRSI (built on that RSI) and PSAR (first leg) are ours under the same names; a test records the differences.
 */
interface Tick {
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}
interface Streaming {
  nextValue(input: number | Tick): unknown;
}
interface Candles {
  open: number[];
  high: number[];
  low: number[];
  close: number[];
}
type Library = Record<string, (new (input: Record<string, unknown>) => Streaming) & ((data: Candles) => boolean)>;

let loaded: Library | undefined;
/** Loaded when the first of its features is computed. */
const library = (): Library => (loaded ??= createRequire(import.meta.url)('technicalindicators') as Library);

const raw = (v: number) => v;
const empty = { values: [], open: [], high: [], low: [], close: [], volume: [], format: raw };

interface Spec {
  readonly className: string;
  readonly summary: string;
  readonly settings: z.ZodObject;
  /** Settings in the package's names. */
  readonly input: (s: Record<string, number>) => Record<string, unknown>;
  readonly needs: (s: Record<string, number>) => { warmup: number; memory: number };
  /** Takes the close alone, not the bar. */
  readonly close?: boolean;
  /** The package's result as a feature. */
  readonly value: (result: never, close: number) => number;
}

const ema = (n: number) => n + fadingMemory(2 / (n + 1));
const wilder = (n: number) => n + fadingMemory(1 / n);
const one = (fallback: number, min = 1) => z.object({ period: bars(fallback, min) });
const window = (s: Record<string, number>, extra = 0) => ({
  warmup: s['period']! + extra,
  memory: s['period']! + extra,
});
const average = (className: string, what: string, needs: Spec['needs']): Spec => ({
  className,
  summary: `Close / ${what} - 1, by technicalindicators.`,
  settings: one(20),
  input: (s) => ({ period: s['period'] }),
  needs,
  close: true,
  value: (v: number, close) => close / v - 1,
});

const SPECS: Readonly<Record<string, Spec>> = {
  sma: average('SMA', 'SMA', (s) => window(s)),
  ema: average('EMA', 'EMA', (s) => ({ warmup: s['period']!, memory: ema(s['period']!) })),
  wma: average('WMA', 'WMA', (s) => window(s)),
  macd: {
    className: 'MACD',
    summary: 'MACD histogram as a fraction of the close, by technicalindicators.',
    settings: z.object({ fast: bars(12), slow: bars(26, 2), signal: bars(9) }),
    input: (s) => ({
      fastPeriod: s['fast'],
      slowPeriod: s['slow'],
      signalPeriod: s['signal'],
      SimpleMAOscillator: false,
      SimpleMASignal: false,
    }),
    needs: (s) => ({ warmup: s['slow']! + s['signal']! - 1, memory: ema(s['slow']!) + ema(s['signal']!) }),
    close: true,
    value: (v: { histogram?: number }, close) => (v.histogram ?? Number.NaN) / close,
  },
  bb: {
    className: 'BollingerBands',
    summary: 'Where the close lies between the Bollinger bands, by technicalindicators.',
    settings: z.object({ period: bars(20, 2), width: factor(2) }),
    input: (s) => ({ period: s['period'], stdDev: s['width'] }),
    needs: (s) => window(s),
    close: true,
    value: (v: { pb: number }) => v.pb,
  },
  atr: {
    className: 'ATR',
    summary: 'Average true range as a fraction of the close, by technicalindicators.',
    settings: one(14),
    input: (s) => ({ period: s['period'] }),
    needs: (s) => ({ warmup: s['period']! + 1, memory: wilder(s['period']!) + 1 }),
    value: (v: number, close) => v / close,
  },
  adx: {
    className: 'ADX',
    summary: 'Average directional index, by technicalindicators.',
    settings: one(14),
    input: (s) => ({ period: s['period'] }),
    needs: (s) => ({ warmup: 2 * s['period']!, memory: 2 * wilder(s['period']!) + 1 }),
    value: (v: { adx: number }) => v.adx,
  },
  cci: {
    className: 'CCI',
    summary: 'Commodity channel index, by technicalindicators.',
    settings: one(20, 2),
    input: (s) => ({ period: s['period'] }),
    needs: (s) => window(s),
    value: (v: number) => v,
  },
  willr: {
    className: 'WilliamsR',
    summary: 'Williams %R, by technicalindicators.',
    settings: one(14),
    input: (s) => ({ period: s['period'] }),
    needs: (s) => window(s),
    value: (v: number) => v,
  },
  ao: {
    className: 'AwesomeOscillator',
    summary: 'Awesome oscillator as a fraction of the close, by technicalindicators.',
    settings: z.object({ fast: bars(5), slow: bars(34) }),
    input: (s) => ({ fastPeriod: s['fast'], slowPeriod: s['slow'] }),
    needs: (s) => ({ warmup: Math.max(s['fast']!, s['slow']!), memory: Math.max(s['fast']!, s['slow']!) }),
    value: (v: number, close) => v / close,
  },
  keltner: {
    className: 'KeltnerChannels',
    summary: 'Where the close lies in the Keltner channel, by technicalindicators.',
    settings: z.object({ period: bars(20), width: factor(2), atr: bars(10) }),
    input: (s) => ({ maPeriod: s['period'], atrPeriod: s['atr'], multiplier: s['width'], useSMA: false }),
    needs: (s) => ({
      warmup: Math.max(s['period']!, s['atr']! + 1),
      memory: Math.max(ema(s['period']!), wilder(s['atr']!) + 1),
    }),
    value: (v: { upper: number; lower: number }, close) => (close - v.lower) / (v.upper - v.lower),
  },
  trix: {
    className: 'TRIX',
    summary: 'One-bar change of a triple EMA in percent, by technicalindicators.',
    settings: one(15),
    input: (s) => ({ period: s['period'] }),
    needs: (s) => ({ warmup: 3 * s['period']! - 1, memory: 3 * ema(s['period']!) + 1 }),
    close: true,
    value: (v: number) => v,
  },
  roc: {
    className: 'ROC',
    summary: 'Rate of change in percent, by technicalindicators.',
    settings: one(10),
    input: (s) => ({ period: s['period'] }),
    needs: (s) => window(s, 1),
    close: true,
    value: (v: number) => v,
  },
  truerange: {
    className: 'TrueRange',
    summary: 'True range as a fraction of the close, by technicalindicators.',
    settings: none,
    input: () => ({}),
    needs: () => ({ warmup: 2, memory: 2 }),
    value: (v: number, close) => v / close,
  },
};

/** Bars that each candlestick pattern looks at. */
const PATTERNS: Readonly<Record<number, string>> = {
  1: 'bearishhammerstick bearishinvertedhammerstick bearishmarubozu bearishspinningtop bullishhammerstick bullishinvertedhammerstick bullishmarubozu bullishspinningtop doji dragonflydoji gravestonedoji',
  2: 'bearishengulfingpattern bearishharami bearishharamicross bullishengulfingpattern bullishharami bullishharamicross darkcloudcover piercingline',
  3: 'abandonedbaby downsidetasukigap eveningdojistar eveningstar morningdojistar morningstar threeblackcrows threewhitesoldiers',
  5: 'bearish bullish hammerpattern hammerpatternunconfirmed hangingman hangingmanunconfirmed shootingstar shootingstarunconfirmed tweezerbottom tweezertop',
};

function indicator(name: string, spec: Spec): FeatureModule {
  return define(`ti.${name}`, spec.summary, spec.settings, (settings): Feature => {
    const s = settings as Record<string, number>;
    return {
      ...spec.needs(s),
      state: () => {
        const stream = new (library()[spec.className]!)({ ...empty, ...spec.input(s) });
        return ({ bars: { open, high, low, close, volume } }, from, to, out) => {
          for (let i = from; i < to; i++) {
            const c = close[i]!;
            const tick = spec.close
              ? c
              : { open: open[i]!, high: high[i]!, low: low[i]!, close: c, volume: volume[i]! };
            const result = stream.nextValue(tick);
            const value = result === undefined || result === null ? Number.NaN : spec.value(result as never, c);
            // In a flat market the package divides by zero.
            out[i - from] = Number.isFinite(value) ? value : Number.NaN;
          }
        };
      },
    };
  });
}

function pattern(name: string, count: number): FeatureModule {
  return define(
    `ti.${name}`,
    `1 where the last ${count} bars form the candlestick pattern "${name}", else 0.`,
    none,
    () => ({
      warmup: count,
      memory: count,
      state: () => {
        const find = library()[name]!;
        const column = () => new Array<number>(count).fill(0);
        const data: Candles = { open: column(), high: column(), low: column(), close: column() };
        let seen = 0;
        const push = (values: number[], x: number) => {
          values.copyWithin(0, 1);
          values[count - 1] = x;
        };
        return ({ bars: { open, high, low, close } }, from, to, out) => {
          for (let i = from; i < to; i++) {
            push(data.open, open[i]!);
            push(data.high, high[i]!);
            push(data.low, low[i]!);
            push(data.close, close[i]!);
            seen = Math.min(count, seen + 1);
            out[i - from] = seen < count ? Number.NaN : Number(find(data));
          }
        };
      },
    }),
  );
}

const all = [...PRICE, ...OSCILLATOR, ...VOLUME];
const ours = (name: string, ourName: string): FeatureModule => {
  const found = all.find((feature) => feature.name === ourName)!;
  return { ...found, name: `ti.${name}`, summary: `${found.summary} Ours: the package's is not exact.` };
};

export const TI: readonly FeatureModule[] = [
  ...Object.entries(SPECS).map(([name, spec]) => indicator(name, spec)),
  ...Object.entries(PATTERNS).flatMap(([count, names]) => names.split(' ').map((name) => pattern(name, Number(count)))),
  ours('rsi', 'rsi'),
  ours('mfi', 'mfi'),
  ours('adl', 'ad_change'),
  ours('stochrsi', 'stoch_rsi_k'),
  ours('psar', 'psar_dist'),
];
