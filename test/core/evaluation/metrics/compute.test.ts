import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import { conditionText, NAMED_GATES } from '../../../../src/core/evaluation/gates/index.js';
import {
  computeFigures,
  FIGURE_NAMES,
  perInstrument,
  sessionOfMarks,
  sharpe,
} from '../../../../src/core/evaluation/metrics/index.js';
import { SIGNIFICANCE } from '../../../../src/core/evaluation/significance/index.js';
import { dailyRun, f64 } from './input.js';

const HOUR = 3_600_000;

describe('session returns', () => {
  it('assigns a mark to the session it happened in, closes and late publication included', () => {
    const axis = { dates: ['a', 'b', 'c'], open: f64(0, 24 * HOUR, 48 * HOUR), periodsPerYear: 252 };
    // One minute in, the close, half an hour after the close, the instant of the next open, the next day, the last.
    const time = f64(60_000, 6.5 * HOUR, 7 * HOUR, 24 * HOUR, 24 * HOUR + 1, 60 * HOUR);
    expect([...sessionOfMarks(time, axis)]).toEqual([0, 0, 0, 0, 1, 2]);
  });

  it('takes the last mark of a session and carries equity over a session without one', () => {
    const daily = dailyRun([110, 110, 121]);
    const figures = computeFigures({
      ...daily,
      time: f64(daily.time[0]! - HOUR, daily.time[0]!, daily.time[2]!),
      equity: f64(90, 110, 121),
      gross: f64(90, 110, 121),
    });
    expect(figures.session.returns[0]).toBeCloseTo(0.1, 14);
    expect(figures.session.returns[1]).toBe(0);
    expect(figures.session.returns[2]).toBeCloseTo(0.1, 14);
    expect(figures.session.sessionsWithoutMark).toBe(1);
    // Drawdown counts every mark: the fall to 90 within the first session is one.
    expect(figures.values.max_drawdown).toBeCloseTo(-0.1, 14);
    expect(figures.values.exposure).toBe(1);
  });

  it('gives the same risk figures for one mark a session and many', () => {
    const random = seededRandom(7);
    const daily = Array.from({ length: 60 }, () => 80 + 40 * random.next());
    const coarse = dailyRun(daily);
    const time: number[] = [];
    const equity: number[] = [];
    for (let i = 0; i < 60; i++)
      for (let k = 5; k >= 0; k--) {
        time.push(coarse.time[i]! - k * HOUR);
        equity.push(k === 0 ? daily[i]! : 80 + 40 * random.next());
      }
    const fine = { ...coarse, time: f64(...time), equity: f64(...equity), gross: new Float64Array(360) };
    for (const name of [
      'sharpe',
      'sortino',
      'volatility',
      'var_95',
      'cagr',
      'skew',
      'best_month',
      'ulcer_index',
    ] as const)
      expect(computeFigures(fine).values[name]).toBe(computeFigures(coarse).values[name]);
  });
});

describe('drawdown', () => {
  it('dates the deepest fall and counts its sessions', () => {
    const run = dailyRun([110, 99, 88, 110, 120, 114]);
    const { values, drawdowns } = computeFigures(run);
    expect(values.max_drawdown).toBeCloseTo(-0.2, 14);
    expect(values.max_drawdown_sessions).toBe(3);
    expect(drawdowns[0]).toMatchObject({ start: run.time[0], trough: run.time[2], end: run.time[3], sessions: 3 });
    expect(drawdowns[1]).toMatchObject({ start: run.time[4], trough: run.time[5], end: null, sessions: 1 });
    expect(values.average_drawdown).toBeCloseTo((-0.2 - 0.05) / 2, 14);
    expect(values.calmar).toBeCloseTo(values.cagr! / 0.2, 12);
  });

  it('counts a loss on the very first bar', () => {
    const run = dailyRun([90, 95]);
    const { values, drawdowns } = computeFigures(run);
    expect(values.max_drawdown).toBeCloseTo(-0.1, 14);
    expect(drawdowns[0]!.start).toBe(run.sessions.open[0]);
    expect(values.longest_drawdown_sessions).toBe(2);
  });
});

describe('months', () => {
  it('compounds by the month of the session', () => {
    const run = dailyRun([110, 121, 108.9]);
    const sessions = { ...run.sessions, dates: ['2020-01-31', '2020-02-03', '2020-02-04'] };
    const { months, values } = computeFigures({ ...run, sessions });
    expect(months.map((m) => [m.period, m.sessions])).toEqual([
      ['2020-01', 1],
      ['2020-02', 2],
    ]);
    expect(months[1]!.return).toBeCloseTo(1.1 * 0.9 - 1, 14);
    expect(values.worst_month).toBeCloseTo(-0.01, 14);
    expect(values.positive_months).toBe(0.5);
  });
});

describe('size', () => {
  it('takes a curve of a million marks with a drawdown at every other one', () => {
    const n = 1_000_000;
    const daily = dailyRun([100, 100]);
    const time = Float64Array.from({ length: n }, (_, i) => daily.sessions.open[0]! + 1 + i);
    const equity = Float64Array.from({ length: n }, (_, i) => 100 + i * 1e-4 - (i % 2));
    const { values, drawdowns } = computeFigures({ ...daily, time, equity, gross: new Float64Array(n) });
    expect(values.longest_drawdown_sessions).toBe(0);
    expect(drawdowns).toHaveLength(5);
  });
});

describe('edges', () => {
  const noNaN = (result: ReturnType<typeof computeFigures>) => {
    for (const name of FIGURE_NAMES) {
      const value = result.values[name];
      if (value === null) expect(result.reasons[name], name).toBeTruthy();
      else expect(Number.isFinite(value), name).toBe(true);
    }
  };

  it('no trades, flat equity: undefined ratios are null with a reason', () => {
    const result = computeFigures(dailyRun([100, 100, 100]));
    noNaN(result);
    expect(result.values).toMatchObject({ total_return: 0, volatility: 0, sharpe: null, max_drawdown: 0, trades: 0 });
    expect(result.reasons.sharpe).toBe('returns do not vary');
    expect(result.reasons.win_rate).toBe('no trades');
    expect(JSON.parse(JSON.stringify(result.values)).sharpe).toBeNull();
  });

  it('a constant gain has no Sharpe ratio, whatever rounding leaves of its deviation', () => {
    const equity = Array.from({ length: 300 }, (_, i) => 100 * 1.0007 ** (i + 1));
    expect(computeFigures(dailyRun(equity)).values.sharpe).toBeNull();
    expect(sharpe(f64(0.1, 0.1, 0.1), 252)).toBeNaN();
  });

  it('one session', () => {
    const result = computeFigures(dailyRun([101]));
    noNaN(result);
    expect(result.reasons.sharpe).toBe('needs at least two sessions');
    expect(result.values.total_return).toBeCloseTo(0.01, 14);
  });

  it('only winners: the profit factor is unbounded, never a number', () => {
    const trades = { pnl: f64(5, 10), return: f64(0.05, 0.1), barsHeld: f64(3, 4) };
    const result = computeFigures(dailyRun([105, 115], { trades }));
    noNaN(result);
    expect(result.values).toMatchObject({ profit_factor: null, win_rate: 1, payoff_ratio: null, average_loss: null });
    expect(result.reasons.profit_factor).toContain('unbounded');
  });

  it('only losers', () => {
    const trades = { pnl: f64(-5, -10), return: f64(-0.05, -0.1), barsHeld: f64(3, 4) };
    const result = computeFigures(dailyRun([95, 85], { trades }));
    noNaN(result);
    expect(result.values).toMatchObject({ profit_factor: 0, win_rate: 0, kelly: null });
  });

  it('ruin: returns end with the session of ruin, growth is −1', () => {
    const result = computeFigures(dailyRun([110, -11, -20, 5]));
    noNaN(result);
    expect(result.session.ruined).toBe(1);
    expect([...result.session.returns]).toHaveLength(2);
    expect(result.session.returns[1]).toBeCloseTo(-1.1, 14);
    expect(result.values.max_drawdown!).toBeLessThan(-1);
    expect(computeFigures(dailyRun([110, -11])).values.cagr).toBe(-1);
  });

  it('refuses a run without bars', () => {
    expect(() => computeFigures(dailyRun([]))).toThrow(/no bars/);
  });
});

describe('against buy and hold', () => {
  it('is beta 1, alpha 0 for the benchmark itself', () => {
    const equity = [101, 99, 104, 103];
    const { values, reasons } = computeFigures(dailyRun(equity, { benchmark: f64(...equity), benchmarkInitial: 100 }));
    expect(values.beta).toBeCloseTo(1, 14);
    expect(values.alpha).toBeCloseTo(0, 14);
    expect(values.correlation).toBeCloseTo(1, 14);
    expect(values.information_ratio).toBeNull();
    expect(reasons.information_ratio).toBe('returns equal the benchmark');
  });
});

describe('turnover and instruments', () => {
  it('annualises traded value over mean equity', () => {
    const equity = Array.from({ length: 252 }, () => 200);
    expect(computeFigures(dailyRun(equity, { tradedValue: 600 })).values.turnover).toBeCloseTo(3, 14);
  });

  it('adds up to the whole', () => {
    const rows = perInstrument(
      {
        instrument: f64(0, 2, 0),
        pnl: f64(10, -4, -5),
        costs: f64(1, 1, 2),
        return: f64(0.1, -0.04, -0.05),
        barsHeld: f64(1, 1, 1),
      },
      ['A', 'B', 'C'],
      1000,
    );
    expect(rows).toEqual([
      {
        instrument: 'A',
        trades: 2,
        pnl: 5,
        costs: 3,
        contribution: 0.005,
        win_rate: 0.5,
        profit_factor: 2,
        expectancy: 0.025,
      },
      {
        instrument: 'B',
        trades: 0,
        pnl: 0,
        costs: 0,
        contribution: 0,
        win_rate: null,
        profit_factor: null,
        expectancy: null,
      },
      {
        instrument: 'C',
        trades: 1,
        pnl: -4,
        costs: 1,
        contribution: -0.004,
        win_rate: 0,
        profit_factor: 0,
        expectancy: -0.04,
      },
    ]);
  });
});

describe('the README and docs/figures.md', () => {
  const read = (file: string) => readFileSync(new URL(`../../../../${file}`, import.meta.url), 'utf8');
  const readme = read('README.md');
  const page = read('docs/figures.md');
  const between = (from: string, to: string, text: string) => text.slice(text.indexOf(from), text.indexOf(to));
  const documented = (section: string) => [...section.matchAll(/^\| `(\w+)` \| .{2,} \|$/gm)].map((m) => m[1]);

  it('gives a formula for every figure and names no other', () => {
    expect(documented(between('## Figures', '### Significance', readme))).toEqual([...FIGURE_NAMES]);
    const significance = documented(between('### Significance', '## Pages', readme));
    expect([...significance].sort()).toEqual(Object.keys(SIGNIFICANCE).sort());
  });

  it('lists the named gates with their thresholds', () => {
    const section = between('## Gates', '## How peers differ', page);
    for (const gate of NAMED_GATES) {
      const row = section.split('\n').find((line) => line.startsWith(`| \`${gate.name}@${gate.version}\``))!;
      const listed = [...row.matchAll(/`(\w+[<>]=?-?[\d.]+)`/g)].map((m) => m[1]);
      expect(listed).toEqual(gate.conditions.map(conditionText));
    }
  });
});
