import type { Random } from '../../../domain/random.js';
import type { LayerLayout } from '../layout.js';
import { dropoutMask, type WeightTensor } from './network.js';
import type { Id, Operations } from './operations.js';

/** One step of a network on a batch. `forward` leaves behind what `backward` of the same batch needs. */
export interface Step {
  /** Takes over a padded parameter vector. */
  assign?(parameters: Float32Array): void;
  /** Makes what batches of so many rows share; called outside them. */
  prepare?(rows: number): void;
  forward(x: Id, rows: number, random: Random | undefined): Id;
  /** Gradient of the input from the output's; that of the weights goes into a padded vector. */
  backward(dy: Id, gradient: Float32Array): Id;
  dispose?(): void;
}

/** Tensors of a step's weights, kept from one `assign` to the next. */
class Weights {
  ids: readonly Id[] = [];

  constructor(
    private readonly ops: Operations,
    private readonly tensors: readonly WeightTensor[],
  ) {}

  assign(parameters: Float32Array): void {
    this.dispose();
    this.ids = this.tensors.map((tensor) => this.ops.tensor(tensor.shape, tensor.gather(parameters)));
  }

  scatter(gradients: readonly Id[], target: Float32Array): void {
    this.tensors.forEach((tensor, i) => {
      tensor.scatter(this.ops.data(gradients[i]!), target);
    });
  }

  dispose(): void {
    this.ops.free(this.ids);
    this.ids = [];
  }
}

/** `BlockLSTMV2` over steps × rows × inputs. */
export function lstmStep(ops: Operations, layer: LayerLayout, steps: number, tensors: readonly WeightTensor[]): Step {
  const { units } = layer;
  const weights = new Weights(ops, tensors);
  const length = ops.int64(steps);
  const peephole = ops.tensor([units], new Float32Array(units));
  const backwardAttributes = [ops.flag('use_peephole', false), ops.float];
  const forwardAttributes = [ops.number('cell_clip', 0), ...backwardAttributes];
  /** By rows: the state before the first step, and the gradient of the cells, which nothing but h reads. */
  const zeros = new Map<number, { readonly start: Id; readonly cells: Id }>();
  let inputs: Id[] = [];
  let outputs: Id[] = [];
  let cells: Id;
  return {
    assign: (parameters) => weights.assign(parameters),
    prepare(rows) {
      if (zeros.has(rows)) return;
      zeros.set(rows, {
        start: ops.tensor([rows, units], new Float32Array(rows * units)),
        cells: ops.tensor([steps, rows, units], new Float32Array(steps * rows * units)),
      });
    },
    forward(x, rows) {
      const [w, b] = weights.ids as [Id, Id];
      const zero = zeros.get(rows)!;
      cells = zero.cells;
      inputs = [length, x, zero.start, zero.start, w, peephole, peephole, peephole, b];
      outputs = ops.run('BlockLSTMV2', forwardAttributes, inputs, 7);
      return outputs[6]!;
    },
    backward(dh, gradient) {
      const all = ops.run('BlockLSTMGradV2', backwardAttributes, [...inputs, ...outputs, cells, dh], 8);
      weights.scatter([all[3]!, all[7]!], gradient);
      return all[0]!;
    },
    dispose() {
      weights.dispose();
      ops.free([length, peephole]);
      for (const { start, cells } of zeros.values()) ops.free([start, cells]);
    },
  };
}

/** The last time step of steps × rows × columns. */
export function lastStep(ops: Operations, steps: number, columns: number): Step {
  const mask = (name: string, value: number) => ops.integer(`${name}_mask`, value);
  const attributes = [
    ...[ops.float, ops.type('Index', 'TF_INT32'), mask('begin', 6), mask('end', 6)],
    ...[mask('ellipsis', 0), mask('new_axis', 0), mask('shrink_axis', 1)],
  ];
  const range = [
    [-1, 0, 0],
    [0, 0, 0],
    [1, 1, 1],
  ].map((at) => ops.tensor([3], Int32Array.from(at)));
  const index = ops.tensor([1], Int32Array.of(steps - 1));
  const reshape = [ops.float, ops.type('Tshape', 'TF_INT32')];
  const single = [ops.float];
  /** By rows: one step's shape, and the gradient of all steps, zero but for the last, which each batch overwrites. */
  const kept = new Map<number, { readonly shape: Id; readonly gradient: Id }>();
  let batch: { readonly shape: Id; readonly gradient: Id };
  return {
    prepare(rows) {
      if (kept.has(rows)) return;
      kept.set(rows, {
        shape: ops.tensor([3], Int32Array.of(1, rows, columns)),
        gradient: ops.tensor([steps, rows, columns], new Float32Array(steps * rows * columns)),
      });
    },
    forward(x, rows) {
      batch = kept.get(rows)!;
      return ops.one('StridedSlice', attributes, x, ...range);
    },
    backward: (dy) =>
      ops.one('InplaceUpdate', single, batch.gradient, index, ops.one('Reshape', reshape, dy, batch.shape)),
    dispose() {
      ops.free([...range, index]);
      for (const { shape, gradient } of kept.values()) ops.free([shape, gradient]);
    },
  };
}

/** rows × inputs → activation(x·W + b). */
export function denseStep(ops: Operations, layer: LayerLayout, tensors: readonly WeightTensor[]): Step {
  const weights = new Weights(ops, tensors);
  const product = (a: boolean, b: boolean) => [ops.flag('transpose_a', a), ops.flag('transpose_b', b), ops.float];
  const [plain, ofWeights, ofInput] = [product(false, false), product(true, false), product(false, true)];
  const single = [ops.float];
  let x: Id;
  let y: Id;
  return {
    assign: (parameters) => weights.assign(parameters),
    forward(input) {
      const [kernel, bias] = weights.ids as [Id, Id];
      x = input;
      y = ops.one('BiasAdd', single, ops.one('MatMul', plain, x, kernel), bias);
      if (layer.activation !== 'linear') y = ops.one(layer.activation === 'tanh' ? 'Tanh' : 'Relu', single, y);
      return y;
    },
    backward(dy, gradient) {
      const { activation } = layer;
      const dz =
        activation === 'tanh'
          ? ops.one('TanhGrad', single, y, dy)
          : activation === 'relu'
            ? ops.one('ReluGrad', single, dy, y)
            : dy;
      weights.scatter([ops.one('MatMul', ofWeights, x, dz), ops.one('BiasAddGrad', single, dz)], gradient);
      return ops.one('MatMul', ofInput, dz, weights.ids[0]!);
    },
    dispose: () => weights.dispose(),
  };
}

/** Leaves out elements of a layer's output, of `steps` × rows × columns or rows × columns. */
export function dropoutStep(ops: Operations, rate: number, steps: number | undefined, columns: number): Step {
  let mask: Id | undefined;
  return {
    forward(x, rows, random) {
      mask = undefined;
      if (random === undefined) return x;
      const shape = steps === undefined ? [rows, columns] : [steps, rows, columns];
      mask = ops.tensor(shape, dropoutMask((steps ?? 1) * rows * columns, rate, random));
      return ops.one('Mul', [ops.float], x, mask);
    },
    backward: (dy) => (mask === undefined ? dy : ops.one('Mul', [ops.float], dy, mask)),
  };
}
