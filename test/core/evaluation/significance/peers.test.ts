import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  blockLength,
  kernelVariance,
  overfittingProbability,
  superiorAbility,
} from '../../../../src/core/evaluation/significance/index.js';
import { sum } from '../../../../src/core/evaluation/stats.js';
import { ar1, normals } from './series.js';

const peers = JSON.parse(
  readFileSync(new URL('../../../../fixtures/truth/evaluation/peers-significance.json', import.meta.url), 'utf8'),
);
const relative = (value: number, expected: number) => Math.abs(value / expected - 1);

describe('arch: automatic block length', () => {
  it.each(peers.block_length as { seed: number; n: number; rho: number; stationary: number; circular: number }[])(
    'AR(1) of $rho, n = $n',
    ({ seed, n, rho, stationary, circular }) => {
      const found = blockLength(ar1(seed, n, rho));
      expect(relative(found.stationary, stationary)).toBeLessThan(1e-9);
      expect(relative(found.circular, circular)).toBeLessThan(1e-9);
    },
  );

  it('is one for a series that does not vary', () => {
    expect(blockLength(new Float64Array(100).fill(3))).toEqual({ stationary: 1, circular: 1 });
  });
});

interface Spa {
  seed: number;
  n: number;
  k: number;
  edge: number;
  block: number;
  /** Trial j moves 1 + spread·j times as much as the first. */
  spread: number;
  variances: number[];
  /** As arch gives them, with `studentize=True` too; and of columns that were divided by their ω beforehand. */
  raw: Record<'lower' | 'consistent' | 'upper', number>;
  studentised: Record<'lower' | 'consistent' | 'upper', number>;
}

/** Sampling error of 4,000 resamples here and 20,000 there, four and a half times. */
const within = (found: number, theirs: number) =>
  Math.abs(found - theirs) < 4.5 * Math.sqrt(Math.max(theirs * (1 - theirs), 0.001) * (1 / 4000 + 1 / 20_000));

describe('arch: SPA', () => {
  it.each(peers.spa as Spa[])('seed $seed, $k trials, n = $n', (t) => {
    const advantage = Array.from({ length: t.k }, (_, j) => {
      const shift = j === 0 ? t.edge : t.edge < 0 ? -0.15 : 0;
      return ar1(t.seed * 100 + j, t.n, 0.2).map((v) => (1 + t.spread * j) * v + shift);
    });
    advantage.forEach((d, j) => {
      expect(relative(kernelVariance(d, t.block), t.variances[j]!)).toBeLessThan(1e-11);
    });
    for (const studentize of [true, false]) {
      const found = superiorAbility(advantage, { block: t.block, samples: 4000, seed: 9, studentize });
      const theirs = studentize ? t.studentised : t.raw;
      if (found.statistic === 0) {
        // arch leaves out Hansen's max(…, 0): its p-values are below one where no trial is better at all.
        expect(theirs.lower).toBeGreaterThan(0.5);
        expect([found.lower, found.pValue, found.upper]).toEqual([1, 1, 1]);
        continue;
      }
      expect(found.lower).toSatisfy((p: number) => within(p, theirs.lower));
      expect(found.pValue).toSatisfy((p: number) => within(p, theirs.consistent));
      expect(found.upper).toSatisfy((p: number) => within(p, theirs.upper));
      // Where trials move by different amounts, the two statistics say different things.
      if (t.spread > 0) expect(within(found.pValue, (studentize ? t.raw : t.studentised).consistent)).toBe(false);
    }
  });

  it('finds a planted edge and is silent about noise', () => {
    const noise = Array.from({ length: 20 }, (_, j) => normals(7000 + 31 * j, 500));
    expect(superiorAbility(noise, { block: 3, samples: 500, seed: 1 }).pValue).toBeGreaterThan(0.05);
    const planted = noise.map((d, j) => (j === 4 ? d.map((v) => v + 0.25) : d));
    expect(superiorAbility(planted, { block: 3, samples: 500, seed: 1 }).pValue).toBeLessThan(0.01);
  });
});

interface Cscv {
  seed: number;
  n: number;
  k: number;
  blocks: number;
  edge: number;
  pbo: number;
  loss: number;
  slope: number;
  intercept: number;
  splits: number;
  first_logits: number[];
  sum_of_logits: number;
}

describe('pypbo: CSCV', () => {
  it.each(peers.cscv as Cscv[])('seed $seed, $k trials, S = $blocks', (t) => {
    const columns = Array.from({ length: t.k }, (_, j) => {
      const shift = j === Math.floor(t.k / 2) ? t.edge : 0;
      return normals(t.seed * 100 + j, t.n).map((v) => v + shift);
    });
    const found = overfittingProbability(columns, t.blocks);
    expect(found.splits).toBe(t.splits);
    expect(found.pbo).toBeCloseTo(t.pbo, 12);
    expect(found.probabilityOfLoss).toBeCloseTo(t.loss, 12);
    expect(found.slope).toBeCloseTo(t.slope, 9);
    expect(found.intercept).toBeCloseTo(t.intercept, 9);
    t.first_logits.forEach((logit, i) => {
      expect(found.logits[i]).toBeCloseTo(logit, 12);
    });
    expect(sum(found.logits)).toBeCloseTo(t.sum_of_logits, 7);
  });

  it('is about a half on noise and about zero with a planted edge', () => {
    let total = 0;
    for (let s = 0; s < 12; s++)
      total += overfittingProbability(
        Array.from({ length: 40 }, (_, j) => normals(s * 977 + j * 13 + 1, 400)),
        10,
      ).pbo;
    expect(total / 12).toBeGreaterThan(0.35);
    expect(total / 12).toBeLessThan(0.65);
    const planted = Array.from({ length: 40 }, (_, j) => normals(j * 13 + 1, 400).map((v) => v + (j === 3 ? 0.5 : 0)));
    expect(overfittingProbability(planted, 10).pbo).toBeLessThan(0.01);
  });

  it('takes 12,870 splits for S = 16 and refuses what it cannot split', () => {
    const columns = Array.from({ length: 100 }, (_, j) => normals(j + 1, 1000));
    const found = overfittingProbability(columns, 16);
    expect(found.splits).toBe(12_870);
    expect(() => overfittingProbability(columns, 7)).toThrow(/even number/);
    expect(() => overfittingProbability([columns[0]!], 16)).toThrow(/two trials/);
    expect(() =>
      overfittingProbability(
        columns.map((c) => c.slice(0, 20)),
        16,
      ),
    ).toThrow(/32 sessions/);
  });
});
