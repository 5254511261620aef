import { QuantlineError } from '../../errors/index.js';
import {
  type LayersModelFiles,
  loadLayersModel,
  Network,
  type NetworkSpec,
  saveLayersModel,
  type Tensor,
} from '../networks/index.js';
import { type ActionSpace, policyOutputs } from './environment.js';
import { type ObservationScale, scaleObservation } from './normalizer.js';

/** A trained agent, acting greedily: the best action by score, or the mean of the action's distribution, clipped. */
export class AgentPolicy {
  private readonly network: Network;

  /**
   * @param algorithm `ppo`: outputs are logits or means; `dqn`: values of the actions.
   * @param logStd log standard deviations of a continuous policy, null otherwise.
   */
  constructor(
    readonly algorithm: 'ppo' | 'dqn',
    readonly spec: NetworkSpec,
    readonly tensors: readonly Tensor[],
    readonly actionSpace: ActionSpace,
    readonly scale: ObservationScale | null,
    readonly logStd: Float64Array | null,
  ) {
    this.network = new Network(spec, { rows: 1, kernels: 'plain' });
    this.network.importTensors(tensors);
  }

  /** Scores of the actions (or action means) for one observation of `spec.inputs` numbers; valid until the next call. */
  outputs(observation: Float32Array): Float32Array {
    scaleObservation(this.scale, observation, 0, this.spec.inputs, this.network.input, 0);
    this.network.forward(1);
    return this.network.output;
  }

  /** Writes the greedy action for one observation. */
  act(observation: Float32Array, action: Float32Array): void {
    greedyAction(this.actionSpace, this.outputs(observation), 0, action);
  }
}

/** The action that the outputs at `at` favour; ties go to the lowest number. */
export function greedyAction(space: ActionSpace, outputs: Float32Array, at: number, action: Float32Array): void {
  if (space.kind === 'continuous') {
    for (let k = 0; k < space.size; k++) action[k] = Math.max(space.low, Math.min(space.high, outputs[at + k]!));
    return;
  }
  let best = 0;
  for (let k = 1; k < space.count; k++) if (outputs[at + k]! > outputs[at + best]!) best = k;
  action[0] = best;
}

/**
 * Saves a policy in the TensorFlow.js layers format. The normaliser (mean, deviation; clip), the action space and the log
 * standard deviations stand in `userDefinedMetadata`.
 */
export function savePolicy(policy: AgentPolicy, metadata: Readonly<Record<string, unknown>> = {}): LayersModelFiles {
  const { algorithm, actionSpace, logStd, scale, spec, tensors } = policy;
  const scaler = scale && { mean: scale.mean, deviation: scale.variance.map((v) => Math.sqrt(v + 1e-8)) };
  const agent = {
    ...{ algorithm, actionSpace, logStd: logStd && [...logStd] },
    ...{ variance: scale && [...scale.variance], clip: scale?.clip ?? null },
  };
  return saveLayersModel({ spec, scaler, tensors }, { ...metadata, agent });
}

/** Reads what `savePolicy` wrote. Throws ARTIFACT_KIND for a network that is not a policy, ARTIFACT_CORRUPT for damage. */
export function loadPolicy(files: LayersModelFiles): {
  policy: AgentPolicy;
  metadata: Readonly<Record<string, unknown>>;
} {
  const { model, metadata } = loadLayersModel(files);
  const agent = metadata['agent'] as Record<string, unknown> | undefined;
  const bad = (path: string, what: string): QuantlineError =>
    new QuantlineError('ARTIFACT_CORRUPT', `model.json: userDefinedMetadata.agent.${path} ${what}.`, {
      hint: 'Restore the model from a copy or train it again.',
      details: { path: `userDefinedMetadata.agent.${path}` },
    });
  if (agent === undefined || agent === null || typeof agent !== 'object')
    throw new QuantlineError('ARTIFACT_KIND', 'model.json: userDefinedMetadata.agent is missing: not a policy.', {
      hint: 'Pass a model that an agent trainer wrote.',
    });
  const { algorithm } = agent;
  if (algorithm !== 'ppo' && algorithm !== 'dqn') throw bad('algorithm', `is ${String(algorithm)}`);
  const space = agent['actionSpace'] as ActionSpace | undefined;
  const discrete = space?.kind === 'discrete' && Number.isInteger(space.count);
  const continuous = space?.kind === 'continuous' && Number.isInteger(space.size) && space.low < space.high;
  if (space === undefined || !(discrete || continuous)) throw bad('actionSpace', 'is not an action space');
  if (policyOutputs(space) !== model.spec.output.units) throw bad('actionSpace', 'does not fit the outputs');
  const numbers = (key: string, size: number): Float64Array => {
    const list = agent[key];
    if (!Array.isArray(list) || list.length !== size || !list.every((v) => Number.isFinite(v)))
      throw bad(key, `is not a list of ${size} numbers`);
    return Float64Array.from(list as number[]);
  };
  let scale: ObservationScale | null = null;
  if (model.scaler !== null) {
    const clip = agent['clip'];
    if (typeof clip !== 'number' || !(clip > 0)) throw bad('clip', `is ${String(clip)}`);
    scale = { mean: model.scaler.mean, variance: numbers('variance', model.spec.inputs), clip };
  }
  const logStd = space.kind === 'continuous' && agent['logStd'] !== null ? numbers('logStd', space.size) : null;
  return { policy: new AgentPolicy(algorithm, model.spec, model.tensors, space, scale, logStd), metadata };
}
