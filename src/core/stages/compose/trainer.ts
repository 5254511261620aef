import { adapterSettings, type Call, type StrategyOptions } from '../../config/index.js';
import type { EngineInfo, ModelTrainer, TrainerModule } from '../../models/trainer.js';
import { loadAdapter } from '../../registry/index.js';
import type { Runtime } from '../runtime.js';

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

/**
 * A trainer for a run that will be traded so: an agent, which trades in training, takes the costs and the short side that
 * are asked for where its own settings say nothing. Costs that are a file stay its own: its settings go with the model.
 */
export async function composeTrading(
  call: Call,
  { commission, slippage, short }: Pick<StrategyOptions, 'commission' | 'slippage' | 'short'>,
  params: Readonly<Record<string, string>> = {},
  given: Readonly<Record<string, unknown>> = {},
): Promise<ComposedTrainer> {
  const composed = await composeTrainer(call, params, given);
  const { trainer, settings } = composed;
  if (trainer.kind !== 'learner' || trainer.agent === undefined) return composed;
  const asked = {
    ...(commission.text !== '0' && commission.schedule.length === 0 && { commission: commission.text }),
    ...(slippage.text !== '0' && { slippage: slippage.text }),
    ...(short && { short }),
  };
  const own = Object.entries(asked).filter(([key]) => key in settings);
  return composeTrainer(call, params, { ...Object.fromEntries(own), ...given });
}

/** A trainer's settings with some of them replaced, checked and completed by its module. */
export const settingsOver =
  ({ name, settings }: TrainerModule, base: Readonly<Record<string, unknown>>) =>
  (values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
    adapterSettings(name, settings, undefined, {}, { ...base, ...values });

/** Says which engine runs, and which costs an agent trades with in training. */
export function sayHow(
  { trainer, text, settings }: ComposedTrainer,
  engine: EngineInfo,
  { logger }: Pick<Runtime, 'logger'>,
): void {
  logger.info(`${text}: ${engine.name} engine, version ${engine.version}`);
  if (trainer.kind !== 'learner' || trainer.agent === undefined || settings['commission'] === undefined) return;
  logger.info(`${text} trades in training at commission ${settings['commission']}, slippage ${settings['slippage']}`);
}

/** The same trainer again, from what a model stored. */
export async function reopenTrainer(
  name: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<{ readonly trainer: ModelTrainer; readonly sha256: string | null }> {
  const { module, sha256 } = await loadAdapter<TrainerModule>('trainer', name);
  return { trainer: await module.create(module.settings.parse(settings)), sha256: sha256 ?? null };
}
