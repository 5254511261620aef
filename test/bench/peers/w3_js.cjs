// node w3_js.cjs technicalindicators|trading-signals [--bars=N] [--reps=R]; run with NODE_PATH=$PEERS/node/node_modules
const fs = require('fs'),
  path = require('path');
const PEERS = process.env.PEERS || require('os').homedir() + '/.cache/quantline-peers',
  peer = process.argv[2],
  opt = (k, d) => +((process.argv.find((a) => a.startsWith(`--${k}=`)) || '').split('=')[1] || d);
const n = opt('bars', 1000000),
  reps = opt('reps', 3);
const buf = fs.readFileSync(`${PEERS}/data/bars_${n}_s1.f64`),
  f = new Float64Array(buf.buffer, buf.byteOffset, 6 * n);
const col = (i) => Array.from(f.subarray(i * n, (i + 1) * n)),
  high = col(2),
  low = col(3),
  close = col(4),
  volume = col(5);
function technicalindicators() {
  const T = require('technicalindicators'),
    r = {};
  for (const p of [5, 10, 20, 50, 100, 200]) {
    r['sma' + p] = T.SMA.calculate({ period: p, values: close });
    r['ema' + p] = T.EMA.calculate({ period: p, values: close });
  }
  for (const p of [7, 14, 21]) r['rsi' + p] = T.RSI.calculate({ period: p, values: close });
  r.macd = T.MACD.calculate({
    values: close,
    fastPeriod: 12,
    slowPeriod: 26,
    signalPeriod: 9,
    SimpleMAOscillator: false,
    SimpleMASignal: false,
  });
  r.bb = T.BollingerBands.calculate({ period: 20, stdDev: 2, values: close });
  r.atr14 = T.ATR.calculate({ period: 14, high, low, close });
  r.adx14 = T.ADX.calculate({ period: 14, high, low, close });
  r.cci20 = T.CCI.calculate({ period: 20, high, low, close });
  r.willr14 = T.WilliamsR.calculate({ period: 14, high, low, close });
  // its Stochastic is the raw %K and one smoothing (14,3); the (14,3,3) slow one takes an SMA(3) on each
  const st = T.Stochastic.calculate({ period: 14, signalPeriod: 3, high, low, close });
  const k = T.SMA.calculate({ period: 3, values: st.map((x) => x.k) });
  r.stochk = k;
  r.stochd = T.SMA.calculate({ period: 3, values: k });
  r.obv = T.OBV.calculate({ close, volume });
  r.mfi14 = T.MFI.calculate({ period: 14, high, low, close, volume });
  r.roc10 = T.ROC.calculate({ period: 10, values: close });
  const out = {};
  for (const q in r) {
    const x = r[q][r[q].length - 1];
    if (q === 'macd') {
      out.macd = x.MACD;
      out.macds = x.signal;
      out.macdh = x.histogram;
    } else if (q === 'bb') {
      out.bbu = x.upper;
      out.bbm = x.middle;
      out.bbl = x.lower;
    } else out[q] = typeof x === 'object' ? x.adx : x;
  }
  return out;
}
let S;
function tradingSignals() {
  const one = (mk, feed) => {
    const ind = mk(),
      a = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const v = feed(ind, i);
      a[i] = typeof v === 'number' ? v : NaN;
    }
    return a;
  };
  const C = (I, i) => I.update(close[i], false),
    r = {},
    HLC = (I, i) => I.update({ high: high[i], low: low[i], close: close[i] }, false),
    O = {};
  for (const p of [5, 10, 20, 50, 100, 200]) {
    r['sma' + p] = one(() => new S.SMA(p), C);
    r['ema' + p] = one(() => new S.EMA(p), C);
  }
  for (const p of [7, 14, 21]) r['rsi' + p] = one(() => new S.RSI(p), C);
  const multi = (mk, keys, feed) => {
    const ind = mk(),
      as = keys.map(() => new Float64Array(n));
    for (let i = 0; i < n; i++) {
      const v = feed(ind, i);
      for (let j = 0; j < keys.length; j++) as[j][i] = v ? v[keys[j]] : NaN;
    }
    return as;
  };
  [r.macd, r.macds, r.macdh] = multi(
    () => new S.MACD(new S.EMA(12), new S.EMA(26), new S.EMA(9)),
    ['macd', 'signal', 'histogram'],
    C,
  );
  [r.bbu, r.bbm, r.bbl] = multi(() => new S.BollingerBands(20, 2), ['upper', 'middle', 'lower'], C);
  r.atr14 = one(() => new S.ATR(14), HLC);
  r.adx14 = one(() => new S.ADX(14), HLC);
  r.cci20 = one(() => new S.CCI(20), HLC);
  const miss = {},
    tryit = (k, fn) => {
      try {
        fn();
      } catch (e) {
        miss[k] = String(e.message).slice(0, 80);
      }
    };
  tryit('willr14', () => {
    const W = S.WilliamsR || S.WilliamsPercentR;
    r.willr14 = one(() => new W(14), HLC);
  });
  tryit('stoch', () => {
    [r.stochk, r.stochd] = multi(
      () => new S.StochasticOscillator({ kPeriod: 14, kSlowingPeriod: 3, dPeriod: 3 }),
      ['stochK', 'stochD'],
      HLC,
    );
  });
  tryit('obv', () => {
    r.obv = one(
      () => new S.OBV(2),
      (I, i) => I.update({ open: close[i], high: high[i], low: low[i], close: close[i], volume: volume[i] }, false),
    );
  });
  tryit('mfi14', () => {
    r.mfi14 = one(
      () => new S.MFI(14),
      (I, i) => I.update({ open: close[i], high: high[i], low: low[i], close: close[i], volume: volume[i] }, false),
    );
  });
  r.roc10 = one(() => new S.ROC(10), C);
  const out = {};
  for (const q in r) out[q] = r[q][n - 1];
  out._missing = Object.keys(miss).length ? miss : undefined;
  return out;
}
(async () => {
  if (peer === 'trading-signals')
    S = await import(
      require('url').pathToFileURL(path.join(PEERS, 'node/node_modules/trading-signals/dist/index.js')).href
    );
  const run = peer === 'trading-signals' ? tradingSignals : technicalindicators,
    t = [],
    cpu = [];
  let r;
  const t00 = Date.now();
  for (let i = 0; i < reps && (i === 0 || Date.now() - t00 < 90000); i++) {
    const c0 = process.cpuUsage(),
      t0 = process.hrtime.bigint();
    r = run();
    t.push(Number(process.hrtime.bigint() - t0) / 1e9);
    cpu.push(process.cpuUsage(c0).user / 1e6);
  }
  const missing = r._missing;
  delete r._missing;
  const med = (a) => {
    const s = [...a].sort((x, y) => x - y),
      m = s.length >> 1;
    return s.length % 2 ? s[m] : (s[m - 1] + s[m]) / 2;
  };
  const min = Math.min(...t);
  const o = {
    workload: 'W3/' + n,
    peer: peer + ' (node)',
    version: require(path.join(PEERS, 'node/node_modules', peer, 'package.json')).version,
    seconds_min: min,
    seconds_median: med(t),
    cpu_seconds: med(cpu),
    units_per_s: n / min,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 102.4) / 10,
    runs: t.length,
    result: Object.fromEntries(Object.entries(r).map(([k, v]) => [k, +Number(v).toPrecision(9)])),
    features: Object.keys(r).length,
    missing,
  };
  const line = JSON.stringify(o);
  console.log(line);
  if (process.env.BENCH_LOG) fs.appendFileSync(process.env.BENCH_LOG, line + '\n');
})();
