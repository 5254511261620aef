import { setImmediate } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { invariant, QuantlineError } from '../../errors/index.js';
import { awaitChange } from '../../platform/watch.js';
import { sharedCopy, startWorker } from '../../platform/workers.js';
import type { BatchEngine } from './engine.js';
import { type KernelMemory, type Kernels, kernelModule, trainingVariant } from './kernels.js';
import { CLOSED, CONTROL, MODE, type SessionPlaces, ShardRunner } from './session.js';
import type { ShardWorkerData } from './shard.worker.js';
import type { FeatureMatrix, Scaler } from './windows.js';

/** The embedded engine: the threads of one training session, the caller's own and `threads − 1` workers. */
export class ShardPool implements BatchEngine {
  readonly kernels: Kernels;
  private readonly main: ShardRunner;
  private readonly workers: Worker[] = [];
  private readonly losses: Float64Array;
  private readonly scale: Float64Array;
  private failure: unknown;
  private job = 0;

  private constructor(
    private readonly places: SessionPlaces,
    private readonly memory: KernelMemory,
    private readonly matrix: FeatureMatrix,
    private readonly scaler: Scaler | null,
  ) {
    this.main = new ShardRunner(places, memory, 0, matrix, scaler, kernelModule(trainingVariant()));
    this.kernels = this.main.kernels;
    this.losses = new Float64Array(memory.buffer, places.losses, Math.ceil(places.windows / places.shardRows) || 1);
    this.scale = new Float64Array(memory.buffer, places.scale, 1);
  }

  static async start(
    places: SessionPlaces,
    memory: KernelMemory,
    matrix: FeatureMatrix,
    scaler: Scaler | null,
  ): Promise<ShardPool> {
    const threads = places.programs.length;
    const pool = new ShardPool(
      places,
      memory,
      threads > 1 ? { ...matrix, values: sharedCopy(matrix.values) } : matrix,
      scaler,
    );
    try {
      await Promise.all(Array.from({ length: threads - 1 }, (_, i) => pool.startOne(i + 1)));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  /**
   * Runs one job over `rows` entries of the order from `start` on and returns the sum of the losses, added in shard
   * order. In training each shard's gradient, times `scale`, lies in its own vector afterwards.
   */
  private async run(mode: 1 | 2, start: number, rows: number, seed: number, scale: number): Promise<number> {
    const { control } = this.main;
    const shards = Math.ceil(rows / this.places.shardRows);
    invariant(shards < CLOSED, `A job of ${rows} rows has too many shards.`);
    // Closed while it changes: a thread that still looks at the last job must not take a shard of this one half described.
    Atomics.store(control, CONTROL.next, CLOSED);
    Atomics.store(control, CONTROL.shards, shards);
    control[CONTROL.start] = start;
    control[CONTROL.rows] = rows;
    control[CONTROL.mode] = mode;
    control[CONTROL.seed] = seed;
    this.scale[0] = scale;
    Atomics.store(control, CONTROL.done, 0);
    this.job = (this.job + 1) & 0x7fff;
    Atomics.store(control, CONTROL.next, this.job << 16);
    if (this.workers.length > 0 && shards > 1) {
      Atomics.add(control, CONTROL.generation, 1);
      Atomics.notify(control, CONTROL.generation);
    }
    this.main.work();
    let idle = 0;
    for (let done = Atomics.load(control, CONTROL.done); done < shards; done = Atomics.load(control, CONTROL.done)) {
      if (Atomics.load(control, CONTROL.failed) !== 0 || this.failure !== undefined) throw await this.failed();
      awaitChange(control, CONTROL.done, done, 20);
      // A worker that died says so through the event loop only.
      if (++idle > 10) await setImmediate();
    }
    let sum = 0;
    for (let s = 0; s < shards; s++) sum += this.losses[s]!;
    return sum;
  }

  async train(start: number, rows: number, seed: number, scale: number): Promise<number> {
    const sum = await this.run(MODE.train, start, rows, seed, scale);
    const { gradients, shardRows } = this.places;
    const { parameters } = this.main.layout;
    for (let s = 1; s < Math.ceil(rows / shardRows); s++) this.kernels.addTo(parameters, gradients[s]!, gradients[0]!);
    return sum;
  }

  weightsChanged(): void {
    this.main.program.transposeWeights();
  }

  async evaluate(start: number, rows: number): Promise<number> {
    const most = 32768 * this.places.shardRows;
    let sum = 0;
    for (let from = 0; from < rows; from += most)
      sum += await this.run(MODE.evaluate, start + from, Math.min(most, rows - from), 0, 1);
    return sum;
  }

  async close(): Promise<void> {
    const { control } = this.main;
    Atomics.store(control, CONTROL.mode, MODE.quit);
    Atomics.add(control, CONTROL.generation, 1);
    Atomics.notify(control, CONTROL.generation);
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private async startOne(thread: number): Promise<void> {
    const { places, memory, scaler } = this;
    const features = { values: this.matrix.values, cols: this.matrix.cols };
    const workerData: ShardWorkerData = {
      places,
      memory,
      module: kernelModule(trainingVariant()),
      thread,
      features,
      scaler,
    };
    const worker = startWorker(import.meta.url, './shard.worker.js', { workerData });
    this.workers.push(worker);
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.on('error', (error) => {
        this.failure = error;
        reject(error);
      });
    });
  }

  private async failed(): Promise<QuantlineError> {
    await setImmediate();
    const cause = this.failure;
    const memory = (cause as { code?: string } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
    return new QuantlineError(memory ? 'MEMORY' : 'BUG', `A training worker failed: ${String(cause ?? 'unknown')}.`, {
      hint: memory ? 'Use fewer threads or a smaller network.' : 'Report this with the settings of the run.',
      cause,
    });
  }
}
