import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import {
  type FeatureMatrix,
  fitScaler,
  type NetworkSpec,
  type TrainOptions,
  trainNetwork,
  windowEnds,
} from '../../../../src/core/learning/networks/index.js';

const ROWS = 700;
const STEPS = 8;

/** Labels follow the sign of the last four values of column 0: learnable from the sequence only. */
function problem(shared = false): { matrix: FeatureMatrix; windows: Int32Array; labels: Float32Array } {
  const random = seededRandom(5);
  const bytes = ROWS * 3 * 8;
  const values = new Float64Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  for (let i = 0; i < values.length; i++) values[i] = 10 * (random.next() - 0.5) + (i % 3) * 100;
  const windows = windowEnds([[0, ROWS]], STEPS);
  const labels = Float32Array.from(windows, (end) => {
    let sum = 0;
    for (let k = 0; k < 4; k++) sum += values[(end - k) * 3]!;
    return sum > 0 ? 1 : 0;
  });
  return { matrix: { values, rows: ROWS, cols: 3 }, windows, labels };
}

const SPEC: NetworkSpec = {
  inputs: 3,
  steps: STEPS,
  lstm: [{ units: 10, dropout: 0.1 }],
  dense: [],
  output: { units: 1, activation: 'sigmoid' },
};

function options(extra: Partial<TrainOptions> = {}): TrainOptions {
  const { matrix, windows, labels } = problem();
  const cut = 500;
  return {
    spec: SPEC,
    matrix,
    training: { windows: windows.slice(0, cut), labels: labels.slice(0, cut) },
    validation: { windows: windows.slice(cut + STEPS), labels: labels.slice(cut + STEPS) },
    settings: { epochs: 6, batchSize: 100, learningRate: 0.02, seed: 3 },
    ...extra,
  };
}

const bits = (result: Awaited<ReturnType<typeof trainNetwork>>): number[][] =>
  result.model.tensors.map((t) => [...new Uint32Array(t.values.buffer)]);

describe('trainNetwork', () => {
  it('learns, and scores windows as it was validated', async () => {
    const o = options({ settings: { epochs: 25, batchSize: 64, learningRate: 0.02, seed: 3, patience: 0 } });
    const result = await trainNetwork(o);
    expect(result.history.at(-1)!.validationLoss).toBeLessThan(0.3);
    const { windows, labels } = o.validation!;
    const out = new Float64Array(windows.length);
    result.model.predict(o.matrix, windows, out);
    let right = 0;
    let loss = 0;
    out.forEach((p, i) => {
      right += p > 0.5 === labels[i]! > 0.5 ? 1 : 0;
      loss -= Math.log(labels[i]! > 0.5 ? p : 1 - p);
    });
    expect(right / out.length).toBeGreaterThan(0.88);
    const best = Math.min(...result.history.map((h) => h.validationLoss!));
    expect(loss / out.length).toBeCloseTo(best, 6);
    expect(result.history[result.bestEpoch - 1]!.validationLoss).toBe(best);
  });

  it('gives the same bits again, on shared memory, and with 1, 2 and 5 threads', async () => {
    const one = await trainNetwork(options());
    for (const threads of [1, 2, 5]) {
      const again = await trainNetwork(options({ threads, matrix: problem(threads === 2).matrix }));
      expect(bits(again)).toEqual(bits(one));
      expect(again.history).toEqual(one.history);
    }
    const other = await trainNetwork(options({ settings: { epochs: 6, batchSize: 100, learningRate: 0.02, seed: 4 } }));
    expect(bits(other)).not.toEqual(bits(one));
  });

  it('stops early and restores the best weights', async () => {
    const { training } = options();
    const random = seededRandom(1);
    const noise = training.labels.map(() => (random.next() < 0.5 ? 0 : 1));
    const settings = { epochs: 60, batchSize: 50, learningRate: 0.05, patience: 3, seed: 1 };
    const o = options({ settings, training: { ...training, labels: noise } });
    const result = await trainNetwork(o);
    expect(result.stopped).toBe('patience');
    expect(result.history.length).toBe(result.bestEpoch + 3);
    const short = await trainNetwork({ ...o, settings: { ...settings, epochs: result.bestEpoch } });
    expect(bits(short)).toEqual(bits(result));
  });

  it('scores a row with the same bits in any batch and alone', async () => {
    const o = options({ settings: { epochs: 1 } });
    const { model } = await trainNetwork(o);
    const { windows } = o.training;
    const all = new Float32Array(windows.length);
    model.predict(o.matrix, windows, all);
    const single = new Float32Array(1);
    for (const i of [0, 1, 31, 32, 77, 499]) {
      model.predict(o.matrix, windows.slice(i, i + 1), single);
      expect(single[0]).toBe(all[i]);
      const from = (windows[i]! - STEPS + 1) * 3;
      model.predictOne(o.matrix.values.slice(from, from + STEPS * 3), single);
      expect(single[0]).toBe(all[i]);
    }
  });

  it('fits the scaler on the rows of the training windows alone', async () => {
    const o = options({ settings: { epochs: 1 } });
    const scrambled = Float64Array.from(o.matrix.values, (v, i) => (i >= 507 * 3 ? Math.sin(i) * 1e3 : v));
    const { validation: _, ...noValidation } = o;
    const a = await trainNetwork(noValidation);
    const b = await trainNetwork({ ...noValidation, matrix: { ...o.matrix, values: scrambled } });
    expect(a.model.scaler).toEqual(b.model.scaler);
    expect(bits(a)).toEqual(bits(b));
    const used = new Uint8Array(ROWS).fill(1, 0, 507);
    expect(a.model.scaler).toEqual(fitScaler(o.matrix, used));
    expect(Math.abs(a.model.scaler!.mean[2]! - 200)).toBeLessThan(1);
  });

  it('weights samples and classes: a weight of 2 is the sample twice', async () => {
    const o = options();
    const { windows, labels } = { windows: o.training.windows.slice(0, 96), labels: o.training.labels.slice(0, 96) };
    const settings = { epochs: 1, batchSize: 1000, clipNorm: 0, shuffle: false, learningRate: 0.01, scale: false };
    const plain: NetworkSpec = { ...SPEC, lstm: [{ units: 10 }] };
    const twice = (a: Float32Array): Float32Array => Float32Array.from([...a, ...a.slice(0, 32)]);
    const doubled = await trainNetwork({
      ...{ spec: plain, matrix: o.matrix, settings },
      training: { windows: Int32Array.from([...windows, ...windows.slice(0, 32)]), labels: twice(labels) },
    });
    const weighted = await trainNetwork({
      ...{ spec: plain, matrix: o.matrix, settings },
      training: { windows, labels, weights: Float32Array.from(windows, (_, i) => (i < 32 ? 2 : 1)) },
    });
    weighted.model.tensors.forEach((t, k) => {
      t.values.forEach((v, i) => {
        expect(Math.abs(v - doubled.model.tensors[k]!.values[i]!)).toBeLessThan(2e-4);
      });
    });
    expect(weighted.history[0]!.loss).toBeCloseTo(doubled.history[0]!.loss, 5);
    const rare = labels.map((_, i) => (i % 12 === 0 ? 1 : 0));
    const run = async (classWeights: 'none' | 'balanced'): Promise<number> => {
      const { model } = await trainNetwork({
        ...{ spec: plain, matrix: o.matrix },
        settings: { epochs: 6, batchSize: 32, learningRate: 0.02, classWeights, patience: 0 },
        training: { windows, labels: rare },
      });
      const out = new Float32Array(windows.length);
      model.predict(o.matrix, windows, out);
      return out.reduce((a, b) => a + b, 0) / out.length;
    };
    expect(await run('balanced')).toBeGreaterThan((await run('none')) + 0.1);
  });

  it('trains softmax and linear outputs and plain perceptrons', async () => {
    const { matrix, windows } = problem();
    const values = (end: number): number =>
      matrix.values[end * 3]! > 1.5 ? 2 : matrix.values[end * 3]! > -1.5 ? 1 : 0;
    const spec: NetworkSpec = {
      inputs: 3,
      steps: 1,
      lstm: [],
      dense: [{ units: 16, activation: 'relu' }],
      output: { units: 3, activation: 'softmax' },
    };
    const settings = { epochs: 40, batchSize: 64, learningRate: 0.02, patience: 0 };
    const { model } = await trainNetwork({
      spec,
      matrix,
      settings,
      training: { windows, labels: Float32Array.from(windows, values) },
    });
    const out = new Float64Array(windows.length * 3);
    model.predict(matrix, windows, out);
    let right = 0;
    windows.forEach((end, i) => {
      const p = out.subarray(i * 3, i * 3 + 3);
      expect(p[0]! + p[1]! + p[2]!).toBeCloseTo(1, 12);
      if (p.indexOf(Math.max(...p)) === values(end)) right++;
    });
    expect(right / windows.length).toBeGreaterThan(0.93);
    const labels = Float32Array.from(windows, (end) => matrix.values[end * 3]! / 2);
    for (const loss of ['mse', 'huber'] as const) {
      const linear = await trainNetwork({
        ...{ spec: { ...spec, output: { units: 1, activation: 'linear' as const } }, matrix },
        ...{ settings: { ...settings, loss, schedule: 'cosine' as const }, training: { windows, labels } },
      });
      expect(linear.history.at(-1)!.loss).toBeLessThan(0.02);
      expect(linear.history.at(-1)!.learningRate).toBeLessThan(1e-4);
    }
  });
});

describe('refusals', () => {
  const codeOf = async (extra: Partial<TrainOptions>): Promise<string> => {
    try {
      await trainNetwork(options(extra));
    } catch (error) {
      return `${(error as { code?: string }).code}: ${(error as Error).message}`;
    }
    return 'accepted';
  };
  const { training, matrix } = options();

  it.each<[string, Partial<TrainOptions>, RegExp]>([
    [
      'one class',
      { training: { ...training, labels: training.labels.map(() => 1) } },
      /^INPUT: All 500 training labels/,
    ],
    [
      'NaN label',
      { training: { ...training, labels: training.labels.map((v, i) => (i === 7 ? Number.NaN : v)) } },
      /^INPUT: .*label 7/,
    ],
    [
      'missing feature',
      { matrix: { ...matrix, values: matrix.values.map((v, i) => (i === 31 ? Number.NaN : v)) } },
      /^INPUT: Feature column 1 is NaN in row 10/,
    ],
    [
      'window before the first row',
      { training: { ...training, windows: training.windows.map((w, i) => (i === 0 ? 3 : w)) } },
      /^INPUT: Window 0/,
    ],
    [
      'negative weight',
      { training: { ...training, weights: training.labels.map(() => -1) } },
      /^INPUT: A training weight/,
    ],
    ['other width', { spec: { ...SPEC, inputs: 4 } }, /^INPUT: The matrix has 3 columns/],
    ['no units', { spec: { ...SPEC, lstm: [{ units: 0 }] } }, /^CONFIG: .*lstm\[0\]\.units/],
    ['bad rate', { settings: { learningRate: -1 } }, /^CONFIG: .*learningRate/],
    ['foreign loss', { settings: { loss: 'mse' } }, /^CONFIG: Loss mse/],
    [
      'divergence',
      { spec: { ...SPEC, output: { units: 1, activation: 'linear' } }, settings: { learningRate: 1e30, clipNorm: 0 } },
      /^INPUT: Training diverged/,
    ],
    [
      'too large',
      { spec: { ...SPEC, lstm: [{ units: 4096 }, { units: 4096 }, { units: 4096 }] } },
      /^MEMORY: .* MB of memory/,
    ],
    ['no threads', { threads: 0 }, /^CONFIG: .*0 threads/],
    ['stopped', { signal: AbortSignal.abort() }, /^INTERRUPTED/],
  ])('%s', async (_, extra, message) => {
    expect(await codeOf(extra)).toMatch(message);
  });

  it('keeps the best weights so far on a signal only if asked', async () => {
    const stop = new AbortController();
    const base = options({
      settings: { epochs: 50, batchSize: 100, patience: 0 },
      signal: stop.signal,
      onEpoch: ({ epoch }) => epoch === 2 && stop.abort(),
    });
    const kept = await trainNetwork({ ...base, keepBestOnAbort: true });
    expect(kept.stopped).toBe('signal');
    expect(kept.history.length).toBe(2);
  });

  it('has no opinion on a window over a missing number', async () => {
    const o = options({ settings: { epochs: 1 } });
    const { model } = await trainNetwork(o);
    const values = o.matrix.values.slice();
    values[20 * 3] = Number.POSITIVE_INFINITY;
    const out = new Float64Array(o.training.windows.length);
    model.predict({ ...o.matrix, values }, o.training.windows, out);
    out.forEach((p, i) => {
      const end = o.training.windows[i]!;
      expect(Number.isNaN(p)).toBe(end >= 20 && end - STEPS + 1 <= 20);
    });
  });
});
