import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import {
  circular,
  randomEntries,
  shuffleTrades,
  simulateReturns,
  stationary,
} from '../../../../src/core/evaluation/significance/index.js';
import { mean, sum } from '../../../../src/core/evaluation/stats.js';
import { normals } from './series.js';

describe('resampling', () => {
  it('stationary blocks have geometric length of the stated mean', () => {
    const out = new Int32Array(200_000);
    stationary(8)(out, 1_000, seededRandom(3));
    let breaks = 1;
    for (let i = 1; i < out.length; i++) if (out[i] !== (out[i - 1]! + 1) % 1_000) breaks++;
    expect(out.length / breaks).toBeCloseTo(8, 0);
    expect(out.every((i) => i >= 0 && i < 1_000)).toBe(true);
  });

  it('circular blocks have one length', () => {
    const out = new Int32Array(1_001);
    circular(7)(out, 100, seededRandom(3));
    for (let i = 0; i < out.length; i++) if (i % 7 !== 0) expect(out[i]).toBe((out[i - 1]! + 1) % 100);
  });
});

describe('paths', () => {
  const returns = normals(11, 500).map((v) => 0.0005 + 0.01 * v);

  it('is centred on the observed Sharpe ratio, and equal for equal seeds', () => {
    const run = () => simulateReturns(returns, 252, { block: 1, samples: 2_000, seed: 5 });
    const found = run();
    const m = mean(returns);
    const sd = Math.sqrt(sum(returns.map((r) => (r - m) ** 2)) / 499);
    expect(Math.abs(found.sharpe.median - (m / sd) * Math.sqrt(252))).toBeLessThan(0.08);
    // Standard error of an annual Sharpe ratio over 500 sessions is √(252/500); 90 % lies within ±1.645 of it.
    expect((found.sharpe.q95 - found.sharpe.q05) / (2 * 1.645)).toBeCloseTo(Math.sqrt(252 / 500), 1);
    expect(run()).toEqual(found);
    expect(found.maxDrawdown.q95).toBeLessThan(0);
  });

  it('shuffled trades end at the same equity and differ in drawdown only', () => {
    const pnl = Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 30 : -20));
    const found = shuffleTrades(pnl, 1_000, { samples: 1_000, seed: 2 });
    expect(found.ruined).toBe(0);
    expect(found.maxDrawdown.q05).toBeLessThan(found.maxDrawdown.q95);
    expect(found.maxDrawdown.q95).toBeLessThanOrEqual(-20 / 1_600);
    expect(shuffleTrades(Float64Array.of(-900, -900, 100), 1_000, { samples: 100, seed: 1 }).ruined).toBe(1);
  });
});

describe('random entries with the same exposure', () => {
  const market = normals(21, 1_000).map((v) => 0.01 * v);
  const smart = market.map((r) => (r > 0 ? 1 : 0));

  it('finds timing and is silent where there is none', () => {
    expect(randomEntries([smart], [market], 252, { samples: 400, seed: 1 }).pValue).toBeLessThan(0.01);
    const blind = Float64Array.from({ length: 1_000 }, (_, i) => (i % 20 < 10 ? 1 : 0));
    expect(randomEntries([blind], [market], 252, { samples: 400, seed: 1 }).pValue).toBeGreaterThan(0.05);
  });

  it('does not call a market drift timing', () => {
    const drift = market.map((r) => r + 0.002);
    const always = new Float64Array(1_000).fill(1);
    const found = randomEntries([always], [drift], 252, { samples: 200, seed: 1 });
    expect(found.observed).toBeGreaterThan(1);
    expect(found.pValue).toBe(1);
  });
});
