export { CARTPOLE_DQN, CARTPOLE_PPO, CartPole } from './cart-pole.js';
export { DQN_DEFAULTS, type DqnSettings, resolveDqn, trainDqn } from './dqn.js';
export { type ActionSpace, actionSize, type Environment, policyOutputs } from './environment.js';
export { type Actor, evaluatePolicy } from './evaluate.js';
export type { ObservationScale } from './normalizer.js';
export { AgentPolicy, loadPolicy, savePolicy } from './policy.js';
export { PPO_DEFAULTS, type PpoSettings, resolvePpo, trainPpo } from './ppo.js';
export type { AgentReport, AgentResult, AgentTrainOptions } from './training.js';
