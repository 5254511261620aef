import { describe, expect, it } from 'vitest';
import { checkQuality, QUALITY_CHECKS, type QualityContext, qualityPolicies } from '../../../src/core/data/quality.js';
import {
  allocateBars,
  type BarColumns,
  calendarOf,
  type Interval,
  seededRandom,
} from '../../../src/core/domain/index.js';
import { isQuantlineError, type QuantlineError } from '../../../src/core/errors/index.js';

const xnys = calendarOf('XNYS');

/** A quiet walk on the sessions of a year (or the minutes of a few). */
function walk(n = 250, interval: Interval = '1d'): BarColumns {
  const sessions = xnys.sessionsBetween(Date.parse('2023-01-01'), Date.parse('2024-12-31'));
  const times =
    interval === '1d'
      ? sessions.slice(0, n).map((session) => session.open)
      : sessions.flatMap(({ open, close }) => {
          const step = Number(interval.slice(0, -1)) * 60_000;
          return Array.from({ length: Math.ceil((close - open) / step) }, (_, k) => open + k * step);
        });
  const bars = allocateBars('A', interval, n);
  const random = seededRandom(3);
  let price = 100;
  for (let i = 0; i < n; i++) {
    bars.time[i] = times[i]!;
    bars.open[i] = price;
    price *= 1 + (random.next() - 0.5) * 0.03;
    bars.close[i] = price;
    bars.high[i] = Math.max(price, bars.open[i]!) * 1.002;
    bars.low[i] = Math.min(price, bars.open[i]!) * 0.998;
    bars.volume[i] = 1000;
  }
  return bars;
}

const context = (overrides: Partial<QualityContext> = {}): QualityContext => ({
  calendar: xnys,
  scope: 'regular',
  density: 'dense',
  policies: qualityPolicies(),
  ...overrides,
});

const findings = (bars: BarColumns, overrides: Partial<QualityContext> = {}) => {
  try {
    const result = checkQuality(bars, context(overrides));
    return { counts: Object.fromEntries(result.findings.map(({ check, count }) => [check, count])), ...result };
  } catch (error) {
    if (!isQuantlineError(error)) throw error;
    const refused = error.details['findings'] as { check: string; count: number }[];
    return { refused: Object.fromEntries(refused.map(({ check, count }) => [check, count])), error };
  }
};

const spoil = (change: (bars: BarColumns) => void, n?: number, interval?: Interval) => {
  const bars = walk(n, interval);
  change(bars);
  return bars;
};

it('finds nothing in good bars, daily and intraday', () => {
  for (const bars of [walk(), walk(1000, '1m'), walk(100, '1h'), walk(3)])
    expect(findings(bars)).toMatchObject({ counts: {}, bars });
});

describe('values that cannot be right refuse', () => {
  it.each<[string, (bars: BarColumns) => void]>([
    ['missing', (bars) => void (bars.close[7] = Number.NaN)],
    ['missing', (bars) => void (bars.volume[7] = Number.POSITIVE_INFINITY)],
    ['price', (bars) => void (bars.low[7] = 0)],
    ['price', (bars) => void (bars.open[7] = -1)],
    ['range', (bars) => void ([bars.high[7], bars.low[7]] = [bars.low[7]!, bars.high[7]!])],
    ['ohlc', (bars) => void (bars.high[7] = Math.max(bars.open[7]!, bars.close[7]!) - 0.01)],
    ['negative_volume', (bars) => void (bars.volume[7] = -1)],
    ['order', (bars) => void (bars.time[7] = bars.time[6]!)],
    ['order', (bars) => void (bars.time[7] = bars.time[5]!)],
    ['outliers', (bars) => void (bars.high[7] = bars.high[7]! * 100)],
    [
      'outliers',
      (bars) => {
        for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][7]! /= 100;
      },
    ],
    ['outliers', (bars) => void (bars.high[249] = bars.high[249]! * 100)],
    [
      'outliers',
      (bars) => {
        for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][0]! *= 100;
      },
    ],
    [
      'splits',
      (bars) => {
        for (const field of ['open', 'high', 'low', 'close'] as const)
          for (let i = 100; i < 250; i++) bars[field][i]! /= 4;
      },
    ],
    [
      'splits',
      (bars) => {
        for (const field of ['open', 'high', 'low', 'close'] as const)
          for (let i = 247; i < 250; i++) bars[field][i]! *= 10;
      },
    ],
  ])('%s', (check, change) => {
    const { refused, error } = findings(spoil(change)) as { refused: Record<string, number>; error: QuantlineError };
    expect(refused[check]).toBe(1);
    expect(error).toMatchObject({ code: 'QUALITY', exitCode: 4 });
    expect(error.message).toContain(`A failed `);
    expect(error.message).toMatch(/at 2023-\d\d-\d\dT14:30:00Z|at 2023-\d\d-\d\dT13:30:00Z/);
    expect(error.hint).toMatch(/--quality \w+=\w+/);
  });
});

describe('what may be right warns', () => {
  it('zero volume', () => {
    const bars = spoil((b) => b.volume.fill(0, 0, 20));
    expect(findings(bars)).toMatchObject({ counts: { zero_volume: 20 }, bars });
  });

  it('gaps of sessions and of minutes, each counted against the calendar', () => {
    const daily = walk();
    const holes = {
      ...daily,
      ...Object.fromEntries(
        (['time', 'open', 'high', 'low', 'close', 'volume'] as const).map((field) => [
          field,
          daily[field].filter((_, i) => i < 10 || i > 12),
        ]),
      ),
    };
    expect(findings(holes)).toMatchObject({ counts: { gaps: 3 } });
    expect(findings(holes, { density: 'sparse' })).toMatchObject({ counts: {} });
    const minutes = walk(780, '1m');
    const thin = {
      ...minutes,
      ...Object.fromEntries(
        (['time', 'open', 'high', 'low', 'close', 'volume'] as const).map((field) => [
          field,
          minutes[field].filter((_, i) => i !== 5 && (i < 380 || i > 400)),
        ]),
      ),
    };
    const result = findings(thin) as unknown as { counts: object; findings: { examples: string[] }[] };
    expect(result.counts).toEqual({ gaps: 22 });
    expect(result.findings[0]!.examples).toEqual([
      '2023-01-03T14:35:00Z (11 on that day)',
      '2023-01-04T14:30:00Z (11 on that day)',
    ]);
  });

  it('knows that an early close has fewer minutes and a holiday none', () => {
    const sessions = ['2024-11-27', '2024-11-29', '2024-12-02'].map((date) => xnys.session(date)!);
    const times = sessions.flatMap(({ open, close }) =>
      Array.from({ length: (close - open) / 60_000 }, (_, k) => open + k * 60_000),
    );
    const bars = walk(times.length, '1m');
    bars.time.set(times);
    expect(times.length).toBe(390 + 210 + 390);
    expect(findings(bars)).toMatchObject({ counts: {} });
  });

  it('a stale last bar, only where bars are expected', () => {
    const bars = walk(250);
    const last = bars.time[249]!;
    const next = xnys.sessionsBetween(last + 1, last + 30 * 86_400_000);
    expect(findings(bars, { expectedUntil: next[0]!.open })).toMatchObject({ counts: {} });
    expect(findings(bars, { expectedUntil: next[0]!.close })).toMatchObject({ counts: { stale: 1 } });
    expect(findings(bars, { expectedUntil: next[4]!.close })).toMatchObject({
      counts: { stale: 5 },
      findings: [{ examples: next.slice(0, 5).map((session) => session.date) }],
    });
  });

  it('bars off the grid of the session', () => {
    const bars = spoil((b) => void (b.time[3] = b.time[3]! + 60_000), 78, '5m');
    expect(findings(bars)).toMatchObject({ counts: { alignment: 1 } });
  });
});

describe('sessions', () => {
  it('drop what lies outside regular hours, and keep extended hours when asked', () => {
    const { open, close } = xnys.session('2024-07-01')!;
    const times = [
      open - 5.5 * 3_600_000 - 60_000,
      open - 5.5 * 3_600_000,
      open - 60_000,
      open,
      close - 60_000,
      close,
      open + 10.5 * 3_600_000 - 60_000,
      open + 10.5 * 3_600_000,
    ];
    const bars = walk(times.length, '1m');
    bars.time.set(times);
    const regular = findings(bars, { density: 'sparse' }) as { bars: BarColumns; counts: object };
    expect([...regular.bars.time]).toEqual([open, close - 60_000]);
    expect(regular.counts).toEqual({ session: 6 });
    const extended = findings(bars, { scope: 'extended', density: 'sparse' }) as { bars: BarColumns };
    expect([...extended.bars.time]).toEqual(times.slice(1, -1));
    expect(findings(bars, { density: 'sparse', policies: qualityPolicies({ session: 'refuse' }) })).toMatchObject({
      refused: { session: 6 },
    });
  });
});

describe('policies', () => {
  it('drop, warn and allow', () => {
    const bars = spoil((b) => void (b.close[7] = Number.NaN));
    const dropped = findings(bars, { policies: qualityPolicies({ missing: 'drop' }) }) as {
      bars: BarColumns;
      counts: object;
    };
    expect(dropped.bars.time.length).toBe(249);
    expect([...dropped.bars.time]).not.toContain(bars.time[7]);
    expect(dropped.counts).toEqual({ missing: 1, gaps: 1 });
    const spike = spoil((b) => void (b.high[7] = b.high[7]! * 100));
    expect(findings(spike, { policies: qualityPolicies({ outliers: 'warn' }) })).toMatchObject({
      counts: { outliers: 1 },
      bars: spike,
    });
  });

  it('are explained by an action: a split of that date is none', () => {
    const bars = spoil((b) => {
      for (const field of ['open', 'high', 'low', 'close'] as const) for (let i = 100; i < 250; i++) b[field][i]! /= 4;
    });
    const date = xnys.sessionAt(bars.time[100]!)!.date;
    expect(findings(bars, { actions: [{ type: 'split', instrument: 'A', date, ratio: 4 }] })).toMatchObject({
      counts: {},
    });
    expect(
      findings(bars, { actions: [{ type: 'split', instrument: 'A', date: '2023-01-05', ratio: 4 }] }),
    ).toMatchObject({ refused: { splits: 1 } });
  });

  it('apply to what the source noted', () => {
    const notes = [{ instrument: 'A', check: 'order' as const, count: 2, examples: ['line 7', 'line 9'] }];
    expect(findings(walk(), { notes })).toMatchObject({ refused: { order: 2 } });
    expect(findings(walk(), { notes, policies: qualityPolicies({ order: 'warn' }) })).toMatchObject({
      counts: { order: 2 },
    });
  });

  it('have names and limits', () => {
    expect(() => qualityPolicies({ gap: 'warn' })).toThrow(/no quality check "gap"/);
    expect(() => qualityPolicies({ missing: 'warn' })).toThrow(/missing .* cannot be "warn"/);
    expect(() => qualityPolicies({ toString: 'warn' })).toThrow(/no quality check/);
    for (const { policy, allowed } of Object.values(QUALITY_CHECKS)) expect(allowed).toContain(policy);
  });
});

it('leaves real crashes alone: 1987 is no outlier', () => {
  const bars = walk();
  for (let i = 120; i < 250; i++)
    for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][i]! *= 0.795;
  expect(findings(bars)).toMatchObject({ counts: {} });
});
