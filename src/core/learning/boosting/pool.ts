import type { Worker } from 'node:worker_threads';
import { QuantlineError } from '../../errors/index.js';
import { startWorker } from '../../platform/workers.js';
import { instantiate, type Kernels, kernelModule } from './kernels.js';
import { runTask, type Shared, TASK_CAPACITY, TASK_FIELDS } from './tasks.js';
import type { WasmMemory, WasmModule } from './wasm.js';

/** Fields of the control block, in int32. */
export const Control = { sequence: 0, next: 32, count: 33, done: 64, failed: 96, size: 128 } as const;
/** Larger than any task count, with room for late claims. */
const CLOSED = 0x40000000;
/** Loads of an idle thread before it sleeps: about the time of a wake-up. */
export const SPIN = 4000;
/** A phase takes milliseconds; a worker silent for this long is dead. */
const PATIENCE_MS = 300_000;

export interface WorkerData {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  readonly shared: Shared;
  readonly thread: number;
}

/** Claims and runs tasks until none is left. Called by workers and by the driver alike. */
export function drain(kernels: Kernels, shared: Shared, memory: WasmMemory, thread: number): void {
  const buffer = memory.buffer;
  const control = new Int32Array(buffer, shared.control, Control.size);
  const tasks = new Int32Array(buffer, shared.tasks, TASK_CAPACITY * TASK_FIELDS);
  for (;;) {
    const i = Atomics.add(control, Control.next, 1);
    if (i >= Atomics.load(control, Control.count)) return;
    const task = tasks.subarray(i * TASK_FIELDS, (i + 1) * TASK_FIELDS);
    try {
      runTask(kernels, shared, buffer, task, thread);
    } catch {
      Atomics.store(control, Control.failed, 1);
    }
    if (Atomics.add(control, Control.done, 1) + 1 === Atomics.load(control, Control.count))
      Atomics.notify(control, Control.done);
  }
}

/**
 * Runs phases of independent tasks on the calling thread and `threads - 1` workers. Which thread runs a task is left
 * to chance; results do not depend on it, as tasks write disjoint memory and sums are integers.
 */
export class TaskPool {
  readonly kernels: Kernels;
  private readonly workers: Worker[] = [];
  private readonly control: Int32Array;
  private readonly tasks: Int32Array;
  private pending = 0;

  constructor(
    private readonly memory: WasmMemory,
    private readonly shared: Shared,
  ) {
    this.kernels = instantiate(kernelModule(), memory);
    this.control = new Int32Array(memory.buffer, shared.control, Control.size);
    this.tasks = new Int32Array(memory.buffer, shared.tasks, TASK_CAPACITY * TASK_FIELDS);
    this.control[Control.next] = CLOSED;
  }

  async start(threads: number): Promise<void> {
    const ready: Promise<void>[] = [];
    for (let thread = 1; thread < threads; thread++) {
      const workerData: WorkerData = { module: kernelModule(), memory: this.memory, shared: this.shared, thread };
      const worker = startWorker(import.meta.url, './train.worker.js', { workerData });
      this.workers.push(worker);
      ready.push(
        new Promise((resolve, reject) => {
          worker.once('message', () => resolve());
          worker.once('error', (cause) =>
            reject(new QuantlineError('BUG', 'A training thread did not start.', { cause })),
          );
          worker.once('exit', () => reject(new QuantlineError('BUG', 'A training thread ended early.')));
        }),
      );
    }
    await Promise.all(ready);
  }

  /** Queues a task; addresses above 2^31 wrap and are read back unsigned. */
  add(kind: number, ...args: number[]): void {
    if (this.pending === TASK_CAPACITY) this.flush();
    const at = this.pending++ * TASK_FIELDS;
    this.tasks[at] = kind;
    for (let i = 0; i < args.length; i++) this.tasks[at + 1 + i] = args[i]!;
  }

  /** Runs everything queued and returns when all of it is done. */
  flush(): void {
    const count = this.pending;
    this.pending = 0;
    if (count === 0) return;
    const { control } = this;
    if (this.workers.length === 0 || count === 1) {
      for (let i = 0; i < count; i++) {
        const task = this.tasks.subarray(i * TASK_FIELDS, (i + 1) * TASK_FIELDS);
        runTask(this.kernels, this.shared, this.memory.buffer, task, 0);
      }
      return;
    }
    this.open(count);
    drain(this.kernels, this.shared, this.memory, 0);
    for (let spin = 0; spin < SPIN; spin++) if (Atomics.load(control, Control.done) === count) break;
    for (;;) {
      const done = Atomics.load(control, Control.done);
      if (done === count) break;
      if (Atomics.wait(control, Control.done, done, PATIENCE_MS) === 'timed-out')
        throw new QuantlineError('BUG', 'A training thread stopped answering.', { hint: 'Try fewer threads.' });
    }
    Atomics.store(control, Control.next, CLOSED);
    if (Atomics.load(control, Control.failed) !== 0)
      throw new QuantlineError('BUG', 'A training thread failed.', { hint: 'Try one thread, and report this.' });
  }

  private open(count: number): void {
    const { control } = this;
    Atomics.store(control, Control.done, 0);
    Atomics.store(control, Control.count, count);
    // Last: from here on a claim finds a complete phase.
    Atomics.store(control, Control.next, 0);
    Atomics.add(control, Control.sequence, 1);
    Atomics.notify(control, Control.sequence);
  }

  /** Lets the workers go. */
  async close(): Promise<void> {
    if (this.workers.length === 0) return;
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    this.workers.length = 0;
  }
}
