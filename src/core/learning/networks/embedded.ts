import { instantiateKernels, type Kernels } from './kernels.js';
import { layoutNetwork, type NetworkLayout } from './layout.js';
import { Program } from './program.js';
import type { ShardSession } from './session.js';
import type { ShardLoss, ShardNetwork, ShardTraining } from './shard.js';
import { WindowReader } from './windows.js';

/** Parameters that a second-level cache holds together with their gradient. */
const SMALL = 65_536;

/**
 * Rows of one shard. Small ones leave threads little to wait for at the end of a batch, but each reads all weights and
 * adds to their gradient at every step.
 */
export const embeddedShardRows = ({ spec, parameters }: NetworkLayout): number =>
  spec.lstm.length === 0 ? 128 : parameters <= SMALL ? 16 : 32;

/** The session's network by the kernels, on the program of one thread. */
export class EmbeddedShards implements ShardNetwork {
  readonly outputWidth: number;
  private readonly kernels: Kernels;
  private readonly parameters: number;
  private readonly program: Program;
  private readonly input: Float32Array;
  private readonly output: Float32Array;
  private readonly slopes: Float32Array;
  private readonly reader: WindowReader;

  constructor({ places, memory, matrix, module }: ShardSession, thread: number) {
    const { spec, shardRows } = places;
    const layout = layoutNetwork(spec);
    this.parameters = layout.parameters;
    this.kernels = instantiateKernels(memory, module);
    this.program = new Program(this.kernels, layout, places.parameters, places.programs[thread]!);
    const { program } = this;
    this.outputWidth = program.outputWidth;
    const view = (at: number, floats: number) => new Float32Array(memory.buffer, at, floats);
    this.input = view(program.input, spec.steps * shardRows * program.inputWidth);
    this.output = view(program.output, shardRows * program.outputWidth);
    this.slopes = view(program.outputGradient, shardRows * program.outputWidth);
    this.reader = new WindowReader(matrix.values, matrix.cols, spec.steps, null);
  }

  share(): void {
    this.program.transposeWeights();
  }

  pass(ends: Int32Array, loss: ShardLoss, training?: ShardTraining): void {
    const { program } = this;
    const rows = ends.length;
    const step = program.inputStep / 4;
    for (let r = 0; r < rows; r++) this.reader.read(ends[r]!, this.input, r, program.inputWidth, step);
    program.forward(rows, training?.seed ?? 0);
    loss(this.output, training === undefined ? null : this.slopes);
    if (training === undefined) return;
    this.kernels.fillZero(this.parameters, training.gradient);
    program.gradientVector = training.gradient;
    program.backward(rows, training.seed);
  }
}
