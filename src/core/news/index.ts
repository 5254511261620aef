export * from './ingest.js';
export * from './source.js';
export * from './store.js';
