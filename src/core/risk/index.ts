export * from './policy.js';
export * from './sizing.js';
