import type { Tensor, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';
import type { Random } from '../../../domain/random.js';
import type { Tensorflow } from '../../../platform/tensorflow.js';
import type { LayerLayout, NetworkLayout } from '../layout.js';
import { sizeOf, tensorPlaces } from '../tensors.js';
import { blockLstm, type LstmKind, layersLstm, zeroVariable } from './lstm.js';

interface NativeLayer {
  readonly variables: readonly Variable[];
  apply(x: Tensor): Tensor;
}

/** A network as TensorFlow variables and operations, of the same layout, weights and outputs as the embedded one. */
export class NativeNetwork {
  readonly variables: readonly Variable[];
  private readonly layers: readonly NativeLayer[];
  /** Offsets of each variable's elements in the padded parameter vector. */
  private readonly offsets: readonly Int32Array[];
  private readonly shapes: readonly (readonly number[])[];

  constructor(
    private readonly tensorflow: Tensorflow,
    private readonly layout: NetworkLayout,
    kind: LstmKind,
  ) {
    const places = tensorPlaces(layout);
    this.offsets = places.map((place) => {
      const offsets = new Int32Array(sizeOf(place.shape));
      place.each((index, offset) => {
        offsets[index] = offset;
      });
      return offsets;
    });
    this.shapes = places.map(({ shape }) => shape);
    const make = kind === 'block' ? blockLstm : layersLstm;
    this.layers = layout.layers.map((layer) =>
      layer.kind === 'lstm' ? (make(tensorflow, layer.inputs, layer.units) as NativeLayer) : this.dense(layer),
    );
    this.variables = this.layers.flatMap(({ variables }) => variables);
  }

  /** Takes over a padded parameter vector. */
  assign(parameters: Float32Array): void {
    const { tf } = this.tensorflow;
    tf.tidy(() => {
      this.variables.forEach((variable, v) => {
        const offsets = this.offsets[v]!;
        const values = new Float32Array(offsets.length);
        for (let i = 0; i < offsets.length; i++) values[i] = parameters[offsets[i]!]!;
        variable.assign(tf.tensor(values, [...this.shapes[v]!]));
      });
    });
  }

  /** Writes gradients, one a variable by its name, into a padded vector. */
  scatter(gradients: Readonly<Record<string, Tensor>>, target: Float32Array): void {
    target.fill(0);
    this.variables.forEach((variable, v) => {
      const values = gradients[variable.name]!.dataSync();
      const offsets = this.offsets[v]!;
      for (let i = 0; i < offsets.length; i++) target[offsets[i]!] = values[i]!;
    });
  }

  /** Pre-activations of the output layer, rows × units, for x of steps × rows × inputs; `random` switches dropout on. */
  logits(x: Tensor3D, random: Random | undefined): Tensor2D {
    const { tf } = this.tensorflow;
    const { layers } = this.layout;
    let value: Tensor = layers[0]!.kind === 'dense' ? lastStep(this.tensorflow, x) : x;
    layers.forEach((layer, i) => {
      const next = layers[i + 1];
      value = this.layers[i]!.apply(value);
      if (layer.kind === 'lstm' && next?.kind !== 'lstm') value = lastStep(this.tensorflow, value as Tensor3D);
      if (random !== undefined && layer.dropout > 0 && next !== undefined)
        value = tf.mul(value, this.mask(value.shape, layer.dropout, random));
    });
    return value as Tensor2D;
  }

  dispose(): void {
    this.tensorflow.tf.dispose([...this.variables]);
  }

  private mask(shape: number[], rate: number, random: Random): Tensor {
    const kept = 1 / (1 - rate);
    const values = Float32Array.from({ length: sizeOf(shape) }, () => (random.next() < rate ? 0 : kept));
    return this.tensorflow.tf.tensor(values, shape);
  }

  private dense(layer: LayerLayout): NativeLayer {
    const { tf } = this.tensorflow;
    const kernel = zeroVariable(this.tensorflow, [layer.inputs, layer.units]);
    const bias = zeroVariable(this.tensorflow, [layer.units]);
    return {
      variables: [kernel, bias],
      apply(x) {
        const z = tf.add(tf.matMul(x as Tensor2D, kernel as unknown as Tensor2D), bias);
        if (layer.activation === 'linear') return z;
        return layer.activation === 'tanh' ? tf.tanh(z) : tf.relu(z);
      },
    };
  }
}

function lastStep({ tf }: Tensorflow, h: Tensor3D): Tensor2D {
  const [steps, rows, columns] = h.shape;
  return tf.reshape(tf.slice(h, [steps - 1, 0, 0], [1, rows, columns]), [rows, columns]);
}
