import { expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import {
  loadLayersModel,
  type NetworkSpec,
  saveLayersModel,
  type TrainOptions,
  trainNetwork,
} from '../../../../src/core/learning/networks/index.js';
import { nativeEngine } from '../../../../src/core/learning/networks/native/engine.js';
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

  it('BlockLSTM learns what layers.lstm learns', async () => {
    const { tf } = await openTensorflow();
    const { blockLstm, layersLstm } = await import('../../../../src/core/learning/networks/native/lstm.js');
    const tensorflow = await openTensorflow();
    const grads = [blockLstm, layersLstm].map((make) => {
      const layer = make(tensorflow, 3, 4);
      const draw = seededRandom(8);
      for (const v of layer.variables)
        v.assign(
          tf.tensor(
            Float32Array.from({ length: v.size }, () => draw.next() - 0.5),
            v.shape,
          ),
        );
      const x = tf.tensor3d(
        Float32Array.from({ length: 6 * 5 * 3 }, () => draw.next() - 0.5),
        [6, 5, 3],
      );
      const weight = tf.tensor3d(
        Float32Array.from({ length: 6 * 5 * 4 }, () => draw.next()),
        [6, 5, 4],
      );
      const loss = () => tf.sum(tf.mul(weight, layer.apply(x))) as ReturnType<typeof tf.scalar>;
      const { value, grads: of } = tf.variableGrads(loss, [...layer.variables]);
      return [value.dataSync(), ...layer.variables.map((v) => of[v.name]!.dataSync())];
    });
    grads[0]!.forEach((column, c) => {
      column.forEach((g, i) => {
        expect(Math.abs(g - grads[1]![c]![i]!)).toBeLessThan(1e-4);
      });
    });
  });

  it('repeats bit for bit by seed, dropout included, and keeps no tensors', async () => {
    const spec = {
      ...STACKED,
      lstm: [
        { units: 6, dropout: 0.3 },
        { units: 9, dropout: 0.2 },
      ],
    };
    const run = () => trainNetwork({ ...job(spec, classes), engine: 'native' });
    const first = await run();
    const { tf } = await openTensorflow();
    const tensors = tf.memory().numTensors;
    const second = await run();
    expect(second.history).toEqual(first.history);
    expect(second.model.tensors).toEqual(first.model.tensors);
    expect(tf.memory().numTensors).toBe(tensors);
    const other = await trainNetwork({
      ...job(spec, classes),
      engine: 'native',
      settings: { ...job(spec).settings, seed: 5 },
    });
    expect(other.model.tensors).not.toEqual(first.model.tensors);
  });

  it('stops between batches', async () => {
    const stopped = trainNetwork({ ...job(BASE), engine: 'native', signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
