import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as I from '../../../src/core/indicators/index.js';

const folder = new URL('../../../fixtures/truth/indicators/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, folder), 'utf8');

const rows = read('default.csv')
  .replace(/^\uFEFF/, '')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(',').slice(1).map(Number) as [number, number, number, number, number]);

type Row = Record<string, number | null>;
const expected = (name: string) => JSON.parse(read(`expected/${name}.standard.json`)) as Row[];

/** Runs one indicator over the bars; `fields` maps each expected key to what our class gives after `update`. */
function check(name: string, step: (bar: (typeof rows)[number]) => Record<string, number>, from = 0) {
  const want = expected(name);
  expect(want).toHaveLength(rows.length);
  let compared = 0;
  rows.forEach((bar, i) => {
    for (const [key, got] of Object.entries(step(bar))) {
      const truth = want[i]?.[key];
      if (i < from) continue;
      if (truth === null || truth === undefined) expect(got, `${key}[${i}] before the warm-up`).toBeNaN();
      else {
        expect(Math.abs(got - truth), `${key}[${i}]: ${got} instead of ${truth}`).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs(truth)),
        );
        compared++;
      }
    }
  });
  expect(compared).toBeGreaterThan(400);
}

describe('equal to Stock.Indicators from the first value', () => {
  it('SMA', () => {
    const sma = new I.Sma(20);
    check('sma', ([, , , c]) => ({ sma: sma.update(c) }));
  });
  it('EMA', () => {
    const ema = new I.Ema(20);
    check('ema', ([, , , c]) => ({ ema: ema.update(c) }));
  });
  it('WMA', () => {
    const wma = new I.Wma(14);
    check('wma', ([, , , c]) => ({ wma: wma.update(c) }));
  });
  it('RSI', () => {
    const rsi = new I.Rsi(14);
    check('rsi', ([, , , c]) => ({ rsi: rsi.update(c) }));
  });
  it('MACD', () => {
    const m = new I.Macd(12, 26, 9);
    check('macd', ([, , , c]) => ({ macd: m.update(c), signal: m.signal, histogram: m.histogram }));
  });
  it('Bollinger bands', () => {
    const bb = new I.BollingerBands(20, 2);
    check('bb', ([, , , c]) => ({
      sma: bb.update(c),
      upperBand: bb.upper,
      lowerBand: bb.lower,
      percentB: bb.percentB(c),
      width: bb.bandwidth,
    }));
  });
  it('z-score', () => {
    const z = new I.ZScore(20);
    check('bb', ([, , , c]) => ({ zScore: z.update(c) }));
  });
  it('standard deviation', () => {
    const sd = new I.StdDev(14);
    const moments = new I.RollingMoments(14);
    const z = new I.ZScore(14);
    check('stdev', ([, , , c]) => ({ stdDev: sd.update(c), mean: moments.update(c), zScore: z.update(c) }));
  });
  it('true range', () => {
    const tr = new I.TrueRange();
    check('tr', ([, h, l, c]) => ({ tr: tr.update(h, l, c) }));
  });
  it('ATR', () => {
    const atr = new I.Atr(14);
    check('atr', ([, h, l, c]) => ({ atr: atr.update(h, l, c) }));
  });
  it('ADX and DI', () => {
    const adx = new I.Adx(14);
    check('adx', ([, h, l, c]) => ({ adx: adx.update(h, l, c), pdi: adx.plus, mdi: adx.minus, dx: adx.dx }));
  });
  it('CCI', () => {
    const cci = new I.Cci(20);
    check('cci', ([, h, l, c]) => ({ cci: cci.update(h, l, c) }));
  });
  it('Williams %R', () => {
    const willr = new I.WilliamsR(14);
    check('willr', ([, h, l, c]) => ({ williamsR: willr.update(h, l, c) }));
  });
  it('stochastic', () => {
    const stoch = new I.Stochastic(14, 3, 3);
    check('stoch', ([, h, l, c]) => ({ oscillator: stoch.update(h, l, c), signal: stoch.d }));
  });
  it('OBV', () => {
    const obv = new I.Obv();
    check('obv', ([, , , c, v]) => ({ obv: obv.update(c, v) }));
  });
  it('MFI', () => {
    const mfi = new I.Mfi(14);
    check('mfi', ([, h, l, c, v]) => ({ mfi: mfi.update(h, l, c, v) }));
  });
  it('ROC', () => {
    const roc = new I.Roc(14);
    check('roc', ([, , , c]) => ({ roc: roc.update(c) }));
  });
  it('Donchian channel', () => {
    const dc = new I.Donchian(20);
    check('donchian', ([, h, l]) => ({ centerline: dc.update(h, l), upperBand: dc.upper, lowerBand: dc.lower }));
  });
  it('Keltner channel', () => {
    const kc = new I.Keltner(20, 2, 10);
    check('keltner', ([, h, l, c]) => ({ centerline: kc.update(h, l, c), upperBand: kc.upper, lowerBand: kc.lower }));
  });
  it('VWAP', () => {
    const vwap = new I.Vwap();
    check('vwap', ([, h, l, c, v]) => ({ vwap: vwap.update(h, l, c, v) }));
  });
  it('Heikin-Ashi', () => {
    const ha = new I.HeikinAshi();
    check('heikinashi', ([o, h, l, c]) => ({
      close: ha.update(o, h, l, c),
      open: ha.open,
      high: ha.high,
      low: ha.low,
    }));
  });
});

it('the truth is the published one', () => {
  const metadata = JSON.parse(read('metadata.json')) as { files: Record<string, string> };
  for (const [path, sha256] of Object.entries(metadata.files))
    expect(
      createHash('sha256')
        .update(readFileSync(new URL(path, folder)))
        .digest('hex'),
      path,
    ).toBe(sha256);
});
