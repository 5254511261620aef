import { childSeed, type Random, seededRandom } from '../../domain/random.js';
import { Network, type NetworkSpec } from '../networks/index.js';
import { Critic } from './critic.js';
import { type ActionDistribution, DiagonalNormal, distributionFor } from './distribution.js';
import { type ActionSpace, actionSize, checkStep, type Environment, policyOutputs } from './environment.js';
import { type ObservationScale, RewardScale, RunningMoments, scaleObservation } from './normalizer.js';
import { AgentPolicy } from './policy.js';
import { Rollout } from './rollout.js';
import { type AgentResult, AgentRun, type AgentTrainOptions, requireSetting } from './training.js';

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
const ADAM_EPSILON = 1e-5;

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
  private readonly actor: Network;
  private readonly critic: Network;
  private readonly valuer: Critic;
  private readonly distribution: ActionDistribution;
  private readonly rollout: Rollout;
  private readonly run: AgentRun;
  private readonly moments: RunningMoments | null;
  private readonly rewardScale: RewardScale | null;
  private readonly order: Int32Array;
  /** Of the rows of the current batch, normalised. */
  private readonly advantages: Float64Array;
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
    const rows = Math.max(Math.min(batchSize, this.rollout.rows), environments);
    const adam = { epsilon: ADAM_EPSILON };
    this.actor = new Network(this.actorSpec, { rows, adam });
    this.valuer = new Critic(spec(1), rows, ADAM_EPSILON, settings.valueCoefficient);
    this.critic = this.valuer.network;
    this.actor.initialize(childSeed(options.seed, 'actor'), 'orthogonal', 0.01);
    this.critic.initialize(childSeed(options.seed, 'critic'), 'orthogonal', 1);
    this.shuffle = seededRandom(childSeed(options.seed, 'batches'));
    const random = seededRandom(childSeed(options.seed, 'actions'));
    this.distribution = distributionFor(this.space, random, settings.initialLogStd);
    this.moments = settings.normalizeObservations ? new RunningMoments(this.size) : null;
    this.rewardScale = settings.normalizeRewards
      ? new RewardScale(environments, settings.gamma, OBSERVATION_CLIP)
      : null;
    this.advantages = new Float64Array(rows);
    this.order = Int32Array.from({ length: this.rollout.rows }, (_, i) => i);
  }

  async train(): Promise<AgentResult> {
    try {
      if ((this.options.threads ?? 1) > 1) await this.valuer.startWorker();
      return await this.iterate();
    } finally {
      await this.valuer.close();
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
      this.valuer.settle();
      if (steps >= nextEvaluation || steps >= total) {
        run.checkpoint(this.policy(), steps, settings.learningRate * factor);
        while (nextEvaluation <= steps) nextEvaluation += settings.evaluateEvery;
      }
    }
    return run.result();
  }

  /** Steps all environments `rolloutSteps` times with the current policy and estimates the advantages. */
  private collect(raw: Float32Array, views: Float32Array[], totals: Float64Array): void {
    const { rollout, actor, critic, size, width, space, settings, run } = this;
    const count = this.environments.length;
    const action = new Float32Array(width);
    const rewards = new Float64Array(count);
    const ended = new Uint8Array(count);
    const bootstrap = new Float64Array(count);
    for (let t = 0; t < rollout.steps; t++) {
      this.placeCurrent(raw, rollout.observations, t * count * size);
      actor.forward(count);
      critic.forward(count);
      for (let e = 0; e < count; e++) {
        const row = t * count + e;
        rollout.values[row] = critic.output[e * critic.outputWidth]!;
        const at = row * width;
        rollout.logProbabilities[row] = this.distribution.sample(
          actor.output,
          e * actor.outputWidth,
          rollout.actions,
          at,
        );
      }
      bootstrap.fill(0);
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
        if (!environment.terminated) {
          // The row of the value network's workspace is free: its results are stored already.
          scaleObservation(this.scale(), observation, 0, size, critic.input, 0);
          critic.forward(1);
          bootstrap[e] = settings.gamma * critic.output[0]!;
        }
        run.episodeEnded(totals[e]!);
        totals[e] = 0;
        environment.reset(run.nextSeed(), observation);
        checkStep(observation, 0);
      }
      this.moments?.update(raw, count);
      this.rewardScale?.apply(rewards, ended);
      for (let e = 0; e < count; e++) {
        rollout.rewards[t * count + e] = rewards[e]! + bootstrap[e]!;
        rollout.ended[t * count + e] = ended[e]!;
      }
    }
    this.placeCurrent(raw, null, 0);
    critic.forward(count);
    const last = Float64Array.from({ length: count }, (_, e) => critic.output[e * critic.outputWidth]!);
    rollout.estimateAdvantages(last, settings.gamma, settings.lambda);
    run.note('return', rollout.returns.reduce((a, b) => a + b, 0) / rollout.rows);
  }

  /** Scaled current observations into both networks, and into `keep`. */
  private placeCurrent(raw: Float32Array, keep: Float32Array | null, at: number): void {
    const { actor, critic, size } = this;
    const scale = this.scale();
    for (let e = 0; e < this.environments.length; e++) {
      scaleObservation(scale, raw, e * size, size, actor.input, e * actor.inputWidth);
      for (let c = 0; c < size; c++) {
        const value = actor.input[e * actor.inputWidth + c]!;
        critic.input[e * critic.inputWidth + c] = value;
        if (keep !== null) keep[at + e * size + c] = value;
      }
    }
  }

  /** The clipped surrogate and the squared value error, by Adam over shuffled batches. */
  private update(rate: number, clip: number): void {
    const { settings, rollout, order, run } = this;
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
        kl += this.updateBatch(from, rows, rate, clip);
        batches++;
      }
      run.note('kl', kl / batches);
      if (settings.targetKl > 0 && kl / batches > 1.5 * settings.targetKl) return;
    }
  }

  /** Brings rows of the rollout, from `from` on in the order, to the networks; their advantages are normalised. */
  private gather(from: number, rows: number): void {
    const { rollout, order, actor, critic, valuer, advantages, size } = this;
    let mean = 0;
    for (let r = 0; r < rows; r++) {
      const row = order[from + r]!;
      mean += rollout.advantages[row]!;
      for (let c = 0; c < size; c++) {
        const value = rollout.observations[row * size + c]!;
        actor.input[r * actor.inputWidth + c] = value;
        critic.input[r * critic.inputWidth + c] = value;
      }
      valuer.returns[r] = rollout.returns[row]!;
      advantages[r] = rollout.advantages[row]!;
    }
    if (rows < 2) return;
    mean /= rows;
    let squares = 0;
    for (let r = 0; r < rows; r++) squares += (advantages[r]! - mean) ** 2;
    const deviation = Math.sqrt(squares / (rows - 1)) + 1e-8;
    for (let r = 0; r < rows; r++) advantages[r] = (advantages[r]! - mean) / deviation;
  }

  private updateBatch(from: number, rows: number, rate: number, clip: number): number {
    const { settings, rollout, order, actor, advantages, valuer, distribution, width, run } = this;
    valuer.begin(rows);
    actor.forward(rows);
    const normal = distribution instanceof DiagonalNormal ? distribution : null;
    normal?.logStdGradient.fill(0);
    let policyLoss = 0;
    let entropy = 0;
    let kl = 0;
    for (let r = 0; r < rows; r++) {
      const row = order[from + r]!;
      const advantage = advantages[r]!;
      const output = r * actor.outputWidth;
      const log = distribution.logProbability(actor.output, output, rollout.actions, row * width);
      const change = log - rollout.logProbabilities[row]!;
      const ratio = Math.exp(change);
      kl += ratio - 1 - change;
      entropy += distribution.entropy;
      const clipped = Math.max(1 - clip, Math.min(1 + clip, ratio));
      policyLoss -= Math.min(ratio * advantage, clipped * advantage);
      // Where the clipped branch is the smaller one, the policy gets no gradient.
      const byLog = ratio * advantage <= clipped * advantage ? (-advantage * ratio) / rows : 0;
      const byEntropy = -settings.entropyCoefficient / rows;
      distribution.gradient(byLog, byEntropy, rollout.actions, row * width, actor.outputGradient, output);
    }
    actor.backward(rows);
    const policyNorm = actor.gradientNorm();
    const value = valuer.finish();
    let squared = policyNorm * policyNorm + value.squares;
    if (normal !== null) for (const g of normal.logStdGradient) squared += g * g;
    const norm = Math.sqrt(squared);
    const scale = norm > settings.gradientNorm ? settings.gradientNorm / (norm + 1e-6) : 1;
    if (Number.isFinite(norm)) {
      valuer.step(rate, scale);
      actor.step(rate, scale);
      normal?.stepLogStd(rate, scale, ADAM_EPSILON);
    }
    run.note('policy', policyLoss / rows);
    run.note('value', value.loss / rows);
    run.note('entropy', entropy / rows);
    return kl / rows;
  }

  private scale(): ObservationScale | null {
    const { moments } = this;
    return moments === null ? null : { mean: moments.mean, variance: moments.variance, clip: OBSERVATION_CLIP };
  }

  private policy(): AgentPolicy {
    const { distribution, moments, actorSpec, actor, space } = this;
    const logStd = distribution instanceof DiagonalNormal ? distribution.logStd.slice() : null;
    const scale = moments === null ? null : moments.snapshot(OBSERVATION_CLIP);
    return new AgentPolicy('ppo', actorSpec, actor.exportTensors(), space, scale, logStd);
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
