import { expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import {
  loadLayersModel,
  type NetworkSpec,
  saveLayersModel,
  type TrainOptions,
  trainNetwork,
} from '../../../../src/core/learning/networks/index.js';
import { layoutNetwork } from '../../../../src/core/learning/networks/layout.js';
import { nativeEngine } from '../../../../src/core/learning/networks/native/engine.js';
import { tensorPlaces } from '../../../../src/core/learning/networks/tensors.js';
import { openTensorflow } from '../../../../src/core/platform/tensorflow.js';
import { describeWith } from '../../../support/require.js';

const present = await openTensorflow().then(
  () => true,
  () => false,
);

const COLS = 5;
const STEPS = 9;
const random = seededRandom(3);
const values = Float32Array.from({ length: 400 * COLS }, () => 3 * random.next() - 1);
const matrix = { values, rows: 400, cols: COLS };
const windows = Int32Array.from({ length: 300 }, (_, i) => STEPS - 1 + i);
const up = Float32Array.from(windows, (end) => (values[end * COLS]! + values[(end - 1) * COLS]! > 1 ? 1 : 0));

const BASE: NetworkSpec = {
  inputs: COLS,
  steps: STEPS,
  lstm: [{ units: 7 }],
  dense: [],
  output: { units: 1, activation: 'sigmoid' },
};
const STACKED: NetworkSpec = {
  ...BASE,
  lstm: [{ units: 6 }, { units: 9 }],
  dense: [{ units: 4, activation: 'relu' }],
  output: { units: 3, activation: 'softmax' },
};
const DENSE: NetworkSpec = { ...BASE, steps: 1, lstm: [], dense: [{ units: 8, activation: 'tanh' }] };
const LINEAR: NetworkSpec = { ...BASE, output: { units: 1, activation: 'linear' } };
const classes = Float32Array.from(windows, (_, i) => i % 3);

const job = (spec: NetworkSpec, labels: Float32Array = up): TrainOptions => ({
  spec,
  matrix,
  training: { windows: windows.subarray(0, 200), labels: labels.subarray(0, 200) },
  validation: { windows: windows.subarray(200), labels: labels.subarray(200) },
  settings: { epochs: 4, batchSize: 64, learningRate: 5e-3, clipNorm: 0.5, weightDecay: 1e-3, seed: 4, patience: 0 },
});

describeWith('tensorflow', present)('the native network engine', () => {
  it.each<[string, NetworkSpec, Float32Array]>([
    ['LSTM with sigmoid', BASE, up],
    ['stacked LSTM, dense and softmax', STACKED, classes],
    ['LSTM with a linear output', LINEAR, up],
    ['perceptron', DENSE, up],
  ])('%s: trains to the embedded engine’s losses and weights', async (_, spec, labels) => {
    const embedded = await trainNetwork(job(spec, labels));
    const native = await trainNetwork({ ...job(spec, labels), engine: 'native' });
    expect(native.engine.name).toBe('native');
    expect(embedded.engine).toEqual({ name: 'embedded', version: expect.stringMatching(/^4(-fused)?$/) });
    expect(native.bestEpoch).toBe(embedded.bestEpoch);
    native.history.forEach((epoch, e) => {
      expect(Math.abs(epoch.loss - embedded.history[e]!.loss)).toBeLessThan(1e-4);
      expect(Math.abs(epoch.validationLoss! - embedded.history[e]!.validationLoss!)).toBeLessThan(1e-4);
    });
    native.model.tensors.forEach((tensor, t) => {
      expect(tensor.name).toBe(embedded.model.tensors[t]!.name);
      tensor.values.forEach((w, i) => {
        expect(Math.abs(w - embedded.model.tensors[t]!.values[i]!)).toBeLessThan(2e-3);
      });
    });
  });

  it('predicts one file as the embedded engine does, within 1e-5, by both of its LSTMs', async () => {
    const { model } = loadLayersModel(saveLayersModel((await trainNetwork(job(STACKED, classes))).model));
    const wanted = new Float64Array(windows.length * 3);
    model.predict(matrix, windows, wanted);
    for (const kind of ['block', 'layers'] as const) {
      const out = new Float64Array(wanted.length);
      (await nativeEngine(kind)).predict(model, matrix, windows, out);
      out.forEach((p, i) => {
        expect(Math.abs(p - wanted[i]!)).toBeLessThan(1e-5);
      });
    }
  });

  it.each<[string, NetworkSpec]>([
    ['one layer', BASE],
    ['stacked, with a dense layer', STACKED],
    ['dense layers alone', DENSE],
  ])('BlockLSTM learns what layers.lstm learns: %s', async (_, spec) => {
    const layout = layoutNetwork(spec);
    const draw = seededRandom(8);
    const uniform = (n: number) => Float32Array.from({ length: n }, () => draw.next() - 0.5);
    const rows = 6;
    const parameters = new Float32Array(layout.parameters);
    for (const { each } of tensorPlaces(layout)) each((__, offset) => (parameters[offset] = draw.next() - 0.5));
    const batch = { values: uniform(spec.steps * rows * spec.inputs), rows };
    const slopes = uniform(rows * spec.output.units);
    const [block, layers] = await Promise.all(
      (['block', 'layers'] as const).map(async (kind) => {
        const network = (await nativeEngine(kind)).network(layout);
        network.assign(parameters);
        const gradient = new Float32Array(layout.parameters).fill(7);
        let z = new Float32Array();
        const keep = (of: Float32Array) => {
          z = of.slice();
          return slopes;
        };
        network.train(batch, undefined, keep, gradient);
        expect(network.logits(batch)).toEqual(z);
        network.dispose();
        return { z, gradient };
      }),
    );
    expect(Math.max(...layers!.gradient)).toBeGreaterThan(0.1);
    for (const part of ['z', 'gradient'] as const)
      block![part].forEach((g, i) => {
        expect(Math.abs(g - layers![part][i]!)).toBeLessThan(1e-5);
      });
  });

  it('repeats bit for bit by seed with any number of threads, dropout included, and keeps no tensors', async () => {
    const spec = {
      ...STACKED,
      lstm: [
        { units: 6, dropout: 0.3 },
        { units: 9, dropout: 0.2 },
      ],
    };
    const batchSize = 150;
    const run = (threads: number) =>
      trainNetwork({
        ...{ ...job(spec, classes), engine: 'native', threads },
        settings: { ...job(spec).settings, batchSize },
      });
    const first = await run(1);
    const { binding } = await openTensorflow();
    const tensors = binding.getNumOfTensors();
    const second = await run(3);
    expect(second.history).toEqual(first.history);
    expect(second.model.tensors).toEqual(first.model.tensors);
    expect(binding.getNumOfTensors()).toBe(tensors);
    const other = await trainNetwork({
      ...job(spec, classes),
      engine: 'native',
      settings: { ...job(spec).settings, batchSize, seed: 5 },
    });
    expect(other.model.tensors).not.toEqual(first.model.tensors);
  });

  it('stops between batches', async () => {
    const abort = new AbortController();
    const epochs: number[] = [];
    const stopped = trainNetwork({
      ...{ ...job(BASE), engine: 'native', threads: 2, signal: abort.signal },
      onEpoch: ({ epoch }) => {
        epochs.push(epoch);
        abort.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(epochs).toEqual([1]);
  });

  it('what the library has no memory for: MEMORY', async () => {
    // Its words for a tensor of 14 PB, which it gives up after 10 seconds.
    const words =
      'OOM when allocating tensor with shape[2000000000,2000000] and type float on CPU:0 by allocator mklcpu';
    const refused = () => {
      throw new Error(`Invalid TF_Status: 8\nMessage: ${words}`);
    };
    const { run } = await openTensorflow();
    expect(() => run(refused)).toThrow(
      expect.objectContaining({ code: 'MEMORY', message: `TensorFlow ran out of memory: ${words}` }),
    );
  });
});
