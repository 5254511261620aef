import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import type { FloatMatrix } from '../../../../src/core/learning/boosting/index.js';
import { LinearModel, type LinearOptions, trainLinear } from '../../../../src/core/learning/linear/index.js';

interface Recorded {
  rows: number;
  cols: number;
  x: number[];
  y: number[];
  target: number[];
  weights: number[];
  cases: {
    family: 'binomial' | 'gaussian';
    l: number;
    rho: number;
    weighted: boolean;
    coefficients: number[];
    intercept: number;
  }[];
}

const fixture = new URL('../../../../fixtures/truth/linear/sklearn.json', import.meta.url);
const truth = JSON.parse(readFileSync(fixture, 'utf8')) as Recorded;
const x: FloatMatrix = { data: Float32Array.from(truth.x), rows: truth.rows, cols: truth.cols };

describe('recorded from scikit-learn', () => {
  it.each(truth.cases)('$family, lambda $l, l1 ratio $rho, weighted $weighted', async (c) => {
    const { model } = await trainLinear({
      x,
      y: c.family === 'binomial' ? truth.y : truth.target,
      weights: c.weighted ? truth.weights : undefined,
      family: c.family,
      lambda: c.l,
      l1Ratio: c.rho,
      standardize: false,
      tolerance: 1e-11,
    });
    expect(Math.abs(model.parts.intercept - c.intercept)).toBeLessThan(2e-6);
    model.parts.coefficients.forEach((b, j) => {
      expect(Math.abs(b - c.coefficients[j]!)).toBeLessThan(2e-6);
      // Zeros of the lasso are exact.
      if (c.coefficients[j] === 0) expect(b).toBe(0);
    });
  });
});

const base: LinearOptions = { x, y: truth.y };
const withCell = (cell: number, value: number): FloatMatrix => ({ ...x, data: x.data.with(cell, value) });

describe('training', () => {
  it('standardising makes the penalty independent of units', async () => {
    const scaled = { ...x, data: x.data.map((value, at) => (at % x.cols === 1 ? value * 1024 : value)) };
    const a = (await trainLinear({ ...base, lambda: 0.02 })).model.parts;
    const b = (await trainLinear({ ...base, lambda: 0.02, x: scaled })).model.parts;
    expect(b.coefficients[1]! * 1024).toBeCloseTo(a.coefficients[1]!, 8);
    expect(b.intercept).toBeCloseTo(a.intercept, 8);
  });

  it('a large lambda leaves the base rate only', async () => {
    const { model } = await trainLinear({ ...base, lambda: 10, l1Ratio: 1 });
    expect(model.parts.coefficients.every((b) => b === 0)).toBe(true);
    const rate = truth.y.reduce((a, b) => a + b, 0) / truth.rows;
    expect(model.predict(x)[0]).toBeCloseTo(rate, 9);
  });

  it('gives equal bits each time and for both layouts', async () => {
    const column = x.data.map((_, at) => x.data[(at % x.rows) * x.cols + Math.floor(at / x.rows)]!);
    const a = (await trainLinear(base)).model.toJson();
    expect((await trainLinear(base)).model.toJson()).toBe(a);
    expect((await trainLinear({ ...base, x: { ...x, data: column, layout: 'column' } })).model.toJson()).toBe(a);
  });

  it('weights count rows', async () => {
    const random = seededRandom(1);
    const counts = truth.y.map(() => Math.floor(random.next() * 3));
    const rows: number[] = counts.flatMap((count, i) => new Array<number>(count).fill(i));
    const data = Float32Array.from(rows.flatMap((i) => Array.from(x.data.subarray(i * x.cols, (i + 1) * x.cols))));
    const repeated = { x: { data, rows: rows.length, cols: x.cols }, y: rows.map((i) => truth.y[i]!) };
    const a = (await trainLinear({ ...base, weights: counts })).model.parts;
    const b = (await trainLinear(repeated)).model.parts;
    a.coefficients.forEach((value, j) => {
      expect(value).toBeCloseTo(b.coefficients[j]!, 7);
    });
  });

  it('a missing cell is the mean where that was chosen, else there is no score', async () => {
    const holes = withCell(13, Number.NaN);
    await expect(trainLinear({ ...base, x: holes })).rejects.toMatchObject({
      code: 'INPUT',
      message: 'Row 2, column f1 is missing.',
    });
    for (const standardize of [true, false]) {
      const { model } = await trainLinear({ ...base, x: holes, missing: 'mean', standardize });
      const filled = withCell(13, model.parts.means![1]!);
      expect(model.predictMargin(holes)[2]).toBeCloseTo(model.predictMargin(filled)[2]!, 6);
      expect(model.marginOfRow(holes.data, 2 * x.cols)).toBe(model.predictMargin(holes)[2]);
    }
    const { model } = await trainLinear(base);
    expect(model.predict(holes)[2]).toBeNaN();
    expect(model.predict(holes)[3]).not.toBeNaN();
  });

  it('is saved and read bit for bit', async () => {
    const { model } = await trainLinear({ ...base, featureNames: ['a', 'b', 'c', 'd', 'e', 'f'] });
    const again = LinearModel.fromJson(model.toJson());
    expect(again.predict(x)).toEqual(model.predict(x));
    expect(again.parts).toEqual(model.parts);
  });
});

describe('bad input', () => {
  it.each<[string, Partial<LinearOptions>, string, string]>([
    ['a NaN label', { y: truth.y.with(3, Number.NaN) }, 'INPUT', 'row 3'],
    ['a label out of range', { y: truth.y.with(3, 2) }, 'INPUT', 'row 3'],
    ['one class', { y: new Float32Array(truth.rows) }, 'NO_DATA', 'one class'],
    ['labels of another length', { y: truth.y.slice(1) }, 'INPUT', '299 labels'],
    ['an infinite cell', { x: withCell(6, Infinity) }, 'INPUT', 'Row 1, column f0'],
    ['a constant column', { x: { ...x, data: x.data.map((v, at) => (at % 6 === 4 ? 1 : v)) } }, 'QUALITY', 'f4'],
    ['a negative weight', { weights: new Float32Array(truth.rows).fill(1).with(2, -1) }, 'INPUT', 'row 2'],
    ['no weight', { weights: new Float32Array(truth.rows) }, 'INPUT', 'weights'],
    ['a negative lambda', { lambda: -1 }, 'CONFIG', 'lambda'],
    ['an impossible ratio', { l1Ratio: 2 }, 'CONFIG', 'l1Ratio'],
    ['too few rows', { x: { data: new Float32Array(6), rows: 1, cols: 6 }, y: [1] }, 'NO_DATA', 'too few'],
    ['an aborted signal', { signal: AbortSignal.abort() }, 'INTERRUPTED', 'stopped'],
  ])('%s', async (_, change, code, message) => {
    await expect(trainLinear({ ...base, ...change })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it('separable rows without a penalty have no solution', async () => {
    const data = Float32Array.from({ length: 40 }, (_, i) => i - 19.5);
    const y = data.map((value) => (value > 0 ? 1 : 0));
    const run = trainLinear({ x: { data, rows: 40, cols: 1 }, y, lambda: 0, maxIterations: 15 });
    await expect(run).rejects.toMatchObject({ code: 'QUALITY', message: expect.stringContaining('converge') });
  });

  it('damaged files', () => {
    expect(() => LinearModel.fromJson('{')).toThrow('not JSON');
    expect(() => LinearModel.fromJson('{"kind":"linear","version":1,"family":"binomial"}')).toThrow('intercept');
  });
});
