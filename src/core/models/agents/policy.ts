import type { AgentPolicy } from '../../learning/agents/index.js';
import type { EngineInfo, FittedModel, SavedFiles } from '../trainer.js';

/** A policy as a fitted model: its score is the target position. */
export function actorOf(policy: AgentPolicy, levels: readonly number[] | null): Required<Pick<FittedModel, 'act'>> {
  const columns = policy.spec.inputs - 1;
  const observation = new Float32Array(columns + 1);
  const action = new Float32Array(1);
  return {
    act(x, at, weight) {
      for (let c = 0; c < columns; c++) {
        observation[c] = x[at + c]!;
        // A missing feature is no basis for a target: what is held stays.
        if (!Number.isFinite(observation[c])) return Number.NaN;
      }
      observation[columns] = weight;
      policy.act(observation, action);
      return levels === null ? action[0]! : levels[action[0]!]!;
    },
  };
}

/** @param columns features of a row, without the own weight */
export function fittedPolicy(
  policy: AgentPolicy,
  levels: readonly number[] | null,
  more: { readonly engine: EngineInfo; readonly history: FittedModel['history']; save(): Promise<SavedFiles> },
): FittedModel {
  const { act } = actorOf(policy, levels);
  const columns = policy.spec.inputs - 1;
  return {
    lookback: 0,
    act,
    predict(x, rows, out) {
      for (let r = 0; r < rows; r++) out[r] = act(x, r * columns, 0);
    },
    ...more,
  };
}
