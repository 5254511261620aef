import { childSeed, seededRandom } from '../../domain/random.js';
import type { Actor } from '../../learning/agents/index.js';
import { MarketEnvironment, type MarketRules } from './environment.js';
import type { MarketRun } from './runs.js';

/** Chooses by action number where there are levels, otherwise the target itself. */
const constant = (rules: MarketRules, target: number): Actor => ({
  act(_, action) {
    action[0] = rules.levels === null ? target : rules.levels.indexOf(target);
  },
});

/** What an agent has to beat, under its own rules and costs. */
export const BASELINES = ['buy_and_hold', 'flat', 'random'] as const;
export type Baseline = (typeof BASELINES)[number];

export function baseline(name: Baseline, rules: MarketRules, seed: number): Actor {
  if (name !== 'random') return constant(rules, name === 'flat' ? 0 : 1);
  const random = seededRandom(childSeed(seed, 'random-agent'));
  const { levels, least } = rules;
  return {
    act(_, action) {
      const u = random.next();
      action[0] = levels === null ? least + u * (1 - least) : Math.floor(u * levels.length);
    },
  };
}

/** Mean log change of equity over the runs, each traded once from its first bar to its last. `told` hears each target. */
export function meanLogReturn(
  actor: Actor,
  runs: readonly MarketRun[],
  rules: MarketRules,
  told?: (run: number, bar: number, target: number) => void,
): number {
  const environment = new MarketEnvironment(runs, rules, { episode: null });
  const observation = new Float32Array(environment.observationSize);
  const action = new Float32Array(1);
  let sum = 0;
  for (let r = 0; r < runs.length; r++) {
    environment.reset(0, observation);
    let bar = runs[r]!.from;
    do {
      actor.act(observation, action);
      told?.(r, bar++, rules.levels === null ? action[0]! : rules.levels[action[0]!]!);
      sum += environment.step(action, observation);
    } while (!environment.terminated && !environment.truncated);
  }
  return sum / runs.length;
}
