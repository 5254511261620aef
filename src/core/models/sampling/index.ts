export * from './barriers.js';
export * from './cusum.js';
export * from './volatility.js';
export * from './weights.js';
