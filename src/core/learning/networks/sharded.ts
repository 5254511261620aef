import { type Initializer, initializeParameters } from './initialize.js';
import type { KernelMemory, Kernels, MemoryPlan } from './kernels.js';
import {
  layoutNetwork,
  type NetworkLayout,
  type NetworkSpec,
  type ParameterPlaces,
  placeParameters,
} from './layout.js';
import { Adam, type AdamPlaces, type AdamSettings, type AdamStep, placeAdam } from './optimizer.js';
import { Program, type ProgramPlaces, placeProgram } from './program.js';
import { exportTensors, type Tensor } from './tensors.js';

/** Where a sharded network lies in memory. Plain data, the same for every thread. */
export interface ShardedPlaces {
  readonly spec: NetworkSpec;
  readonly shardRows: number;
  readonly parameters: ParameterPlaces;
  readonly adam: AdamPlaces;
  readonly programs: readonly ProgramPlaces[];
  /** One gradient vector a shard. */
  readonly gradients: readonly number[];
}

/**
 * Plans a network whose batches of up to `rows` rows are cut into shards of `shardRows`: as many programs as told, by
 * default one a shard, so that each keeps its activations.
 */
export function placeSharded(
  spec: NetworkSpec,
  rows: number,
  shardRows: number,
  plan: MemoryPlan,
  programs = Math.ceil(rows / shardRows),
): ShardedPlaces {
  const layout = layoutNetwork(spec);
  return {
    spec,
    shardRows,
    parameters: placeParameters(layout, plan),
    adam: placeAdam(layout, plan),
    programs: Array.from({ length: programs }, () => placeProgram(layout, plan, shardRows, true)),
    gradients: Array.from({ length: Math.ceil(rows / shardRows) }, () => plan.floats(layout.parameters)),
  };
}

/** Adds up the gradients of the first `shards` shards, each of `size` floats, into the first, in their order. */
export function addGradients(kernels: Kernels, { gradients }: ShardedPlaces, size: number, shards: number): void {
  for (let s = 1; s < shards; s++) kernels.addTo(size, gradients[s]!, gradients[0]!);
}

/** A part of a batch: rows of `program`, and their views. */
export interface Shard {
  readonly program: Program;
  readonly input: Float32Array;
  readonly output: Float32Array;
}

/**
 * A multilayer perceptron whose batches are computed shard by shard, by whatever threads there are: every shard has its own
 * activations and gradient, and gradients are added in the order of the shards, so the bits do not depend on the threads.
 * Each thread has an object of its own on the same memory.
 */
export class ShardedNetwork {
  readonly layout: NetworkLayout;
  readonly shards: readonly Shard[];
  private readonly adam: Adam;
  private readonly parameters: Float32Array;

  constructor(
    private readonly kernels: Kernels,
    memory: KernelMemory,
    private readonly places: ShardedPlaces,
    adam: AdamSettings,
  ) {
    const { spec, shardRows, parameters, programs, gradients } = places;
    this.layout = layoutNetwork(spec);
    this.adam = new Adam(kernels, this.layout, places.adam, adam);
    const view = (at: number, floats: number) => new Float32Array(memory.buffer, at, floats);
    this.parameters = view(parameters.parameters, this.layout.parameters);
    this.shards = programs.map((place, i) => {
      const program = new Program(kernels, this.layout, parameters, place);
      program.gradientVector = gradients[i]!;
      const input = view(program.input, shardRows * program.inputWidth);
      return { program, input, output: view(program.output, shardRows * program.outputWidth) };
    });
  }

  initialize(seed: number, initializer: Initializer, outputGain: number): void {
    initializeParameters(this.layout, this.parameters, seed, initializer, outputGain);
    this.shards[0]!.program.transposeWeights();
  }

  exportTensors(): Tensor[] {
    return exportTensors(this.layout, this.parameters);
  }

  /** Rows of shard `s` in a batch of `rows` rows. */
  rowsOf(s: number, rows: number): number {
    return Math.min(this.places.shardRows, rows - s * this.places.shardRows);
  }

  /** Replaces the gradient of a shard, whose output gradient and state of `forward` are there. */
  backward(s: number, rows: number): void {
    this.kernels.fillZero(this.layout.parameters, this.places.gradients[s]!);
    this.shards[s]!.program.backward(rows);
  }

  /** Adds up the gradients of the first `shards` shards; returns the squared norm of the sum. */
  reduce(shards: number): number {
    const size = this.layout.parameters;
    addGradients(this.kernels, this.places, size, shards);
    const squares = this.kernels.sumSquares(size, this.places.gradients[0]!);
    this.kernels.leave();
    return squares;
  }

  /** Of the network's next update; counted by one thread only. */
  nextStep(rate: number): AdamStep {
    return this.adam.nextStep(rate);
  }

  /** Adam on the sum of the gradients, times `scale`. */
  step(step: AdamStep, scale: number): void {
    this.adam.update(this.places.parameters.parameters, this.places.gradients[0]!, step, scale);
    this.shards[0]!.program.transposeWeights();
  }
}
