import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { FEATURES, parseFeatures } from '../../../src/core/features/index.js';
import { SessionClock, zoneOffset } from '../../../src/core/features/sessions.js';
import { cosTurn, sinTurn } from '../../../src/core/features/trigonometry.js';
import { AccumulationDistribution, Mfi, ParabolicSar, Rsi, StochasticRsi } from '../../../src/core/indicators/index.js';
import { market, matrix } from './market.js';

const bars = market(400, 21, '1d');
const column = (text: string, b = bars) => matrix(parseFeatures(text), b);
const T = createRequire(import.meta.url)('technicalindicators');
const columns = () => ({
  open: [...bars.open],
  high: [...bars.high],
  low: [...bars.low],
  close: [...bars.close],
  volume: [...bars.volume],
});

describe('ti.<name>', () => {
  it.each([
    ['ti.sma(20)', 'sma_dist(20)'],
    ['ti.ema(20)', 'ema_dist(20)'],
    ['ti.wma(20)', 'wma_dist(20)'],
    ['ti.macd(12,26,9)', 'macd_hist(12,26,9)'],
    ['ti.bb(20,2)', 'bb_pctb(20,2)'],
    ['ti.atr(14)', 'atr_pct(14)'],
    ['ti.adx(14)', 'adx(14)'],
    ['ti.cci(20)', 'cci(20)'],
    ['ti.willr(14)', 'willr(14)'],
    ['ti.keltner(20,2,10)', 'keltner_pos(20,2,10)'],
    ['ti.trix(15)', 'trix(15)'],
    ['ti.roc(10)', 'roc(10)'],
    ['ti.truerange', 'tr_pct'],
  ])('%s is exact: it equals our %s', (theirs, ours) => {
    const a = column(theirs);
    const b = column(ours);
    for (let i = 0; i < a.length; i++) {
      if (Number.isNaN(b[i]!)) expect(a[i], `bar ${i}`).toBeNaN();
      else if (!(Math.abs(a[i]! - b[i]!) <= 1e-9 * Math.max(1, Math.abs(b[i]!))))
        throw new Error(`bar ${i}: ${a[i]} instead of ${b[i]}`);
    }
  });

  it('a candlestick pattern is found where the package finds it', () => {
    const found = column('ti.bullishengulfingpattern');
    const c = columns();
    let hits = 0;
    for (let i = 1; i < 400; i++) {
      const cut = (x: number[]) => x.slice(i - 1, i + 1);
      const want = T.bullishengulfingpattern({
        open: cut(c.open),
        high: cut(c.high),
        low: cut(c.low),
        close: cut(c.close),
      });
      expect(found[i], `bar ${i}`).toBe(want ? 1 : 0);
      hits += want ? 1 : 0;
    }
    expect(hits).toBeGreaterThan(0);
    expect(found[0]).toBeNaN();
  });

  describe('is ours where the package is not exact', () => {
    const worst = (theirs: (number | undefined)[], ours: number[]) => {
      const offset = ours.length - theirs.length;
      let most = 0;
      theirs.forEach((v, i) => {
        const d = Math.abs((v ?? Number.NaN) - ours[i + offset]!);
        if (d > most) most = d;
      });
      return most;
    };
    const run = (step: (i: number) => number) => Array.from({ length: 400 }, (_, i) => step(i));

    it('RSI: rounded to two digits', () => {
      const rsi = new Rsi(14);
      const ours = run((i) => rsi.update(bars.close[i]!));
      const d = worst(T.RSI.calculate({ period: 14, values: columns().close }), ours);
      expect(d).toBeGreaterThan(1e-4);
      expect(d).toBeLessThan(0.0051);
      expect(T.RSI.calculate({ period: 3, values: [5, 5, 5, 5, 5] }).at(-1)).toBe(100);
      expect([...column('ti.rsi(14)')]).toEqual(ours);
    });
    it('MFI: rounded, and an unchanged price counts as outflow', () => {
      // Whole prices: typical prices that do not change occur.
      const whole = Object.fromEntries(Object.entries(columns()).map(([k, v]) => [k, v.map(Math.round)])) as ReturnType<
        typeof columns
      >;
      const mfi = new Mfi(14);
      const ours = run((i) => mfi.update(whole.high[i]!, whole.low[i]!, whole.close[i]!, whole.volume[i]!));
      expect(worst(T.MFI.calculate({ period: 14, ...whole }), ours)).toBeGreaterThan(1);
      const exact = new Mfi(14);
      expect([...column('ti.mfi(14)')]).toEqual(
        run((i) => exact.update(bars.high[i]!, bars.low[i]!, bars.close[i]!, bars.volume[i]!)),
      );
    });
    it('ADL: rounded to integers, and a running total', () => {
      const ad = new AccumulationDistribution();
      const ours = run((i) => ad.update(bars.high[i]!, bars.low[i]!, bars.close[i]!, bars.volume[i]!));
      const d = worst(T.ADL.calculate(columns()), ours);
      expect(d).toBeGreaterThan(0.1);
      expect(d).toBeLessThan(0.51);
      expect([...column('ti.adl(20)')]).toEqual([...column('ad_change(20)')]);
    });
    it('StochRSI: built on the rounded RSI', () => {
      const x = new StochasticRsi(14, 14, 3, 3);
      const ours = run((i) => x.update(bars.close[i]!));
      const theirs = T.StochasticRSI.calculate({
        values: columns().close,
        rsiPeriod: 14,
        stochasticPeriod: 14,
        kPeriod: 3,
        dPeriod: 3,
      });
      const k = theirs.map((v: { k?: number }) => v.k);
      const d = worst(k.slice(30), ours);
      expect(d).toBeGreaterThan(1e-4);
      expect(d).toBeLessThan(1);
      expect([...column('ti.stochrsi')]).toEqual(ours);
    });
    it('PSAR: the first leg differs, later ones agree', () => {
      const sar = new ParabolicSar(0.02, 0.2);
      const ours = run((i) => sar.update(bars.high[i]!, bars.low[i]!));
      const c = columns();
      const theirs: number[] = T.PSAR.calculate({ step: 0.02, max: 0.2, high: c.high, low: c.low });
      const offset = 400 - theirs.length;
      const differs = theirs.map((v, i) => !(Math.abs(v - ours[i + offset]!) <= 1e-9 * v));
      expect(differs.slice(0, 5).some(Boolean)).toBe(true);
      expect(differs.slice(200).some(Boolean)).toBe(false);
    });
  });
});

describe('values by hand', () => {
  it('returns and ratios', () => {
    const i = 300;
    expect(column('ret(5)')[i]).toBeCloseTo(bars.close[i]! / bars.close[i - 5]! - 1, 12);
    expect(column('logret(5)')[i]).toBeCloseTo(Math.log(bars.close[i]! / bars.close[i - 5]!), 12);
    expect(column('gap')[i]).toBeCloseTo(bars.open[i]! / bars.close[i - 1]! - 1, 12);
    expect(column('high_dist(10)')[i]).toBeCloseTo(bars.close[i]! / Math.max(...bars.high.slice(i - 9, i + 1)) - 1, 12);
    const volume = [...bars.volume.slice(i - 19, i + 1)];
    expect(column('volume_ratio(20)')[i]).toBeCloseTo((20 * bars.volume[i]!) / volume.reduce((a, b) => a + b), 12);
  });

  it('slope is the least-squares slope', () => {
    const [i, n] = [300, 20];
    const y = [...bars.close.slice(i - n + 1, i + 1)];
    const mean = y.reduce((a, b) => a + b) / n;
    const top = y.reduce((s, v, k) => s + (k - (n - 1) / 2) * (v - mean), 0);
    const bottom = y.reduce((s, _, k) => s + (k - (n - 1) / 2) ** 2, 0);
    expect(column('slope(20)')[i]).toBeCloseTo(top / bottom / bars.close[i]!, 12);
  });

  it('obv_change is the windowed change of the OBV over the volume', () => {
    const [i, n] = [300, 20];
    let net = 0;
    let all = 0;
    for (let k = i - n + 1; k <= i; k++) {
      net += Math.sign(bars.close[k]! - bars.close[k - 1]!) * bars.volume[k]!;
      all += bars.volume[k]!;
    }
    expect(column('obv_change(20)')[i]).toBeCloseTo(net / all, 12);
  });

  it('volume that is missing is neutral, not an error', () => {
    const still = { ...bars, volume: new Float64Array(400) };
    for (const [text, want] of [
      ['volume_ratio(20)', 1],
      ['volume_z(20)', 0],
      ['obv_change(20)', 0],
      ['ad_change(20)', 0],
      ['mfi(14)', 50],
      ['vwap_dist(20)', 0],
    ] as const)
      expect(column(text, still)[399], text).toBe(want);
  });
});

it('a market that stands still gives finite, neutral values', () => {
  const still = market(300, 1, '1d');
  for (const field of ['open', 'high', 'low', 'close'] as const) still[field].fill(12.3);
  still.volume.fill(0);
  const set = parseFeatures([...FEATURES.keys()].join(', '));
  const width = set.columns.length;
  const last = matrix(set, still).subarray(299 * width);
  set.columns.forEach((name, j) => {
    // A parabolic stop needs a reversal; the package under ti. divides by zero in places, which is absent, not infinite.
    if (name.startsWith('ti.') || name.startsWith('psar')) expect(Math.abs(last[j]!), name).not.toBe(Infinity);
    else expect(last[j], name).toSatisfy(Number.isFinite);
  });
});

describe('sessions', () => {
  const minutes = market(1000, 2, '5m');

  it('what is anchored begins with the session, and is absent in one that was not seen from its start', () => {
    const rows = column('session_vwap_dist', minutes);
    let money = 0;
    let volume = 0;
    for (let i = 0; i < 1000; i++) {
      if (i % 78 === 0) money = volume = 0;
      money += ((minutes.high[i]! + minutes.low[i]! + minutes.close[i]!) / 3) * minutes.volume[i]!;
      volume += minutes.volume[i]!;
      expect(rows[i]).toBeCloseTo(minutes.close[i]! / (money / volume) - 1, 10);
    }
    const late = matrix(
      parseFeatures('session_vwap_dist, session_ret, session_range_pos, session_obv'),
      minutes,
      0,
      30,
    );
    for (let i = 0; i < 48; i++) expect(late[4 * i], `bar ${i}`).toBeNaN();
    for (let i = 48; i < 970; i++) expect(late[4 * i]).toBe(rows[i + 30]);
  });

  it('local time follows daylight saving', () => {
    const offset = zoneOffset('America/New_York');
    expect(offset(Date.UTC(2022, 2, 11, 14, 30)) / 3_600_000).toBe(-5);
    expect(offset(Date.UTC(2022, 2, 14, 13, 30)) / 3_600_000).toBe(-4);
    expect(zoneOffset('UTC')(0)).toBe(0);
    const out = SessionClock.columns(1);
    for (const [t, hour] of [
      [Date.UTC(2022, 2, 11, 14, 30), 9.5],
      [Date.UTC(2022, 2, 14, 13, 30), 9.5],
      [Date.UTC(2022, 2, 14, 19, 55), 15 + 55 / 60],
    ] as const) {
      const clock = new SessionClock(calendarOf('XNYS'));
      clock.consume({ ...minutes, time: Float64Array.of(t) }, 0, 1, out);
      expect(out.day[0]! * 24).toBeCloseTo(hour, 9);
      expect(out.weekday[0]).toBe(new Date(t).getUTCDay());
    }
  });

  it('a day of the week on 24/7 is the UTC day', () => {
    const crypto = market(20, 1, '1d', '24/7');
    const rows = matrix(parseFeatures('dow_sin, dow_cos'), crypto, 0, 0, '24/7');
    for (let i = 0; i < 20; i++) {
      const day = new Date(crypto.time[i]!).getUTCDay();
      expect(rows[2 * i]).toBeCloseTo(Math.sin((2 * Math.PI * day) / 7), 12);
      expect(rows[2 * i + 1]).toBeCloseTo(Math.cos((2 * Math.PI * day) / 7), 12);
    }
  });
});

it('sine and cosine of a turn', () => {
  for (let k = -200; k <= 200; k++) {
    const turn = k / 97;
    expect(Math.abs(sinTurn(turn) - Math.sin(2 * Math.PI * turn))).toBeLessThan(3e-15);
    expect(Math.abs(cosTurn(turn) - Math.cos(2 * Math.PI * turn))).toBeLessThan(3e-15);
  }
  expect([0, 0.25, 0.5, 0.75].map(sinTurn)).toEqual([0, 1, -0, -1]);
});
