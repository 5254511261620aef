import { childSeed, type Random, seededRandom } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import { Network, type NetworkSpec } from '../networks/index.js';
import { checkStep, type Environment } from './environment.js';
import { RunningMoments, scaleObservation } from './normalizer.js';
import { AgentPolicy, greedyAction } from './policy.js';
import { ReplayBuffer } from './replay.js';
import { type AgentResult, AgentRun, type AgentTrainOptions, requireSetting } from './training.js';

export interface DqnSettings {
  readonly learningRate: number;
  readonly batchSize: number;
  readonly bufferSize: number;
  /** Random steps before the first update. */
  readonly learningStarts: number;
  readonly gamma: number;
  /** Environment steps between copies of the network to the target network. */
  readonly targetUpdateInterval: number;
  /** Environment steps between rounds of updates, and updates of each round. */
  readonly trainEvery: number;
  readonly gradientSteps: number;
  /** Random actions go from 1 down to `explorationEnd` over this share of all steps. */
  readonly explorationFraction: number;
  readonly explorationEnd: number;
  readonly gradientNorm: number;
  readonly hidden: readonly number[];
  /** Choose the next action by the trained network, value it by the target network (van Hasselt et al. 2016). */
  readonly double: boolean;
  /** Learning rate stays, or goes to 0 along a line. */
  readonly schedule: 'constant' | 'linear';
  readonly normalizeObservations: boolean;
  readonly evaluateEvery: number;
  readonly evaluationEpisodes: number;
}

export const DQN_DEFAULTS: DqnSettings = {
  learningRate: 1e-3,
  batchSize: 64,
  bufferSize: 100_000,
  learningStarts: 1000,
  gamma: 0.99,
  targetUpdateInterval: 500,
  trainEvery: 4,
  gradientSteps: 2,
  explorationFraction: 0.2,
  explorationEnd: 0.05,
  gradientNorm: 10,
  hidden: [64, 64],
  double: true,
  schedule: 'constant',
  normalizeObservations: true,
  evaluateEvery: 5000,
  evaluationEpisodes: 10,
};

const OBSERVATION_CLIP = 10;

/**
 * Double deep Q-learning (Mnih et al. 2015, van Hasselt et al. 2016) with uniform replay, a target network and the Huber
 * loss. Truncated episodes are bootstrapped. Discrete actions only. Equal options give equal bits.
 */
export async function trainDqn(options: AgentTrainOptions<DqnSettings>): Promise<AgentResult> {
  return new DqnLearner(options, resolveDqn(options.settings)).train();
}

export function resolveDqn(given: Partial<DqnSettings> = {}): DqnSettings {
  const s = { ...DQN_DEFAULTS, ...given };
  const between = (field: keyof DqnSettings, low: number, high: number, whole = false): void => {
    const value = s[field] as number;
    const ok = value >= low && value <= high && (!whole || Number.isInteger(value));
    requireSetting(field, value, ok, `${whole ? 'a whole number ' : ''}from ${low} to ${high}`);
  };
  for (const field of ['batchSize', 'targetUpdateInterval', 'trainEvery', 'gradientSteps'] as const)
    between(field, 1, 1e9, true);
  for (const field of ['evaluateEvery', 'evaluationEpisodes'] as const) between(field, 1, 1e9, true);
  between('bufferSize', s.batchSize, 1e9, true);
  between('learningStarts', s.batchSize, 1e9, true);
  between('learningRate', 1e-12, 1);
  between('gamma', 0, 1);
  between('explorationFraction', 0, 1);
  between('explorationEnd', 0, 1);
  between('gradientNorm', 1e-6, 1e6);
  return s;
}

class DqnLearner {
  private readonly environment: Environment;
  private readonly run: AgentRun;
  private readonly spec: NetworkSpec;
  private readonly online: Network;
  private readonly target: Network;
  private readonly buffer: ReplayBuffer;
  private readonly moments: RunningMoments | null;
  private readonly random: Random;
  private readonly draws: Random;
  private readonly rows: Int32Array;
  private readonly targets: Float64Array;
  private readonly count: number;

  constructor(
    private readonly options: AgentTrainOptions<DqnSettings>,
    private readonly settings: DqnSettings,
  ) {
    this.environment = options.environment(0);
    const { observationSize, actionSpace } = this.environment;
    if (actionSpace.kind !== 'discrete')
      throw new QuantlineError('CONFIG', 'DQN needs discrete actions; this environment has continuous ones.', {
        hint: 'Use PPO, or discrete target positions.',
      });
    this.count = actionSpace.count;
    this.run = new AgentRun(options, settings.evaluationEpisodes, this.environment);
    this.spec = {
      ...{ inputs: observationSize, steps: 1, lstm: [] },
      dense: settings.hidden.map((units) => ({ units, activation: 'relu' as const })),
      output: { units: this.count, activation: 'linear' },
    };
    const rows = settings.batchSize;
    this.online = new Network(this.spec, { rows, adam: { epsilon: 1e-8, clipNorm: settings.gradientNorm } });
    this.target = new Network(this.spec, { rows });
    this.online.initialize(childSeed(options.seed, 'network'), 'fan-in');
    this.target.copyFrom(this.online);
    this.buffer = new ReplayBuffer(Math.min(settings.bufferSize, options.steps), observationSize);
    this.moments = settings.normalizeObservations ? new RunningMoments(observationSize) : null;
    this.random = seededRandom(childSeed(options.seed, 'actions'));
    this.draws = seededRandom(childSeed(options.seed, 'replay'));
    this.rows = new Int32Array(rows);
    this.targets = new Float64Array(rows);
  }

  async train(): Promise<AgentResult> {
    const { settings, run, environment, buffer, online } = this;
    const { observationSize, actionSpace } = environment;
    const total = this.options.steps;
    let observation = new Float32Array(observationSize);
    let next = new Float32Array(observationSize);
    const action = new Float32Array(1);
    let sum = 0;
    environment.reset(run.nextSeed(), observation);
    checkStep(observation, 0);
    for (let step = 1; step <= total; step++) {
      const progress = Math.min(1, (step - 1) / Math.max(1, settings.explorationFraction * total));
      const epsilon = 1 + progress * (settings.explorationEnd - 1);
      if (step <= settings.learningStarts || this.random.next() < epsilon) {
        action[0] = Math.floor(this.random.next() * this.count);
      } else {
        this.place(observation, 0, online.input, 0);
        online.forward(1);
        greedyAction(actionSpace, online.output, 0, action);
      }
      const reward = environment.step(action, next);
      checkStep(next, reward);
      sum += reward;
      buffer.add(observation, action[0]!, reward, next, environment.terminated);
      this.moments?.update(next, 1);
      if (environment.terminated || environment.truncated) {
        run.episodeEnded(sum);
        sum = 0;
        environment.reset(run.nextSeed(), next);
        checkStep(next, 0);
      }
      [observation, next] = [next, observation];
      if (step % settings.targetUpdateInterval === 0) this.target.copyFrom(online);
      const rate = settings.learningRate * (settings.schedule === 'linear' ? 1 - step / total : 1);
      if (step > settings.learningStarts && step % settings.trainEvery === 0)
        for (let g = 0; g < settings.gradientSteps; g++) this.update(rate);
      if (step % settings.evaluateEvery === 0 || step === total) run.checkpoint(this.policy(), step, rate);
      if (step % 64 === 0 && (await run.shouldStop())) break;
    }
    return run.result();
  }

  private update(rate: number): void {
    const { settings, buffer, online, target, rows, targets, count } = this;
    const size = this.environment.observationSize;
    const n = rows.length;
    for (let r = 0; r < n; r++) {
      const row = Math.floor(this.draws.next() * buffer.length);
      rows[r] = row;
      this.place(buffer.next, row * size, target.input, r * target.inputWidth);
      if (settings.double) this.place(buffer.next, row * size, online.input, r * online.inputWidth);
    }
    target.forward(n);
    if (settings.double) online.forward(n);
    const chooser = settings.double ? online : target;
    for (let r = 0; r < n; r++) {
      const at = r * chooser.outputWidth;
      let best = 0;
      for (let k = 1; k < count; k++) if (chooser.output[at + k]! > chooser.output[at + best]!) best = k;
      const value = buffer.terminated[rows[r]!] === 1 ? 0 : target.output[r * target.outputWidth + best]!;
      targets[r] = buffer.rewards[rows[r]!]! + settings.gamma * value;
    }
    for (let r = 0; r < n; r++) this.place(buffer.observations, rows[r]! * size, online.input, r * online.inputWidth);
    online.forward(n);
    online.outputGradient.fill(0);
    let loss = 0;
    for (let r = 0; r < n; r++) {
      const at = r * online.outputWidth + buffer.actions[rows[r]!]!;
      const error = online.output[at]! - targets[r]!;
      const distance = Math.abs(error);
      loss += distance > 1 ? distance - 0.5 : 0.5 * error * error;
      online.outputGradient[at] = (distance > 1 ? Math.sign(error) : error) / n;
    }
    online.backward(n);
    online.step(rate);
    this.run.note('td', loss / n);
  }

  private place(from: Float32Array, at: number, to: Float32Array, start: number): void {
    const scale = this.moments && { mean: this.moments.mean, variance: this.moments.variance, clip: OBSERVATION_CLIP };
    scaleObservation(scale, from, at, this.environment.observationSize, to, start);
  }

  private policy(): AgentPolicy {
    const scale = this.moments === null ? null : this.moments.snapshot(OBSERVATION_CLIP);
    return new AgentPolicy('dqn', this.spec, this.online.exportTensors(), this.environment.actionSpace, scale, null);
  }
}
