import { seededRandom } from '../../../domain/random.js';
import { openTensorflow, type Tensorflow } from '../../../platform/tensorflow.js';
import { type BatchEngine, type NetworkEngine, type SessionRows, sessionRows } from '../engine.js';
import { instantiateKernels, type KernelMemory, type Kernels, kernelModule } from '../kernels.js';
import { layoutNetwork, type NetworkLayout } from '../layout.js';
import { applyOutput, rowLoss } from '../losses.js';
import type { NetworkModel } from '../model.js';
import type { SessionPlaces } from '../session.js';
import { importTensors } from '../tensors.js';
import { type FeatureMatrix, type Scaler, WindowReader } from '../windows.js';
import { BlockNetwork } from './block.js';
import { LayersNetwork } from './layers.js';
import type { Batch, NativeNetwork } from './network.js';

/** Rows that are evaluated or scored at a time. */
const BATCH = 512;

/** Which LSTM computes: TensorFlow's fused operation, or TensorFlow.js' layer. */
export type LstmKind = 'block' | 'layers';

export interface NativeEngine {
  readonly info: NetworkEngine;
  network(layout: NetworkLayout): NativeNetwork;
  start(places: SessionPlaces, memory: KernelMemory, matrix: FeatureMatrix, scaler: Scaler | null): BatchEngine;
  /** Outputs of every window, as `NetworkModel.predict` gives them. */
  predict(model: NetworkModel, matrix: FeatureMatrix, windows: Int32Array, out: Float32Array | Float64Array): void;
}

/** The engine by TensorFlow. CONFIG where it cannot be loaded. `wanted`: the fused operation where it runs, unless told otherwise. */
export async function nativeEngine(wanted?: LstmKind): Promise<NativeEngine> {
  const tensorflow = await openTensorflow();
  const kind = wanted ?? (runsBlock(tensorflow) ? 'block' : 'layers');
  const { version } = tensorflow;
  const network: NativeEngine['network'] = (layout) =>
    kind === 'block' ? new BlockNetwork(tensorflow, layout) : new LayersNetwork(tensorflow, layout);
  return {
    info: { name: 'native', version: kind === 'block' ? version : `${version}-layers` },
    network,
    start: (places, memory, matrix, scaler) => new NativeSession(network, places, memory, matrix, scaler),
    predict: (model, matrix, windows, out) => predict(network, model, matrix, windows, out),
  };
}

let block: boolean | undefined;

/** Whether this TensorFlow runs the fused operations. */
function runsBlock(tensorflow: Tensorflow): boolean {
  const attempt = (): boolean => {
    const layout = layoutNetwork({
      inputs: 1,
      steps: 2,
      lstm: [{ units: 1 }],
      dense: [],
      output: { units: 1, activation: 'linear' },
    });
    const network = new BlockNetwork(tensorflow, layout);
    try {
      const gradient = new Float32Array(layout.parameters);
      network.assign(new Float32Array(layout.parameters).fill(0.5));
      network.train({ values: Float32Array.of(1, 1), rows: 1 }, undefined, () => Float32Array.of(1), gradient);
      return gradient.every(Number.isFinite);
    } catch {
      return false;
    } finally {
      network.dispose();
    }
  };
  block ??= attempt();
  return block;
}

class NativeSession implements BatchEngine {
  readonly kernels: Kernels;
  private readonly rows: SessionRows;
  private readonly parameters: Float32Array;
  private readonly gradient: Float32Array;
  private readonly network: NativeNetwork;
  private readonly reader: BatchReader;

  constructor(
    network: NativeEngine['network'],
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
    this.network = network(layout);
    this.reader = new BatchReader(matrix, places.spec.steps, scaler);
  }

  async train(start: number, rows: number, seed: number, scale: number): Promise<number> {
    const { lstm, dense } = this.places.spec;
    const hasDropout = [...lstm, ...dense].some(({ dropout = 0 }) => dropout > 0);
    const random = hasDropout ? seededRandom(seed >>> 0) : undefined;
    let sum = 0;
    const slopes = (z: Float32Array): Float32Array => {
      const slopes = new Float32Array(z.length);
      sum = this.loss(z, start, rows, scale, slopes);
      return slopes;
    };
    this.network.train(this.batch(start, rows), random, slopes, this.gradient);
    return sum;
  }

  async evaluate(start: number, rows: number): Promise<number> {
    let sum = 0;
    for (let from = 0; from < rows; from += BATCH) {
      const count = Math.min(BATCH, rows - from);
      const z = this.network.logits(this.batch(start + from, count));
      sum += this.loss(z, start + from, count, 1, null);
    }
    return sum;
  }

  weightsChanged(): void {
    this.network.assign(this.parameters);
  }

  async close(): Promise<void> {
    this.network.dispose();
  }

  private batch(start: number, rows: number): Batch {
    const { order, ends } = this.rows;
    return this.reader.read(rows, (r) => ends[order[start + r]!]!);
  }

  /** Summed loss of a batch, by the embedded engine's own loss on the logits; its gradient is times `scale`. */
  private loss(z: Float32Array, start: number, rows: number, scale: number, slopes: Float32Array | null): number {
    const { loss, labelWidth, spec } = this.places;
    const { units } = spec.output;
    const { order, labels, weights } = this.rows;
    let sum = 0;
    for (let r = 0; r < rows; r++) {
      const index = order[start + r]!;
      const at = r * units;
      sum += rowLoss(
        ...([loss, units, z, at, labels, index * labelWidth] as const),
        ...([weights[index]!, scale, slopes, at] as const),
      );
    }
    return sum;
  }
}

/** Scaled windows, steps × rows × columns, in a buffer that the next batch of as many rows overwrites. */
class BatchReader {
  private readonly reader: WindowReader;
  private values = new Float32Array(0);

  constructor(
    private readonly matrix: FeatureMatrix,
    private readonly steps: number,
    scaler: Scaler | null,
  ) {
    this.reader = new WindowReader(matrix.values, matrix.cols, steps, scaler);
  }

  read(rows: number, endOf: (row: number) => number): Batch {
    const { cols } = this.matrix;
    const size = this.steps * rows * cols;
    if (this.values.length !== size) this.values = new Float32Array(size);
    for (let r = 0; r < rows; r++) this.reader.read(endOf(r), this.values, r, cols, rows * cols);
    return { values: this.values, rows };
  }
}

function predict(
  make: NativeEngine['network'],
  model: NetworkModel,
  matrix: FeatureMatrix,
  windows: Int32Array,
  out: Float32Array | Float64Array,
): void {
  const { spec, scaler, tensors } = model;
  const layout = layoutNetwork(spec);
  const parameters = new Float32Array(layout.parameters);
  importTensors(layout, tensors, parameters);
  const network = make(layout);
  const reader = new BatchReader(matrix, spec.steps, scaler);
  const { units, activation } = spec.output;
  try {
    network.assign(parameters);
    for (let from = 0; from < windows.length; from += BATCH) {
      const rows = Math.min(BATCH, windows.length - from);
      const z = network.logits(reader.read(rows, (r) => windows[from + r]!));
      for (let r = 0; r < rows; r++) applyOutput(activation, units, z, r * units, out, (from + r) * units);
    }
  } finally {
    network.dispose();
  }
}
