import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import type { ActionSpace } from '../../../../src/core/learning/agents/index.js';
import { PpoUpdate } from '../../../../src/core/learning/agents/update.js';
import {
  instantiateKernels,
  type Kernels,
  kernelModule,
  MemoryPlan,
} from '../../../../src/core/learning/networks/index.js';
import { VARIANTS } from '../networks/variants.js';

const ROWS = 11;
const LD = 8;
const CLIP = 0.2;
const ENTROPY = 0.03;
const SPACES: readonly (readonly [string, ActionSpace])[] = [
  ['softmax of 2', { kind: 'discrete', count: 2 }],
  ['softmax of 5', { kind: 'discrete', count: 5 }],
  ['normal of 2', { kind: 'continuous', size: 2, low: -1, high: 1 }],
];

/** A batch of random rows, with the ratios that PPO meets: within the clip range, above and below it. */
function batchOf(space: ActionSpace) {
  const random = seededRandom(7);
  const between = (low: number, high: number) => low + (high - low) * random.next();
  const outputs = space.kind === 'discrete' ? space.count : space.size;
  const width = space.kind === 'discrete' ? 1 : space.size;
  return {
    outputs,
    width,
    z: Float32Array.from({ length: 12 * LD }, () => between(-2, 2)),
    actions: Float32Array.from({ length: 12 * width }, () =>
      space.kind === 'discrete' ? Math.floor(random.next() * space.count) : between(-2, 2),
    ),
    advantages: Float32Array.from({ length: 12 }, () => between(-2, 2)),
    shifts: Float64Array.from({ length: 12 }, () => between(-0.5, 0.5)),
    logStd: Float32Array.from({ length: width }, () => between(-0.5, 0.5)),
  };
}
type Batch = ReturnType<typeof batchOf>;

/** Log density of row r's action and the entropy, in float64. */
function density(space: ActionSpace, batch: Batch, r: number): { log: number; entropy: number } {
  const { z, actions, logStd, width } = batch;
  if (space.kind === 'discrete') {
    const logits = [...z.subarray(r * LD, r * LD + space.count)];
    const base = Math.log(logits.reduce((a, v) => a + Math.exp(v), 0));
    const entropy = logits.reduce((a, v) => a - Math.exp(v - base) * (v - base), 0);
    return { log: logits[actions[r]!]! - base, entropy };
  }
  let log = 0;
  let entropy = 0;
  for (let k = 0; k < width; k++) {
    const x = (actions[r * width + k]! - z[r * LD + k]!) / Math.exp(logStd[k]!);
    log -= 0.5 * x * x + logStd[k]! + 0.5 * Math.log(2 * Math.PI);
    entropy += logStd[k]! + 0.5 * Math.log(2 * Math.PI * Math.E);
  }
  return { log, entropy };
}

/** Mean of what PPO minimises, in float64: Schulman et al. 2017, equation 7, less the entropy. */
function objective(space: ActionSpace, batch: Batch, old: Float32Array): number {
  let total = 0;
  for (let r = 0; r < ROWS; r++) {
    const { log, entropy } = density(space, batch, r);
    const ratio = Math.exp(log - old[r]!);
    const clipped = Math.min(Math.max(ratio, 1 - CLIP), 1 + CLIP);
    total -= Math.min(ratio * batch.advantages[r]!, clipped * batch.advantages[r]!) + ENTROPY * entropy;
  }
  return total / ROWS;
}

describe.each(VARIANTS)('the clipped surrogate, %s kernels', (variant) => {
  it.each(SPACES)('%s: sums and gradient agree with float64 differences', (_, space) => {
    const batch = batchOf(space);
    const { outputs, width } = batch;
    const old = Float32Array.from({ length: 12 }, (_, r) => density(space, batch, r).log + batch.shifts[r]!);
    const plan = new MemoryPlan();
    const places = [batch.z, batch.actions, batch.advantages, old, batch.logStd].map((v) => plan.floats(v.length));
    const [gradientAt, sumsAt] = [plan.floats(12 * LD), plan.floats(16 + 4 * width)];
    const memory = plan.allocate();
    const view = (at: number, n: number) => new Float32Array(memory.buffer, at, n);
    for (const [i, v] of [batch.z, batch.actions, batch.advantages, old, batch.logStd].entries())
      view(places[i]!, v.length).set(v);
    const kernels: Kernels = instantiateKernels(memory, kernelModule(variant));
    const [z, actions, advantages, logs, logStd] = places as [number, number, number, number, number];
    const rest = [z, LD, actions, advantages, logs, CLIP, ENTROPY, 1 / ROWS, gradientAt, sumsAt] as const;
    if (space.kind === 'discrete') kernels.surrogateSoftmax(ROWS, outputs, ...rest);
    else kernels.surrogateNormal(ROWS, outputs, ...rest, logStd, sumsAt + 64);
    const sums = view(sumsAt, 16 + 4 * width);
    const sum = (lane: number) => sums.subarray(lane, lane + 4).reduce((a, v) => a + v, 0);
    let kl = 0;
    let entropy = 0;
    for (let r = 0; r < ROWS; r++) {
      const row = density(space, batch, r);
      kl += Math.exp(row.log - old[r]!) - 1 - (row.log - old[r]!);
      entropy += row.entropy;
    }
    expect(sum(4)).toBeCloseTo(kl, 5);
    expect(sum(8)).toBeCloseTo(entropy, 4);
    expect((sum(0) - ENTROPY * sum(8)) / ROWS).toBeCloseTo(objective(space, batch, old), 5);
    const slope = (numbers: Float32Array, i: number): number => {
      const kept = numbers[i]!;
      const at = (v: number) => {
        numbers[i] = v;
        return objective(space, batch, old);
      };
      const difference = (at(kept + 2 ** -12) - at(kept - 2 ** -12)) / 2 ** -11;
      numbers[i] = kept;
      return difference;
    };
    const gradient = view(gradientAt, 12 * LD);
    for (let r = 0; r < ROWS; r++)
      for (let k = 0; k < LD; k++)
        expect(gradient[r * LD + k]).toBeCloseTo(k < outputs ? slope(batch.z, r * LD + k) : 0, 4);
    if (space.kind === 'continuous')
      for (let k = 0; k < width; k++) expect(sum(16 + 4 * k)).toBeCloseTo(slope(batch.logStd, k), 4);
  });
});

describe('PpoUpdate', () => {
  /** Forty updates by so many threads, all of them there from the first, on batches that do not fill their last shard. */
  async function trained(threads: number): Promise<unknown> {
    const spec = (units: number) => ({
      ...{ inputs: 3, steps: 1, lstm: [], dense: [{ units: 16, activation: 'tanh' as const }] },
      output: { units, activation: 'linear' as const },
    });
    const space: ActionSpace = { kind: 'discrete', count: 5 };
    const settings = { entropyCoefficient: ENTROPY, valueCoefficient: 0.5, gradientNorm: 0.5 };
    const update = new PpoUpdate(spec(5), spec(1), space, 150, 4, settings);
    try {
      await update.start(threads);
      update.actor.initialize(1, 'orthogonal', 0.01);
      update.critic.initialize(2, 'orthogonal', 1);
      const random = seededRandom(9);
      for (let r = 0; r < 150; r++) {
        update.place(r, Float32Array.from({ length: 3 }, random.next), 0, 3);
        update.actions[r] = Math.floor(5 * random.next());
        update.advantages[r] = random.next() - 0.5;
        update.logProbabilities[r] = -1.6;
        update.returns[r] = 9 * random.next();
      }
      const losses = Array.from({ length: 40 }, () => update.step(150, 1e-3, CLIP, null));
      return [losses, update.actor.exportTensors(), update.critic.exportTensors()];
    } finally {
      await update.close();
    }
  }

  it('gives the same bits with 1, 2 and 3 threads', async () => {
    const alone = await trained(1);
    expect(await trained(2)).toEqual(alone);
    expect(await trained(3)).toEqual(alone);
  });
});
