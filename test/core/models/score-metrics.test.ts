import { describe, expect, test } from 'vitest';
import { auc, rankCorrelation, scoreMetrics } from '../../../src/core/models/score-metrics.js';
import { checkSegments, planSegments, type Segment, segmentAt } from '../../../src/core/models/segments.js';

const f = (...values: number[]) => Float64Array.from(values);

describe('metrics of scores', () => {
  test('the area under the curve counts pairs, ties half', () => {
    expect(auc(f(0.1, 0.4, 0.35, 0.8), f(0, 0, 1, 1))).toBe(0.75);
    expect(auc(f(0.5, 0.5), f(0, 1))).toBe(0.5);
    expect(auc(f(0.5, 0.6), f(1, 1))).toBeNaN();
  });

  test('rank correlation averages ties', () => {
    expect(rankCorrelation(f(1, 2, 3, 4), f(10, 20, 30, 40))).toBe(1);
    expect(rankCorrelation(f(1, 2, 3, 4), f(4, 3, 2, 1))).toBe(-1);
    expect(rankCorrelation(f(1, 2, 2, 3), f(1, 2, 3, 4))).toBeCloseTo(0.9486832980505138, 12);
    expect(rankCorrelation(f(1, 1), f(1, 2))).toBeNaN();
  });

  test('rows without a score are left out, log loss is finite for certain scores', () => {
    const metrics = scoreMetrics('probability', f(0.8, Number.NaN, 0.3, 1), f(1, 1, 0, 0));
    expect(metrics).toMatchObject({ rows: 3, accuracy: 2 / 3 });
    expect(metrics['logloss']).toBeCloseTo((-Math.log(0.8) - Math.log(0.7) - Math.log(1e-15)) / 3, 1);
    expect(scoreMetrics('return', f(0.01, -0.02), f(0.02, 0.01))).toMatchObject({ rows: 2, accuracy: 0.5 });
    expect(scoreMetrics('return', f(Number.NaN), f(1))).toEqual({ rows: 0 });
  });
});

describe('segments', () => {
  test('walk-forward covers what follows the first range, anchored or rolling, the embargo left out', () => {
    const scheme = { kind: 'walk-forward', folds: 3, first: 0.25, anchored: true } as const;
    expect(planSegments(scheme, 100, 2)).toEqual([
      { from: 0, to: 25, start: 27, end: 50 },
      { from: 0, to: 50, start: 52, end: 75 },
      { from: 0, to: 75, start: 77, end: 100 },
    ]);
    expect(planSegments({ ...scheme, anchored: false }, 100, 0).map(({ from, to }) => to - from)).toEqual([25, 25, 25]);
    expect(planSegments({ kind: 'split', fraction: 0.7 }, 10, 0)).toEqual([{ from: 0, to: 7, start: 7, end: 10 }]);
  });

  test.each([
    [{ kind: 'split', fraction: 1 } as const, 10, 0],
    [{ kind: 'split', fraction: 0.5 } as const, 10, 5],
    [{ kind: 'walk-forward', folds: 20, first: 0.5, anchored: true } as const, 10, 0],
  ])('too few bars for %j', (scheme, ticks, embargo) => {
    expect(() => planSegments(scheme, ticks, embargo)).toThrow(expect.objectContaining({ code: 'NO_DATA' }));
  });

  const segment = (validFrom: number, validTo: number | null, labelEnd = validFrom): Segment => ({
    ...{ trainFrom: 0, trainTo: validFrom, labelEnd, validFrom, validTo, embargo: 0, folder: 's' },
  });

  test('a bar belongs to the segment whose range holds its instant', () => {
    const segments = [segment(10, 20), segment(20, null)];
    expect([5, 10, 19, 20, 1e9].map((t) => segmentAt(segments, t))).toEqual([-1, 0, 0, 1, 1]);
  });

  test('labels that end after the first scored bar are leakage', () => {
    expect(() => checkSegments([segment(10, null)])).not.toThrow();
    expect(() => checkSegments([segment(10, null, 11)])).toThrow(expect.objectContaining({ code: 'LEAKAGE' }));
  });
});
