import type { LstmKind } from './engine.js';
import { type KernelMemory, type KernelModule, MemoryPlan } from './kernels.js';
import { layoutNetwork, type NetworkLayout, type NetworkSpec } from './layout.js';
import type { Loss } from './losses.js';
import { placeSharded, type ShardedPlaces } from './sharded.js';
import { Tickets } from './tickets.js';
import type { FeatureMatrix } from './windows.js';

/** What the tasks of the current job are (Int32 in shared memory); `weights` counts their changes. */
export const JOB = { start: 0, rows: 1, mode: 2, seed: 3, weights: 4, length: 5 } as const;
export const MODE = { train: 1, evaluate: 2 } as const;

/** Everything a worker needs to find its way in the shared memory. Plain data, passed as workerData. */
export interface SessionPlaces extends ShardedPlaces {
  readonly loss: Loss;
  readonly labelWidth: number;
  /** Windows of training, then of validation. */
  readonly windows: number;
  readonly best: number;
  readonly control: number;
  readonly job: number;
  readonly scale: number;
  /** Float64, one a shard. */
  readonly losses: number;
  readonly order: number;
  readonly ends: number;
  readonly labels: number;
  readonly weights: number;
}

/** A training session as all its threads see it. Plain data and shared memory. */
export interface ShardSession {
  readonly places: SessionPlaces;
  readonly memory: KernelMemory;
  /** Scaled, where the network has a scaler. */
  readonly matrix: FeatureMatrix;
  /** The kernels of the optimiser and of the embedded engine. */
  readonly module: KernelModule;
  /** Set where TensorFlow computes the networks. */
  readonly native: LstmKind | undefined;
}

/** Multiplications of a training below which a worker does not pay for its start, about half a second of one thread. */
const WORTH = 1e10;

/** Threads that shorten a training of at most so many epochs; their number never changes its result. */
export function usefulThreads(spec: NetworkSpec, windows: number, epochs: number, threads: number): number {
  const forwardAndBackward = 3 * layoutNetwork(spec).weightCount;
  return epochs * windows * spec.steps * forwardAndBackward < WORTH ? 1 : threads;
}

export interface SessionSize {
  readonly batch: number;
  readonly training: number;
  readonly validation: number;
  /**
   * Rows of one shard. A batch is cut into shards of this size whatever the number of threads, and their gradients are
   * added in order: the result has the same bits for any number of workers.
   */
  readonly shardRows: number;
  /** Programs of the embedded engine: one a thread. */
  readonly programs: number;
}

export function planSession(
  layout: NetworkLayout,
  loss: Loss,
  size: SessionSize,
): { places: SessionPlaces; memory: KernelMemory } {
  const { spec } = layout;
  const { batch, shardRows } = size;
  const plan = new MemoryPlan();
  const labelWidth = loss === 'ce' ? 1 : spec.output.units;
  const windows = size.training + size.validation;
  const places: SessionPlaces = {
    ...placeSharded(spec, batch, shardRows, plan, size.programs),
    loss,
    labelWidth,
    windows,
    best: plan.floats(layout.parameters),
    control: plan.bytes(Tickets.size * 4),
    job: plan.bytes(JOB.length * 4),
    scale: plan.bytes(8),
    losses: plan.bytes(Math.ceil(windows / shardRows) * 8),
    order: plan.floats(windows),
    ends: plan.floats(windows),
    labels: plan.floats(windows * labelWidth),
    weights: plan.floats(windows),
  };
  return { places, memory: plan.allocate() };
}

/** What a session's memory holds of its rows, as typed views, and the losses of its shards. */
export interface SessionRows {
  readonly order: Int32Array;
  readonly ends: Int32Array;
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  readonly losses: Float64Array;
}

export function sessionRows(places: SessionPlaces, buffer: SharedArrayBuffer): SessionRows {
  const { windows, labelWidth, shardRows } = places;
  return {
    order: new Int32Array(buffer, places.order, windows),
    ends: new Int32Array(buffer, places.ends, windows),
    labels: new Float32Array(buffer, places.labels, windows * labelWidth),
    weights: new Float32Array(buffer, places.weights, windows),
    losses: new Float64Array(buffer, places.losses, Math.ceil(windows / shardRows)),
  };
}
