import { describe, expect, it } from 'vitest';
import { normalCdf, normalQuantile } from '../../../src/core/domain/special.js';

/** scipy 1.17.1, scipy.stats.norm.cdf; −30 by Laplace’s continued fraction in 60 digits. */
const CDF: readonly [number, number][] = [
  [-30, 4.906713927148187e-198],
  [-10, 7.61985302416047e-24],
  [-5, 2.866515718791933e-7],
  [-2.5, 0.006209665325776132],
  [-2, 0.022750131948179195],
  [-1.99, 0.02329546775021182],
  [-0.5, 0.3085375387259869],
  [0, 0.5],
  [0.3, 0.6179114221889526],
  [1.6448536269514722, 0.95],
  [1.959963984540054, 0.975],
  [4, 0.9999683287581669],
  [9, 1],
];

describe('normal distribution', () => {
  it.each(CDF)('Φ(%f)', (x, expected) => {
    expect(Math.abs(normalCdf(x) / expected - 1)).toBeLessThan(2e-14);
  });

  it.each([
    [0.5, 0],
    [0.95, 1.6448536269514722],
    [0.975, 1.959963984540054],
    [0.99, 2.3263478740408408],
    [1e-10, -6.361340902404056],
    [1e-300, -37.0470962993612],
    [0.02, -2.053748910631823],
  ])('Φ⁻¹(%f)', (p, expected) => {
    expect(Math.abs(normalQuantile(p) - expected)).toBeLessThan(1e-13);
  });

  it('inverts itself over the whole range', () => {
    for (let k = 1; k < 400; k++) {
      const p = k / 400;
      expect(normalCdf(normalQuantile(p))).toBeCloseTo(p, 14);
    }
  });

  it('has the limits', () => {
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY);
    expect(normalQuantile(1.1)).toBeNaN();
    expect(normalCdf(Number.NaN)).toBeNaN();
  });
});
