export type { Feature, FeatureContext, FeatureModule, FeatureUpdate, Fill, Frame } from './feature.js';
export { FeatureSet, type FeatureState, type UsedModule } from './feature-set.js';
export { type Label, type LabelColumns, parseLabel } from './labels.js';
export { PRESETS } from './library/presets.js';
export { featureModulePaths, type LoadedFeatureModule, type ParseOptions, parseFeatures } from './parse.js';
export { COMBINATOR, FEATURES } from './registry.js';
export type { SessionColumns } from './sessions.js';
