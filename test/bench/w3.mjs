/**
 * W3: 30 indicator columns over 1,000,000 bars, each through the one-bar `update`. The result is the last value of each
 * column, equal to TA-Lib's to 9 digits (OBV differs by the first bar's volume: see the class).
 * W3-matrix: 30 features of the language over the same bars into one row-major float32 matrix.
 * --bars=N, --reps=N, --detail (milliseconds of each column on stderr).
 */
import { calendarOf, defaultInstrument } from '../../dist/core/domain/index.js';
import { parseFeatures } from '../../dist/core/features/index.js';
import * as I from '../../dist/core/indicators/index.js';
import { arg, bench, digits9, emit, version } from './harness.mjs';
import { bars } from './inputs.mjs';

const n = arg('bars', 1_000_000);
const input = bars(n, 1);
const { high, low, close, volume } = input;

// One loop per class: a loop shared by several would call `update` through a megamorphic site.
const loops = {
  sma(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(close[i]);
  },
  ema(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(close[i]);
  },
  rsi(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(close[i]);
  },
  roc(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(close[i]);
  },
  macd(ind, out, signal, histogram) {
    for (let i = 0; i < n; i++) {
      out[i] = ind.update(close[i]);
      signal[i] = ind.signal;
      histogram[i] = ind.histogram;
    }
  },
  bb(ind, upper, middle, lower) {
    for (let i = 0; i < n; i++) {
      middle[i] = ind.update(close[i]);
      upper[i] = ind.upper;
      lower[i] = ind.lower;
    }
  },
  atr(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(high[i], low[i], close[i]);
  },
  adx(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(high[i], low[i], close[i]);
  },
  cci(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(high[i], low[i], close[i]);
  },
  willr(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(high[i], low[i], close[i]);
  },
  stoch(ind, k, d) {
    for (let i = 0; i < n; i++) {
      k[i] = ind.update(high[i], low[i], close[i]);
      d[i] = ind.d;
    }
  },
  obv(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(close[i], volume[i]);
  },
  mfi(ind, out) {
    for (let i = 0; i < n; i++) out[i] = ind.update(high[i], low[i], close[i], volume[i]);
  },
};

const times = {};
// The columns belong to the caller, as they do in the feature matrix.
const columns = Array.from({ length: 30 }, () => new Float64Array(n));
function run() {
  let next = 0;
  const result = {};
  const column = (name, loop, indicator, ...names) => {
    const t0 = performance.now();
    const outs = [name, ...names].map(() => columns[next++]);
    loops[loop](indicator, ...outs);
    [name, ...names].forEach((key, j) => {
      result[key] = outs[j][n - 1];
    });
    times[name] = Math.min(times[name] ?? 1e9, performance.now() - t0);
  };
  for (const p of [5, 10, 20, 50, 100, 200]) {
    column(`sma${p}`, 'sma', new I.Sma(p));
    column(`ema${p}`, 'ema', new I.Ema(p));
  }
  for (const p of [7, 14, 21]) column(`rsi${p}`, 'rsi', new I.Rsi(p));
  column('macd', 'macd', new I.Macd(12, 26, 9), 'macds', 'macdh');
  column('bbu', 'bb', new I.BollingerBands(20, 2), 'bbm', 'bbl');
  column('atr14', 'atr', new I.Atr(14));
  column('adx14', 'adx', new I.Adx(14));
  column('cci20', 'cci', new I.Cci(20));
  column('willr14', 'willr', new I.WilliamsR(14));
  column('stochk', 'stoch', new I.Stochastic(14, 3, 3), 'stochd');
  column('obv', 'obv', new I.Obv());
  column('mfi14', 'mfi', new I.Mfi(14));
  column('roc10', 'roc', new I.Roc(10));
  return result;
}

const b = await bench(run, { reps: arg('reps', 9), warmup: 2, budget: 60 });
const figures = Object.fromEntries(Object.entries(b.result).map(([name, value]) => [name, digits9(value)]));
emit(`W3/${n}`, version, b, n, figures, { features: Object.keys(figures).length });
if (process.argv.includes('--detail'))
  for (const [name, ms] of Object.entries(times)) process.stderr.write(`${name} ${ms.toFixed(2)} ms\n`);

const set = parseFeatures(
  'sma_dist(5), sma_dist(10), sma_dist(20), sma_dist(50), sma_dist(100), sma_dist(200), ema_dist(5), ema_dist(10), ema_dist(20), ema_dist(50), ema_dist(100), ema_dist(200), rsi(7), rsi(14), rsi(21), macd, macd_signal, macd_hist, bb_pctb, bb_width, zscore(20), atr_pct, adx, cci, willr, stoch_k, stoch_d, obv_change(20), mfi, roc(10)',
);
const series = { instrument: 'BENCH', interval: '1m', ...input };
const instrument = defaultInstrument('BENCH', '24/7');
const matrix = new Float32Array(n * set.columns.length);
function features() {
  set.createState(instrument, calendarOf('24/7')).consume(series, 0, n, matrix);
  return Object.fromEntries(
    set.columns.map((name, j) => [name, Number(matrix[(n - 1) * set.columns.length + j].toPrecision(6))]),
  );
}
const m = await bench(features, { reps: arg('reps', 5), warmup: 1, budget: 60 });
emit(`W3-matrix/${n}`, version, m, n, m.result, { features: set.columns.length });
