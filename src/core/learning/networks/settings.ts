import { QuantlineError } from '../../errors/index.js';
import type { Loss } from './losses.js';
import { ADAM_DEFAULTS, type AdamSettings } from './optimizer.js';

export interface TrainingSettings extends AdamSettings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Over all planned epochs: constant, or down to 0 along a line or half a cosine. */
  readonly schedule: 'constant' | 'linear' | 'cosine';
  /** Default: the one that fits the output layer (`mse` for linear). */
  readonly loss?: Loss;
  /** Stop after so many epochs without a loss lower by `minDelta`; 0 = never. Validation loss where there is any. */
  readonly patience: number;
  readonly minDelta: number;
  /** Give back the weights of the epoch with the lowest watched loss. */
  readonly restoreBest: boolean;
  /** `balanced`: n / (classes · count of the class). A list gives one weight a class. For `bce` (one output) and `ce`. */
  readonly classWeights: 'none' | 'balanced' | readonly number[];
  /** Standardise the features by mean and deviation of the training rows. */
  readonly scale: boolean;
  readonly shuffle: boolean;
  readonly seed: number;
}

export const TRAINING_DEFAULTS: TrainingSettings = {
  ...ADAM_DEFAULTS,
  clipNorm: 1,
  epochs: 50,
  batchSize: 128,
  learningRate: 1e-3,
  schedule: 'constant',
  patience: 5,
  minDelta: 0,
  restoreBest: true,
  classWeights: 'none',
  scale: true,
  shuffle: true,
  seed: 0,
};

/** Defaults filled in; throws CONFIG naming the first setting that is out of range. */
export function resolveSettings(given: Partial<TrainingSettings> = {}): TrainingSettings {
  const s = { ...TRAINING_DEFAULTS, ...given };
  const check = (field: keyof TrainingSettings, ok: boolean, wanted: string): void => {
    if (!ok)
      throw new QuantlineError('CONFIG', `Training setting ${field} is ${String(s[field])}; it must be ${wanted}.`, {
        hint: `Set ${field} to ${wanted}.`,
        details: { field, value: s[field] },
      });
  };
  check('epochs', Number.isInteger(s.epochs) && s.epochs >= 1, 'a whole number of at least 1');
  check('batchSize', Number.isInteger(s.batchSize) && s.batchSize >= 1, 'a whole number of at least 1');
  check('learningRate', s.learningRate > 0 && Number.isFinite(s.learningRate), 'above 0');
  check('beta1', s.beta1 >= 0 && s.beta1 < 1, 'at least 0 and below 1');
  check('beta2', s.beta2 >= 0 && s.beta2 < 1, 'at least 0 and below 1');
  check('epsilon', s.epsilon > 0, 'above 0');
  check('clipNorm', s.clipNorm >= 0, '0 (off) or above');
  check('weightDecay', s.weightDecay >= 0, '0 or above');
  check('patience', Number.isInteger(s.patience) && s.patience >= 0, '0 (off) or a whole number of epochs');
  check('minDelta', s.minDelta >= 0, '0 or above');
  check('seed', Number.isInteger(s.seed), 'a whole number');
  check('schedule', ['constant', 'linear', 'cosine'].includes(s.schedule), 'constant, linear or cosine');
  return s;
}
