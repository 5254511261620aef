import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import { distributionFor } from '../../../../src/core/learning/agents/distribution.js';
import { RewardScale, RunningMoments, scaleObservation } from '../../../../src/core/learning/agents/normalizer.js';
import { ReplayBuffer } from '../../../../src/core/learning/agents/replay.js';
import { Rollout } from '../../../../src/core/learning/agents/rollout.js';

describe('generalised advantages', () => {
  it('are the λ-weighted sums of temporal differences, cut at the end of episodes', () => {
    const [steps, environments, gamma, lambda] = [6, 2, 0.9, 0.7];
    const rollout = new Rollout(steps, environments, 1, 1);
    const random = seededRandom(1);
    for (let i = 0; i < rollout.rows; i++) {
      rollout.rewards[i] = random.next();
      rollout.values[i] = random.next();
    }
    rollout.ended[2 * environments + 1] = 1;
    const last = Float64Array.from([0.3, 0.8]);
    rollout.estimateAdvantages(last, gamma, lambda);
    for (let e = 0; e < environments; e++)
      for (let t = 0; t < steps; t++) {
        let expected = 0;
        for (let k = t, weight = 1; k < steps; k++, weight *= gamma * lambda) {
          const row = k * environments + e;
          const end = rollout.ended[row] === 1;
          const next = end ? 0 : k === steps - 1 ? last[e]! : rollout.values[row + environments]!;
          expected += weight * (rollout.rewards[row]! + gamma * next - rollout.values[row]!);
          if (end) break;
        }
        const row = t * environments + e;
        expect(rollout.advantages[row]).toBeCloseTo(expected, 12);
        expect(rollout.returns[row]).toBeCloseTo(expected + rollout.values[row]!, 12);
      }
  });
});

describe('running moments', () => {
  it('agree with the moments of all rows at once', () => {
    const random = seededRandom(3);
    const values = Float64Array.from({ length: 3000 }, (_, i) => 5 * (i % 3) + random.next());
    const moments = new RunningMoments(3);
    for (const [from, rows] of [
      [0, 1],
      [1, 7],
      [8, 500],
      [508, 492],
    ] as const)
      moments.update(values.subarray(from * 3, (from + rows) * 3), rows);
    for (let c = 0; c < 3; c++) {
      const column = [...values].filter((_, i) => i % 3 === c);
      const mean = column.reduce((a, b) => a + b, 0) / 1000;
      const variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / 1000;
      expect(Math.abs(moments.mean[c]! - mean)).toBeLessThan(1e-5);
      // The start value counts as 1e-4 of a row.
      expect(Math.abs(moments.variance[c]! - variance)).toBeLessThan(1e-5 * (1 + mean * mean));
    }
    const out = new Float32Array(3);
    scaleObservation(moments.snapshot(2), Float32Array.from([1e9, 5, -1e9]), 0, 3, out, 0);
    expect(out[0]).toBe(2);
    expect(out[2]).toBe(-2);
  });

  it('scale rewards by the deviation of the discounted return', () => {
    const scale = new RewardScale(1, 0.9, 10);
    const rewards = new Float64Array(1);
    const ended = new Uint8Array(1);
    for (let i = 0; i < 2000; i++) {
      rewards[0] = i % 2 === 0 ? 40 : -40;
      ended[0] = i % 100 === 99 ? 1 : 0;
      scale.apply(rewards, ended);
    }
    expect(Math.abs(rewards[0]!)).toBeGreaterThan(1);
    expect(Math.abs(rewards[0]!)).toBeLessThan(3);
  });
});

describe('action distributions', () => {
  it('draw actions with the stated probabilities', () => {
    const softmax = distributionFor({ kind: 'discrete', count: 3 }, seededRandom(5), 0);
    const logits = Float32Array.from([0, Math.log(2), Math.log(5)]);
    const actions = new Float32Array(1);
    const counts = [0, 0, 0];
    for (let i = 0; i < 8000; i++) {
      const log = softmax.sample(logits, 0, actions, 0);
      counts[actions[0]!]!++;
      expect(log).toBeCloseTo(Math.log([1, 2, 5][actions[0]!]! / 8), 5);
    }
    expect(Math.abs(counts[0]! / 8000 - 1 / 8)).toBeLessThan(0.015);
    expect(Math.abs(counts[2]! / 8000 - 5 / 8)).toBeLessThan(0.02);
    const normal = distributionFor({ kind: 'continuous', size: 1, low: -9, high: 9 }, seededRandom(5), Math.log(0.5));
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < 8000; i++) {
      normal.sample(Float32Array.from([2]), 0, actions, 0);
      sum += actions[0]!;
      squares += (actions[0]! - 2) ** 2;
    }
    expect(sum / 8000).toBeCloseTo(2, 1);
    expect(Math.sqrt(squares / 8000)).toBeCloseTo(0.5, 1);
  });
});

describe('the replay buffer', () => {
  it('keeps the latest transitions', () => {
    const buffer = new ReplayBuffer(3, 2);
    for (let i = 0; i < 5; i++)
      buffer.add(Float32Array.from([i, -i]), i, i * 10, Float32Array.from([i + 1, 0]), i === 4);
    expect(buffer.length).toBe(3);
    expect([...buffer.actions]).toEqual([3, 4, 2]);
    expect([...buffer.observations]).toEqual([3, -3, 4, -4, 2, -2]);
    expect([...buffer.terminated]).toEqual([0, 1, 0]);
  });
});
