export * from './clock.js';
export * from './files.js';
export * from './hash.js';
export * from './logger.js';
export * from './workers.js';
