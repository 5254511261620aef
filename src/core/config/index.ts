export * from './adapter.js';
export * from './nearest.js';
export * from './option.js';
export * from './schemas/index.js';
export * from './values/index.js';
