export { chooseEngine } from './choose.js';
export { embeddedEngine, type NetworkEngine } from './engine.js';
export { type Initializer, normals, orthogonal } from './initialize.js';
export {
  instantiateKernels,
  type KernelMemory,
  type KernelModule,
  type Kernels,
  kernelModule,
  MemoryPlan,
  trainingVariant,
} from './kernels.js';
export {
  checkSpec,
  type HiddenActivation,
  layoutNetwork,
  type NetworkSpec,
  type OutputActivation,
} from './layout.js';
export { applyOutput, type Loss, rowLoss } from './losses.js';
export { NetworkModel } from './model.js';
export { Network, type NetworkOptions } from './network.js';
export { ADAM_DEFAULTS, type AdamSettings, type AdamStep } from './optimizer.js';
export { usefulThreads } from './session.js';
export { resolveSettings, TRAINING_DEFAULTS, type TrainingSettings } from './settings.js';
export { placeSharded, ShardedNetwork, type ShardedPlaces } from './sharded.js';
export type { Tensor } from './tensors.js';
export { type LayersModelFiles, loadLayersModel, saveLayersModel } from './tfjs.js';
export { Tickets } from './tickets.js';
export { type EpochReport, type TrainingResult, type TrainOptions, trainNetwork } from './train.js';
export type { TrainingData } from './training-data.js';
export { type FeatureMatrix, fitScaler, type Scaler, windowEnds } from './windows.js';
