import { type SessionRows, sessionRows } from './engine.js';
import { instantiateKernels, type KernelMemory, type KernelModule, type Kernels, MemoryPlan } from './kernels.js';
import {
  layoutNetwork,
  type NetworkLayout,
  type NetworkSpec,
  type ParameterPlaces,
  placeParameters,
} from './layout.js';
import { type Loss, rowLoss } from './losses.js';
import { type AdamPlaces, placeAdam } from './optimizer.js';
import { Program, type ProgramPlaces, placeProgram } from './program.js';
import { Tickets } from './tickets.js';
import { type Scaler, WindowReader } from './windows.js';

/** What the tasks of the current job are (Int32 in shared memory). */
export const JOB = { start: 0, rows: 1, mode: 2, seed: 3, length: 4 } as const;
export const MODE = { train: 1, evaluate: 2 } as const;

/** Parameters that a second-level cache holds together with their gradient. */
const SMALL = 65_536;

/**
 * Rows of one shard. A batch is cut into shards of this size whatever the number of threads, and their gradients are added
 * in order: the result has the same bits for any number of workers. Small shards leave threads little to wait for at the
 * end of a batch, but each reads all weights and adds to their gradient at every step.
 */
export const shardRows = ({ spec, parameters }: NetworkLayout): number =>
  spec.lstm.length === 0 ? 128 : parameters <= SMALL ? 16 : 32;

/** Everything a worker needs to find its way in the shared memory. Plain data, passed as workerData. */
export interface SessionPlaces {
  readonly spec: NetworkSpec;
  readonly loss: Loss;
  readonly labelWidth: number;
  readonly shardRows: number;
  /** Windows of training, then of validation. */
  readonly windows: number;
  readonly parameters: ParameterPlaces;
  readonly adam: AdamPlaces;
  readonly best: number;
  /** One gradient vector a shard of a batch. */
  readonly gradients: readonly number[];
  readonly programs: readonly ProgramPlaces[];
  readonly control: number;
  readonly job: number;
  readonly scale: number;
  readonly losses: number;
  readonly order: number;
  readonly ends: number;
  readonly labels: number;
  readonly weights: number;
}

export interface SessionSize {
  readonly threads: number;
  readonly batch: number;
  readonly training: number;
  readonly validation: number;
}

export function planSession(
  spec: NetworkSpec,
  loss: Loss,
  size: SessionSize,
): { places: SessionPlaces; layout: NetworkLayout; memory: KernelMemory } {
  const layout = layoutNetwork(spec);
  const plan = new MemoryPlan();
  const rows = shardRows(layout);
  const labelWidth = loss === 'ce' ? 1 : spec.output.units;
  const windows = size.training + size.validation;
  const shards = Math.ceil(size.batch / rows);
  const most = Math.max(shards, Math.ceil(windows / rows));
  const places: SessionPlaces = {
    spec,
    loss,
    labelWidth,
    shardRows: rows,
    windows,
    parameters: placeParameters(layout, plan),
    adam: placeAdam(layout, plan),
    best: plan.floats(layout.parameters),
    gradients: Array.from({ length: shards }, () => plan.floats(layout.parameters)),
    programs: Array.from({ length: size.threads }, () => placeProgram(layout, plan, rows, true)),
    control: plan.bytes(Tickets.size * 4),
    job: plan.bytes(JOB.length * 4),
    scale: plan.bytes(8),
    losses: plan.bytes(most * 8),
    order: plan.floats(windows),
    ends: plan.floats(windows),
    labels: plan.floats(windows * labelWidth),
    weights: plan.floats(windows),
  };
  return { places, layout, memory: plan.allocate() };
}

/** One thread's view of a session: takes shards while there are any. */
export class ShardRunner {
  readonly kernels: Kernels;
  readonly program: Program;
  readonly tickets: Tickets;
  readonly job: Int32Array;
  private readonly losses: Float64Array;
  private readonly scale: Float64Array;
  private readonly rows: SessionRows;
  private readonly input: Float32Array;
  private readonly output: Float32Array;
  private readonly outputGradient: Float32Array;
  private readonly reader: WindowReader;
  readonly layout: NetworkLayout;

  constructor(
    private readonly places: SessionPlaces,
    memory: KernelMemory,
    thread: number,
    features: { readonly values: Float32Array | Float64Array; readonly cols: number },
    scaler: Scaler | null,
    module: KernelModule,
  ) {
    const { spec, windows } = places;
    this.layout = layoutNetwork(spec);
    this.kernels = instantiateKernels(memory, module);
    const program = places.programs[thread]!;
    this.program = new Program(this.kernels, this.layout, places.parameters, program);
    const { buffer } = memory;
    this.tickets = new Tickets(new Int32Array(buffer, places.control, Tickets.size), thread);
    this.job = new Int32Array(buffer, places.job, JOB.length);
    this.scale = new Float64Array(buffer, places.scale, 1);
    this.losses = new Float64Array(buffer, places.losses, Math.ceil(windows / places.shardRows) || 1);
    this.rows = sessionRows(places, buffer);
    const rows = places.shardRows;
    this.input = new Float32Array(buffer, this.program.input, spec.steps * rows * this.program.inputWidth);
    this.output = new Float32Array(buffer, this.program.output, rows * this.program.outputWidth);
    this.outputGradient = new Float32Array(buffer, this.program.outputGradient, rows * this.program.outputWidth);
    this.reader = new WindowReader(features.values, features.cols, spec.steps, scaler);
  }

  /** Forward and, in training, backward over one shard of the job. */
  readonly run = (shard: number): void => {
    const { job, program, places } = this;
    const { spec, labelWidth, loss } = places;
    const training = job[JOB.mode] === MODE.train;
    const from = job[JOB.start]! + shard * places.shardRows;
    const rows = Math.min(places.shardRows, job[JOB.start]! + job[JOB.rows]! - from);
    const width = program.inputWidth;
    const step = program.inputStep / 4;
    const { order, ends, labels, weights } = this.rows;
    for (let r = 0; r < rows; r++) this.reader.read(ends[order[from + r]!]!, this.input, r, width, step);
    // Never 0, which means no dropout.
    const seed = training ? Math.imul(job[JOB.seed]! ^ (shard + 1), 0x9e3779b1) | 1 : 0;
    program.forward(rows, seed);
    const { units } = spec.output;
    const scale = this.scale[0]!;
    let sum = 0;
    for (let r = 0; r < rows; r++) {
      const index = order[from + r]!;
      const at = r * program.outputWidth;
      const gradient = training ? this.outputGradient : null;
      sum += rowLoss(
        ...([loss, units, this.output, at, labels, index * labelWidth] as const),
        ...([weights[index]!, scale, gradient, at] as const),
      );
    }
    this.losses[shard] = sum;
    if (!training) return;
    const target = places.gradients[shard]!;
    this.kernels.fillZero(this.layout.parameters, target);
    program.gradientVector = target;
    program.backward(rows, seed);
  };
}
