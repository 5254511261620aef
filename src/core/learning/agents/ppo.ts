import { childSeed, type Random, seededRandom } from '../../domain/random.js';
import type { NetworkSpec } from '../networks/index.js';
import { type ActionDistribution, DiagonalNormal, distributionFor } from './distribution.js';
import { type ActionSpace, actionSize, checkStep, type Environment, policyOutputs } from './environment.js';
import { type ObservationScale, RewardScale, RunningMoments, scaleObservation } from './normalizer.js';
import { AgentPolicy } from './policy.js';
import { Rollout } from './rollout.js';
import { type AgentResult, AgentRun, type AgentTrainOptions, requireSetting } from './training.js';
import { PpoUpdate } from './update.js';

export interface PpoSettings {
  /** Environments stepped together, and steps of each in one iteration. */
  readonly environments: number;
  readonly rolloutSteps: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly gamma: number;
  readonly lambda: number;
  readonly learningRate: number;
  readonly clip: number;
  /** Learning rate and clip range stay, or go to 0 along a line. */
  readonly schedule: 'constant' | 'linear';
  readonly entropyCoefficient: number;
  readonly valueCoefficient: number;
  /** Largest norm of the gradient over both networks. */
  readonly gradientNorm: number;
  /** Ends an iteration's epochs once the approximate KL divergence passes 1.5 times this; 0 = never. */
  readonly targetKl: number;
  readonly hidden: readonly number[];
  readonly activation: 'tanh' | 'relu';
  readonly normalizeObservations: boolean;
  readonly normalizeRewards: boolean;
  readonly initialLogStd: number;
  /** Environment steps between greedy evaluations, and episodes of each. */
  readonly evaluateEvery: number;
  readonly evaluationEpisodes: number;
}

export const PPO_DEFAULTS: PpoSettings = {
  environments: 8,
  rolloutSteps: 128,
  batchSize: 256,
  epochs: 10,
  gamma: 0.99,
  lambda: 0.95,
  learningRate: 3e-4,
  clip: 0.2,
  schedule: 'linear',
  entropyCoefficient: 0.005,
  valueCoefficient: 0.5,
  gradientNorm: 0.5,
  targetKl: 0,
  hidden: [64, 64],
  activation: 'tanh',
  normalizeObservations: true,
  normalizeRewards: true,
  initialLogStd: 0,
  evaluateEvery: 10_000,
  evaluationEpisodes: 10,
};

const OBSERVATION_CLIP = 10;

/**
 * Proximal policy optimisation (Schulman et al. 2017) with separate policy and value networks, generalised advantages,
 * clipped ratios, advantages normalised a batch, and one gradient norm over both networks. Truncated episodes are
 * bootstrapped. Equal options give equal bits.
 */
export async function trainPpo(options: AgentTrainOptions<PpoSettings>): Promise<AgentResult> {
  const settings = resolvePpo(options.settings);
  const learner = new PpoLearner(options, settings);
  return learner.train();
}

export function resolvePpo(given: Partial<PpoSettings> = {}): PpoSettings {
  const s = { ...PPO_DEFAULTS, ...given };
  const whole = (field: keyof PpoSettings): void =>
    requireSetting(field, s[field], Number.isInteger(s[field]) && (s[field] as number) >= 1, 'a whole number from 1');
  const between = (field: keyof PpoSettings, low: number, high: number): void => {
    const value = s[field] as number;
    requireSetting(field, value, value >= low && value <= high, `from ${low} to ${high}`);
  };
  for (const field of ['environments', 'rolloutSteps', 'batchSize', 'epochs', 'evaluateEvery'] as const) whole(field);
  whole('evaluationEpisodes');
  between('gamma', 0, 1);
  between('lambda', 0, 1);
  between('learningRate', 1e-12, 1);
  between('clip', 1e-6, 1);
  between('entropyCoefficient', 0, 1);
  between('valueCoefficient', 0, 10);
  between('gradientNorm', 1e-6, 1e6);
  between('targetKl', 0, 10);
  return s;
}

class PpoLearner {
  private readonly environments: Environment[];
  private readonly space: ActionSpace;
  private readonly size: number;
  private readonly width: number;
  private readonly actorSpec: NetworkSpec;
  private readonly networks: PpoUpdate;
  private readonly distribution: ActionDistribution;
  private readonly rollout: Rollout;
  private readonly run: AgentRun;
  private readonly moments: RunningMoments | null;
  private readonly rewardScale: RewardScale | null;
  private readonly order: Int32Array;
  /** States whose values are asked for beside those of the rollout: after truncated steps, and after the last one. */
  private readonly beyond: { row: number; observation: Float32Array }[] = [];
  private readonly shuffle: Random;

  constructor(
    private readonly options: AgentTrainOptions<PpoSettings>,
    private readonly settings: PpoSettings,
  ) {
    const { environments, rolloutSteps, batchSize, hidden, activation } = settings;
    this.environments = Array.from({ length: environments }, (_, i) => options.environment(i));
    const first = this.environments[0]!;
    this.run = new AgentRun(options, settings.evaluationEpisodes, first);
    this.space = first.actionSpace;
    this.size = first.observationSize;
    this.width = actionSize(this.space);
    const dense = hidden.map((units) => ({ units, activation }));
    const spec = (units: number): NetworkSpec => ({
      ...{ inputs: this.size, steps: 1, lstm: [], dense },
      output: { units, activation: 'linear' },
    });
    this.actorSpec = spec(policyOutputs(this.space));
    this.rollout = new Rollout(rolloutSteps, environments, this.size, this.width);
    const batch = Math.min(batchSize, this.rollout.rows);
    this.networks = new PpoUpdate(this.actorSpec, spec(1), this.space, batch, environments, settings);
    this.networks.actor.initialize(childSeed(options.seed, 'actor'), 'orthogonal', 0.01);
    this.networks.critic.initialize(childSeed(options.seed, 'critic'), 'orthogonal', 1);
    this.shuffle = seededRandom(childSeed(options.seed, 'batches'));
    const random = seededRandom(childSeed(options.seed, 'actions'));
    this.distribution = distributionFor(this.space, random, settings.initialLogStd);
    this.moments = settings.normalizeObservations ? new RunningMoments(this.size) : null;
    this.rewardScale = settings.normalizeRewards
      ? new RewardScale(environments, settings.gamma, OBSERVATION_CLIP)
      : null;
    this.order = Int32Array.from({ length: this.rollout.rows }, (_, i) => i);
  }

  async train(): Promise<AgentResult> {
    try {
      // Training begins without them; where one fails, the next update says so.
      this.networks.start(this.options.threads ?? 1).catch(() => {});
      return await this.iterate();
    } finally {
      await this.networks.close();
    }
  }

  private async iterate(): Promise<AgentResult> {
    const { run, settings, rollout, size } = this;
    const count = this.environments.length;
    const raw = new Float32Array(count * size);
    const views = this.environments.map((_, e) => raw.subarray(e * size, (e + 1) * size));
    const totals = new Float64Array(count);
    this.environments.forEach((environment, e) => {
      environment.reset(run.nextSeed(), views[e]!);
      checkStep(views[e]!, 0);
    });
    this.moments?.update(raw, count);
    const total = this.options.steps;
    let nextEvaluation = settings.evaluateEvery;
    for (let steps = 0; steps < total; ) {
      if (await run.shouldStop()) break;
      this.collect(raw, views, totals);
      steps += rollout.rows;
      const remaining = Math.max(0, 1 - steps / total);
      const factor = settings.schedule === 'linear' ? remaining : 1;
      this.update(settings.learningRate * factor, settings.clip * factor);
      if (steps >= nextEvaluation || steps >= total) {
        run.checkpoint(this.policy(), steps, settings.learningRate * factor);
        while (nextEvaluation <= steps) nextEvaluation += settings.evaluateEvery;
      }
    }
    return run.result();
  }

  /** Steps all environments `rolloutSteps` times with the current policy and estimates the advantages. */
  private collect(raw: Float32Array, views: Float32Array[], totals: Float64Array): void {
    const { rollout, networks, size, width, space, run, beyond } = this;
    const count = this.environments.length;
    const action = new Float32Array(width);
    const rewards = new Float64Array(count);
    const ended = new Uint8Array(count);
    const { program, output, input } = networks.actor.shards[0]!;
    beyond.length = 0;
    for (let t = 0; t < rollout.steps; t++) {
      const scale = this.scale();
      for (let e = 0; e < count; e++) {
        const at = (t * count + e) * size;
        scaleObservation(scale, raw, e * size, size, rollout.observations, at);
        for (let c = 0; c < size; c++) input[e * program.inputWidth + c] = rollout.observations[at + c]!;
      }
      program.forward(count);
      for (let e = 0; e < count; e++) {
        const row = t * count + e;
        const { actions } = rollout;
        const at = e * program.outputWidth;
        rollout.logProbabilities[row] = this.distribution.sample(output, at, actions, row * width);
      }
      for (let e = 0; e < count; e++) {
        const environment = this.environments[e]!;
        const observation = views[e]!;
        for (let k = 0; k < width; k++) action[k] = rollout.actions[(t * count + e) * width + k]!;
        if (space.kind === 'continuous')
          for (let k = 0; k < width; k++) action[k] = Math.max(space.low, Math.min(space.high, action[k]!));
        const reward = environment.step(action, observation);
        checkStep(observation, reward);
        rewards[e] = reward;
        totals[e] = totals[e]! + reward;
        ended[e] = environment.terminated || environment.truncated ? 1 : 0;
        if (ended[e] === 0) continue;
        if (!environment.terminated) this.lookBeyond(t * count + e, observation);
        run.episodeEnded(totals[e]!);
        totals[e] = 0;
        environment.reset(run.nextSeed(), observation);
        checkStep(observation, 0);
      }
      this.moments?.update(raw, count);
      this.rewardScale?.apply(rewards, ended);
      rollout.rewards.set(rewards, t * count);
      rollout.ended.set(ended, t * count);
    }
    for (let e = 0; e < count; e++) this.lookBeyond(-1, views[e]!);
    this.valueStates();
    run.note('return', rollout.returns.reduce((a, b) => a + b, 0) / rollout.rows);
  }

  private lookBeyond(row: number, observation: Float32Array): void {
    const scaled = new Float32Array(this.size);
    scaleObservation(this.scale(), observation, 0, this.size, scaled, 0);
    this.beyond.push({ row, observation: scaled });
  }

  /** The values of all states met, in as few passes as they take; the network stood still while they were met. */
  private valueStates(): void {
    const { rollout, networks, size, settings, beyond } = this;
    const { program, output, input } = networks.critic.shards[0]!;
    const { rows } = rollout;
    const last = new Float64Array(this.environments.length);
    const ends = rows + beyond.length - last.length;
    for (let from = 0; from < rows + beyond.length; from += networks.shardRows) {
      const count = Math.min(networks.shardRows, rows + beyond.length - from);
      for (let r = 0; r < count; r++) {
        const i = from + r;
        const source = i < rows ? rollout.observations : beyond[i - rows]!.observation;
        const at = i < rows ? i * size : 0;
        for (let c = 0; c < size; c++) input[r * program.inputWidth + c] = source[at + c]!;
      }
      program.forward(count);
      for (let r = 0; r < count; r++) {
        const i = from + r;
        const value = output[r * program.outputWidth]!;
        if (i < rows) rollout.values[i] = value;
        else if (i >= ends) last[i - ends] = value;
        else {
          const { row } = beyond[i - rows]!;
          rollout.rewards[row] = rollout.rewards[row]! + settings.gamma * value;
        }
      }
    }
    rollout.estimateAdvantages(last, settings.gamma, settings.lambda);
  }

  /** The clipped surrogate and the squared value error, by Adam over shuffled batches. */
  private update(rate: number, clip: number): void {
    const { settings, rollout, order, run, networks, distribution } = this;
    const normal = distribution instanceof DiagonalNormal ? distribution : null;
    // A batch of all rows is the same sum in every order, so it is gathered once, as it is.
    const whole = settings.batchSize >= rollout.rows;
    if (whole) this.gather(0, rollout.rows);
    for (let epoch = 0; epoch < settings.epochs; epoch++) {
      if (!whole) shuffleInPlace(order, this.shuffle);
      let kl = 0;
      let batches = 0;
      for (let from = 0; from < rollout.rows; from += settings.batchSize) {
        const rows = Math.min(settings.batchSize, rollout.rows - from);
        if (!whole) this.gather(from, rows);
        const losses = networks.step(rows, rate, clip, normal);
        for (const name of ['policy', 'value', 'entropy'] as const) run.note(name, losses[name]);
        kl += losses.kl;
        batches++;
      }
      run.note('kl', kl / batches);
      if (settings.targetKl > 0 && kl / batches > 1.5 * settings.targetKl) return;
    }
  }

  /** Brings rows of the rollout, from `from` on in the order, to the networks; their advantages are normalised. */
  private gather(from: number, rows: number): void {
    const { rollout, order, networks, size, width } = this;
    const { actions, advantages, logProbabilities, returns } = networks;
    let mean = 0;
    for (let r = 0; r < rows; r++) {
      const row = order[from + r]!;
      mean += rollout.advantages[row]!;
      networks.place(r, rollout.observations, row * size, size);
      for (let k = 0; k < width; k++) actions[r * width + k] = rollout.actions[row * width + k]!;
      logProbabilities[r] = rollout.logProbabilities[row]!;
      returns[r] = rollout.returns[row]!;
    }
    mean /= rows;
    let squares = 0;
    for (let r = 0; r < rows; r++) squares += (rollout.advantages[order[from + r]!]! - mean) ** 2;
    const deviation = rows < 2 ? 1 : Math.sqrt(squares / (rows - 1)) + 1e-8;
    const centre = rows < 2 ? 0 : mean;
    for (let r = 0; r < rows; r++) advantages[r] = (rollout.advantages[order[from + r]!]! - centre) / deviation;
  }

  private scale(): ObservationScale | null {
    const { moments } = this;
    return moments === null ? null : { mean: moments.mean, variance: moments.variance, clip: OBSERVATION_CLIP };
  }

  private policy(): AgentPolicy {
    const { distribution, moments, actorSpec, networks, space } = this;
    const logStd = distribution instanceof DiagonalNormal ? distribution.logStd.slice() : null;
    const scale = moments === null ? null : moments.snapshot(OBSERVATION_CLIP);
    return new AgentPolicy('ppo', actorSpec, networks.actor.exportTensors(), space, scale, logStd);
  }
}

function shuffleInPlace(order: Int32Array, random: Random): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
}
