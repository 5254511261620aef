export * from './common.js';
export * from './show.js';
export * from './stages.js';
