import { QuantlineError } from '../../errors/index.js';
import type { MemoryPlan } from './kernels.js';

export type HiddenActivation = 'linear' | 'tanh' | 'relu';
export type OutputActivation = 'linear' | 'sigmoid' | 'softmax';

/**
 * A feed-forward network: LSTM layers over `steps` time steps (all but the last hand on whole sequences), then dense
 * layers on the last state, then the output layer. Without LSTM layers `steps` is 1 and it is a multilayer perceptron.
 */
export interface NetworkSpec {
  readonly inputs: number;
  readonly steps: number;
  /** `dropout`: share of the layer's outputs dropped in training, a fresh mask at each step. */
  readonly lstm: readonly { readonly units: number; readonly dropout?: number }[];
  readonly dense: readonly {
    readonly units: number;
    readonly activation: HiddenActivation;
    readonly dropout?: number;
  }[];
  readonly output: { readonly units: number; readonly activation: OutputActivation };
}

/** One layer's place in the parameter vector. Widths are padded to multiples of 8, the network's input to
 * one of 4; the padding stays zero for ever. */
export interface LayerLayout {
  readonly kind: 'lstm' | 'dense';
  readonly inputs: number;
  readonly inputsPadded: number;
  readonly units: number;
  readonly unitsPadded: number;
  readonly activation: HiddenActivation;
  readonly dropout: number;
  /**
   * Offsets in floats. LSTM weights: (inputs + units) × 4·units, gates i, f, c, o; dense weights: inputs × units; both in
   * panels of 8 columns (`weightOffset`), which is what the kernels read in one stream.
   */
  readonly weights: number;
  readonly bias: number;
  readonly rows: number;
  readonly columns: number;
  /** Weights transposed for the backward pass, in panels too: columns × rows from `transposedFrom` on; none if equal to `rows`. */
  readonly transposed: number;
  readonly transposedFrom: number;
}

export interface NetworkLayout {
  readonly spec: NetworkSpec;
  readonly layers: readonly LayerLayout[];
  /** Floats in the parameter vector (padding included), in the transposed copies, and the number of real weights. */
  readonly parameters: number;
  readonly transposed: number;
  readonly weightCount: number;
  readonly inputPadded: number;
  readonly outputPadded: number;
}

/** Columns of a panel of weights. */
export const PANEL = 8;

/** Where the weight of a layer's row and (padded) column stands in the parameter vector. */
export const weightOffset = (layer: LayerLayout, row: number, column: number): number =>
  layer.weights + Math.floor(column / PANEL) * layer.rows * PANEL + row * PANEL + (column % PANEL);

export const pad8 = (n: number): number => Math.ceil(n / 8) * 8;
const pad4 = (n: number): number => Math.ceil(n / 4) * 4;

const HIDDEN: readonly string[] = ['linear', 'tanh', 'relu'];
const OUTPUT: readonly string[] = ['linear', 'sigmoid', 'softmax'];

/** Throws CONFIG naming the first setting of a network that makes no sense. */
export function checkSpec(spec: NetworkSpec): void {
  const fail = (field: string, value: unknown, wanted: string): never => {
    throw new QuantlineError('CONFIG', `Network setting ${field} is ${String(value)}; it must be ${wanted}.`, {
      hint: `Set ${field} to ${wanted}.`,
      details: { field, value },
    });
  };
  const count = (field: string, value: number, most: number): void => {
    if (!Number.isInteger(value) || value < 1 || value > most) fail(field, value, `a whole number from 1 to ${most}`);
  };
  const share = (field: string, value: number | undefined): void => {
    if (value !== undefined && !(value >= 0 && value < 1)) fail(field, value, 'at least 0 and below 1');
  };
  count('inputs', spec.inputs, 65536);
  count('steps', spec.steps, 65536);
  if (spec.lstm.length === 0 && spec.steps !== 1) fail('steps', spec.steps, '1 for a network without LSTM layers');
  spec.lstm.forEach((layer, i) => {
    count(`lstm[${i}].units`, layer.units, 4096);
    share(`lstm[${i}].dropout`, layer.dropout);
  });
  spec.dense.forEach((layer, i) => {
    count(`dense[${i}].units`, layer.units, 16384);
    share(`dense[${i}].dropout`, layer.dropout);
    if (!HIDDEN.includes(layer.activation)) fail(`dense[${i}].activation`, layer.activation, HIDDEN.join(', '));
  });
  count('output.units', spec.output.units, 16384);
  if (!OUTPUT.includes(spec.output.activation)) fail('output.activation', spec.output.activation, OUTPUT.join(', '));
  if (spec.output.activation === 'softmax' && spec.output.units < 2) fail('output.units', 1, 'at least 2 for softmax');
}

/** Places all parameters of a network. Equal specs give equal layouts. */
export function layoutNetwork(spec: NetworkSpec): NetworkLayout {
  checkSpec(spec);
  const layers: LayerLayout[] = [];
  let offset = 0;
  let transposed = 0;
  let weightCount = 0;
  let inputs = spec.inputs;
  const add = (kind: 'lstm' | 'dense', units: number, activation: HiddenActivation, dropout: number): void => {
    const inputsPadded = layers.length === 0 ? pad4(inputs) : pad8(inputs);
    const unitsPadded = pad8(units);
    const recurrent = kind === 'lstm';
    const rows = inputsPadded + (recurrent ? unitsPadded : 0);
    const columns = recurrent ? 4 * unitsPadded : unitsPadded;
    // Nobody asks for the gradient of the network's input, so the first layer needs its recurrent part only.
    const transposedFrom = layers.length > 0 ? 0 : inputsPadded;
    layers.push({
      kind,
      inputs,
      inputsPadded,
      units,
      unitsPadded,
      activation,
      dropout,
      weights: offset,
      bias: offset + rows * columns,
      rows,
      columns,
      transposed,
      transposedFrom,
    });
    offset += rows * columns + columns;
    transposed += columns * (rows - transposedFrom);
    weightCount += recurrent ? 4 * units * (inputs + units + 1) : units * (inputs + 1);
    inputs = units;
  };
  for (const layer of spec.lstm) add('lstm', layer.units, 'linear', layer.dropout ?? 0);
  for (const layer of spec.dense) add('dense', layer.units, layer.activation, layer.dropout ?? 0);
  add('dense', spec.output.units, 'linear', 0);
  return {
    spec,
    layers,
    parameters: offset,
    transposed,
    weightCount,
    inputPadded: pad4(spec.inputs),
    outputPadded: pad8(spec.output.units),
  };
}

/** Where the parts of one training or scoring session lie in memory, in bytes. */
export interface ParameterPlaces {
  readonly parameters: number;
  readonly transposed: number;
}

export const placeParameters = (layout: NetworkLayout, plan: MemoryPlan): ParameterPlaces => ({
  parameters: plan.floats(layout.parameters),
  transposed: plan.floats(layout.transposed),
});
