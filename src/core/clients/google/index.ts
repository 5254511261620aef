export * from './address.js';
export * from './bucket.js';
export { Instant, type Parameters, readParameter, timestampText } from './parameters.js';
export type { Field, TableLayout } from './tables.js';
export * from './warehouse.js';
