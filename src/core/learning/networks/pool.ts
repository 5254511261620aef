import { setImmediate } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { QuantlineError } from '../../errors/index.js';
import { sharedCopy, startWorker } from '../../platform/workers.js';
import type { BatchEngine } from './engine.js';
import { type KernelMemory, type Kernels, kernelModule, trainingVariant } from './kernels.js';
import { JOB, MODE, type SessionPlaces, ShardRunner } from './session.js';
import type { ShardWorkerData } from './shard.worker.js';
import { Tickets } from './tickets.js';
import type { FeatureMatrix, Scaler } from './windows.js';

/** The embedded engine: the threads of one training session, the caller's own and `threads − 1` workers. */
export class ShardPool implements BatchEngine {
  readonly kernels: Kernels;
  private readonly main: ShardRunner;
  private readonly workers: Worker[] = [];
  private readonly losses: Float64Array;
  private readonly scale: Float64Array;
  private failure: unknown;

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
    const { job, tickets } = this.main;
    const shards = Math.ceil(rows / this.places.shardRows);
    tickets.open(shards, this.workers.length > 0 && shards > 1, () => {
      job[JOB.start] = start;
      job[JOB.rows] = rows;
      job[JOB.mode] = mode;
      job[JOB.seed] = seed;
      this.scale[0] = scale;
    });
    tickets.work(this.main.run);
    while (tickets.unfinished()) {
      if (tickets.failed || this.failure !== undefined) throw await this.failed();
      // A worker that died says so through the event loop only.
      await setImmediate();
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
    const most = Tickets.most * this.places.shardRows;
    let sum = 0;
    for (let from = 0; from < rows; from += most)
      sum += await this.run(MODE.evaluate, start + from, Math.min(most, rows - from), 0, 1);
    return sum;
  }

  async close(): Promise<void> {
    this.main.tickets.quit();
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
