import type { Random } from '../../../domain/random.js';
import { sizeOf, type TensorPlace } from '../tensors.js';
import { type FeatureMatrix, type Scaler, WindowReader } from '../windows.js';

/** A batch of windows, steps × rows × columns. */
export interface Batch {
  readonly values: Float32Array;
  readonly rows: number;
}

/** A network on TensorFlow, of the same layout, weights and outputs as the embedded one. */
export interface NativeNetwork {
  /** Takes over a padded parameter vector. */
  assign(parameters: Float32Array): void;
  /** Pre-activations of the output layer, rows × units. */
  logits(batch: Batch): Float32Array;
  /**
   * `slopes` turns pre-activations into the loss' gradient with respect to them; the parameters' gradient is left in
   * `gradient`, laid out as they are. `random` switches dropout on.
   */
  train(
    batch: Batch,
    random: Random | undefined,
    slopes: (z: Float32Array) => Float32Array,
    gradient: Float32Array,
  ): void;
  dispose(): void;
}

/** A layer's weights between the padded parameter vector and tensors of Keras' shapes. */
export class WeightTensor {
  readonly shape: readonly number[];
  private readonly offsets: Int32Array;

  /** `places` of the same width follow each other, row by row. */
  constructor(places: readonly TensorPlace[]) {
    const last = places.at(-1)!.shape;
    this.shape = last.length === 1 ? last : [places.reduce((rows, { shape }) => rows + shape[0]!, 0), ...last.slice(1)];
    this.offsets = new Int32Array(sizeOf(this.shape));
    let base = 0;
    for (const place of places) {
      place.each((index, offset) => {
        this.offsets[base + index] = offset;
      });
      base += sizeOf(place.shape);
    }
  }

  gather(parameters: Float32Array): Float32Array {
    const { offsets } = this;
    const values = new Float32Array(offsets.length);
    for (let i = 0; i < offsets.length; i++) values[i] = parameters[offsets[i]!]!;
    return values;
  }

  scatter(values: Float32Array, target: Float32Array): void {
    const { offsets } = this;
    for (let i = 0; i < offsets.length; i++) target[offsets[i]!] = values[i]!;
  }
}

/** Mask of dropped elements, the others scaled up. */
export function dropoutMask(count: number, rate: number, random: Random): Float32Array {
  const kept = 1 / (1 - rate);
  const mask = new Float32Array(count);
  for (let i = 0; i < count; i++) mask[i] = random.next() < rate ? 0 : kept;
  return mask;
}

/** Scaled windows, steps × rows × columns, in a buffer that the next batch of as many rows overwrites. */
export class BatchReader {
  private readonly reader: WindowReader;
  private values = new Float32Array(0);

  constructor(
    private readonly matrix: FeatureMatrix,
    private readonly steps: number,
    scaler: Scaler | null,
  ) {
    this.reader = new WindowReader(matrix.values, matrix.cols, steps, scaler);
  }

  read(ends: Int32Array): Batch {
    const { cols } = this.matrix;
    const rows = ends.length;
    const size = this.steps * rows * cols;
    if (this.values.length !== size) this.values = new Float32Array(size);
    for (let r = 0; r < rows; r++) this.reader.read(ends[r]!, this.values, r, cols, rows * cols);
    return { values: this.values, rows };
  }
}
