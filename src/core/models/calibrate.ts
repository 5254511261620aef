import { type PlattScaling, plattProbability } from '../learning/boosting/calibration.js';
import type { FittedModel } from './trainer.js';

/** File of a segment that holds its Platt scaling. */
export const CALIBRATION_FILE = 'calibration.json';

/** Log odds of a probability; one of 0 or 1 stays finite. */
export function logit(p: number): number {
  const inside = Math.min(1 - 1e-12, Math.max(1e-12, p));
  return Math.log(inside / (1 - inside));
}

/** A model whose probabilities are mapped by Platt scaling of their log odds; NaN stays NaN. */
export function calibrated(fitted: FittedModel, scaling: PlattScaling): FittedModel {
  return {
    ...fitted,
    predict: (x, rows, out) => {
      fitted.predict(x, rows, out);
      for (let r = 0; r < rows; r++) if (!Number.isNaN(out[r]!)) out[r] = plattProbability(scaling, logit(out[r]!));
    },
    save: async () => ({ ...(await fitted.save()), [CALIBRATION_FILE]: `${JSON.stringify(scaling)}\n` }),
  };
}
