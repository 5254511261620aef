export * from './combinatorial.js';
export * from './kfold.js';
export * from './spans.js';
