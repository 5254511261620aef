export { alarmText, type EmergencyPolicy, isExiting, turnedOver, type Unprotected, unmanaged } from './emergency.js';
export * from './keeper.js';
export * from './levels.js';
