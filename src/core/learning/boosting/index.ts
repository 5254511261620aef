/** Gradient-boosted trees: training, XGBoost's model format, prediction. Knows no market. */
export { chooseEngine, type TrainOptions, trainBoosting } from './boosting.js';
export { fitPlatt, type PlattScaling, plattProbability } from './calibration.js';
export { predictContributions } from './contributions.js';
export type { Tree } from './forest.js';
export {
  featureImportance,
  type ImportanceType,
  type PermutationImportance,
  type PermutationOptions,
  permutationImportance,
} from './importance.js';
export { fromXgboostJson, toXgboostJson } from './json.js';
export type { FloatMatrix, Matrix, SparseMatrix } from './matrix.js';
export { auc, evaluateMetric, isMaximised } from './metrics.js';
export { BoostedModel, type ModelParts } from './model.js';
export { openXgboost } from './native/library.js';
export type { NativeParams } from './native/parameters.js';
export { trainNative } from './native/train.js';
export {
  type BoostingParams,
  METRICS,
  type Metric,
  OBJECTIVES,
  type Objective,
  resolveParams,
} from './params.js';
export { createModelScorer, type ModelScorer } from './scorer.js';
export {
  type BoostingResult,
  EMBEDDED_VERSION,
  type EmbeddedOptions,
  type EvaluationSet,
  type RoundReport,
  trainEmbedded,
} from './train.js';
