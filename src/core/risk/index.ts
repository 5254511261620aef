export * from './measures.js';
export * from './policy.js';
export * from './sizing.js';
