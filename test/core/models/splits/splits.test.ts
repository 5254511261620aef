import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  combinatorialPurged,
  groupByTime,
  type LabelSpans,
  pathReturns,
  pathStatistics,
  purgedKFold,
  purgedWalkForward,
} from '../../../../src/core/models/splits/index.js';

const peers = JSON.parse(
  readFileSync(new URL('../../../../fixtures/truth/evaluation/peers-sampling.json', import.meta.url), 'utf8'),
) as Record<'kfold' | 'walk', { train: number[]; test: number[] }[]>;

/** One row a day, labels of one to nine days, as the recording script. */
function daily(rows = 120): LabelSpans {
  const decided = Float64Array.from({ length: rows }, (_, i) => i);
  return { decided, labelEnd: decided.map((t, i) => t + ((i * 7) % 9) + 1) };
}

describe('against timeseriescv', () => {
  it('purged k-fold with an embargo of three days', () => {
    const ours = purgedKFold(daily(), 6, 3);
    const theirs = [...peers.kfold].reverse();
    for (let g = 0; g < 6; g++) {
      expect([...ours[g]!.test]).toEqual(theirs[g]!.test);
      // timeseriescv skips the embargo where it reaches past the last row; here that is the last block only.
      expect([...ours[g]!.train]).toEqual(theirs[g]!.train);
    }
  });

  it('purged walk-forward over at most three groups', () => {
    const ours = purgedWalkForward(daily(), { groups: 6, first: 2, window: 3 });
    expect(ours.map((fold) => ({ train: [...fold.train], test: [...fold.test] }))).toEqual(peers.walk);
  });

  it('anchored walk-forward trains from the start', () => {
    const folds = purgedWalkForward(daily(), { groups: 6, first: 2 });
    for (const fold of folds) expect(fold.train[0]).toBe(0);
  });
});

/** Rows of several instruments, decided at common instants, labels of random length. */
const spans = fc
  .record({
    instants: fc.integer({ min: 12, max: 60 }),
    instruments: fc.integer({ min: 1, max: 4 }),
    lengths: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 5, maxLength: 20 }),
    groups: fc.integer({ min: 3, max: 6 }),
    embargo: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ instants, instruments, lengths, groups, embargo }) => {
    const n = instants * instruments;
    const decided = Float64Array.from({ length: n }, (_, i) => 1000 + 60 * (i % instants));
    const labelEnd = decided.map((t, i) => t + 60 * lengths[i % lengths.length]!);
    return { spans: { decided, labelEnd }, groups, embargo };
  });

const overlaps = (s: LabelSpans, a: number, b: number) =>
  s.decided[a]! <= s.labelEnd[b]! && s.labelEnd[a]! >= s.decided[b]!;

describe('properties', () => {
  it('no training label overlaps a test label, and the embargo holds', () => {
    fc.assert(
      fc.property(spans, ({ spans: s, groups, embargo }) => {
        for (const fold of combinatorialPurged(s, { groups, tested: 2, embargo }).folds) {
          const test = new Set(fold.test);
          const last = Math.max(...[...fold.test].map((row) => s.labelEnd[row]!));
          for (const row of fold.train) {
            if (test.has(row)) return false;
            for (const other of fold.test) if (overlaps(s, row, other)) return false;
            if (s.decided[row]! > last && s.decided[row]! <= last + 60 * embargo) return false;
          }
        }
        return true;
      }),
      { numRuns: 60 },
    );
  });

  it('test blocks partition the rows and never part one instant', () => {
    fc.assert(
      fc.property(spans, ({ spans: s, groups, embargo }) => {
        const folds = purgedKFold(s, groups, embargo);
        const all = folds.flatMap((fold) => [...fold.test]).sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: s.decided.length }, (_, i) => i));
        const { groupOf } = groupByTime(s, groups);
        const byInstant = new Map<number, number>();
        for (let i = 0; i < groupOf.length; i++) {
          const seen = byInstant.get(s.decided[i]!) ?? groupOf[i]!;
          expect(seen).toBe(groupOf[i]!);
          byInstant.set(s.decided[i]!, seen);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps every row that purging does not need to drop', () => {
    const s: LabelSpans = { decided: daily().decided, labelEnd: daily().decided };
    for (const fold of purgedKFold(s, 6)) expect(fold.train.length + fold.test.length).toBe(120);
  });
});

describe('combinatorial paths', () => {
  it.each([
    [6, 2, 15, 5],
    [10, 2, 45, 9],
    [8, 3, 56, 21],
    [5, 1, 5, 1],
  ])('N = %i, k = %i: %i splits, %i paths', (groups, tested, splits, paths) => {
    const split = combinatorialPurged(daily(), { groups, tested });
    expect(split.folds).toHaveLength(splits);
    expect(split.paths).toHaveLength(paths);
    const used = new Set<string>();
    for (const path of split.paths)
      path.forEach((fold, group) => {
        expect(split.folds[fold]!.groups).toContain(group);
        used.add(`${fold}/${group}`);
      });
    expect(used.size).toBe(paths * groups);
  });

  it("assembles a path from its folds' rows", () => {
    const split = combinatorialPurged(daily(), { groups: 6, tested: 2 });
    const returnsOf = split.folds.map((fold, f) => {
      const row = new Float64Array(120).fill(Number.NaN);
      for (const i of fold.test) row[i] = f;
      return row;
    });
    split.paths.forEach((path, p) => {
      const found = pathReturns(split, p, returnsOf);
      found.forEach((fold, row) => {
        expect(fold).toBe(path[split.groupOf[row]!]);
      });
    });
    expect(pathStatistics(Float64Array.of(1, -1, 3))).toEqual({
      paths: 3,
      mean: 1,
      deviation: 2,
      min: -1,
      median: 1,
      max: 3,
      below_zero: 1 / 3,
    });
  });

  it('refuses what cannot be cut', () => {
    expect(() => combinatorialPurged(daily(), { groups: 4, tested: 4 })).toThrow(/fewer than all/);
    expect(() => groupByTime(daily(5), 6)).toThrow(/5 decision times cannot be cut into 6/);
  });
});
