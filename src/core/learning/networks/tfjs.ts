import { QuantlineError } from '../../errors/index.js';
import { checkSpec, layoutNetwork, type NetworkSpec } from './layout.js';
import { NetworkModel } from './model.js';
import { layerNames, type Tensor } from './tensors.js';
import type { Scaler } from './windows.js';

/** A model in the TensorFlow.js layers format: the text of model.json and the bytes of weights.bin. */
export interface LayersModelFiles {
  readonly modelJson: string;
  readonly weights: Uint8Array;
}

const FORMAT = 'quantline.network';
const WEIGHTS = 'weights.bin';

/**
 * Writes a network as a Keras Sequential model that `tf.loadLayersModel` reads: gate order i, f, c, o and
 * `recurrentActivation: sigmoid`. The network expects scaled features: the scaler stands in `userDefinedMetadata`, where
 * `metadata` is put too. Equal models give equal bytes.
 */
export function saveLayersModel(
  model: Pick<NetworkModel, 'spec' | 'scaler' | 'tensors'>,
  metadata: Readonly<Record<string, unknown>> = {},
): LayersModelFiles {
  const { spec, scaler, tensors } = model;
  const layout = layoutNetwork(spec);
  const names = layerNames(layout);
  const layers: object[] = [];
  layout.layers.forEach((layer, i) => {
    const last = i === layout.layers.length - 1;
    const activation = last ? spec.output.activation : layer.activation;
    const shape = layer.kind === 'lstm' ? [null, spec.steps, spec.inputs] : [null, spec.inputs];
    const common = {
      ...{ name: names[i], trainable: true, units: layer.units, use_bias: true },
      ...(i === 0 ? { batch_input_shape: shape, dtype: 'float32' } : {}),
    };
    layers.push(
      layer.kind === 'lstm'
        ? {
            class_name: 'LSTM',
            config: {
              ...common,
              ...{ activation: 'tanh', recurrent_activation: 'sigmoid', unit_forget_bias: true },
              ...{ return_sequences: layout.layers[i + 1]!.kind === 'lstm', return_state: false, implementation: 2 },
            },
          }
        : { class_name: 'Dense', config: { ...common, activation } },
    );
    if (layer.dropout > 0 && !last)
      layers.push({ class_name: 'Dropout', config: { name: `dropout_${i}`, trainable: true, rate: layer.dropout } });
  });
  const modelJson = {
    format: 'layers-model',
    generatedBy: 'quantline',
    convertedBy: null,
    modelTopology: {
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: { class_name: 'Sequential', config: { name: 'quantline', layers } },
    },
    weightsManifest: [
      { paths: [WEIGHTS], weights: tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })) },
    ],
    userDefinedMetadata: {
      ...{ ...metadata, format: FORMAT, formatVersion: 1, spec },
      scaler: scaler && { mean: [...scaler.mean], deviation: [...scaler.deviation] },
    },
  };
  const total = tensors.reduce((sum, t) => sum + t.values.length, 0);
  const weights = new Uint8Array(total * 4);
  const view = new DataView(weights.buffer);
  let at = 0;
  for (const { values } of tensors) for (const value of values) view.setFloat32(4 * at++, value, true);
  return { modelJson: `${JSON.stringify(modelJson, null, 1)}\n`, weights };
}

type Json = { readonly [key: string]: unknown };

/**
 * Reads what `saveLayersModel` wrote. Throws ARTIFACT_CORRUPT (ARTIFACT_KIND for another program's model) naming the
 * field by its path; topology, weights and metadata must agree.
 */
export function loadLayersModel(files: LayersModelFiles): { model: NetworkModel; metadata: Json } {
  const bad = (path: string, what: string, code: 'ARTIFACT_CORRUPT' | 'ARTIFACT_KIND' = 'ARTIFACT_CORRUPT') =>
    new QuantlineError(code, `model.json: ${path} ${what}.`, {
      hint:
        code === 'ARTIFACT_KIND'
          ? 'Pass a network that Quantline trained.'
          : 'Restore the model from a copy or train it again.',
      details: { path },
    });
  let root: Json;
  try {
    root = JSON.parse(files.modelJson) as Json;
  } catch (cause) {
    throw new QuantlineError('ARTIFACT_CORRUPT', `model.json is not JSON: ${(cause as Error).message}.`, {
      hint: 'Restore the model from a copy or train it again.',
      cause,
    });
  }
  const object = (parent: Json, key: string, path: string): Json => {
    const value = parent[key];
    if (value === null || typeof value !== 'object') throw bad(path, 'is missing');
    return value as Json;
  };
  if (root === null || typeof root !== 'object' || root['format'] !== 'layers-model')
    throw bad('format', 'is not "layers-model"', 'ARTIFACT_KIND');
  const metadata = root['userDefinedMetadata'] as Json | undefined;
  if (metadata?.['format'] !== FORMAT) throw bad('userDefinedMetadata.format', `is not "${FORMAT}"`, 'ARTIFACT_KIND');
  if (metadata['formatVersion'] !== 1)
    throw bad('userDefinedMetadata.formatVersion', `is ${String(metadata['formatVersion'])}, this version reads 1`);
  const spec = object(metadata, 'spec', 'userDefinedMetadata.spec') as unknown as NetworkSpec;
  try {
    checkSpec(spec);
  } catch (cause) {
    throw bad('userDefinedMetadata.spec', `is damaged: ${(cause as Error).message}`);
  }
  const scaler = readScaler(metadata['scaler'], spec.inputs, bad);

  const manifest = object(root, 'weightsManifest', 'weightsManifest');
  const group = object(manifest, '0', 'weightsManifest[0]');
  const entries = object(group, 'weights', 'weightsManifest[0].weights');
  if (!Array.isArray(entries)) throw bad('weightsManifest[0].weights', 'is not a list');
  const view = new DataView(files.weights.buffer, files.weights.byteOffset, files.weights.byteLength);
  let offset = 0;
  const tensors = entries.map((entry: Json | null, i): Tensor => {
    const path = `weightsManifest[0].weights[${i}]`;
    const shape = entry?.['shape'];
    if (typeof entry?.['name'] !== 'string') throw bad(`${path}.name`, 'is not a name');
    if (entry['dtype'] !== 'float32') throw bad(`${path}.dtype`, 'is not float32');
    if (!Array.isArray(shape) || !shape.every((n) => Number.isInteger(n) && n > 0))
      throw bad(`${path}.shape`, 'is not a shape');
    const size = (shape as number[]).reduce((a, b) => a * b, 1);
    if (offset + size * 4 > view.byteLength)
      throw bad(path, `needs ${offset + size * 4} bytes of ${WEIGHTS}, which has ${view.byteLength}`);
    const values = new Float32Array(size);
    for (let k = 0; k < size; k++) values[k] = view.getFloat32(offset + k * 4, true);
    offset += size * 4;
    return { name: entry['name'], shape: shape as number[], values };
  });
  if (offset !== view.byteLength)
    throw bad('weightsManifest', `describes ${offset} bytes of ${WEIGHTS}, which has ${view.byteLength}`);
  const model = new NetworkModel(spec, scaler, tensors);
  model.check();
  // The topology is what other programs load: it must describe the same network.
  const expected = JSON.parse(saveLayersModel(model).modelJson) as Json;
  const difference = firstDifference(expected['modelTopology'], root['modelTopology'], 'modelTopology');
  if (difference !== undefined) throw bad(difference, 'does not agree with userDefinedMetadata.spec');
  return { model, metadata };
}

function readScaler(
  value: unknown,
  inputs: number,
  bad: (path: string, what: string) => QuantlineError,
): Scaler | null {
  if (value === null) return null;
  const path = 'userDefinedMetadata.scaler';
  if (typeof value !== 'object') throw bad(path, 'is missing');
  const column = (key: 'mean' | 'deviation'): Float64Array => {
    const list = (value as Json)[key];
    if (!Array.isArray(list) || list.length !== inputs) throw bad(`${path}.${key}`, `does not have ${inputs} numbers`);
    list.forEach((x: unknown, i) => {
      if (typeof x !== 'number' || !Number.isFinite(x) || (key === 'deviation' && x <= 0))
        throw bad(`${path}.${key}[${i}]`, `is ${String(x)}`);
    });
    return Float64Array.from(list as number[]);
  };
  return { mean: column('mean'), deviation: column('deviation') };
}

/** Path of the first value that differs between two JSON values. */
function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object')
    return Object.is(a, b) ? undefined : path;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const next = Array.isArray(a) ? `${path}[${key}]` : `${path}.${key}`;
    const found = firstDifference((a as Json)[key], (b as Json)[key], next);
    if (found !== undefined) return found;
  }
  return undefined;
}
