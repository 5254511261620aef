import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  againstBenchmark,
  downsideDeviation,
  omega,
  sharpe,
  sortino,
  tradeFigures,
} from '../../../../src/core/evaluation/metrics/index.js';
import { standardDeviation } from '../../../../src/core/evaluation/stats.js';
import { f64 } from './input.js';

const truth = JSON.parse(
  readFileSync(new URL('../../../../fixtures/truth/evaluation/published.json', import.meta.url), 'utf8'),
);

interface LeanTrades {
  name: string;
  pnl: number[];
  average: number;
  total: number;
  winRate: number;
  winningStreak: number;
  losingStreak: number;
  sharpe: number;
  profitFactor: number | null;
}

it('the recorded values are the ones their metadata names', () => {
  const folder = new URL('../../../../fixtures/truth/evaluation/', import.meta.url);
  const listed = JSON.parse(readFileSync(new URL('metadata.json', folder), 'utf8')) as Record<string, string>[];
  for (const entry of listed) {
    expect(
      createHash('sha256')
        .update(readFileSync(new URL(entry['file']!, folder)))
        .digest('hex'),
    ).toBe(entry['sha256']);
    expect(entry['source']).toBeTruthy();
  }
  const files = readdirSync(folder).filter((name) => name !== 'metadata.json');
  expect(listed.map((entry) => entry['file']).sort()).toEqual(files.sort());
});

describe('published figures', () => {
  it('reproduces Bacon: downside deviation and Bernardo-Ledoit', () => {
    const returns = Float64Array.from(truth.bacon.portfolio as number[], (r) => r / 100);
    expect(downsideDeviation(returns, truth.bacon.minimumAcceptable)).toBeCloseTo(truth.bacon.downsideDeviation, 4);
    expect(omega(returns)).toBeCloseTo(truth.bacon.bernardoLedoit, 2);
  });

  it('reproduces the Sharpe, Sortino and Omega ratios of pypbo', () => {
    const s = truth.pypbo.sharpe;
    expect(sharpe(f64(...s.returns), 1, s.benchmark)).toBeCloseTo(s.value, 6);
    const o = truth.pypbo.omega;
    expect(omega(f64(...o.returns), o.target)).toBeCloseTo(o.value, 8);
    expect(sortino(f64(...truth.pypbo.sortino.returns), 1)).toBeCloseTo(truth.pypbo.sortino.value, 6);
  });

  it.each(truth.lean.cases as { days: number; variance: number; deviation: number; trackingError: number }[])(
    'reproduces the variance and tracking error of Lean for $days days a year',
    ({ days, variance, deviation, trackingError }) => {
      const returns = f64(...truth.lean.returns);
      const sd = standardDeviation(returns);
      expect(sd * sd * days).toBeCloseTo(variance, 15);
      expect(sd * Math.sqrt(days)).toBeCloseTo(deviation, 14);
      expect(againstBenchmark(returns, f64(...truth.lean.benchmark), days).trackingError).toBeCloseTo(
        trackingError,
        14,
      );
    },
  );

  it.each(truth.lean.trades as LeanTrades[])('reproduces the trade statistics of Lean: $name', (t) => {
    const pnl = f64(...t.pnl);
    const figures = tradeFigures({ pnl, return: pnl.map((x) => x / 1000), barsHeld: pnl.map(() => 1) });
    expect(figures.averageTrade).toBeCloseTo(t.average, 12);
    expect(figures.averageTrade * figures.trades).toBeCloseTo(t.total, 12);
    expect(figures.winRate).toBeCloseTo(t.winRate, 12);
    expect(figures.longestWinningStreak).toBe(t.winningStreak);
    expect(figures.longestLosingStreak).toBe(t.losingStreak);
    // Lean's per-trade Sharpe ratio is the SQN without √n. Lean caps an unbounded profit factor at 10.
    expect(figures.sqn / Math.sqrt(3)).toBeCloseTo(t.sharpe, 12);
    expect(figures.profitFactor).toBe(t.profitFactor ?? Number.POSITIVE_INFINITY);
  });
});
