import { describe, expect, it } from 'vitest';
import {
  BoostedModel,
  createModelScorer,
  fromXgboostJson,
  type Tree,
  trainEmbedded,
} from '../../../../src/core/learning/boosting/index.js';
import { recorded, synthetic } from './support.js';

const bits = (values: Float32Array): Int32Array => new Int32Array(values.buffer, values.byteOffset, values.length);

describe.each([
  ['without missing cells', 0, 6],
  ['with missing cells', 0.2, 6],
  ['with trees too deep to be stored complete', 0.1, 12],
])('scores %s', (_, missing, depth) => {
  const data = synthetic(1000, 7, 3, missing);
  const trained = trainEmbedded({
    ...data,
    params: { objective: 'binary:logistic', max_depth: depth, min_child_weight: 0 },
    rounds: 12,
  });

  it('have the same bits for every batch, layout and path', async () => {
    const { model } = await trained;
    const whole = bits(model.predictMargin(data.x));
    for (const size of [1, 3, 15, 16, 17, 100, 129, 1000]) {
      for (let from = 0; from + size <= 1000; from += Math.max(size, 97)) {
        const cells = data.x.data.subarray(from * 7, (from + size) * 7);
        const part = model.predictMargin({ data: cells, rows: size, cols: 7 });
        expect(bits(part)).toEqual(whole.subarray(from, from + size));
      }
    }
    const single = Float32Array.from({ length: 1000 }, (__, i) => model.marginOfRow(data.x.data, i * 7));
    expect(bits(single)).toEqual(whole);
    const column = new Float32Array(7000);
    for (let i = 0; i < 1000; i++) for (let j = 0; j < 7; j++) column[j * 1000 + i] = data.x.data[i * 7 + j]!;
    const x = { data: column, rows: 1000, cols: 7, layout: 'column' } as const;
    expect(bits(model.predictMargin(x))).toEqual(whole);
    const wide = model.predictMargin(data.x, new Float64Array(1000));
    expect(bits(Float32Array.from(wide))).toEqual(whole);
    expect(model.predictRow(data.x.data, 70)).toBe(model.predict(data.x)[10]);
  });
});

describe('comparison', () => {
  const stump: Tree = {
    left: Int32Array.of(1, -1, -1),
    right: Int32Array.of(2, -1, -1),
    feature: Int32Array.of(0, 0, 0),
    value: Float32Array.of(0.1, -1, 1),
    defaultLeft: Uint8Array.of(0, 0, 0),
    gain: new Float32Array(3),
    cover: new Float32Array(3),
    baseWeight: new Float32Array(3),
    group: 0,
  };
  const model = new BoostedModel({
    objective: 'reg:squarederror',
    classes: 1,
    features: 1,
    baseScores: [0],
    trees: [stump, { ...stump, defaultLeft: Uint8Array.of(1, 0, 0) }],
  });

  it.each([1, 40])('is "<" in float32, and missing cells go the default way (%i rows)', (rows) => {
    const score = (cell: number) => model.predictMargin({ data: new Float32Array(rows).fill(cell), rows, cols: 1 })[0];
    expect(score(0.1)).toBe(2);
    // The next double below 0.1 is the same float32.
    expect(score(0.09999999999999999)).toBe(2);
    expect(score(0.0999999)).toBe(-2);
    expect(score(Number.NaN)).toBe(0);
    expect(score(Number.POSITIVE_INFINITY)).toBe(2);
  });

  it('refuses a matrix of another width, and a small output', () => {
    expect(() => model.predict({ data: new Float32Array(4), rows: 2, cols: 2 })).toThrow('1 features');
    const x = { data: new Float32Array(4), rows: 4, cols: 1 };
    expect(() => model.predict(x, new Float32Array(3))).toThrow('holds 3 of 4');
  });
});

it('several classes: rows × classes, probabilities that sum to 1', () => {
  const c = recorded('softprob');
  const model = fromXgboostJson(JSON.stringify(c.model));
  const x = synthetic(50, 4, 1).x;
  const p = model.predict(x);
  expect(p.length).toBe(150);
  for (let i = 0; i < 50; i++) expect(p[3 * i]! + p[3 * i + 1]! + p[3 * i + 2]!).toBeCloseTo(1, 6);
});

describe('several threads', () => {
  const scored = async (rows: number, cols: number, threads: number) => {
    const data = synthetic(rows, cols, 8, 0.02);
    const y = data.y.map((label, i) => label + (i % 2));
    const params = { objective: 'multi:softprob', num_class: 3, max_depth: 4 } as const;
    const { model } = await trainEmbedded({ x: data.x, y, params, rounds: 2 });
    const scorer = await createModelScorer(model, { threads });
    const out = scorer.predict(data.x, new Float32Array(rows * 3));
    // Again, and fewer rows: the buffers are used a second time.
    const part = { ...data.x, data: data.x.data.subarray(0, 1001 * cols), rows: 1001 };
    const again = scorer.predict(part, new Float32Array(1001 * 3));
    await scorer.close();
    const whole = model.predict(data.x);
    return { out, again, whole, part: whole.subarray(0, 1001 * 3) };
  };

  it.each([
    [5000, 6, 1],
    [5000, 6, 2],
    [5000, 6, 5],
    // Wider than one staging of rows.
    [1500, 700, 3],
  ])('%i rows × %i columns on %i threads have the bits of one', async (rows, cols, threads) => {
    const { out, again, whole, part } = await scored(rows, cols, threads);
    expect(bits(out)).toEqual(bits(whole));
    expect(bits(again)).toEqual(bits(Float32Array.from(part)));
  });
});
