export * from './keeper.js';
export * from './levels.js';
