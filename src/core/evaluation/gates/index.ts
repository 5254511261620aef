export * from './named.js';
export * from './parse.js';
export * from './verdict.js';
