import { adapterSettings, type Call } from '../../config/index.js';
import type { ModelTrainer, TrainerModule } from '../../models/trainer.js';
import { loadAdapter } from '../../registry/index.js';

export interface ComposedTrainer {
  readonly trainer: ModelTrainer;
  readonly name: string;
  readonly text: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Hash of a user's module; null for ours. */
  readonly sha256: string | null;
}

/** A trainer from its call and `key=value` texts, which win over settings that were found earlier (`given`). */
export async function composeTrainer(
  call: Call,
  params: Readonly<Record<string, string>> = {},
  given: Readonly<Record<string, unknown>> = {},
): Promise<ComposedTrainer> {
  const { module, sha256 } = await loadAdapter<TrainerModule>('trainer', call.name);
  const settings = adapterSettings(module.name, module.settings, call, params, given, module.aliases);
  const trainer = await module.create(settings);
  return { trainer, name: call.name, text: call.text, settings, sha256: sha256 ?? null };
}

/** The same trainer again, from what a model stored. */
export async function reopenTrainer(
  name: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<{ readonly trainer: ModelTrainer; readonly sha256: string | null }> {
  const { module, sha256 } = await loadAdapter<TrainerModule>('trainer', name);
  return { trainer: await module.create(module.settings.parse(settings)), sha256: sha256 ?? null };
}
