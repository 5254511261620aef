export { type EmergencyPolicy, turnedOver, type Unprotected } from './emergency.js';
export * from './keeper.js';
export * from './levels.js';
