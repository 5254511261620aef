import { setImmediate as breathe } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { callWorker, sharedCopy, startWorker } from '../../platform/index.js';
import { sharedBars } from './shared-bars.js';
import { SWEEP_FIGURES } from './sweep-figures.js';
import { type SweepJob, SweepRunner, type SweepTask } from './sweep-runner.js';

export interface SweepWorkerData {
  readonly job: SweepJob;
}

export interface SweepMessage {
  readonly tasks: readonly SweepTask[];
  /** Shared: [next task to take, tasks done, 1 = stop]. */
  readonly control: Int32Array;
  /** Shared: one row of figures a task. */
  readonly table: Float64Array;
  /** Shared: session returns of each task, where they are wanted. */
  readonly returns: Float64Array | null;
}

/** Rows in the order of the tasks. */
export interface SweepTables {
  /** Columns as SWEEP_FIGURES. */
  readonly figures: Float64Array;
  /** Columns as the sessions of the range; null where none were asked for. */
  readonly returns: Float64Array | null;
}

const NEXT = 0;
const DONE = 1;
const STOP = 2;

/** Tasks taken at a time: neighbours in the grid share columns. */
const BATCH = 4;

/** Takes tasks until none is left. A row depends on its task alone, so it does not matter which thread takes it. */
export async function drainTasks(runner: SweepRunner, { tasks, control, table, returns }: SweepMessage): Promise<void> {
  for (;;) {
    const start = Atomics.add(control, NEXT, BATCH);
    if (start >= tasks.length) return;
    // Lets signals and timers of this thread have their turn.
    await breathe();
    for (let row = start; row < Math.min(start + BATCH, tasks.length); row++) {
      if (Atomics.load(control, STOP) === 1) return;
      await runner.run(tasks[row]!, table, returns, row);
      Atomics.add(control, DONE, 1);
    }
  }
}

export interface SweepProgress {
  readonly signal?: AbortSignal;
  onDone?(done: number): void;
}

/** Threads that hold one job's columns and run combinations of it. One thread means the caller's own. */
export class SweepPool {
  private readonly workers: Worker[] = [];
  private readonly local: SweepRunner | undefined;

  constructor(job: SweepJob, threads: number) {
    const shared = shareJob(job);
    if (threads <= 1) this.local = new SweepRunner(shared);
    else {
      for (let t = 0; t < threads; t++) {
        const worker = startWorker(import.meta.url, './sweep.worker.js', { workerData: { job: shared } });
        this.workers.push(worker);
      }
    }
  }

  /** Runs every task; keeps `sessions` returns of each where that is above 0. */
  async run(tasks: readonly SweepTask[], sessions = 0, progress: SweepProgress = {}): Promise<SweepTables> {
    const control = new Int32Array(new SharedArrayBuffer(16));
    const table = new Float64Array(new SharedArrayBuffer(8 * tasks.length * SWEEP_FIGURES.length));
    const stop = () => void Atomics.store(control, STOP, 1);
    const returns = sessions > 0 ? new Float64Array(new SharedArrayBuffer(8 * tasks.length * sessions)) : null;
    progress.signal?.addEventListener('abort', stop, { once: true });
    if (progress.signal?.aborted) stop();
    const timer = setInterval(() => progress.onDone?.(Atomics.load(control, DONE)), 200);
    const message = { tasks, control, table, returns };
    try {
      if (this.local !== undefined) await drainTasks(this.local, message);
      else
        await Promise.all(
          this.workers.map((worker) => callWorker<void>(worker, message, { who: 'A worker of the sweep' })),
        );
    } catch (error) {
      stop();
      throw error;
    } finally {
      clearInterval(timer);
      progress.signal?.removeEventListener('abort', stop);
    }
    progress.signal?.throwIfAborted();
    return { figures: table, returns };
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

const shareJob = (job: SweepJob): SweepJob => ({
  ...job,
  bars: job.bars.map(sharedBars),
  knownAt: job.knownAt.map(sharedCopy),
  detail: job.detail?.map(
    (one) => one && { ...one, bars: sharedBars(one.bars), from: sharedCopy(one.from), to: sharedCopy(one.to) },
  ),
  scores: job.scores?.map(sharedCopy) ?? null,
});
