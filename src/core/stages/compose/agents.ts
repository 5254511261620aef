import type { OpenDataset } from '../../data/dataset.js';
import { childSeed } from '../../domain/random.js';
import type { Signals } from '../../engine/feed.js';
import type { Neighbour } from '../../evaluation/index.js';
import { levelsOf } from '../../models/agents/settings.js';
import type { SignalModel } from '../../models/model.js';
import type { ModelFile } from '../../models/model-file.js';
import type { Sizing } from '../../risk/index.js';
import { signalsOf } from './market.js';

/** Random agents that a trained one is compared with. */
const RANDOM = 5;

/**
 * What an agent's run is compared with on the same bars and costs: the policies of all seeds it was trained from, random
 * ones, buy and hold, and nothing. Empty for other models.
 */
export function agentPolicies(
  file: ModelFile,
  seeds: readonly SignalModel[],
  dataset: OpenDataset,
  signals: Signals,
  sizing: Sizing,
): Neighbour[] {
  if (signals.inStep === undefined) return [];
  const { settings } = file.trainer;
  const levels = settings['continuous'] === true ? null : levelsOf(settings as { levels: number; short: boolean });
  const least = file.short ? -1 : 0;
  const random = (seed: number) => (j: number, i: number) => {
    const u = childSeed(seed, 'random-agent', j, i) / 2 ** 32;
    return levels === null ? least + u * (1 - least) : levels[Math.floor(u * levels.length)]!;
  };
  const acting = (target: (j: number, i: number) => number): Signals => ({
    ...signals,
    // No opinion where the agent has none: all trade the same bars.
    inStep: (j, i, weight) => (Number.isNaN(signals.inStep!(j, i, weight)) ? Number.NaN : target(j, i)),
  });
  return [
    ...seeds.map((model, s) => ({ strategy: `seed ${s + 1}`, signals: signalsOf(dataset, model, sizing) })),
    ...Array.from({ length: RANDOM }, (_, r) => ({ strategy: `random ${r + 1}`, signals: acting(random(r)) })),
    { strategy: 'buy and hold', signals: acting(() => 1) },
    { strategy: 'flat', signals: acting(() => 0) },
  ];
}
