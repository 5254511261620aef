import { setImmediate } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { workerError } from '../../platform/worker-calls.js';
import { sharedCopy, startWorker } from '../../platform/workers.js';
import { instantiateKernels, type Kernels } from './kernels.js';
import { layoutNetwork } from './layout.js';
import { openShards } from './open.js';
import { JOB, MODE, type SessionPlaces, type ShardSession } from './session.js';
import { ShardRunner } from './shard.js';
import type { ShardWorkerData } from './shard.worker.js';
import { addGradients } from './sharded.js';
import { Tickets } from './tickets.js';

/**
 * The threads of one training session, the caller's own and `threads − 1` workers. Order, optimiser, early stopping and
 * best weights are `trainNetwork`'s, whatever the engine. Rows are entries of the session's order.
 */
export class ShardPool {
  readonly kernels: Kernels;
  private readonly places: SessionPlaces;
  private readonly parameters: number;
  private readonly workers: Worker[] = [];
  private failure: unknown;

  private constructor(
    session: ShardSession,
    private readonly main: ShardRunner,
  ) {
    this.places = session.places;
    this.parameters = layoutNetwork(this.places.spec).parameters;
    this.kernels = instantiateKernels(session.memory, session.module);
  }

  static async start(session: ShardSession, threads: number): Promise<ShardPool> {
    const { places, memory, matrix } = session;
    const shared = threads > 1 ? { ...session, matrix: { ...matrix, values: sharedCopy(matrix.values) } } : session;
    const main = new ShardRunner(places, memory, 0, await openShards(shared, 0));
    const pool = new ShardPool(shared, main);
    try {
      await Promise.all(
        Array.from({ length: threads - 1 }, (_, i) => pool.startOne({ session: shared, thread: i + 1 })),
      );
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  /**
   * Sum of the weighted losses of `rows` entries from `start` on, added in shard order; dropout by `seed`. Their gradient,
   * times `scale`, is left in the session's `gradients[0]`, laid out as the parameters.
   */
  async train(start: number, rows: number, seed: number, scale: number): Promise<number> {
    const sum = await this.run(MODE.train, start, rows, seed, scale);
    addGradients(this.kernels, this.places, this.parameters, Math.ceil(rows / this.places.shardRows));
    return sum;
  }

  /** Sum of the weighted losses, dropout off; of any number of rows. */
  async evaluate(start: number, rows: number): Promise<number> {
    const most = Tickets.most * this.places.shardRows;
    let sum = 0;
    for (let from = 0; from < rows; from += most)
      sum += await this.run(MODE.evaluate, start + from, Math.min(most, rows - from), 0, 1);
    return sum;
  }

  /** Called after each change of the parameters. */
  weightsChanged(): void {
    this.main.job[JOB.weights]!++;
    this.main.network.share?.();
  }

  async close(): Promise<void> {
    this.main.tickets.quit();
    this.main.network.dispose?.();
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private async run(mode: 1 | 2, start: number, rows: number, seed: number, scale: number): Promise<number> {
    const { job, tickets } = this.main;
    const shards = Math.ceil(rows / this.places.shardRows);
    tickets.open(shards, this.workers.length > 0 && shards > 1, () => {
      job[JOB.start] = start;
      job[JOB.rows] = rows;
      job[JOB.mode] = mode;
      job[JOB.seed] = seed;
      this.main.scale[0] = scale;
    });
    tickets.work(this.main.run);
    while (tickets.unfinished()) {
      if (tickets.failed || this.failure !== undefined) throw await this.failed();
      // A worker that died says so through the event loop only.
      await setImmediate();
    }
    let sum = 0;
    for (let s = 0; s < shards; s++) sum += this.main.rows.losses[s]!;
    return sum;
  }

  private async startOne(workerData: ShardWorkerData): Promise<void> {
    const worker = startWorker(import.meta.url, './shard.worker.js', { workerData });
    this.workers.push(worker);
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      const fail = (error: unknown) => {
        this.failure ??= workerError('A training worker', error);
        reject(this.failure);
      };
      worker.on('error', fail).on('exit', (code) => fail(`it ended early (exit code ${code})`));
    });
  }

  /** Why a worker's task was not done: it dies of that, which takes a moment to be heard of. */
  private async failed(): Promise<unknown> {
    while (this.failure === undefined) await setImmediate();
    return this.failure;
  }
}
