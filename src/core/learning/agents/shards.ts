import {
  instantiateKernels,
  type KernelMemory,
  type KernelModule,
  type Kernels,
  MemoryPlan,
} from '../networks/kernels.js';
import type { NetworkSpec } from '../networks/layout.js';
import { ADAM_DEFAULTS, type AdamStep } from '../networks/optimizer.js';
import { placeSharded, ShardedNetwork, type ShardedPlaces } from '../networks/sharded.js';
import { Tickets } from '../networks/tickets.js';
import { type ActionSpace, actionSize } from './environment.js';

/** Rows of one shard: small enough for its activations to stay in the first-level cache. A multiple of 4, as the kernels ask. */
const SHARD_ROWS = 64;
export const ADAM = { ...ADAM_DEFAULTS, epsilon: 1e-5 };

/** What the tasks of a job are (Int32): gradients are a task a shard, the actor's first; steps a task a network. */
export const JOB = { kind: 0, rows: 1, left: 2, length: 4 } as const;
export const KIND = { gradient: 1, step: 2 } as const;
/** Arguments and results (Float64); the value losses of the shards start at `loss`. */
export const NUMBER = {
  ...{ clip: 0, entropyCoefficient: 1, valueCoefficient: 2, scale: 3, rate: 4, alpha: 5, correction: 6 },
  ...{ squares: 7, loss: 9 },
} as const;
/** Places of the sums of an actor's shard, each four lanes of Float32; the gradient of the log deviations follows. */
export const SUM = { loss: 0, divergence: 4, entropy: 8, deviations: 16 } as const;

/** PPO's two networks and the columns of a batch in one memory. Plain data, passed to the workers. */
export interface PpoPlaces {
  readonly actor: ShardedPlaces;
  readonly critic: ShardedPlaces;
  readonly space: ActionSpace;
  /** Of the largest batch, which fills whole shards. */
  readonly rows: number;
  readonly shards: number;
  readonly actions: number;
  readonly advantages: number;
  readonly logProbabilities: number;
  readonly returns: number;
  readonly logDeviations: number;
  /** Bytes between the sums of two shards. */
  readonly sums: number;
  readonly sumBytes: number;
  readonly control: number;
  readonly job: number;
  readonly numbers: number;
}

/** Plans for batches of `batch` rows and steps of `environments` environments. */
export function placePpo(
  actor: NetworkSpec,
  critic: NetworkSpec,
  space: ActionSpace,
  batch: number,
  environments: number,
): { readonly places: PpoPlaces; readonly memory: KernelMemory } {
  const plan = new MemoryPlan();
  const shardRows = Math.max(SHARD_ROWS, Math.ceil(environments / 4) * 4);
  const shards = Math.ceil(batch / shardRows);
  const rows = shards * shardRows;
  const sumBytes = (SUM.deviations + 4 * actionSize(space)) * 4;
  const places: PpoPlaces = {
    actor: placeSharded(actor, rows, shardRows, plan),
    critic: placeSharded(critic, rows, shardRows, plan),
    ...{ space, rows, shards, sumBytes },
    actions: plan.floats(rows * actionSize(space)),
    advantages: plan.floats(rows),
    logProbabilities: plan.floats(rows),
    returns: plan.floats(rows),
    logDeviations: plan.floats(actionSize(space)),
    sums: plan.bytes(shards * sumBytes),
    control: plan.bytes(Tickets.size * 4),
    job: plan.bytes(JOB.length * 4),
    numbers: plan.bytes((NUMBER.loss + shards) * 8),
  };
  return { places, memory: plan.allocate() };
}

/** One thread's view of the networks, and the tasks of an update. */
export class PpoShards {
  readonly actor: ShardedNetwork;
  readonly critic: ShardedNetwork;
  readonly tickets: Tickets;
  readonly job: Int32Array;
  readonly numbers: Float64Array;
  readonly sums: Float32Array;
  private readonly kernels: Kernels;

  constructor(
    private readonly places: PpoPlaces,
    memory: KernelMemory,
    module: KernelModule,
    thread: number,
  ) {
    const { buffer } = memory;
    this.kernels = instantiateKernels(memory, module);
    this.actor = new ShardedNetwork(this.kernels, memory, places.actor, ADAM);
    this.critic = new ShardedNetwork(this.kernels, memory, places.critic, ADAM);
    this.tickets = new Tickets(new Int32Array(buffer, places.control, Tickets.size), thread);
    this.job = new Int32Array(buffer, places.job, JOB.length);
    this.numbers = new Float64Array(buffer, places.numbers, NUMBER.loss + places.shards);
    this.sums = new Float32Array(buffer, places.sums, (places.shards * places.sumBytes) / 4);
  }

  readonly run = (task: number): void => {
    const { job, numbers } = this;
    if (job[JOB.kind] === KIND.step) {
      (task === 0 ? this.actor : this.critic).step(this.adamStep(), numbers[NUMBER.scale]!);
      return;
    }
    const rows = job[JOB.rows]!;
    const shards = Math.ceil(rows / this.places.actor.shardRows);
    const network = task < shards ? 0 : 1;
    if (network === 0) this.policyGradient(task, rows);
    else this.valueGradient(task - shards, rows);
    // Whoever computes the last gradient of a network adds them up, while others still work on the other network.
    if (Atomics.sub(job, JOB.left + network, 1) > 1) return;
    numbers[NUMBER.squares + network] = (network === 0 ? this.actor : this.critic).reduce(shards);
  };

  private adamStep(): AdamStep {
    const { numbers } = this;
    return { rate: numbers[NUMBER.rate]!, alpha: numbers[NUMBER.alpha]!, correction: numbers[NUMBER.correction]! };
  }

  /** The clipped surrogate and the entropy; leaves the gradient of the shard and its sums. */
  private policyGradient(s: number, total: number): void {
    const { actor, kernels, numbers, places, sums } = this;
    const { program } = actor.shards[s]!;
    const rows = actor.rowsOf(s, total);
    const width = actionSize(places.space);
    const from = s * places.actor.shardRows * 4;
    const at = places.sums + s * places.sumBytes;
    sums.fill(0, (s * places.sumBytes) / 4, ((s + 1) * places.sumBytes) / 4);
    program.forward(rows);
    const batch = [
      ...([program.output, program.outputWidth, places.actions + from * width, places.advantages + from] as const),
      ...([places.logProbabilities + from, numbers[NUMBER.clip]!, numbers[NUMBER.entropyCoefficient]!] as const),
      ...([1 / total, program.outputGradient, at] as const),
    ] as const;
    if (places.space.kind === 'discrete') kernels.surrogateSoftmax(rows, places.space.count, ...batch);
    else kernels.surrogateNormal(rows, width, ...batch, places.logDeviations, at + SUM.deviations * 4);
    actor.backward(s, rows);
  }

  /** The squared error of the values. */
  private valueGradient(s: number, total: number): void {
    const { critic, kernels, numbers, places } = this;
    const { program } = critic.shards[s]!;
    const rows = critic.rowsOf(s, total);
    program.forward(rows);
    numbers[NUMBER.loss + s] = kernels.squaredError(
      ...([rows, program.output, program.outputWidth, places.returns + s * places.critic.shardRows * 4] as const),
      ...([(2 * numbers[NUMBER.valueCoefficient]!) / total, program.outputGradient] as const),
    );
    critic.backward(s, rows);
  }
}
