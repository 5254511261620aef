export * from './compare.js';
export * from './gate.js';
