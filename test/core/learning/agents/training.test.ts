import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import {
  type ActionSpace,
  type AgentResult,
  type AgentTrainOptions,
  CARTPOLE_PPO,
  CartPole,
  type DqnSettings,
  type Environment,
  evaluatePolicy,
  loadPolicy,
  type PpoSettings,
  savePolicy,
  trainDqn,
  trainPpo,
} from '../../../../src/core/learning/agents/index.js';
import { saveLayersModel } from '../../../../src/core/learning/networks/index.js';

const environment = (): Environment => new CartPole();
const score = (result: AgentResult): number => {
  const returns = evaluatePolicy(
    result.policy,
    new CartPole(),
    Array.from({ length: 30 }, (_, i) => 10_000 + i),
  );
  return returns.reduce((a, b) => a + b, 0) / returns.length;
};
const ppoSettings: Partial<PpoSettings> = { ...CARTPOLE_PPO, evaluateEvery: 5000 };
const dqnSettings: Partial<DqnSettings> = {
  ...{ learningRate: 1e-3, trainEvery: 4, gradientSteps: 2, targetUpdateInterval: 200, hidden: [64, 64] },
  ...{ normalizeObservations: false, evaluateEvery: 1000 },
};

describe('CartPole', () => {
  it('PPO learns to balance', async () => {
    const result = await trainPpo({ environment, steps: 40_000, seed: 1, settings: ppoSettings });
    expect(result.bestReturn).toBeGreaterThan(450);
    expect(score(result)).toBeGreaterThan(400);
    expect(result.curve.map((r) => r.steps)).toEqual([...result.curve.map((r) => r.steps)].sort((a, b) => a - b));
    expect(result.curve[0]!.trainingReturn).toBeLessThan(100);
  });

  it('double DQN learns to balance', async () => {
    const result = await trainDqn({ environment, steps: 12_000, seed: 1, settings: dqnSettings });
    expect(score(result)).toBeGreaterThan(200);
  });

  it('repeats bit for bit by seed', async () => {
    const run = async (seed: number): Promise<unknown[]> => {
      const ppo = await trainPpo({ environment, steps: 2048, seed, settings: { ...ppoSettings, evaluateEvery: 1024 } });
      const dqn = await trainDqn({ environment, steps: 2000, seed, settings: dqnSettings });
      return [ppo, dqn].flatMap((r) => [r.curve, r.policy.tensors.map((t) => [...t.values])]);
    };
    const alone = await trainPpo({ environment, steps: 2048, seed: 5, settings: ppoSettings });
    const beside = await trainPpo({ environment, steps: 2048, seed: 5, settings: ppoSettings, threads: 2 });
    expect(beside.curve).toEqual(alone.curve);
    expect(beside.policy.tensors).toEqual(alone.policy.tensors);
    const first = await run(5);
    expect(await run(5)).toEqual(first);
    expect(await run(6)).not.toEqual(first);
  });
});

/** Reward −(a − target of the observation)²; the best mean is known. Episodes are cut off after 20 steps. */
class Tracking implements Environment {
  readonly observationSize = 2;
  readonly actionSpace: ActionSpace = { kind: 'continuous', size: 1, low: -2, high: 2 };
  readonly terminated = false;
  truncated = false;
  private step0 = 0;
  private random = seededRandom(0);
  private wanted = 0;

  reset(seed: number, observation: Float32Array): void {
    this.random = seededRandom(seed);
    this.step0 = 0;
    this.truncated = false;
    this.observe(observation);
  }

  step(action: Float32Array, observation: Float32Array): number {
    expect(Math.abs(action[0]!)).toBeLessThanOrEqual(2);
    const reward = -((action[0]! - this.wanted) ** 2);
    this.truncated = ++this.step0 >= 20;
    this.observe(observation);
    return reward;
  }

  private observe(observation: Float32Array): void {
    const x = 100 + 50 * this.random.next();
    this.wanted = (x - 125) / 25;
    observation.set([x, 7]);
  }
}

describe('continuous actions', () => {
  it('PPO gives the same bits with 1 and 3 threads, in batches that are part of a rollout', async () => {
    const settings = { rolloutSteps: 32, batchSize: 150, epochs: 2, evaluateEvery: 256 };
    const options = { environment: () => new Tracking(), steps: 512, seed: 3, settings };
    const alone = await trainPpo(options);
    const beside = await trainPpo({ ...options, threads: 3 });
    expect(beside.curve).toEqual(alone.curve);
    expect(beside.policy.tensors).toEqual(alone.policy.tensors);
    expect(beside.policy.logStd).toEqual(alone.policy.logStd);
    expect(alone.policy.logStd![0]).not.toBe(0);
  });

  it('PPO finds the mean, with normalised observations and rewards', async () => {
    const result = await trainPpo({
      environment: () => new Tracking(),
      ...{ steps: 40_000, seed: 2 },
      settings: { gamma: 0.5, rolloutSteps: 64, learningRate: 2e-3, entropyCoefficient: 0, evaluateEvery: 8000 },
    });
    // A constant action of 0 scores −20/3.
    expect(result.bestReturn).toBeGreaterThan(-1);
    const { policy } = loadPolicy(savePolicy(result.policy, { note: 1 }));
    const action = new Float32Array(1);
    const again = new Float32Array(1);
    for (const x of [100, 120, 149]) {
      result.policy.act(Float32Array.from([x, 7]), action);
      policy.act(Float32Array.from([x, 7]), again);
      expect(again[0]).toBe(action[0]);
      expect(Math.abs(action[0]! - (x - 125) / 25)).toBeLessThan(0.4);
    }
    expect(policy.logStd).toEqual(result.policy.logStd);
    expect(policy.scale).toEqual(result.policy.scale);
  });
});

/** One state, reward 1 a step; ends after one step, by truncation or for good. Its value tells the two apart. */
class Constant implements Environment {
  readonly observationSize = 1;
  readonly actionSpace: ActionSpace = { kind: 'discrete', count: 2 };
  readonly terminated: boolean;
  readonly truncated: boolean;
  constructor(forGood: boolean) {
    this.terminated = forGood;
    this.truncated = !forGood;
  }
  reset(_: number, observation: Float32Array): void {
    observation[0] = 1;
  }
  step(_: Float32Array, observation: Float32Array): number {
    observation[0] = 1;
    return 1;
  }
}

describe('truncation', () => {
  it.each([
    [true, 1],
    [false, 2],
  ])('DQN: ended for good %s gives a value of %s at γ = ½', async (forGood, value) => {
    const result = await trainDqn({
      environment: () => new Constant(forGood),
      ...{ steps: 4000, seed: 1 },
      settings: {
        ...dqnSettings,
        gamma: 0.5,
        learningStarts: 64,
        hidden: [8],
        learningRate: 3e-3,
        evaluateEvery: 4000,
      },
    });
    expect(result.policy.outputs(Float32Array.from([1]))[0]).toBeCloseTo(value, 1);
  });

  it.each([
    [true, 1],
    [false, 2],
  ])('PPO: ended for good %s gives an estimated return of %s at γ = ½', async (forGood, value) => {
    const result = await trainPpo({
      environment: () => new Constant(forGood),
      ...{ steps: 8192, seed: 1 },
      settings: { ...ppoSettings, gamma: 0.5, learningRate: 3e-3, schedule: 'constant', evaluateEvery: 256 },
    });
    const { losses } = result.curve.at(-1)!;
    expect(losses['return']).toBeCloseTo(value, 1);
    expect(losses['value']).toBeLessThan(1e-2);
  });
});

describe('refusals', () => {
  const codeOf = async (call: () => Promise<unknown>): Promise<string> => {
    try {
      await call();
    } catch (error) {
      return `${(error as { code?: string }).code}: ${(error as Error).message}`;
    }
    return 'accepted';
  };
  const ppo = (extra: Partial<AgentTrainOptions<PpoSettings>>) => () =>
    trainPpo({ environment, steps: 512, seed: 1, settings: ppoSettings, ...extra });

  it('of settings, environments and signals', async () => {
    expect(await codeOf(ppo({ settings: { gamma: 2 } }))).toMatch(/^CONFIG: .*gamma/);
    expect(await codeOf(ppo({ steps: 0 }))).toMatch(/^CONFIG: .*0 steps/);
    expect(await codeOf(ppo({ signal: AbortSignal.abort() }))).toMatch(/^INTERRUPTED/);
    const blind = (): Environment => Object.assign(new CartPole(), { observationSize: 0 });
    expect(await codeOf(ppo({ environment: blind }))).toMatch(/^CONFIG: .*observation size/);
    const broken = (): Environment => {
      const pole = new CartPole();
      return Object.assign(pole, { step: () => Number.NaN });
    };
    expect(await codeOf(ppo({ environment: broken }))).toMatch(/^INPUT: .*reward of NaN/);
    const tracking = { environment: (): Environment => new Tracking(), steps: 100, seed: 1 };
    expect(await codeOf(() => trainDqn(tracking))).toMatch(/^CONFIG: DQN needs discrete/);
  });

  it('of files that are not policies', async () => {
    const { policy } = await trainPpo({ environment, steps: 256, seed: 1, settings: ppoSettings });
    const plain = saveLayersModel({ spec: policy.spec, scaler: null, tensors: policy.tensors });
    expect(() => loadPolicy(plain)).toThrow(/not a policy/);
    const files = savePolicy(policy);
    const edited = files.modelJson.replace('"count": 2', '"count": 3');
    expect(() => loadPolicy({ ...files, modelJson: edited })).toThrow(/actionSpace does not fit/);
  });
});
