import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { QuantlineError } from '../../errors/index.js';
import { startWorker } from '../../platform/workers.js';
import {
  type KernelMemory,
  kernelModule,
  type NetworkSpec,
  type ShardedNetwork,
  trainingVariant,
} from '../networks/index.js';
import type { DiagonalNormal } from './distribution.js';
import { type ActionSpace, actionSize } from './environment.js';
import { ADAM, JOB, KIND, NUMBER, type PpoPlaces, PpoShards, placePpo, SUM } from './shards.js';
import type { ShardsWorkerData } from './shards.worker.js';

export interface UpdateSettings {
  readonly entropyCoefficient: number;
  readonly valueCoefficient: number;
  /** Largest norm of the gradient over both networks and the log deviations. */
  readonly gradientNorm: number;
}

/** Means over the rows of a batch. */
export interface BatchLosses {
  readonly policy: number;
  readonly value: number;
  readonly entropy: number;
  /** Approximate KL divergence from the policy that acted. */
  readonly kl: number;
}

/**
 * PPO's updates of policy and value network, by this thread and its workers. Write the rows of a batch, then `step`. Equal
 * batches give equal bits for any number of threads.
 */
export class PpoUpdate {
  readonly actor: ShardedNetwork;
  readonly critic: ShardedNetwork;
  /** Columns of a batch; `actions` has one number a row, or one a dimension. */
  readonly actions: Float32Array;
  readonly advantages: Float32Array;
  readonly logProbabilities: Float32Array;
  readonly returns: Float32Array;
  /** Rows of a shard: what `actor` and `critic` compute in one call. */
  readonly shardRows: number;
  private readonly main: PpoShards;
  private readonly places: PpoPlaces;
  private readonly memory: KernelMemory;
  private readonly logDeviations: Float32Array;
  private readonly workers: Worker[] = [];
  private failure: unknown;

  constructor(
    actor: NetworkSpec,
    critic: NetworkSpec,
    space: ActionSpace,
    batch: number,
    environments: number,
    private readonly settings: UpdateSettings,
  ) {
    const { places, memory } = placePpo(actor, critic, space, batch, environments);
    this.places = places;
    this.memory = memory;
    this.main = new PpoShards(places, memory, kernelModule(trainingVariant()), 0);
    this.actor = this.main.actor;
    this.critic = this.main.critic;
    this.shardRows = places.actor.shardRows;
    const view = (at: number, floats: number) => new Float32Array(memory.buffer, at, floats);
    this.actions = view(places.actions, places.rows * actionSize(space));
    this.advantages = view(places.advantages, places.rows);
    this.logProbabilities = view(places.logProbabilities, places.rows);
    this.returns = view(places.returns, places.rows);
    this.logDeviations = view(places.logDeviations, actionSize(space));
    this.main.numbers[NUMBER.entropyCoefficient] = settings.entropyCoefficient;
    this.main.numbers[NUMBER.valueCoefficient] = settings.valueCoefficient;
  }

  /**
   * Starts workers, which join in whenever they are ready: nobody has to wait for the end of this. More than there are shards
   * are of no use. A worker that fails, `step` tells.
   */
  async start(threads: number): Promise<void> {
    const { places, memory } = this;
    const count = Math.min(threads, 2 * places.shards) - 1;
    const ready = Array.from({ length: count }, (_, i) => {
      const module = kernelModule(trainingVariant());
      const workerData: ShardsWorkerData = { places, memory, module, thread: i + 1 };
      const worker = startWorker(import.meta.url, './shards.worker.js', { workerData });
      this.workers.push(worker);
      worker.on('error', (error) => {
        this.failure ??= error;
      });
      return once(worker, 'message');
    });
    await Promise.all(ready);
  }

  /** Writes the observation of a row of the batch, `size` numbers at `from[at…]`, for both networks. */
  place(row: number, from: Float32Array, at: number, size: number): void {
    const shard = Math.floor(row / this.shardRows);
    const within = row - shard * this.shardRows;
    for (const network of [this.actor, this.critic]) {
      const { input, program } = network.shards[shard]!;
      for (let c = 0; c < size; c++) input[within * program.inputWidth + c] = from[at + c]!;
    }
  }

  /** One update on the first `rows` rows. A gradient that is not finite changes nothing. */
  step(rows: number, rate: number, clip: number, deviations: DiagonalNormal | null): BatchLosses {
    const { numbers } = this.main;
    const { gradientNorm } = this.settings;
    const shards = Math.ceil(rows / this.shardRows);
    if (deviations !== null) this.logDeviations.set(deviations.logStd);
    numbers[NUMBER.clip] = clip;
    this.job(KIND.gradient, shards, rows);
    let squared = numbers[NUMBER.squares]! + numbers[NUMBER.squares + 1]!;
    if (deviations !== null)
      deviations.logStdGradient.forEach((_, k, gradient) => {
        gradient[k] = this.sumOf(SUM.deviations + 4 * k, shards);
        squared += gradient[k]! ** 2;
      });
    const norm = Math.sqrt(squared);
    if (Number.isFinite(norm)) {
      const scale = norm > gradientNorm ? gradientNorm / (norm + 1e-6) : 1;
      const { alpha, correction } = this.actor.nextStep(rate);
      numbers[NUMBER.scale] = scale;
      numbers[NUMBER.rate] = rate;
      numbers[NUMBER.alpha] = alpha;
      numbers[NUMBER.correction] = correction;
      this.job(KIND.step, 1, rows);
      deviations?.stepLogStd(rate, scale, ADAM.epsilon);
    }
    let value = 0;
    for (let s = 0; s < shards; s++) value += numbers[NUMBER.loss + s]!;
    return {
      policy: this.sumOf(SUM.loss, shards) / rows,
      value: value / rows,
      entropy: this.sumOf(SUM.entropy, shards) / rows,
      kl: this.sumOf(SUM.divergence, shards) / rows,
    };
  }

  async close(): Promise<void> {
    this.main.tickets.quit();
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  /** Runs so many tasks for each network. */
  private job(kind: number, tasks: number, rows: number): void {
    const { tickets, job, run } = this.main;
    if (this.failure !== undefined) throw this.stopped();
    tickets.open(2 * tasks, this.workers.length > 0, () => {
      job[JOB.kind] = kind;
      job[JOB.rows] = rows;
      job.fill(tasks, JOB.left, JOB.left + 2);
    });
    tickets.work(run);
    for (let waits = 0; tickets.unfinished(); waits++) if (tickets.failed || waits > 3000) throw this.stopped();
  }

  private stopped(): QuantlineError {
    return new QuantlineError('BUG', 'A worker of the update stopped.', {
      hint: 'Train with one thread, and report this with the settings of the run.',
      cause: this.failure,
    });
  }

  /** A sum over the first shards, of the four lanes that start at `lane`. */
  private sumOf(lane: number, shards: number): number {
    const { sums } = this.main;
    const stride = this.places.sumBytes / 4;
    let sum = 0;
    for (let s = 0; s < shards; s++) for (let i = 0; i < 4; i++) sum += sums[s * stride + lane + i]!;
    return sum;
  }
}
