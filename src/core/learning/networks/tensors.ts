import { QuantlineError } from '../../errors/index.js';
import { type NetworkLayout, weightOffset } from './layout.js';

/** One weight tensor as the field names and shapes it (Keras): row-major, no padding. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A weight tensor's elements in the padded parameter vector. */
export interface TensorPlace {
  readonly name: string;
  readonly shape: readonly number[];
  /** Visits every element: index in the tensor, offset in the parameter vector. */
  each(visit: (index: number, offset: number) => void): void;
}

/** Names of the layers as they are saved: `lstm`, `lstm_1`, …, `dense`, `dense_1`, …; the last dense one is the output. */
export function layerNames(layout: NetworkLayout): string[] {
  const counts = { lstm: 0, dense: 0 };
  return layout.layers.map((layer, i) => {
    if (i === layout.layers.length - 1) return 'output';
    const n = counts[layer.kind]++;
    return n === 0 ? layer.kind : `${layer.kind}_${n}`;
  });
}

export function tensorPlaces(layout: NetworkLayout): TensorPlace[] {
  const names = layerNames(layout);
  return layout.layers.flatMap((layer, i): TensorPlace[] => {
    const gates = layer.kind === 'lstm' ? 4 : 1;
    const { units, unitsPadded } = layer;
    const matrix = (name: string, rows: number, from: number): TensorPlace => ({
      name: `${names[i]}/${name}`,
      shape: [rows, gates * units],
      each: (visit) => {
        for (let r = 0, index = 0; r < rows; r++)
          for (let g = 0; g < gates; g++)
            for (let u = 0; u < units; u++, index++) visit(index, weightOffset(layer, from + r, g * unitsPadded + u));
      },
    });
    const bias: TensorPlace = {
      name: `${names[i]}/bias`,
      shape: [gates * units],
      each: (visit) => {
        for (let g = 0, index = 0; g < gates; g++)
          for (let u = 0; u < units; u++, index++) visit(index, layer.bias + g * unitsPadded + u);
      },
    };
    const kernel = matrix('kernel', layer.inputs, 0);
    return layer.kind === 'lstm'
      ? [kernel, matrix('recurrent_kernel', units, layer.inputsPadded), bias]
      : [kernel, bias];
  });
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The weights of a padded parameter vector, in Keras' order. */
export function exportTensors(layout: NetworkLayout, parameters: Float32Array): Tensor[] {
  return tensorPlaces(layout).map((place) => {
    const values = new Float32Array(sizeOf(place.shape));
    place.each((index, offset) => {
      values[index] = parameters[offset]!;
    });
    return { name: place.name, shape: place.shape, values };
  });
}

/** Writes weights into a parameter vector, padding zero. Throws ARTIFACT_CORRUPT for a missing, misshapen or non-finite tensor. */
export function importTensors(layout: NetworkLayout, tensors: readonly Tensor[], parameters: Float32Array): void {
  parameters.fill(0);
  const byName = new Map(tensors.map((t) => [t.name, t]));
  for (const place of tensorPlaces(layout)) {
    const tensor = byName.get(place.name);
    const bad = (what: string): QuantlineError =>
      new QuantlineError('ARTIFACT_CORRUPT', `Weights ${place.name}: ${what}.`, {
        hint: 'Train the model again, or restore the file from a copy.',
        details: { tensor: place.name },
      });
    if (tensor === undefined) throw bad('missing');
    if (tensor.shape.join() !== place.shape.join())
      throw bad(`shape [${tensor.shape.join(', ')}], expected [${place.shape.join(', ')}]`);
    place.each((index, offset) => {
      const value = tensor.values[index]!;
      if (!Number.isFinite(value)) throw bad(`element ${index} is ${value}`);
      parameters[offset] = value;
    });
  }
}
