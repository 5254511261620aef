import type { Json } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import type { NewTrial, TrialIdentity, TrialResult } from '../../state/index.js';
import type { StrategySettings } from './strategy.js';

/** A combination of what was tried, before it is known what it earns. */
export interface Tried {
  readonly identity: TrialIdentity;
  /** The rule or learner as a person wrote it. */
  readonly written: string;
}

/** A model as its manifest states it. */
export interface TriedModel {
  readonly text: string;
  readonly settings: Json;
  /** Of its training; undefined for a rule, whose returns no seed changes. */
  readonly seed: number | undefined;
}

/** What is assumed of market and account: the same combination at other costs is no other trial. */
const ASSUMED = new Set<keyof StrategySettings>([
  ...(['cash', 'commission', 'fees', 'rates', 'slippage', 'fill', 'lot', 'ticks', 'closeAtEnd'] as const),
]);
/** How folds were cut and traded in training makes another model of no model: the same returns come of it. */
const JUDGING = new Set(['trading', 'cv']);

/** How scores become positions: of the settings of a run what is chosen, not assumed. */
export const chosenOf = (settings: StrategySettings): Json =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !ASSUMED.has(name as keyof StrategySettings))) as Json;

/**
 * The trial that a model's scores on these instruments are: one for a tuning trial, a compared learner, a sweep's
 * combination and a backtest, wherever they are the same combination.
 */
export function triedOf(
  dataset: Pick<OpenDataset, 'series' | 'interval'>,
  instruments: readonly string[],
  { text, settings, seed }: TriedModel,
  execution: StrategySettings,
): Tried {
  const model = settings as { readonly trainer: { readonly name: string | null; readonly sha256: string | null } };
  const own = Object.entries(model).filter(([name]) => !JUDGING.has(name));
  return {
    identity: {
      source: [...new Set(dataset.series.map(({ pin }) => pin.key.source))].sort().join('+'),
      instruments,
      interval: dataset.interval,
      strategy: model.trainer.name ?? model.trainer.sha256 ?? text,
      settings: { model: Object.fromEntries(own), execution: chosenOf(execution) },
      seed,
    },
    written: text,
  };
}

interface TriedSettings {
  readonly model: { readonly trainer: { readonly settings: Readonly<Record<string, unknown>> } };
}

/** Settings of a combination's rule or learner. */
export const trainerSettings = ({ identity }: Tried): Readonly<Record<string, unknown>> =>
  (identity.settings as TriedSettings).model.trainer.settings;

/** The same combination with other settings of its rule or learner. */
export function withTrainer({ identity, written }: Tried, settings: Readonly<Record<string, unknown>>): Tried {
  const own = identity.settings as TriedSettings;
  const model = { ...own.model, trainer: { ...own.model.trainer, settings } };
  return { identity: { ...identity, settings: { ...own, model } }, written };
}

/** A combination with what it earned: Sharpe ratio per session, not annualised. */
export const newTrial = ({ identity, written }: Tried, { sharpe, sessions }: TrialResult): NewTrial => ({
  ...identity,
  ...{ written, sharpe, sessions },
});
