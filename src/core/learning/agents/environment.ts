import { QuantlineError } from '../../errors/index.js';

/** Discrete: the action is one number, 0 … count − 1. Continuous: `size` numbers, each clipped to [low, high]. */
export type ActionSpace =
  | { readonly kind: 'discrete'; readonly count: number }
  | { readonly kind: 'continuous'; readonly size: number; readonly low: number; readonly high: number };

/**
 * A world that an agent acts in. Nothing is allocated a step: observations are written into the caller's buffer, flags
 * are read from the environment after `step`.
 */
export interface Environment {
  readonly observationSize: number;
  readonly actionSpace: ActionSpace;
  /** The last step ended the episode for good: nothing follows, its value is 0. */
  readonly terminated: boolean;
  /** The last step was cut off (time limit, end of data): the state after it still has a value. */
  readonly truncated: boolean;
  /** Starts an episode; equal seeds start equal episodes. Writes the first observation. */
  reset(seed: number, observation: Float32Array): void;
  /** Acts, writes the next observation, returns the reward. `action` has one number, or `size` numbers. */
  step(action: Float32Array, observation: Float32Array): number;
}

/** Numbers of one action in a buffer. */
export const actionSize = (space: ActionSpace): number => (space.kind === 'discrete' ? 1 : space.size);

/** Outputs of a policy network: one a discrete action, or one mean a dimension. */
export const policyOutputs = (space: ActionSpace): number => (space.kind === 'discrete' ? space.count : space.size);

/** Throws CONFIG for an environment that cannot be learnt in. */
export function checkEnvironment(environment: Environment): void {
  const { observationSize, actionSpace: space } = environment;
  const fail = (message: string, hint: string): never => {
    throw new QuantlineError('CONFIG', message, { hint });
  };
  if (!Number.isInteger(observationSize) || observationSize < 1)
    fail(`The environment's observation size is ${observationSize}.`, 'Observe at least one number.');
  if (space.kind === 'discrete' && !(Number.isInteger(space.count) && space.count >= 2))
    fail(`The environment has ${space.count} actions.`, 'Offer at least two actions.');
  if (space.kind === 'continuous' && !(Number.isInteger(space.size) && space.size >= 1 && space.low < space.high))
    fail(`The environment's action range is [${space.low}, ${space.high}].`, 'Offer a range with low below high.');
}

/** Throws INPUT at the first number of an observation or a reward that is not finite. */
export function checkStep(observation: Float32Array, reward: number): void {
  let sum = reward * 0;
  for (let i = 0; i < observation.length; i++) sum += observation[i]! * 0;
  if (sum === 0) return;
  const at = observation.findIndex((v) => !Number.isFinite(v));
  throw new QuantlineError(
    'INPUT',
    at < 0 ? `The environment returned a reward of ${reward}.` : `Observation ${at} is ${observation[at]}.`,
    { hint: 'Start episodes after the warm-up and leave out rows with missing features.' },
  );
}
