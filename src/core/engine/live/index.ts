export type { Holding } from './actions.js';
export * from './growing.js';
export * from './hooks.js';
export { isUnsent, refusalText } from './news.js';
export * from './replay.js';
export * from './runner.js';
export * from './slots.js';
export * from './tick.js';
