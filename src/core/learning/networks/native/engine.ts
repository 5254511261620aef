import type { Scalar, Tensor, Tensor3D } from '@tensorflow/tfjs-core';
import { type Random, seededRandom } from '../../../domain/random.js';
import { openTensorflow, type Tensorflow } from '../../../platform/tensorflow.js';
import { type BatchEngine, type NetworkEngine, type SessionRows, sessionRows } from '../engine.js';
import { instantiateKernels, type KernelMemory, type Kernels, kernelModule } from '../kernels.js';
import { layoutNetwork } from '../layout.js';
import { applyOutput, rowLoss } from '../losses.js';
import type { NetworkModel } from '../model.js';
import type { SessionPlaces } from '../session.js';
import { importTensors } from '../tensors.js';
import { type FeatureMatrix, type Scaler, WindowReader } from '../windows.js';
import { hasBlockLstm, type LstmKind } from './lstm.js';
import { NativeNetwork } from './network.js';

/** Rows that are evaluated or scored at a time. */
const BATCH = 512;

export interface NativeEngine {
  readonly info: NetworkEngine;
  start(places: SessionPlaces, memory: KernelMemory, matrix: FeatureMatrix, scaler: Scaler | null): BatchEngine;
  /** Outputs of every window, as `NetworkModel.predict` gives them. */
  predict(model: NetworkModel, matrix: FeatureMatrix, windows: Int32Array, out: Float32Array | Float64Array): void;
}

/**
 * The engine by TensorFlow. CONFIG where it cannot be loaded. `wanted`: which LSTM to use; the fused operation where it
 * runs, unless told otherwise.
 */
export async function nativeEngine(wanted?: LstmKind): Promise<NativeEngine> {
  const tensorflow = await openTensorflow();
  const kind = wanted ?? (hasBlockLstm(tensorflow) ? 'block' : 'layers');
  const { version } = tensorflow;
  return {
    info: { name: 'native', version: kind === 'block' ? version : `${version}-layers` },
    start: (places, memory, matrix, scaler) => new NativeSession(tensorflow, kind, places, memory, matrix, scaler),
    predict: (model, matrix, windows, out) => predict(tensorflow, kind, model, matrix, windows, out),
  };
}

class NativeSession implements BatchEngine {
  readonly kernels: Kernels;
  private readonly rows: SessionRows;
  private readonly parameters: Float32Array;
  private readonly gradient: Float32Array;
  private readonly network: NativeNetwork;
  private readonly reader: BatchReader;

  constructor(
    private readonly tensorflow: Tensorflow,
    kind: LstmKind,
    private readonly places: SessionPlaces,
    memory: KernelMemory,
    matrix: FeatureMatrix,
    scaler: Scaler | null,
  ) {
    const layout = layoutNetwork(places.spec);
    this.kernels = instantiateKernels(memory, kernelModule('plain'));
    this.rows = sessionRows(places, memory.buffer);
    this.parameters = new Float32Array(memory.buffer, places.parameters.parameters, layout.parameters);
    this.gradient = new Float32Array(memory.buffer, places.gradients[0]!, layout.parameters);
    this.network = new NativeNetwork(tensorflow, layout, kind);
    this.reader = new BatchReader(tensorflow, matrix, places.spec.steps, scaler);
  }

  async train(start: number, rows: number, seed: number, scale: number): Promise<number> {
    const { tf } = this.tensorflow;
    const hasDropout = [...this.places.spec.lstm, ...this.places.spec.dense].some(({ dropout = 0 }) => dropout > 0);
    const random = hasDropout ? seededRandom(seed >>> 0) : undefined;
    let sum = 0;
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(
        () => this.loss(start, rows, scale, random),
        [...this.network.variables],
      );
      sum = value.dataSync()[0]!;
      this.network.scatter(grads as Record<string, Tensor>, this.gradient);
    });
    return sum;
  }

  async evaluate(start: number, rows: number): Promise<number> {
    let sum = 0;
    for (let from = 0; from < rows; from += BATCH) {
      const count = Math.min(BATCH, rows - from);
      sum += this.tensorflow.tf.tidy(() => this.loss(start + from, count, 1, undefined).dataSync()[0]!);
    }
    return sum;
  }

  weightsChanged(): void {
    this.network.assign(this.parameters);
  }

  async close(): Promise<void> {
    this.network.dispose();
  }

  /** Summed loss of a batch, by the embedded engine's own loss on the logits; its gradient is times `scale`. */
  private loss(start: number, rows: number, scale: number, random: Random | undefined): Scalar {
    const { tf } = this.tensorflow;
    const { loss, labelWidth, spec } = this.places;
    const { units } = spec.output;
    const { order, ends, labels, weights } = this.rows;
    const x = this.reader.read(rows, (r) => ends[order[start + r]!]!);
    const total = tf.customGrad((...args) => {
      const z = (args[0] as Tensor).dataSync() as Float32Array;
      const slopes = new Float32Array(rows * units);
      let sum = 0;
      for (let r = 0; r < rows; r++) {
        const index = order[start + r]!;
        const weight = weights[index]!;
        sum += rowLoss(loss, units, z, r * units, labels, index * labelWidth, weight, scale, slopes, r * units);
      }
      return { value: tf.scalar(sum), gradFunc: () => tf.tensor(slopes, [rows, units]) };
    });
    return total(this.network.logits(x, random)) as Scalar;
  }
}

/** Scaled windows as tensors, steps × rows × columns. */
class BatchReader {
  private readonly reader: WindowReader;

  constructor(
    private readonly tensorflow: Tensorflow,
    private readonly matrix: FeatureMatrix,
    private readonly steps: number,
    scaler: Scaler | null,
  ) {
    this.reader = new WindowReader(matrix.values, matrix.cols, steps, scaler);
  }

  read(rows: number, endOf: (row: number) => number): Tensor3D {
    const { steps } = this;
    const { cols } = this.matrix;
    const values = new Float32Array(steps * rows * cols);
    for (let r = 0; r < rows; r++) this.reader.read(endOf(r), values, r, cols, rows * cols);
    return this.tensorflow.tf.tensor3d(values, [steps, rows, cols]);
  }
}

function predict(
  tensorflow: Tensorflow,
  kind: LstmKind,
  model: NetworkModel,
  matrix: FeatureMatrix,
  windows: Int32Array,
  out: Float32Array | Float64Array,
): void {
  const { spec, scaler, tensors } = model;
  const layout = layoutNetwork(spec);
  const parameters = new Float32Array(layout.parameters);
  importTensors(layout, tensors, parameters);
  const network = new NativeNetwork(tensorflow, layout, kind);
  const reader = new BatchReader(tensorflow, matrix, spec.steps, scaler);
  const { units, activation } = spec.output;
  try {
    network.assign(parameters);
    for (let from = 0; from < windows.length; from += BATCH) {
      const rows = Math.min(BATCH, windows.length - from);
      const z = tensorflow.tf.tidy(
        () =>
          network
            .logits(
              reader.read(rows, (r) => windows[from + r]!),
              undefined,
            )
            .dataSync() as Float32Array,
      );
      for (let r = 0; r < rows; r++) applyOutput(activation, units, z, r * units, out, (from + r) * units);
    }
  } finally {
    network.dispose();
  }
}
