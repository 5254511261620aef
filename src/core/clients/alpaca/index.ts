export * from './quotes.js';
export * from './rest.js';
export * from './settings.js';
export * from './stream.js';
