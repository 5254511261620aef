export * from './amount.js';
export * from './call.js';
export * from './costs.js';
export * from './error.js';
export * from './list.js';
export * from './moment.js';
export * from './sizing.js';
export * from './tables.js';
