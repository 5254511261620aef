export * from './address.js';
export * from './warehouse.js';
