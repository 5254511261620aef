import { type Initializer, initializeParameters } from './initialize.js';
import {
  instantiateKernels,
  type Kernels,
  type KernelVariant,
  kernelModule,
  MemoryPlan,
  trainingVariant,
} from './kernels.js';
import { layoutNetwork, type NetworkLayout, type NetworkSpec, placeParameters } from './layout.js';
import { ADAM_DEFAULTS, Adam, type AdamSettings, placeAdam } from './optimizer.js';
import { Program, placeProgram } from './program.js';
import { exportTensors, importTensors, type Tensor } from './tensors.js';

export interface NetworkOptions {
  /** Rows of the largest batch. */
  readonly rows: number;
  /** Set for a network that is trained; without it only `forward` works. */
  readonly adam?: Partial<AdamSettings>;
  /** Default: the fastest here. */
  readonly kernels?: KernelVariant;
}

/**
 * A network in a memory of its own, driven step by step on one thread: write rows to `input`, `forward`, read `output`;
 * write `outputGradient`, `backward`, `step`. What agents and tests use; `trainNetwork` trains on data sets.
 */
export class Network {
  readonly layout: NetworkLayout;
  /** Padded parameters and gradient, laid out by `layout`. */
  readonly parameters: Float32Array;
  readonly gradient: Float32Array;
  /** Input rows: step t, row r, column c at `t·inputStep + r·inputWidth + c`. */
  readonly input: Float32Array;
  readonly inputWidth: number;
  readonly inputStep: number;
  /** Pre-activations of the output layer (logits), rows of `outputWidth`, and the gradient the caller fills in. */
  readonly output: Float32Array;
  readonly outputGradient: Float32Array;
  readonly outputWidth: number;
  private readonly kernels: Kernels;
  private readonly program: Program;
  private readonly adam: Adam | undefined;
  private readonly parameterPointer: number;
  private stale = true;

  constructor(spec: NetworkSpec, options: NetworkOptions) {
    const { rows } = options;
    const training = options.adam !== undefined;
    this.layout = layoutNetwork(spec);
    const plan = new MemoryPlan();
    const parameters = placeParameters(this.layout, plan);
    const gradient = training ? plan.floats(this.layout.parameters) : 0;
    const adam = training ? placeAdam(this.layout, plan) : undefined;
    const places = placeProgram(this.layout, plan, rows, training);
    const memory = plan.allocate();
    this.kernels = instantiateKernels(memory, kernelModule(options.kernels ?? trainingVariant()));
    this.program = new Program(this.kernels, this.layout, parameters, places);
    this.program.gradientVector = gradient;
    this.adam = adam && new Adam(this.kernels, this.layout, adam, { ...ADAM_DEFAULTS, ...options.adam });
    this.parameterPointer = parameters.parameters;
    const view = (at: number, floats: number) => new Float32Array(memory.buffer, at, floats);
    this.parameters = view(parameters.parameters, this.layout.parameters);
    this.gradient = view(gradient, training ? this.layout.parameters : 0);
    this.inputWidth = this.program.inputWidth;
    this.inputStep = this.program.inputStep / 4;
    this.input = view(this.program.input, Math.max(1, spec.steps) * rows * this.inputWidth);
    this.outputWidth = this.program.outputWidth;
    this.output = view(this.program.output, rows * this.outputWidth);
    this.outputGradient = view(this.program.outputGradient, training ? rows * this.outputWidth : 0);
  }

  initialize(seed: number, initializer: Initializer = 'glorot', outputGain = 1): void {
    initializeParameters(this.layout, this.parameters, seed, initializer, outputGain);
    this.stale = true;
  }

  /** Takes over the parameters of a network of the same shape. */
  copyFrom(other: Network): void {
    this.parameters.set(other.parameters);
    this.stale = true;
  }

  exportTensors(): Tensor[] {
    return exportTensors(this.layout, this.parameters);
  }

  importTensors(tensors: readonly Tensor[]): void {
    importTensors(this.layout, tensors, this.parameters);
    this.stale = true;
  }

  forward(rows: number, dropoutSeed = 0): void {
    this.program.forward(rows, dropoutSeed);
  }

  /** Replaces `gradient`; `outputGradient`'s padding columns must be zero (they start so). */
  backward(rows: number, dropoutSeed = 0): void {
    if (this.stale) this.program.transposeWeights();
    this.stale = false;
    this.gradient.fill(0);
    this.program.backward(rows, dropoutSeed);
  }

  /** Adam on the last gradient, clipped by the settings. Returns the norm before. */
  step(rate: number): number {
    this.stale = true;
    return this.adam!.step(this.parameterPointer, this.program.gradientVector, rate);
  }
}
