import { setImmediate as breathe } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { callWorker } from '../../platform/worker-calls.js';
import { startWorker } from '../../platform/workers.js';
import { kernelOf, type ResamplingJob } from './jobs.js';
import type { Kernel } from './kernel.js';

/** A job and where its table goes. */
export interface ResamplingTask {
  readonly job: ResamplingJob;
  /** Shared: [next row to take, rows done, 1 = stop]. */
  readonly control: Int32Array;
  readonly table: Float64Array;
}

const NEXT = 0;
const DONE = 1;
const STOP = 2;

/** Numbers touched below which a thread's start costs more than it saves. */
const WORTH_THREADS = 2e8;
/** Parts of a job: enough for a moving bar and for a stop within a moment. */
const PARTS = 64;

/** Takes rows until none is left or the task is stopped. */
export async function drainRows(kernel: Kernel, { control, table }: Omit<ResamplingTask, 'job'>): Promise<void> {
  const part = Math.max(1, Math.ceil(kernel.rows / PARTS));
  for (;;) {
    const from = Atomics.add(control, NEXT, part);
    if (from >= kernel.rows || Atomics.load(control, STOP) === 1) return;
    const to = Math.min(from + part, kernel.rows);
    kernel.fill(from, to, table);
    Atomics.add(control, DONE, to - from);
    // Lets signals and timers of this thread have their turn.
    await breathe();
  }
}

export interface ResamplingOptions {
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Numbers touched by a job from which on threads help. */
  readonly worthThreads?: number;
  onRows(job: ResamplingJob['kind'], done: number, total: number): void;
}

/** Bootstraps, Monte Carlo and splits over worker threads, which start with the first job that is worth them. */
export class ResamplingPool {
  private readonly workers: Worker[] = [];

  constructor(private readonly options: ResamplingOptions) {}

  /** The job's table, rows × width; equal for every number of threads. Throws the signal's reason when aborted. */
  async run(job: ResamplingJob): Promise<Float64Array> {
    const { signal, onRows, worthThreads = WORTH_THREADS } = this.options;
    signal.throwIfAborted();
    const kernel = kernelOf(job);
    const control = new Int32Array(new SharedArrayBuffer(12));
    const table = new Float64Array(new SharedArrayBuffer(8 * kernel.rows * kernel.width));
    const stop = () => void Atomics.store(control, STOP, 1);
    signal.addEventListener('abort', stop, { once: true });
    const report = () => onRows(job.kind, Math.min(kernel.rows, Atomics.load(control, DONE)), kernel.rows);
    report();
    const timer = setInterval(report, 100);
    const helpers = kernel.rows * kernel.cost < worthThreads ? [] : this.started();
    try {
      await Promise.all([
        drainRows(kernel, { control, table }),
        ...helpers.map((worker) => callWorker<void>(worker, { job, control, table }, { who: 'A resampling worker' })),
      ]);
    } catch (error) {
      stop();
      throw error;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
    }
    signal.throwIfAborted();
    return table;
  }

  /** All threads but the caller's own. */
  private started(): readonly Worker[] {
    while (this.workers.length < this.options.threads - 1) {
      this.workers.push(startWorker(import.meta.url, './resampling.worker.js'));
    }
    return this.workers;
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
