export * from './extremes.js';
export { fadingMemory, type Indicator } from './indicator.js';
export * from './moving-average.js';
export * from './oscillators.js';
export * from './rolling.js';
export * from './trend.js';
export * from './volume.js';
