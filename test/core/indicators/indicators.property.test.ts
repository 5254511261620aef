import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/domain/random.js';
import * as I from '../../../src/core/indicators/index.js';

interface Bars {
  open: Float64Array;
  high: Float64Array;
  low: Float64Array;
  close: Float64Array;
  volume: Float64Array;
}

function walk(n: number, seed: number, step = 0.01): Bars {
  const random = seededRandom(seed);
  const column = () => new Float64Array(n);
  const bars = { open: column(), high: column(), low: column(), close: column(), volume: column() };
  let price = 100;
  for (let i = 0; i < n; i++) {
    const open = price * (1 + (random.next() - 0.5) * step);
    price = open * (1 + (random.next() - 0.5) * step);
    bars.open[i] = open;
    bars.close[i] = price;
    bars.high[i] = Math.max(open, price) * (1 + (random.next() * step) / 2);
    bars.low[i] = Math.min(open, price) * (1 - (random.next() * step) / 2);
    bars.volume[i] = Math.floor(random.next() * 1000);
  }
  return bars;
}

type Step = (b: Bars, i: number) => number;
interface Case {
  readonly about: I.Indicator;
  readonly step: Step;
}

const typical = (b: Bars, i: number) => (b.high[i]! + b.low[i]! + b.close[i]!) / 3;
const range = (n: number) => Array.from({ length: n }, (_, k) => k);
const sum = (values: number[]) => {
  // Neumaier's compensated sum: the exact reference.
  let s = 0;
  let c = 0;
  for (const x of values) {
    const t = s + x;
    c += Math.abs(s) >= Math.abs(x) ? s - t + x : x - t + s;
    s = t;
  }
  return s + c;
};
const closes = (b: Bars, i: number, p: number) => range(p).map((k) => b.close[i - p + 1 + k]!);
const mean = (x: number[]) => sum(x) / x.length;
const variance = (x: number[]) => {
  const m = mean(x);
  return sum(x.map((v) => (v - m) ** 2)) / x.length;
};
const highest = (b: Bars, i: number, p: number) => Math.max(...b.high.subarray(i - p + 1, i + 1));
const lowest = (b: Bars, i: number, p: number) => Math.min(...b.low.subarray(i - p + 1, i + 1));
const fast = (b: Bars, i: number, p: number) =>
  (100 * (b.close[i]! - lowest(b, i, p))) / (highest(b, i, p) - lowest(b, i, p));

/** Windowed indicators and their definition, computed from the window alone. */
const windowed: Record<string, (p: number) => Case & { readonly exact: Step }> = {
  Sma: (p) => {
    const x = new I.Sma(p);
    return { about: x, step: (b, i) => x.update(b.close[i]!), exact: (b, i) => mean(closes(b, i, p)) };
  },
  Wma: (p) => {
    const x = new I.Wma(p);
    return {
      about: x,
      step: (b, i) => x.update(b.close[i]!),
      exact: (b, i) => sum(closes(b, i, p).map((v, k) => v * (k + 1))) / ((p * (p + 1)) / 2),
    };
  },
  RollingSum: (p) => {
    const x = new I.RollingSum(p);
    return {
      about: x,
      step: (b, i) => x.update(b.volume[i]!),
      exact: (b, i) => sum([...b.volume.subarray(i - p + 1, i + 1)]),
    };
  },
  StdDev: (p) => {
    const x = new I.StdDev(p);
    return { about: x, step: (b, i) => x.update(b.close[i]!), exact: (b, i) => Math.sqrt(variance(closes(b, i, p))) };
  },
  ZScore: (p) => {
    const x = new I.ZScore(p);
    return {
      about: x,
      step: (b, i) => x.update(b.close[i]!),
      exact: (b, i) => (b.close[i]! - mean(closes(b, i, p))) / Math.sqrt(variance(closes(b, i, p))),
    };
  },
  Bollinger: (p) => {
    const x = new I.BollingerBands(p, 2);
    return {
      about: x,
      step: (b, i) => x.update(b.close[i]!) * 0 + x.upper,
      exact: (b, i) => mean(closes(b, i, p)) + 2 * Math.sqrt(variance(closes(b, i, p))),
    };
  },
  RollingMax: (p) => {
    const x = new I.RollingMax(p);
    return { about: x, step: (b, i) => x.update(b.high[i]!), exact: (b, i) => highest(b, i, p) };
  },
  RollingMin: (p) => {
    const x = new I.RollingMin(p);
    return { about: x, step: (b, i) => x.update(b.low[i]!), exact: (b, i) => lowest(b, i, p) };
  },
  RollingRange: (p) => {
    const x = new I.RollingRange(p);
    return {
      about: x,
      step: (b, i) => x.update(b.high[i]!, b.low[i]!),
      exact: (b, i) => highest(b, i, p) - lowest(b, i, p),
    };
  },
  Donchian: (p) => {
    const x = new I.Donchian(p);
    return {
      about: x,
      step: (b, i) => x.update(b.high[i]!, b.low[i]!),
      exact: (b, i) => (highest(b, i - 1, p) + lowest(b, i - 1, p)) / 2,
    };
  },
  WilliamsR: (p) => {
    const x = new I.WilliamsR(p);
    return {
      about: x,
      step: (b, i) => x.update(b.high[i]!, b.low[i]!, b.close[i]!),
      exact: (b, i) => fast(b, i, p) - 100,
    };
  },
  Stochastic: (p) => {
    const x = new I.Stochastic(p, 3, 3);
    const k = (b: Bars, i: number) => mean([0, 1, 2].map((lag) => fast(b, i - lag, p)));
    return {
      about: x,
      step: (b, i) => x.update(b.high[i]!, b.low[i]!, b.close[i]!) * 0 + x.d,
      exact: (b, i) => mean([k(b, i), k(b, i - 1), k(b, i - 2)]),
    };
  },
  Cci: (p) => {
    const x = new I.Cci(p);
    return {
      about: x,
      step: (b, i) => x.update(b.high[i]!, b.low[i]!, b.close[i]!),
      exact: (b, i) => {
        const window = range(p).map((k) => typical(b, i - k));
        const m = mean(window);
        return (typical(b, i) - m) / (0.015 * mean(window.map((v) => Math.abs(v - m))));
      },
    };
  },
  Mfi: (p) => {
    const x = new I.Mfi(p);
    return {
      about: x,
      step: (b, i) => x.update(b.high[i]!, b.low[i]!, b.close[i]!, b.volume[i]!),
      exact: (b, i) => {
        const flows = range(p).map((k) => {
          const change = typical(b, i - k) - typical(b, i - k - 1);
          return Math.sign(change) * typical(b, i - k) * b.volume[i - k]!;
        });
        const up = sum(flows.filter((f) => f > 0));
        return (100 * up) / (up - sum(flows.filter((f) => f < 0)));
      },
    };
  },
  Roc: (p) => {
    const x = new I.Roc(p);
    return {
      about: x,
      step: (b, i) => x.update(b.close[i]!),
      exact: (b, i) => 100 * (b.close[i]! / b.close[i - p]! - 1),
    };
  },
};

/** Indicators whose memory fades. */
const fading: Record<string, (p: number) => Case> = {
  Ema: (p) => {
    const x = new I.Ema(p);
    return { about: x, step: (b, i) => x.update(b.close[i]!) };
  },
  Wilder: (p) => {
    const x = I.Ema.wilder(p);
    return { about: x, step: (b, i) => x.update(b.close[i]!) };
  },
  Rsi: (p) => {
    const x = new I.Rsi(p);
    return { about: x, step: (b, i) => x.update(b.close[i]!) };
  },
  StochasticRsi: (p) => {
    const x = new I.StochasticRsi(p, p);
    return { about: x, step: (b, i) => x.update(b.close[i]!) * 0 + x.d };
  },
  Macd: (p) => {
    const x = new I.Macd(p, 2 * p, 5);
    return { about: x, step: (b, i) => x.update(b.close[i]!) * 0 + x.histogram };
  },
  Trix: (p) => {
    const x = new I.Trix(p);
    return { about: x, step: (b, i) => x.update(b.close[i]!) };
  },
  TrueRange: () => {
    const x = new I.TrueRange();
    return { about: x, step: (b, i) => x.update(b.high[i]!, b.low[i]!, b.close[i]!) };
  },
  Atr: (p) => {
    const x = new I.Atr(p);
    return { about: x, step: (b, i) => x.update(b.high[i]!, b.low[i]!, b.close[i]!) };
  },
  Adx: (p) => {
    const x = new I.Adx(p);
    return { about: x, step: (b, i) => x.update(b.high[i]!, b.low[i]!, b.close[i]!) };
  },
  Keltner: (p) => {
    const x = new I.Keltner(p, 2, p);
    return { about: x, step: (b, i) => x.update(b.high[i]!, b.low[i]!, b.close[i]!) * 0 + x.upper };
  },
  HeikinAshi: () => {
    const x = new I.HeikinAshi();
    return { about: x, step: (b, i) => x.update(b.open[i]!, b.high[i]!, b.low[i]!, b.close[i]!) * 0 + x.open };
  },
};

const run = ({ step }: Case, b: Bars, from = 0) =>
  range(b.close.length).map((i) => (i < from ? Number.NaN : step(b, i)));
const near = (a: number, b: number, scale = 1) => Math.abs(a - b) <= 1e-9 * Math.max(scale, Math.abs(b));

describe.each(Object.entries(windowed))('%s', (_name, make) => {
  it('equals its definition, whatever came before the window', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 23 }),
        fc.integer(),
        fc.option(fc.integer({ min: 0, max: 119 }), { nil: undefined }),
        (p, seed, spike) => {
          const b = walk(160, seed);
          if (spike !== undefined) for (const c of ['open', 'high', 'low', 'close'] as const) b[c][spike]! *= 1e9;
          const made = make(p);
          const got = run(made, b);
          const { warmup } = made.about;
          for (let i = 0; i < got.length; i++) {
            if (i < warmup - 1) expect(got[i], `bar ${i}`).toBeNaN();
            // Where the spike is inside the window its size is the scale of rounding.
            else if (spike === undefined || i < spike || i >= spike + made.about.memory) {
              const want = made.exact(b, i);
              if (!near(got[i]!, want)) throw new Error(`bar ${i}: ${got[i]} instead of ${want}`);
            }
          }
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });
});

describe.each([...Object.entries(windowed), ...Object.entries(fading)])('%s', (_name, make) => {
  it('is NaN exactly until its warm-up', () => {
    for (const p of [2, 3, 7, 14]) {
      const made = make(p);
      const got = run(made, walk(120, p));
      expect(got.findIndex((v) => !Number.isNaN(v))).toBe(made.about.warmup - 1);
      expect(got.slice(made.about.warmup - 1).some((v) => Number.isNaN(v))).toBe(false);
    }
  });

  it('forgets its start within its memory', () => {
    for (const p of [2, 5, 14]) {
      const { memory } = make(p).about;
      const n = memory + 400;
      const b = walk(n, 17 + p);
      const all = run(make(p), b);
      const late = run(make(p), b, 300);
      for (let i = 300 + memory - 1; i < n; i++)
        if (!near(late[i]!, all[i]!)) throw new Error(`period ${p}, bar ${i}: ${late[i]} instead of ${all[i]}`);
    }
  });

  it('starts its warm-up again after a NaN', () => {
    const p = 5;
    const b = walk(200, 3);
    for (const c of ['open', 'high', 'low', 'close', 'volume'] as const) b[c][60] = Number.NaN;
    const made = make(p);
    const got = run(made, b);
    expect(got[60]).toBeNaN();
    const fresh = make(p);
    for (let i = 61; i < 200; i++) {
      const want = fresh.step(b, i);
      if (Number.isNaN(want)) expect(got[i], `bar ${i}`).toBeNaN();
      else if (!near(got[i]!, want)) throw new Error(`bar ${i}: ${got[i]} instead of ${want}`);
    }
  });
});

it('rolling results do not drift over a million bars', () => {
  const n = 1_000_000;
  const random = seededRandom(5);
  const sma = new I.Sma(50);
  const moments = new I.RollingMoments(50);
  const window: number[] = [];
  let price = 100;
  for (let i = 0; i < n; i++) {
    price *= 1 + (random.next() - 0.5) * 0.001;
    const x = i % 9973 === 0 ? price * 1e6 : price;
    const a = sma.update(x);
    moments.update(x);
    if (i % 10007 > 10007 - 51 || i > n - 51) window.push(x);
    if (window.length > 50) window.shift();
    if ((i % 10007 === 10006 || i === n - 1) && window.length === 50) {
      expect(near(a, mean(window))).toBe(true);
      expect(near(moments.variance, variance(window), 0)).toBe(true);
      window.length = 0;
    }
  }
});

describe('a market that stands still', () => {
  const flat = (c: number): Bars => {
    const b = walk(100, 1);
    for (const k of ['open', 'high', 'low', 'close'] as const) b[k].fill(c);
    b.volume.fill(0);
    return b;
  };
  it.each([0.1, 3.3, 123.456])('%f: averages are exactly the price, oscillators neutral', (c) => {
    const b = flat(c);
    const last = (make: (p: number) => Case, p = 7) => run(make(p), b).at(-1);
    for (const name of ['Sma', 'Wma', 'RollingMax', 'RollingMin', 'Donchian', 'Bollinger'])
      expect(last(windowed[name]!), name).toBe(c);
    expect(last(fading['Ema']!)).toBe(c);
    expect(last(fading['Rsi']!)).toBe(50);
    expect(last(windowed['WilliamsR']!)).toBe(-50);
    expect(last(windowed['Stochastic']!)).toBe(50);
    expect(last(windowed['Mfi']!)).toBe(50);
    for (const name of ['StdDev', 'ZScore', 'Cci', 'Roc']) expect(last(windowed[name]!), name).toBe(0);
    for (const name of ['Macd', 'Atr', 'Adx', 'Trix']) expect(last(fading[name]!), name).toBe(0);
  });
});

it('a halt is forgotten like any start: what is left is no movement, not the ratio of two remainders', () => {
  const n = 12_000;
  const b = walk(n, 8);
  for (const k of ['open', 'high', 'low', 'close'] as const) b[k].fill(b.close[399]!, 400);
  for (const from of [0, 380, 700]) {
    const adx = new I.Adx(14);
    const rsi = new I.Rsi(14);
    for (let i = from; i < n; i++) {
      const c = b.close[i]!;
      const a = adx.update(b.high[i]!, b.low[i]!, c);
      const r = rsi.update(c);
      if (i < from + 1500 || i < 1900) continue;
      expect(Math.abs(a)).toBeLessThan(1e-9);
      expect([adx.plus, adx.minus, adx.dx, r]).toEqual([0, 0, 0, 50]);
    }
  }
});

it.each([
  ['a fraction', () => new I.Sma(2.5)],
  ['zero', () => new I.Ema(0)],
  ['NaN', () => new I.Rsi(Number.NaN)],
  ['slow not above fast', () => new I.Macd(12, 12, 9)],
  ['a width of zero', () => new I.BollingerBands(20, 0)],
])('refuses %s', (_what, make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

describe('running totals', () => {
  it('OBV adds the volume of rises and takes that of falls', () => {
    const obv = new I.Obv();
    expect([10, 11, 11, 9].map((c) => obv.update(c, 5))).toEqual([0, 5, 5, 0]);
    expect(obv.update(Number.NaN, 5)).toBeNaN();
    expect(obv.update(12, 5)).toBe(0);
  });
  it('A/D weighs the volume by where the bar closed', () => {
    const ad = new I.AccumulationDistribution();
    expect(ad.update(12, 10, 12, 100)).toBe(100);
    expect(ad.update(12, 10, 10, 40)).toBe(60);
    expect(ad.update(11, 11, 11, 40)).toBe(60);
  });
  it('VWAP begins again with each session', () => {
    const vwap = new I.Vwap();
    expect(vwap.update(10, 10, 10, 1, true)).toBe(10);
    expect(vwap.update(13, 13, 13, 2)).toBe(12);
    expect(vwap.update(20, 20, 20, 3, true)).toBe(20);
    expect(vwap.update(20, 20, 20, 0, true)).toBe(20);
  });
});
