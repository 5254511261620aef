export { History, type Trial } from './history.js';
export { type ObjectiveContext, type OptimizeOptions, optimize } from './optimize.js';
export {
  AshaPruner,
  type AshaSettings,
  MedianPruner,
  type MedianPrunerSettings,
  neverPrune,
  type Pruner,
} from './pruners.js';
export { GridSampler, RandomSampler, type Sampler } from './samplers.js';
export {
  type Axis,
  type CategoricalParameter,
  type FloatParameter,
  type IntParameter,
  type Parameter,
  type ParameterValue,
  type ParameterValues,
  parseSpace,
  type SearchSpace,
} from './space.js';
export {
  MemoryStudyStorage,
  type StudyEvent,
  type StudyStorage,
  type TrialAttributes,
  type TrialState,
} from './storage.js';
export { type OpenTrial, Study, type StudyOptions } from './study.js';
export { TPE_DEFAULTS, TpeSampler, type TpeSettings } from './tpe.js';
