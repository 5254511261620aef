import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CartPole } from '../../../../src/core/learning/agents/index.js';

const url = (name: string): URL => new URL(`../../../../fixtures/truth/networks/${name}`, import.meta.url);
interface Episode {
  readonly rule: string;
  readonly start: number[];
  readonly actions: string;
  readonly length: number;
  readonly total_reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly states: number[][];
}
const text = readFileSync(url('cartpole.json'), 'utf8');
const { episodes } = JSON.parse(text) as { episodes: Episode[] };

describe('CartPole against recorded Gymnasium episodes', () => {
  it('has the recorded fixture', () => {
    const meta = JSON.parse(readFileSync(url('cartpole.meta.json'), 'utf8'));
    expect(createHash('sha256').update(text).digest('hex')).toBe(meta.sha256['cartpole.json']);
    expect(episodes.some((e) => e.truncated) && episodes.some((e) => e.terminated)).toBe(true);
  });

  it.each(episodes.map((e) => [`${e.rule}, ${e.length} steps`, e] as const))('%s', (_, episode) => {
    const pole = new CartPole();
    const observation = new Float32Array(4);
    const action = new Float32Array(1);
    pole.resetTo(episode.start, observation);
    expect([...observation]).toEqual(episode.start.map(Math.fround));
    const states = new Map(episode.states.map(([step, ...state]) => [step, state]));
    let total = 0;
    for (let t = 1; t <= episode.length; t++) {
      action[0] = Number(episode.actions[t - 1]);
      total += pole.step(action, observation);
      expect(pole.terminated || pole.truncated).toBe(t === episode.length);
      states.get(t)?.forEach((value, i) => {
        // sin and cos differ by a unit in the last place between the two libraries; the pole amplifies that.
        expect(Math.abs(pole.state[i]! - value)).toBeLessThan(1e-9 * Math.max(1, Math.abs(value)));
        expect(observation[i]).toBe(Math.fround(pole.state[i]!));
      });
    }
    expect(total).toBe(episode.total_reward);
    expect([pole.terminated, pole.truncated]).toEqual([episode.terminated, episode.truncated]);
  });

  it('starts within ±0.05 by seed', () => {
    const pole = new CartPole();
    const a = new Float32Array(4);
    const b = new Float32Array(4);
    pole.reset(7, a);
    pole.reset(8, b);
    expect(a).not.toEqual(b);
    for (const v of [...a, ...b]) expect(Math.abs(v)).toBeLessThanOrEqual(0.05);
    pole.reset(7, b);
    expect(b).toEqual(a);
  });
});
