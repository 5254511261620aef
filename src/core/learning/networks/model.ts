import { QuantlineError } from '../../errors/index.js';
import type { NetworkSpec } from './layout.js';
import { applyOutput } from './losses.js';
import { Network } from './network.js';
import type { Tensor } from './tensors.js';
import { type FeatureMatrix, type Scaler, WindowReader } from './windows.js';

/** Rows scored at a time; results do not depend on it. */
const BATCH = 32;

/** A trained network: scaler, weights, and scoring of windows. A row's score has the same bits in any batch. */
export class NetworkModel {
  private network: Network | undefined;

  constructor(
    readonly spec: NetworkSpec,
    readonly scaler: Scaler | null,
    readonly tensors: readonly Tensor[],
  ) {
    if (scaler !== null && (scaler.mean.length !== spec.inputs || scaler.deviation.length !== spec.inputs))
      throw new QuantlineError(
        'ARTIFACT_CORRUPT',
        `The scaler has ${scaler.mean.length} columns, the network ${spec.inputs}.`,
        {
          hint: 'Train the model again, or restore the file from a copy.',
        },
      );
  }

  /** Throws ARTIFACT_CORRUPT if a weight is missing, misshapen or not finite. */
  check(): void {
    this.ready();
  }

  /** Outputs of every window, `output.units` numbers each, into `out`. A window over a non-finite number gives NaN. */
  predict(matrix: FeatureMatrix, windows: Int32Array, out: Float32Array | Float64Array): void {
    const { spec } = this;
    this.requireColumns(matrix.cols);
    const units = spec.output.units;
    const reader = new WindowReader(matrix.values, matrix.cols, spec.steps, this.scaler);
    const network = this.ready();
    for (let from = 0; from < windows.length; from += BATCH) {
      const rows = Math.min(BATCH, windows.length - from);
      for (let r = 0; r < rows; r++) {
        const end = windows[from + r]!;
        if (end - spec.steps + 1 < 0 || end >= matrix.rows)
          throw new QuantlineError(
            'INPUT',
            `Window ${from + r} ends at row ${end}, outside what ${spec.steps} steps need.`,
            {
              hint: `Pass windows that end between rows ${spec.steps - 1} and ${matrix.rows - 1}.`,
            },
          );
        reader.read(end, network.input, r, network.inputWidth, network.inputStep);
      }
      this.score(rows, out, from * units);
    }
  }

  /** One sequence, oldest step first, `steps × inputs` numbers; the path for live scoring. */
  predictOne(sequence: Float32Array | Float64Array, out: Float32Array | Float64Array, at = 0): void {
    const { spec } = this;
    if (sequence.length !== spec.steps * spec.inputs) this.requireColumns(sequence.length / spec.steps);
    const network = this.ready();
    new WindowReader(sequence, spec.inputs, spec.steps, this.scaler).read(
      spec.steps - 1,
      network.input,
      0,
      network.inputWidth,
      network.inputStep,
    );
    this.score(1, out, at);
  }

  private score(rows: number, out: Float32Array | Float64Array, at: number): void {
    const network = this.network!;
    const { units, activation } = this.spec.output;
    network.forward(rows);
    for (let r = 0; r < rows; r++) {
      applyOutput(activation, units, network.output, r * network.outputWidth, out, at + r * units);
      if (!this.finiteInput(r)) out.fill(Number.NaN, at + r * units, at + (r + 1) * units);
    }
  }

  /** Clamped activations would turn a missing feature into a confident score. */
  private finiteInput(r: number): boolean {
    const network = this.network!;
    let sum = 0;
    for (let t = 0; t < this.spec.steps; t++) {
      const row = t * network.inputStep + r * network.inputWidth;
      for (let c = 0; c < this.spec.inputs; c++) sum += network.input[row + c]! * 0;
    }
    return sum === 0;
  }

  private requireColumns(cols: number): void {
    if (cols !== this.spec.inputs)
      throw new QuantlineError(
        'MISMATCH',
        `The network was trained on ${this.spec.inputs} features, these rows have ${cols}.`,
        {
          hint: 'Score with the feature set that the model was trained on.',
          details: { expected: this.spec.inputs, actual: cols },
        },
      );
  }

  private ready(): Network {
    if (this.network === undefined) {
      this.network = new Network(this.spec, { rows: BATCH, kernels: 'plain' });
      this.network.importTensors(this.tensors);
    }
    return this.network;
  }
}
