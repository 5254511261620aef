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
import { type Scaler, WindowReader } from './windows.js';

/** Slots of the control block (Int32), by which the main thread hands out work. */
export const CONTROL = {
  generation: 0,
  next: 1,
  done: 2,
  shards: 3,
  start: 4,
  rows: 5,
  mode: 6,
  seed: 7,
  failed: 8,
  length: 16,
} as const;
/** `next` holds the job's number in its upper and the next shard in its lower 16 bits; this shard number means no work. */
export const CLOSED = 0xffff;
export const MODE = { train: 1, evaluate: 2, quit: 3 } as const;

/**
 * Rows of one shard. A batch is cut into shards of this size whatever the number of threads, and their gradients are added
 * in order: the result has the same bits for any number of workers.
 */
export const shardRows = (spec: NetworkSpec): number => (spec.lstm.length > 0 ? 32 : 128);

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
  const rows = shardRows(spec);
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
    control: plan.bytes(CONTROL.length * 4),
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
  readonly control: Int32Array;
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
    this.control = new Int32Array(buffer, places.control, CONTROL.length);
    this.scale = new Float64Array(buffer, places.scale, 1);
    this.losses = new Float64Array(buffer, places.losses, Math.ceil(windows / places.shardRows) || 1);
    this.rows = sessionRows(places, buffer);
    const rows = places.shardRows;
    this.input = new Float32Array(buffer, this.program.input, spec.steps * rows * this.program.inputWidth);
    this.output = new Float32Array(buffer, this.program.output, rows * this.program.outputWidth);
    this.outputGradient = new Float32Array(buffer, this.program.outputGradient, rows * this.program.outputWidth);
    this.reader = new WindowReader(features.values, features.cols, spec.steps, scaler);
  }

  /** Works on the current job until no shard is left. */
  work(): void {
    const { control } = this;
    for (;;) {
      const ticket = Atomics.load(control, CONTROL.next);
      const shard = ticket & CLOSED;
      if (shard >= Atomics.load(control, CONTROL.shards)) return;
      // Fails where another thread took the shard or the job is a new one.
      if (Atomics.compareExchange(control, CONTROL.next, ticket, ticket + 1) !== ticket) continue;
      this.run(shard);
      Atomics.add(control, CONTROL.done, 1);
      Atomics.notify(control, CONTROL.done);
    }
  }

  private run(shard: number): void {
    const { control, program, places } = this;
    const { spec, labelWidth, loss } = places;
    const training = control[CONTROL.mode] === MODE.train;
    const from = control[CONTROL.start]! + shard * places.shardRows;
    const rows = Math.min(places.shardRows, control[CONTROL.start]! + control[CONTROL.rows]! - from);
    const width = program.inputWidth;
    const step = program.inputStep / 4;
    const { order, ends, labels, weights } = this.rows;
    for (let r = 0; r < rows; r++) this.reader.read(ends[order[from + r]!]!, this.input, r, width, step);
    // Never 0, which means no dropout.
    const seed = training ? Math.imul(control[CONTROL.seed]! ^ (shard + 1), 0x9e3779b1) | 1 : 0;
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
  }
}
