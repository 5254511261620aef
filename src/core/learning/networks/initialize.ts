import type { Random } from '../../domain/random.js';
import { childSeed, seededRandom } from '../../domain/random.js';
import { type NetworkLayout, weightOffset } from './layout.js';

/**
 * How weights start. `glorot`: Keras' defaults (Glorot uniform; LSTM recurrent weights orthogonal, forget bias 1).
 * `orthogonal`: rows or columns orthonormal times a gain per layer (√2 for hidden layers unless given), biases 0.
 * `fan-in`: weights and biases uniform in ±1/√inputs (PyTorch's default of linear layers).
 */
export type Initializer = 'glorot' | 'orthogonal' | 'fan-in';

/** Standard normal deviates by Box and Muller. */
export function normals(random: Random): () => number {
  let spare = Number.NaN;
  return () => {
    if (!Number.isNaN(spare)) {
      const value = spare;
      spare = Number.NaN;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
    const angle = 2 * Math.PI * random.next();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** A rows × cols matrix, row-major, whose shorter side's vectors are orthonormal (modified Gram-Schmidt, twice). */
export function orthogonal(rows: number, cols: number, random: Random): Float64Array {
  const draw = normals(random);
  const count = Math.min(rows, cols);
  const length = Math.max(rows, cols);
  const vectors = Array.from({ length: count }, () => Float64Array.from({ length }, draw));
  for (let i = 0; i < count; i++) {
    const v = vectors[i]!;
    for (let pass = 0; pass < 2; pass++)
      for (let j = 0; j < i; j++) {
        const u = vectors[j]!;
        let dot = 0;
        for (let k = 0; k < length; k++) dot += u[k]! * v[k]!;
        for (let k = 0; k < length; k++) v[k] = v[k]! - dot * u[k]!;
      }
    let norm = 0;
    for (let k = 0; k < length; k++) norm += v[k]! * v[k]!;
    norm = Math.sqrt(norm);
    for (let k = 0; k < length; k++) v[k] = v[k]! / norm;
  }
  const out = new Float64Array(rows * cols);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++) out[r * cols + c] = rows <= cols ? vectors[r]![c]! : vectors[c]![r]!;
  return out;
}

/** Fills a parameter vector (padding zero) from a seed; `outputGain` scales the output layer of `orthogonal`. */
export function initializeParameters(
  layout: NetworkLayout,
  target: Float32Array,
  seed: number,
  initializer: Initializer = 'glorot',
  outputGain = 1,
): void {
  target.fill(0);
  layout.layers.forEach((layer, index) => {
    const random = seededRandom(childSeed(seed, 'weights', index));
    const { inputs, units, unitsPadded } = layer;
    const gates = layer.kind === 'lstm' ? 4 : 1;
    // Logical column j of the layer's gate g stands at g·unitsPadded + j.
    const put = (row: number, column: number, value: number): void => {
      const gate = Math.floor(column / units);
      target[weightOffset(layer, row, gate * unitsPadded + (column - gate * units))] = value;
    };
    const uniform = (rows: number, from: number, limit: number): void => {
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < gates * units; c++) put(from + r, c, (2 * random.next() - 1) * limit);
    };
    if (initializer === 'fan-in') {
      const limit = 1 / Math.sqrt(layer.kind === 'lstm' ? units : inputs);
      uniform(inputs, 0, limit);
      for (let j = 0; j < units; j++) target[layer.bias + j] = (2 * random.next() - 1) * limit;
      if (layer.kind === 'dense') return;
      uniform(units, layer.inputsPadded, limit);
    } else if (initializer === 'orthogonal' && layer.kind === 'dense') {
      const gain = index === layout.layers.length - 1 ? outputGain : Math.SQRT2;
      const matrix = orthogonal(inputs, units, random);
      for (let r = 0; r < inputs; r++) for (let c = 0; c < units; c++) put(r, c, gain * matrix[r * units + c]!);
    } else {
      uniform(inputs, 0, Math.sqrt(6 / (inputs + gates * units)));
      if (layer.kind === 'dense') return;
      const matrix = orthogonal(units, 4 * units, random);
      for (let r = 0; r < units; r++)
        for (let c = 0; c < 4 * units; c++) put(layer.inputsPadded + r, c, matrix[r * 4 * units + c]!);
    }
    if (layer.kind === 'lstm') for (let j = 0; j < units; j++) target[layer.bias + unitsPadded + j] = 1;
  });
}
