import { actionSize, type Environment } from './environment.js';
import type { AgentPolicy } from './policy.js';

/** Anything that chooses actions: a policy, or a baseline. */
export type Actor = Pick<AgentPolicy, 'act'>;

/** Total reward of one episode for each seed, acting greedily. */
export function evaluatePolicy(actor: Actor, environment: Environment, seeds: ArrayLike<number>): Float64Array {
  const observation = new Float32Array(environment.observationSize);
  const action = new Float32Array(actionSize(environment.actionSpace));
  return Float64Array.from(seeds, (seed) => {
    let total = 0;
    environment.reset(seed, observation);
    do {
      actor.act(observation, action);
      total += environment.step(action, observation);
    } while (!environment.terminated && !environment.truncated);
    return total;
  });
}

export const meanOf = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;
