export * from './document.js';
export * from './format.js';
export * from './table.js';
