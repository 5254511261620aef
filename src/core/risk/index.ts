export * from './activity.js';
export * from './desk.js';
export * from './measures.js';
export * from './policy.js';
export * from './sizing.js';
