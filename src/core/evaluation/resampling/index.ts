export * from './jobs.js';
export * from './kernel.js';
export * from './pool.js';
