export * from './assess.js';
export * from './gates/index.js';
export * from './html/index.js';
export * from './metrics/index.js';
export * from './report/index.js';
export * from './robustness/index.js';
export * from './significance/index.js';
export * from './stats.js';
