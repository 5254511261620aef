import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import { type Loss, Network, type NetworkSpec, rowLoss } from '../../../../src/core/learning/networks/index.js';
import { exportTensors } from '../../../../src/core/learning/networks/tensors.js';
import { VARIANTS } from './variants.js';

const STACK: NetworkSpec = {
  inputs: 5,
  steps: 6,
  lstm: [{ units: 7 }, { units: 9 }],
  dense: [{ units: 6, activation: 'tanh' }],
  output: { units: 1, activation: 'sigmoid' },
};
const DENSE: NetworkSpec = {
  inputs: 3,
  steps: 1,
  lstm: [],
  dense: [
    { units: 10, activation: 'tanh' },
    { units: 12, activation: 'relu' },
  ],
  output: { units: 4, activation: 'softmax' },
};

function sample(spec: NetworkSpec, rows: number, classes: boolean): { x: Float32Array; y: Float32Array } {
  const random = seededRandom(4);
  const x = Float32Array.from({ length: rows * spec.steps * spec.inputs }, () => 2 * random.next() - 1);
  const { units } = spec.output;
  const y = classes
    ? Float32Array.from({ length: rows }, (_, i) => i % units)
    : Float32Array.from({ length: rows * units }, () => (random.next() < 0.5 ? 0 : 1));
  return { x, y };
}

function fill(network: Network, spec: NetworkSpec, x: Float32Array, rows: number): void {
  for (let r = 0; r < rows; r++)
    for (let t = 0; t < spec.steps; t++)
      for (let c = 0; c < spec.inputs; c++)
        network.input[t * network.inputStep + r * network.inputWidth + c] = x[(r * spec.steps + t) * spec.inputs + c]!;
}

/** Mean loss of a batch; leaves the gradient in the network if asked for. */
function pass(
  network: Network,
  spec: NetworkSpec,
  loss: Loss,
  y: Float32Array,
  rows: number,
  seed: number,
  back: boolean,
) {
  network.forward(rows, seed);
  const { units } = spec.output;
  const width = loss === 'ce' ? 1 : units;
  let sum = 0;
  for (let r = 0; r < rows; r++) {
    const at = r * network.outputWidth;
    const gradient = back ? network.outputGradient : null;
    sum += rowLoss(loss, units, network.output, at, y, r * width, 1, 1 / rows, gradient, at);
  }
  if (back) network.backward(rows, seed);
  return sum / rows;
}

describe.each(VARIANTS)('gradients against central differences, %s kernels', (kernels) => {
  const cases: [string, NetworkSpec, Loss, number][] = [
    ['two LSTM layers, dense, bce', STACK, 'bce', 0],
    [
      'one LSTM layer straight to the output, mse',
      { ...STACK, lstm: [{ units: 8 }], dense: [], output: { units: 2, activation: 'linear' } },
      'mse',
      0,
    ],
    ['huber', { ...STACK, lstm: [{ units: 4 }], output: { units: 3, activation: 'linear' } }, 'huber', 0],
    ['perceptron, ce', DENSE, 'ce', 0],
    [
      'dropout after every layer',
      {
        ...STACK,
        lstm: [
          { units: 7, dropout: 0.3 },
          { units: 9, dropout: 0.4 },
        ],
        dense: [{ units: 6, activation: 'tanh', dropout: 0.2 }],
      },
      'bce',
      77,
    ],
  ];
  it.each(cases)('%s', (_, spec, loss, seed) => {
    const rows = 5;
    const { x, y } = sample(spec, rows, loss === 'ce');
    const network = new Network(spec, { rows, adam: {}, kernels });
    network.initialize(3);
    fill(network, spec, x, rows);
    pass(network, spec, loss, y, rows, seed, true);
    const gradient = network.gradient.slice();
    const random = seededRandom(8);
    let checked = 0;
    let norm = 0;
    for (const g of gradient) norm += g * g;
    norm = Math.sqrt(norm);
    expect(norm).toBeGreaterThan(1e-3);
    for (let i = 0; i < gradient.length; i++) {
      if (gradient[i] === 0 || random.next() > 60 / gradient.length) continue;
      const kept = network.parameters[i]!;
      const h = 1e-2;
      network.parameters[i] = kept + h;
      const up = pass(network, spec, loss, y, rows, seed, false);
      network.parameters[i] = kept - h;
      const down = pass(network, spec, loss, y, rows, seed, false);
      network.parameters[i] = kept;
      expect(Math.abs((up - down) / (2 * h) - gradient[i]!)).toBeLessThan(2e-3 * norm);
      checked++;
    }
    expect(checked).toBeGreaterThan(15);
  });

  it('keeps the padding of weights and gradients at zero', () => {
    const network = new Network(STACK, { rows: 5, adam: {}, kernels });
    network.initialize(3);
    const { x, y } = sample(STACK, 5, false);
    fill(network, STACK, x, 5);
    for (let i = 0; i < 3; i++) {
      pass(network, STACK, 'bce', y, 5, 0, true);
      network.step(0.01);
    }
    const real = exportTensors(network.layout, network.parameters).reduce(
      (s, t) => s + t.values.filter((v) => v !== 0).length,
      0,
    );
    expect(network.parameters.filter((v) => v !== 0).length).toBe(real);
    expect(real).toBe(network.layout.weightCount);
  });
});

/** The same network in TensorFlow.js with the same weights. */
function twin(spec: NetworkSpec, network: Network): layers.Sequential {
  const model = layers.sequential();
  spec.lstm.forEach(({ units }, i) => {
    model.add(
      layers.layers.lstm({
        ...{ units, recurrentActivation: 'sigmoid', returnSequences: i < spec.lstm.length - 1 },
        ...(i === 0 ? { inputShape: [spec.steps, spec.inputs] } : {}),
      }),
    );
  });
  spec.dense.forEach(({ units, activation }, i) => {
    const shape = i === 0 && spec.lstm.length === 0 ? { inputShape: [spec.inputs] } : {};
    model.add(layers.layers.dense({ units, activation, ...shape }));
  });
  model.add(layers.layers.dense({ units: spec.output.units, activation: 'linear' }));
  model.setWeights(network.exportTensors().map((t) => tf.tensor(t.values, [...t.shape])));
  return model;
}

describe.each(VARIANTS)('TensorFlow.js with the same weights, %s kernels', (kernels) => {
  it.each([
    ['two LSTM layers', STACK, 'bce' as const],
    ['perceptron', DENSE, 'ce' as const],
  ])('%s: equal outputs and gradients', async (_, spec, loss) => {
    await tf.setBackend('cpu');
    const rows = 6;
    const { x, y } = sample(spec, rows, loss === 'ce');
    const network = new Network(spec, { rows, adam: {}, kernels });
    network.initialize(21);
    fill(network, spec, x, rows);
    const value = pass(network, spec, loss, y, rows, 0, true);
    const model = twin(spec, network);
    const input = tf.tensor(x, spec.lstm.length > 0 ? [rows, spec.steps, spec.inputs] : [rows, spec.inputs]);
    const logits = (model.predict(input) as tf.Tensor).dataSync();
    const { units } = spec.output;
    for (let r = 0; r < rows; r++)
      for (let k = 0; k < units; k++)
        expect(Math.abs(network.output[r * network.outputWidth + k]! - logits[r * units + k]!)).toBeLessThan(2e-6);
    const wanted =
      loss === 'ce' ? tf.cast(tf.oneHot(tf.tensor1d([...y], 'int32'), units), 'float32') : tf.tensor2d(y, [rows, 1]);
    const objective = (): tf.Scalar =>
      tf.tidy(() => {
        const z = model.apply(input, { training: false }) as tf.Tensor;
        const losses =
          loss === 'ce'
            ? tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(z)), 1))
            : tf.sub(tf.softplus(z), tf.mul(z, wanted));
        return tf.mean(losses) as tf.Scalar;
      });
    const { value: theirs, grads } = tf.variableGrads(objective);
    expect(Math.abs(theirs.dataSync()[0]! - value)).toBeLessThan(1e-6);
    const mine = exportTensors(network.layout, network.gradient);
    const names = model.weights.map((w) => w.read().shape && w.name);
    mine.forEach((tensor, i) => {
      const key = Object.keys(grads).find((k) => k === names[i] || k.startsWith(`${names[i]}_`)) ?? names[i]!;
      const expected = grads[key]!.dataSync();
      tensor.values.forEach((g, j) => {
        expect(Math.abs(g - expected[j]!)).toBeLessThan(2e-6);
      });
    });
  });
});
