import type { KernelMemory } from './kernels.js';
import { rowLoss } from './losses.js';
import { JOB, MODE, type SessionPlaces, type SessionRows, sessionRows } from './session.js';
import { Tickets } from './tickets.js';

/** Of pre-activations `z`: takes note of their loss and, in training, writes its gradient with respect to them. */
export type ShardLoss = (z: Float32Array, slopes: Float32Array | null) => void;

/** Of a shard in training: what its dropout is drawn from, and the address of its gradient, laid out as the parameters. */
export interface ShardTraining {
  readonly seed: number;
  readonly gradient: number;
}

/** A training session's network on one thread, by whichever engine. */
export interface ShardNetwork {
  /** Row stride of pre-activations. */
  readonly outputWidth: number;
  /** After each change of the parameters: on the owner's thread, for all threads. */
  share?(): void;
  /** After each change of the parameters: on each thread, before its next pass. */
  adopt?(): void;
  /** Forward over the windows that end at `ends` and, in training, backward. */
  pass(ends: Int32Array, loss: ShardLoss, training?: ShardTraining): void;
  dispose?(): void;
}

/** One thread's view of a session: takes shards while there are any. */
export class ShardRunner {
  readonly tickets: Tickets;
  readonly job: Int32Array;
  /** What the loss' gradient is multiplied by. */
  readonly scale: Float64Array;
  readonly rows: SessionRows;
  private readonly ends: Int32Array;
  private weights = 0;

  constructor(
    private readonly places: SessionPlaces,
    { buffer }: KernelMemory,
    thread: number,
    readonly network: ShardNetwork,
  ) {
    this.tickets = new Tickets(new Int32Array(buffer, places.control, Tickets.size), thread);
    this.job = new Int32Array(buffer, places.job, JOB.length);
    this.scale = new Float64Array(buffer, places.scale, 1);
    this.rows = sessionRows(places, buffer);
    this.ends = new Int32Array(places.shardRows);
  }

  /** Forward and, in training, backward over one shard of the job. */
  readonly run = (shard: number): void => {
    const { job, places, network } = this;
    const weights = job[JOB.weights]!;
    if (this.weights !== weights) network.adopt?.();
    this.weights = weights;
    const from = job[JOB.start]! + shard * places.shardRows;
    const rows = Math.min(places.shardRows, job[JOB.start]! + job[JOB.rows]! - from);
    const { order, ends, losses } = this.rows;
    for (let r = 0; r < rows; r++) this.ends[r] = ends[order[from + r]!]!;
    const training =
      job[JOB.mode] === MODE.train
        ? // Never 0, which means no dropout.
          { seed: Math.imul(job[JOB.seed]! ^ (shard + 1), 0x9e3779b1) | 1, gradient: places.gradients[shard]! }
        : undefined;
    network.pass(
      this.ends.subarray(0, rows),
      (z, slopes) => {
        losses[shard] = this.loss(z, from, rows, slopes);
      },
      training,
    );
  };

  /** Summed loss of a shard's rows. */
  private loss(z: Float32Array, from: number, rows: number, slopes: Float32Array | null): number {
    const { loss, labelWidth, spec } = this.places;
    const { units } = spec.output;
    const { outputWidth } = this.network;
    const { order, labels, weights } = this.rows;
    const scale = this.scale[0]!;
    let sum = 0;
    for (let r = 0; r < rows; r++) {
      const index = order[from + r]!;
      const at = r * outputWidth;
      sum += rowLoss(
        ...([loss, units, z, at, labels, index * labelWidth] as const),
        ...([weights[index]!, scale, slopes, at] as const),
      );
    }
    return sum;
  }
}
