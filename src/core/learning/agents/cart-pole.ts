import { seededRandom } from '../../domain/random.js';
import type { DqnSettings } from './dqn.js';
import type { ActionSpace, Environment } from './environment.js';
import type { PpoSettings } from './ppo.js';

const GRAVITY = 9.8;
const POLE_MASS = 0.1;
const TOTAL_MASS = 1 + POLE_MASS;
/** Half the pole's length. */
const LENGTH = 0.5;
const FORCE = 10;
const TAU = 0.02;
const LIMIT_X = 2.4;
const LIMIT_ANGLE = (12 * 2 * Math.PI) / 360;
const LIMIT_STEPS = 500;

/**
 * CartPole-v1: the pole balancing task of Barto, Sutton and Anderson (1983) with the constants, Euler integration and
 * limits of Gymnasium. Reward 1 a step; terminates when cart or pole leaves its limits, is truncated after 500 steps.
 * The yardstick of the agents here; its start states come from this project's seeds, not from NumPy's.
 */
export class CartPole implements Environment {
  readonly observationSize = 4;
  readonly actionSpace: ActionSpace = { kind: 'discrete', count: 2 };
  terminated = false;
  truncated = false;
  /** Position, velocity, angle, angular velocity in float64. */
  readonly state = new Float64Array(4);
  private steps = 0;

  reset(seed: number, observation: Float32Array): void {
    const random = seededRandom(seed);
    for (let i = 0; i < 4; i++) this.state[i] = -0.05 + 0.1 * random.next();
    this.restart(observation);
  }

  /** Starts an episode from a given state. */
  resetTo(state: ArrayLike<number>, observation: Float32Array): void {
    this.state.set(state);
    this.restart(observation);
  }

  step(action: Float32Array, observation: Float32Array): number {
    const s = this.state;
    const velocity = s[1]!;
    const angle = s[2]!;
    const spin = s[3]!;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const force = action[0] === 1 ? FORCE : -FORCE;
    const temp = (force + POLE_MASS * LENGTH * (spin * spin) * sin) / TOTAL_MASS;
    const acceleration = (GRAVITY * sin - cos * temp) / (LENGTH * (4 / 3 - (POLE_MASS * (cos * cos)) / TOTAL_MASS));
    s[0] = s[0]! + TAU * velocity;
    s[1] = velocity + TAU * (temp - (POLE_MASS * LENGTH * acceleration * cos) / TOTAL_MASS);
    s[2] = angle + TAU * spin;
    s[3] = spin + TAU * acceleration;
    this.terminated = s[0] < -LIMIT_X || s[0] > LIMIT_X || s[2] < -LIMIT_ANGLE || s[2] > LIMIT_ANGLE;
    this.truncated = ++this.steps >= LIMIT_STEPS;
    observation.set(s);
    return 1;
  }

  private restart(observation: Float32Array): void {
    this.steps = 0;
    this.terminated = false;
    this.truncated = false;
    observation.set(this.state);
  }
}

/** Settings of rl-baselines3-zoo for 100,000 steps of CartPole-v1 (hyperparams/ppo.yml). */
export const CARTPOLE_PPO: Partial<PpoSettings> = {
  ...{ environments: 8, rolloutSteps: 32, batchSize: 256, epochs: 20, gamma: 0.98, lambda: 0.8 },
  ...{ learningRate: 1e-3, clip: 0.2, schedule: 'linear', entropyCoefficient: 0 },
  ...{ normalizeObservations: false, normalizeRewards: false },
};

/** Settings of rl-baselines3-zoo for 50,000 steps of CartPole-v1 (hyperparams/dqn.yml), with double Q-learning. */
export const CARTPOLE_DQN: Partial<DqnSettings> = {
  ...{ learningRate: 2.3e-3, batchSize: 64, bufferSize: 100_000, learningStarts: 1000, gamma: 0.99 },
  ...{ targetUpdateInterval: 10, trainEvery: 256, gradientSteps: 128, hidden: [256, 256] },
  ...{ explorationFraction: 0.16, explorationEnd: 0.04, normalizeObservations: false },
};
