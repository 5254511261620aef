export * from './replay.js';
export * from './runner.js';
export * from './tick.js';
