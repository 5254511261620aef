import type { Worker } from 'node:worker_threads';
import { QuantlineError } from '../../errors/index.js';
import { awaitChange } from '../../platform/watch.js';
import { startWorker } from '../../platform/workers.js';
import { Network, type NetworkSpec } from '../networks/index.js';

/** Slots of the control block (Int32) between a critic and its worker. */
export const SLOT = { command: 0, done: 1, kind: 2, rows: 3, failed: 4, length: 8 } as const;
export const COMMAND = { gradient: 1, step: 2, quit: 3 } as const;
/** Slots of the numbers beside it (Float64): results and arguments. */
export const NUMBER = { loss: 0, squares: 1, rate: 2, scale: 3, coefficient: 4, returns: 8 } as const;

export interface CriticWorkerData {
  readonly spec: NetworkSpec;
  readonly rows: number;
  readonly epsilon: number;
  readonly memory: Network['memory'];
  readonly control: Int32Array;
  readonly numbers: Float64Array;
}

/** Squared error of the values against `numbers[returns…]`: leaves gradient, its squared norm and the summed error. */
export function criticGradient(network: Network, rows: number, numbers: Float64Array): void {
  network.forward(rows);
  const factor = (2 * numbers[NUMBER.coefficient]!) / rows;
  let loss = 0;
  for (let r = 0; r < rows; r++) {
    const error = network.output[r * network.outputWidth]! - numbers[NUMBER.returns + r]!;
    loss += error * error;
    network.outputGradient[r * network.outputWidth] = factor * error;
  }
  network.backward(rows);
  const norm = network.gradientNorm();
  numbers[NUMBER.loss] = loss;
  numbers[NUMBER.squares] = norm * norm;
}

/**
 * The value network of PPO. With a worker its updates run beside those of the policy network; the results are the same
 * bits, because the two networks share nothing but the norm of their gradient.
 */
export class Critic {
  readonly network: Network;
  /** Returns of the rows of a batch, written by the caller before `begin`. */
  readonly returns: Float64Array;
  private readonly control: Int32Array;
  private readonly numbers: Float64Array;
  private worker: Worker | undefined;
  private command = 0;

  constructor(
    private readonly spec: NetworkSpec,
    private readonly rows: number,
    private readonly epsilon: number,
    coefficient: number,
  ) {
    this.network = new Network(spec, { rows, adam: { epsilon } });
    this.control = new Int32Array(new SharedArrayBuffer(SLOT.length * 4));
    this.numbers = new Float64Array(new SharedArrayBuffer((NUMBER.returns + rows) * 8));
    this.returns = this.numbers.subarray(NUMBER.returns);
    this.numbers[NUMBER.coefficient] = coefficient;
  }

  async startWorker(): Promise<void> {
    const { spec, rows, epsilon, control, numbers } = this;
    const workerData: CriticWorkerData = { spec, rows, epsilon, memory: this.network.memory, control, numbers };
    const worker = startWorker(import.meta.url, './critic.worker.js', { workerData });
    this.worker = worker;
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', reject);
    });
  }

  /** Starts on the gradient of the first `rows` rows of the network's input. */
  begin(rows: number): void {
    if (this.worker === undefined) criticGradient(this.network, rows, this.numbers);
    else this.send(COMMAND.gradient, rows);
  }

  /** The summed squared error and the squared norm of the gradient that `begin` started on. */
  finish(): { loss: number; squares: number } {
    this.settle();
    return { loss: this.numbers[NUMBER.loss]!, squares: this.numbers[NUMBER.squares]! };
  }

  step(rate: number, scale: number): void {
    if (this.worker === undefined) {
      this.network.step(rate, scale);
      return;
    }
    this.numbers[NUMBER.rate] = rate;
    this.numbers[NUMBER.scale] = scale;
    this.send(COMMAND.step, 0);
  }

  /** Waits until the worker is idle; before that the network must not be used. */
  settle(): void {
    const { control } = this;
    if (this.worker === undefined) return;
    for (let waits = 0; ; waits++) {
      const done = Atomics.load(control, SLOT.done);
      if (done === this.command) return;
      if (Atomics.load(control, SLOT.failed) !== 0 || waits > 1200)
        throw new QuantlineError('BUG', 'The worker of the value network stopped.', {
          hint: 'Train with one thread, and report this with the settings of the run.',
        });
      awaitChange(control, SLOT.done, done, 50);
    }
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private send(kind: number, rows: number): void {
    this.settle();
    const { control } = this;
    control[SLOT.kind] = kind;
    control[SLOT.rows] = rows;
    this.command = (this.command + 1) | 0;
    Atomics.store(control, SLOT.command, this.command);
    Atomics.notify(control, SLOT.command);
  }
}
