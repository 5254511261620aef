import type { Kernels, MemoryPlan } from './kernels.js';
import {
  type HiddenActivation,
  type LayerLayout,
  type NetworkLayout,
  PANEL,
  type ParameterPlaces,
  weightOffset,
} from './layout.js';

const KIND: Readonly<Record<HiddenActivation, number>> = { linear: 0, tanh: 1, relu: 2 };

/** Byte addresses of one layer's activations and gradients, `rows` rows at most; `step*` are 0 where steps share a buffer. */
interface LayerPlaces {
  /** LSTM: steps + 1 blocks of rows × (inputs + units), x beside h; dense: unused. */
  readonly input: number;
  readonly stepInput: number;
  /** LSTM: gates, rows × 4·units a step; dense: outputs. */
  readonly output: number;
  readonly stepOutput: number;
  readonly cell: number;
  readonly tanhCell: number;
  readonly stepCell: number;
  /** Gradient of h (LSTM, a block a step) or of the outputs (dense). */
  readonly gradient: number;
  readonly cellGradient: number;
  /** Places of the outputs that are not zero, row by row, where products skip the others; 0 = none. */
  readonly active: number;
  /** Outputs after dropout, where the layer has one and does not hand its output straight to an LSTM layer. */
  readonly dropped: number;
}

/** Memory of a program, planned before the memory exists so that every worker can be given its own. */
export interface ProgramPlaces {
  readonly rows: number;
  readonly training: boolean;
  readonly input: number;
  readonly layers: readonly LayerPlaces[];
  /** Room for the places of active inputs by column. */
  readonly scratch: number;
  /** Room for the weight gradient of a narrow layer, transposed. */
  readonly narrow: number;
}

/** Columns from which on a product is faster when it skips zeros. */
const WIDE = 24;

/** Whether what comes out of a layer has zeros that are worth skipping, forward or backward. */
function skipsZeros({ layers }: NetworkLayout, l: number): boolean {
  const layer = layers[l]!;
  const next = layers[l + 1];
  if (layer.activation !== 'relu' || layer.dropout > 0 || next === undefined) return false;
  return next.columns >= WIDE || (l > 0 && layer.rows >= WIDE);
}

/** Columns of a dense layer so narrow that most of its panel is padding: an output of up to four. */
const NARROW = 4;

const isNarrow = ({ layers }: NetworkLayout, l: number): boolean =>
  l > 0 && layers[l]!.kind === 'dense' && layers[l]!.units <= NARROW;

/** Plans the workspace of one program. Without `training` only the forward pass fits in it. */
export function placeProgram(layout: NetworkLayout, plan: MemoryPlan, rows: number, training: boolean): ProgramPlaces {
  const { steps, lstm } = layout.spec;
  const input = lstm.length === 0 ? plan.floats(rows * layout.inputPadded) : 0;
  const layers = layout.layers.map((layer, i): LayerPlaces => {
    const last = i === layout.layers.length - 1;
    const needsDropped = training && layer.dropout > 0 && !last && layout.layers[i + 1]!.kind === 'dense';
    const dropped = needsDropped ? plan.floats(rows * layer.unitsPadded) : 0;
    if (layer.kind === 'dense') {
      const output = plan.floats(rows * layer.unitsPadded);
      const gradient = training ? plan.floats(rows * layer.unitsPadded) : 0;
      const active = skipsZeros(layout, i) ? plan.bytes(rows * (layer.unitsPadded + 1) * 2) : 0;
      return {
        ...{ input: 0, active, stepInput: 0, output, stepOutput: 0, cell: 0, tanhCell: 0, stepCell: 0 },
        ...{ gradient, cellGradient: 0, dropped },
      };
    }
    const kept = training ? steps : 1;
    const stepFloats = rows * layer.unitsPadded;
    return {
      active: 0,
      input: plan.floats((steps + 1) * rows * layer.rows),
      stepInput: rows * layer.rows * 4,
      output: plan.floats(kept * rows * layer.columns),
      stepOutput: training ? rows * layer.columns * 4 : 0,
      cell: plan.floats(kept * stepFloats),
      tanhCell: plan.floats(kept * stepFloats),
      stepCell: training ? stepFloats * 4 : 0,
      gradient: training ? plan.floats(steps * stepFloats) : 0,
      cellGradient: training ? plan.floats(stepFloats) : 0,
      dropped,
    };
  });
  const widest = Math.max(0, ...layers.map(({ active }, i) => (active === 0 ? 0 : layout.layers[i]!.unitsPadded)));
  const scratch = training && widest > 0 ? plan.bytes(widest * (rows + 1) * 2) : 0;
  const most = Math.max(0, ...layout.layers.map(({ inputsPadded }, l) => (isNarrow(layout, l) ? inputsPadded : 0)));
  const narrow = training && most > 0 ? plan.floats(NARROW * most) : 0;
  return { rows, training, input, layers, scratch, narrow };
}

/**
 * Forward and backward passes of a network over up to `rows` samples in one memory. Rows are independent: the output of
 * a row has the same bits whatever rows stand beside it.
 */
export class Program {
  /** Address of the gradient vector that `backward` adds to; laid out as the parameters. */
  gradientVector = 0;
  /** Address and leading dimension of the output layer's pre-activations and of their gradient. */
  readonly output: number;
  readonly outputGradient: number;
  readonly outputWidth: number;
  /** Address of input row 0 of step 0, floats between rows, bytes between steps. */
  readonly input: number;
  readonly inputWidth: number;
  readonly inputStep: number;
  private readonly layers: readonly LayerLayout[];

  constructor(
    private readonly kernels: Kernels,
    private readonly layout: NetworkLayout,
    private readonly parameters: ParameterPlaces,
    private readonly places: ProgramPlaces,
  ) {
    this.layers = layout.layers;
    const first = this.layers[0]!;
    this.input = first.kind === 'lstm' ? places.layers[0]!.input : places.input;
    this.inputWidth = first.kind === 'lstm' ? first.rows : layout.inputPadded;
    this.inputStep = first.kind === 'lstm' ? places.layers[0]!.stepInput : 0;
    const last = places.layers[places.layers.length - 1]!;
    this.output = last.output;
    this.outputGradient = last.gradient;
    this.outputWidth = layout.outputPadded;
  }

  /** Brings the transposed weights up to date; call after each change of the parameters, before `backward`. */
  transposeWeights(): void {
    for (const layer of this.layers) {
      const width = layer.rows - layer.transposedFrom;
      if (width === 0) continue;
      const from = this.parameters.parameters + weightOffset(layer, layer.transposedFrom, 0) * 4;
      const to = this.parameters.transposed + layer.transposed * 4;
      this.kernels.transpose(width, layer.columns, from, layer.rows * PANEL, to, layer.columns * PANEL);
    }
    this.kernels.leave();
  }

  /** Runs the network on the rows placed at `input`; `seed` 0 means no dropout. Results at `output`. */
  forward(rows: number, seed = 0): void {
    let input = this.places.input;
    let width = this.layout.inputPadded;
    for (let l = 0; l < this.layers.length; l++) {
      const layer = this.layers[l]!;
      const place = this.places.layers[l]!;
      if (layer.kind === 'lstm') {
        this.forwardLstm(l, rows, seed);
        input = place.input + this.layout.spec.steps * place.stepInput + layer.inputsPadded * 4;
        width = layer.rows;
      } else {
        const weights = this.parameters.parameters + layer.weights * 4;
        const bias = this.parameters.parameters + layer.bias * 4;
        const { unitsPadded: n, inputsPadded: k } = layer;
        const list = this.activeBelow(l, n);
        const { output } = place;
        if (list === 0) this.kernels.matmul(rows, n, k, input, width, weights, k * PANEL, output, n, bias, 2);
        else this.kernels.matmulActive(rows, n, k, input, width, list, weights, k * PANEL, output, n, bias);
        const kind = KIND[layer.activation];
        if (kind !== 0) this.kernels.activate(rows, n, output, n, kind);
        if (place.active !== 0) this.kernels.listActive(rows, n, output, n, place.active);
        input = place.output;
        width = n;
      }
      if (seed !== 0 && place.dropped !== 0) {
        this.dropout(layer, rows, input, width, place.dropped, layer.unitsPadded, seed, l, 0);
        input = place.dropped;
        width = layer.unitsPadded;
      }
    }
    this.kernels.leave();
  }

  /**
   * Adds the gradients of all parameters to `gradientVector`, which is zero, given d(loss)/d(output) at `outputGradient`
   * (padding zero) and the state left by `forward` with the same rows and seed. That state is consumed.
   */
  backward(rows: number, seed = 0): void {
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const layer = this.layers[l]!;
      const place = this.places.layers[l]!;
      if (layer.kind === 'lstm') this.backwardLstm(l, rows, seed);
      else this.backwardDense(l, rows, seed);
      if (l === 0) break;
      // The layer below is dense, or the last LSTM layer: its dropout acts on what this dense layer was given.
      const below = this.layers[l - 1]!;
      const belowPlace = this.places.layers[l - 1]!;
      if (layer.kind !== 'dense') continue;
      let target = belowPlace.gradient;
      if (below.kind === 'lstm') target += (this.layout.spec.steps - 1) * rows * below.unitsPadded * 4;
      const from = this.parameters.transposed + layer.transposed * 4;
      const n = layer.rows;
      const k = layer.columns;
      const panel = k * PANEL;
      // The gradient is zero where the output is, and that of the padding, which is left out.
      const list = n >= WIDE ? place.active : 0;
      if (list === 0) this.kernels.matmul(rows, n, layer.units, place.gradient, k, from, panel, target, n, 0, 0);
      else this.kernels.matmulActive(rows, n, k, place.gradient, k, list, from, panel, target, n, 0);
      if (seed !== 0 && belowPlace.dropped !== 0)
        this.dropout(below, rows, target, below.unitsPadded, target, below.unitsPadded, seed, l - 1, 0);
    }
    this.kernels.leave();
  }

  private backwardDense(l: number, rows: number, seed: number): void {
    const layer = this.layers[l]!;
    const place = this.places.layers[l]!;
    const n = layer.unitsPadded;
    const kind = KIND[layer.activation];
    if (kind !== 0) this.kernels.activateBackward(rows, n, place.output, n, place.gradient, n, kind);
    let input = this.places.input;
    let width = this.layout.inputPadded;
    if (l > 0) {
      const below = this.layers[l - 1]!;
      const belowPlace = this.places.layers[l - 1]!;
      if (seed !== 0 && belowPlace.dropped !== 0) {
        input = belowPlace.dropped;
        width = below.unitsPadded;
      } else if (below.kind === 'lstm') {
        input = belowPlace.input + this.layout.spec.steps * belowPlace.stepInput + below.inputsPadded * 4;
        width = below.rows;
      } else {
        input = belowPlace.output;
        width = below.unitsPadded;
      }
    }
    const weights = this.gradientVector + layer.weights * 4;
    const k = layer.inputsPadded;
    const panel = k * PANEL;
    const list = this.activeBelow(l, n);
    const { scratch, narrow } = this.places;
    if (isNarrow(this.layout, l)) {
      // The same sums, four columns instead of the panel's eight, and with vectors along the inputs.
      this.kernels.fillZero(NARROW * k, narrow);
      this.kernels.matmulTransposedA(rows, k, NARROW, place.gradient, n, input, width, narrow, NARROW * PANEL);
      this.kernels.transpose(NARROW, k, narrow, NARROW * PANEL, weights, panel);
    } else if (list === 0) this.kernels.matmulTransposedA(rows, n, k, input, width, place.gradient, n, weights, panel);
    else
      this.kernels.matmulTransposedActive(
        ...([rows, n, k, input, width, list, place.gradient, n, weights, panel, scratch] as const),
      );
    this.kernels.addColumnSums(rows, n, place.gradient, n, this.gradientVector + layer.bias * 4);
  }

  /** Where the places of a dense layer's inputs that are not zero lie, if its n columns can make use of them. */
  private activeBelow(l: number, n: number): number {
    return l > 0 && n >= WIDE ? this.places.layers[l - 1]!.active : 0;
  }

  private forwardLstm(l: number, rows: number, seed: number): void {
    const layer = this.layers[l]!;
    const place = this.places.layers[l]!;
    const { steps } = this.layout.spec;
    const weights = this.parameters.parameters + layer.weights * 4;
    const bias = this.parameters.parameters + layer.bias * 4;
    const { columns, unitsPadded, inputsPadded } = layer;
    const width = layer.rows;
    const above = this.layers[l + 1]!;
    const abovePlace = this.places.layers[l + 1]!;
    for (let t = 0; t < steps; t++) {
      const x = place.input + t * place.stepInput;
      const gates = place.output + t * place.stepOutput;
      const h = x + place.stepInput + inputsPadded * 4;
      // h is zero before the first step: its part of the product is left out.
      const k = t === 0 ? inputsPadded : width;
      this.kernels.matmul(rows, columns, k, x, width, weights, width * PANEL, gates, columns, bias, 2);
      const cell = place.cell + t * place.stepCell;
      const previous = t === 0 ? 0 : cell - place.stepCell;
      const tanhCell = place.tanhCell + t * place.stepCell;
      this.kernels.lstmForward(rows, unitsPadded, gates, columns, previous, cell, tanhCell, h, width);
      if (above.kind === 'lstm') {
        const to = abovePlace.input + t * abovePlace.stepInput;
        this.dropout(layer, rows, h, width, to, above.rows, seed, l, t);
      }
    }
  }

  private backwardLstm(l: number, rows: number, seed: number): void {
    const layer = this.layers[l]!;
    const place = this.places.layers[l]!;
    const { steps } = this.layout.spec;
    const { columns, unitsPadded, inputsPadded } = layer;
    const width = layer.rows;
    const stepGradient = rows * unitsPadded * 4;
    const gradient = this.gradientVector + layer.weights * 4;
    const biasGradient = this.gradientVector + layer.bias * 4;
    const transposed = this.parameters.transposed + layer.transposed * 4;
    const transposedPanel = columns * PANEL;
    const recurrent = transposed + (inputsPadded - layer.transposedFrom) * columns * 4;
    // Below an LSTM layer the gradient of every step is there already; below the dense head only that of the last.
    const mode = this.layers[l + 1]!.kind === 'lstm' ? 1 : 0;
    this.kernels.fillZero(rows * unitsPadded, place.cellGradient);
    for (let t = steps - 1; t >= 0; t--) {
      const x = place.input + t * place.stepInput;
      const gates = place.output + t * place.stepOutput;
      const cell = place.cell + t * place.stepCell;
      const previous = t === 0 ? 0 : cell - place.stepCell;
      const dh = place.gradient + t * stepGradient;
      const tanhCell = place.tanhCell + t * place.stepCell;
      this.kernels.lstmBackward(
        rows,
        unitsPadded,
        gates,
        columns,
        previous,
        tanhCell,
        dh,
        unitsPadded,
        place.cellGradient,
      );
      const k = t === 0 ? inputsPadded : width;
      this.kernels.matmulTransposedA(rows, columns, k, x, width, gates, columns, gradient, width * PANEL);
      this.kernels.addColumnSums(rows, columns, gates, columns, biasGradient);
      if (t > 0) {
        const to = dh - stepGradient;
        this.kernels.matmul(
          rows,
          unitsPadded,
          columns,
          gates,
          columns,
          recurrent,
          transposedPanel,
          to,
          unitsPadded,
          0,
          mode,
        );
      }
      if (l > 0) {
        const below = this.layers[l - 1]!;
        const to = this.places.layers[l - 1]!.gradient + t * rows * below.unitsPadded * 4;
        const n = inputsPadded;
        this.kernels.matmul(rows, n, columns, gates, columns, transposed, transposedPanel, to, n, 0, 0);
        if (seed !== 0 && below.dropout > 0) this.dropout(below, rows, to, n, to, n, seed, l - 1, t);
      }
    }
  }

  /** Copies rows with the layer's mask for this step; without seed or rate a plain copy. */
  private dropout(
    layer: LayerLayout,
    rows: number,
    from: number,
    fromWidth: number,
    to: number,
    toWidth: number,
    seed: number,
    index: number,
    step: number,
  ): void {
    const rate = seed === 0 ? 0 : layer.dropout;
    const key = (seed + Math.imul(index + 1, 0x9e3779b1) + Math.imul(step + 1, 0x85ebca77)) | 0;
    const threshold = Math.floor(rate * 4294967296) | 0;
    this.kernels.dropout(
      rows,
      layer.unitsPadded,
      from,
      fromWidth,
      to,
      toWidth,
      key,
      threshold,
      Math.fround(1 / (1 - rate)),
    );
  }
}
