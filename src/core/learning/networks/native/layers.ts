import type { Tensor, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';
import type { Random } from '../../../domain/random.js';
import type { Tensorflow, TensorflowJs } from '../../../platform/tensorflow.js';
import type { LayerLayout, NetworkLayout } from '../layout.js';
import { sizeOf, tensorPlaces } from '../tensors.js';
import { type Batch, dropoutMask, type NativeNetwork, WeightTensor } from './network.js';

interface Layer {
  readonly variables: readonly Variable[];
  apply(x: Tensor): Tensor;
}

/** The same network by TensorFlow.js' own `layers.lstm` and gradients, many times slower. */
export class LayersNetwork implements NativeNetwork {
  private readonly layers: readonly Layer[];
  private readonly variables: Variable[];
  private readonly weights: readonly WeightTensor[];

  constructor(
    private readonly tf: TensorflowJs,
    private readonly run: Tensorflow['run'],
    private readonly layout: NetworkLayout,
  ) {
    this.layers = layout.layers.map((layer) => (layer.kind === 'lstm' ? lstmLayer(tf, layer) : denseLayer(tf, layer)));
    this.variables = this.layers.flatMap(({ variables }) => variables);
    this.weights = tensorPlaces(layout).map((place) => new WeightTensor([place]));
  }

  assign(parameters: Float32Array): void {
    const { tf } = this;
    tf.tidy(() => {
      this.variables.forEach((variable, v) => {
        variable.assign(tf.tensor(this.weights[v]!.gather(parameters), variable.shape));
      });
    });
  }

  logits(batch: Batch): Float32Array {
    const { tf, run } = this;
    return run(() => tf.tidy(() => this.forward(batch, undefined).dataSync() as Float32Array));
  }

  train(
    batch: Batch,
    random: Random | undefined,
    slopes: (z: Float32Array) => Float32Array,
    gradient: Float32Array,
  ): void {
    const { tf, run } = this;
    const loss = tf.customGrad((...args) => {
      const z = args[0] as Tensor;
      const of = slopes(z.dataSync() as Float32Array);
      return { value: tf.scalar(0), gradFunc: () => tf.tensor(of, z.shape) };
    });
    gradient.fill(0);
    run(() =>
      tf.tidy(() => {
        const { grads } = tf.variableGrads(
          () => loss(this.forward(batch, random)) as ReturnType<typeof tf.scalar>,
          this.variables,
        );
        this.variables.forEach(({ name }, v) => {
          this.weights[v]!.scatter(grads[name]!.dataSync() as Float32Array, gradient);
        });
      }),
    );
  }

  dispose(): void {
    this.tf.dispose(this.variables);
  }

  private forward({ values, rows }: Batch, random: Random | undefined): Tensor {
    const { tf } = this;
    const { layers, spec } = this.layout;
    const last = (h: Tensor): Tensor => tf.unstack(h, 0)[spec.steps - 1]!;
    const x: Tensor = tf.tensor(values, [spec.steps, rows, spec.inputs]);
    let value = layers[0]!.kind === 'dense' ? last(x) : x;
    layers.forEach((layer, i) => {
      const next = layers[i + 1];
      value = this.layers[i]!.apply(value);
      if (layer.kind === 'lstm' && next?.kind !== 'lstm') value = last(value);
      if (random !== undefined && layer.dropout > 0 && next !== undefined)
        value = tf.mul(value, tf.tensor(dropoutMask(sizeOf(value.shape), layer.dropout, random), value.shape));
    });
    return value;
  }
}

function lstmLayer(tf: TensorflowJs, { inputs, units }: LayerLayout): Layer {
  const layer = tf.layers.lstm({ units, returnSequences: true, recurrentActivation: 'sigmoid' });
  // Applied once, it makes its weights.
  tf.tidy(() => void layer.apply(tf.zeros([1, 1, inputs])));
  return {
    variables: layer.trainableWeights.map((weight) => (weight as unknown as { val: Variable }).val),
    apply: (x) => tf.transpose(layer.apply(tf.transpose(x as Tensor3D, [1, 0, 2])) as Tensor3D, [1, 0, 2]),
  };
}

function denseLayer(tf: TensorflowJs, { inputs, units, activation }: LayerLayout): Layer {
  const zeros = (shape: number[]): Variable => tf.tidy(() => tf.variable(tf.zeros(shape)));
  const kernel = zeros([inputs, units]);
  const bias = zeros([units]);
  return {
    variables: [kernel, bias],
    apply(x) {
      const z = tf.add(tf.matMul(x as Tensor2D, kernel as unknown as Tensor2D), bias);
      if (activation === 'linear') return z;
      return activation === 'tanh' ? tf.tanh(z) : tf.relu(z);
    },
  };
}
