export * from './alignment.js';
export * from './benchmark.js';
export * from './break-even.js';
export * from './costs.js';
export * from './delay.js';
export * from './honesty.js';
export * from './positions.js';
export * from './replay.js';
