import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import * as layers from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import { AgentPolicy, loadPolicy, savePolicy } from '../../../../src/core/learning/agents/index.js';
import {
  loadLayersModel,
  Network,
  NetworkModel,
  type NetworkSpec,
  saveLayersModel,
} from '../../../../src/core/learning/networks/index.js';

const LSTM: NetworkSpec = {
  inputs: 5,
  steps: 7,
  lstm: [
    { units: 6, dropout: 0.2 },
    { units: 9, dropout: 0.1 },
  ],
  dense: [{ units: 4, activation: 'relu', dropout: 0.3 }],
  output: { units: 3, activation: 'softmax' },
};
const SIGMOID: NetworkSpec = { ...LSTM, lstm: [{ units: 25 }], dense: [], output: { units: 1, activation: 'sigmoid' } };
const DENSE: NetworkSpec = {
  inputs: 4,
  steps: 1,
  lstm: [],
  dense: [{ units: 8, activation: 'tanh' }],
  output: { units: 2, activation: 'linear' },
};

function model(spec: NetworkSpec): NetworkModel {
  const network = new Network(spec, { rows: 1 });
  network.initialize(12);
  const mean = Float64Array.from({ length: spec.inputs }, (_, i) => i);
  return new NetworkModel(spec, { mean, deviation: mean.map((m) => m + 0.5) }, network.exportTensors());
}

/** What `tf.loadLayersModel('file://…/model.json')` hands to the loader. */
const handler = (files: { modelJson: string; weights: Uint8Array }): tf.io.IOHandler => {
  const json = JSON.parse(files.modelJson);
  return {
    load: async () => ({
      modelTopology: json.modelTopology,
      weightSpecs: json.weightsManifest[0].weights,
      weightData: files.weights.buffer as ArrayBuffer,
      userDefinedMetadata: json.userDefinedMetadata,
      format: json.format,
    }),
  };
};

describe('the TensorFlow.js layers format', () => {
  it.each([
    ['stacked LSTM with dropout and softmax', LSTM],
    ['LSTM with sigmoid', SIGMOID],
    ['perceptron', DENSE],
  ])('%s: plain tf.loadLayersModel gives the same predictions', async (_, spec) => {
    await tf.setBackend('cpu');
    const mine = model(spec);
    const theirs = await layers.loadLayersModel(handler(saveLayersModel(mine)));
    const random = seededRandom(6);
    const rows = 12;
    const size = spec.steps * spec.inputs;
    const values = Float32Array.from({ length: rows * size }, () => 4 * random.next() - 1);
    const out = new Float32Array(rows * spec.output.units);
    for (let r = 0; r < rows; r++) mine.predictOne(values.slice(r * size, (r + 1) * size), out, r * spec.output.units);
    const { mean, deviation } = mine.scaler!;
    const scaled = values.map((v, i) => (v - mean[i % spec.inputs]!) / deviation[i % spec.inputs]!);
    const shape = spec.lstm.length > 0 ? [rows, spec.steps, spec.inputs] : [rows, spec.inputs];
    const expected = (theirs.predict(tf.tensor(scaled, shape)) as tf.Tensor).dataSync();
    expected.forEach((p, i) => {
      expect(Math.abs(out[i]! - p)).toBeLessThan(1e-5);
    });
  });

  it('a policy: plain tf.loadLayersModel and the normaliser of its metadata give the same action means', async () => {
    await tf.setBackend('cpu');
    const { tensors } = model(DENSE);
    const scale = { mean: Float64Array.of(1, -2, 0, 3), variance: Float64Array.of(4, 0.25, 1, 9), clip: 1.5 };
    const space = { kind: 'continuous', size: 2, low: -1, high: 1 } as const;
    const files = savePolicy(new AgentPolicy('ppo', DENSE, tensors, space, scale, Float64Array.of(-0.5, 0.25)));
    const theirs = await layers.loadLayersModel(handler(files));
    const { scaler, agent } = JSON.parse(files.modelJson).userDefinedMetadata;
    expect(agent.logStd).toEqual([-0.5, 0.25]);
    const { policy } = loadPolicy(files);
    for (const observation of [
      [0, 0, 0, 0],
      [9, -9, 0.5, 2],
    ]) {
      const scaled = observation.map((x, i) =>
        Math.max(-agent.clip, Math.min(agent.clip, (x - scaler.mean[i]) / scaler.deviation[i])),
      );
      const expected = (theirs.predict(tf.tensor(scaled, [1, 4])) as tf.Tensor).dataSync();
      const outputs = policy.outputs(Float32Array.from(observation));
      expected.forEach((mean, i) => {
        expect(Math.abs(outputs[i]! - mean)).toBeLessThan(1e-5);
      });
    }
  });

  it('reads back the same model and writes the same bytes', () => {
    const files = saveLayersModel(model(LSTM), { features: ['a', 'b'] });
    const { model: again, metadata } = loadLayersModel(files);
    expect(metadata['features']).toEqual(['a', 'b']);
    expect(again.tensors).toEqual(model(LSTM).tensors);
    expect(again.scaler).toEqual(model(LSTM).scaler);
    const second = saveLayersModel(again, { features: ['a', 'b'] });
    expect(second.modelJson).toBe(files.modelJson);
    expect(second.weights).toEqual(files.weights);
  });

  const damage = (edit: (json: Record<string, never>) => void): string => {
    const json = JSON.parse(saveLayersModel(model(LSTM)).modelJson);
    edit(json);
    return JSON.stringify(json);
  };
  // biome-ignore lint/suspicious/noExplicitAny: edits an arbitrary place of a JSON document
  type Edit = (json: any) => void;
  it.each<[string, Edit, string, RegExp]>([
    ['foreign format', (j) => (j.format = 'graph-model'), 'ARTIFACT_KIND', /format/],
    ['foreign metadata', (j) => delete j.userDefinedMetadata, 'ARTIFACT_KIND', /userDefinedMetadata\.format/],
    ['newer', (j) => (j.userDefinedMetadata.formatVersion = 2), 'ARTIFACT_CORRUPT', /formatVersion is 2/],
    ['spec', (j) => (j.userDefinedMetadata.spec.lstm[1].units = 'x'), 'ARTIFACT_CORRUPT', /lstm\[1\]\.units/],
    ['no spec', (j) => (j.userDefinedMetadata.spec = { inputs: 5 }), 'ARTIFACT_CORRUPT', /userDefinedMetadata\.spec/],
    [
      'scaler',
      (j) => (j.userDefinedMetadata.scaler.deviation[2] = 0),
      'ARTIFACT_CORRUPT',
      /scaler\.deviation\[2\] is 0/,
    ],
    [
      'scaler width',
      (j) => j.userDefinedMetadata.scaler.mean.pop(),
      'ARTIFACT_CORRUPT',
      /scaler\.mean does not have 5/,
    ],
    ['shape', (j) => (j.weightsManifest[0].weights[0].shape = [5, 20]), 'ARTIFACT_CORRUPT', /weights/i],
    ['type', (j) => (j.weightsManifest[0].weights[3].dtype = 'int32'), 'ARTIFACT_CORRUPT', /weights\[3\]\.dtype/],
    ['name', (j) => (j.weightsManifest[0].weights[0].name = 'x'), 'ARTIFACT_CORRUPT', /lstm\/kernel: missing/],
    [
      'topology',
      (j) => (j.modelTopology.model_config.config.layers[0].config.recurrent_activation = 'hard_sigmoid'),
      'ARTIFACT_CORRUPT',
      /layers\[0\]\.config\.recurrent_activation/,
    ],
  ])('refuses %s with the path of the field', (_, edit, code, message) => {
    const { weights } = saveLayersModel(model(LSTM));
    const call = (): unknown => loadLayersModel({ modelJson: damage(edit), weights });
    expect(call).toThrow(message);
    expect(call).toThrow(expect.objectContaining({ code }));
  });

  it('refuses weights that are cut, longer or not finite, and text that is not JSON', () => {
    const { modelJson, weights } = saveLayersModel(model(LSTM));
    expect(() => loadLayersModel({ modelJson, weights: weights.slice(0, -4) })).toThrow(/weights\.bin, which has/);
    expect(() => loadLayersModel({ modelJson, weights: new Uint8Array(weights.length + 4) })).toThrow(/which has/);
    const nan = weights.slice();
    nan.set([0, 0, 192, 127], 40);
    expect(() => loadLayersModel({ modelJson, weights: nan })).toThrow(/lstm\/kernel: element 10 is NaN/);
    expect(() => loadLayersModel({ modelJson: modelJson.slice(0, 50), weights })).toThrow(/not JSON/);
  });
});
