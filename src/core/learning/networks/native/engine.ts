import { openTensorflow, type Tensorflow } from '../../../platform/tensorflow.js';
import type { LstmKind, NetworkEngine } from '../engine.js';
import { layoutNetwork, type NetworkLayout } from '../layout.js';
import { applyOutput } from '../losses.js';
import type { NetworkModel } from '../model.js';
import { importTensors } from '../tensors.js';
import type { FeatureMatrix } from '../windows.js';
import { BlockNetwork } from './block.js';
import { LayersNetwork } from './layers.js';
import { BatchReader, type NativeNetwork } from './network.js';

/** Rows that are scored at a time. */
const BATCH = 512;

/** Counts changes of what this engine computes with one version of TensorFlow. */
const REVISION = 2;

/** The engine by TensorFlow on the calling thread. */
export interface NativeEngine {
  readonly info: NetworkEngine;
  readonly kind: LstmKind;
  network(layout: NetworkLayout): NativeNetwork;
  /** Outputs of every window, as `NetworkModel.predict` gives them. */
  predict(model: NetworkModel, matrix: FeatureMatrix, windows: Int32Array, out: Float32Array | Float64Array): void;
}

/** The engine by TensorFlow. CONFIG where it cannot be loaded. `wanted`: the fused operation where it runs, unless told otherwise. */
export async function nativeEngine(wanted?: LstmKind): Promise<NativeEngine> {
  const tensorflow = await openTensorflow();
  const kind = wanted ?? (runsBlock(tensorflow) ? 'block' : 'layers');
  const js = kind === 'layers' ? await tensorflow.js() : undefined;
  const network: NativeEngine['network'] = (layout) =>
    js === undefined ? new BlockNetwork(tensorflow, layout) : new LayersNetwork(js, tensorflow.run, layout);
  return {
    info: { name: 'native', version: `${tensorflow.version}-${kind === 'block' ? '' : 'layers-'}${REVISION}` },
    kind,
    network,
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
      const ends = windows.subarray(from, from + BATCH);
      const rows = ends.length;
      const z = network.logits(reader.read(ends));
      for (let r = 0; r < rows; r++) applyOutput(activation, units, z, r * units, out, (from + r) * units);
    }
  } finally {
    network.dispose();
  }
}
