import type { Interval } from '../../domain/interval.js';
import { type FeatureModule, type FeatureSet, featureModulePaths, parseFeatures } from '../../features/index.js';
import { loadUserModule } from '../../registry/index.js';

/** What a learner sees where nothing was said. */
export const DEFAULT_FEATURES = 'preset:core';

/** A feature set from its text, users' modules loaded. */
export async function composeFeatures(text: string, interval: Interval): Promise<FeatureSet> {
  const userModules = new Map(
    await Promise.all(
      featureModulePaths(text).map(
        async (path) => [path, await loadUserModule<FeatureModule>('feature', path, '.')] as const,
      ),
    ),
  );
  return parseFeatures(text, { userModules, interval });
}
