import { isQuantlineError } from '../../errors/index.js';
import { libraryCandidates, openXgboost } from './native/library.js';
import { type NativeOptions, trainNative } from './native/train.js';
import { type BoostingResult, trainEmbedded } from './train.js';

export interface TrainOptions extends NativeOptions {
  /**
   * `embedded` runs everywhere and is the default; `native` needs XGBoost's library; `auto` is native where a usable
   * library is found, and says which one ran in the result.
   */
  readonly engine?: 'auto' | 'native' | 'embedded';
}

/** Trains with the chosen engine. Both give a BoostedModel in XGBoost's format. */
export async function trainBoosting(options: TrainOptions): Promise<BoostingResult> {
  const engine = await chooseEngine(options);
  return engine === 'native' ? trainNative(options) : trainEmbedded(options);
}

/** What `auto` means on this machine. Throws CONFIG when a library was named and cannot be used. */
export async function chooseEngine(
  options: Pick<TrainOptions, 'engine' | 'library' | 'prefixes'>,
): Promise<'native' | 'embedded'> {
  const engine = options.engine ?? 'embedded';
  if (engine !== 'auto') return engine;
  if (options.library !== undefined) {
    await openXgboost(options);
    return 'native';
  }
  if (libraryCandidates(undefined, options.prefixes).length === 0) return 'embedded';
  try {
    await openXgboost(options);
    return 'native';
  } catch (error) {
    if (isQuantlineError(error)) return 'embedded';
    throw error;
  }
}
