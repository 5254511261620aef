export {
  alarmText,
  type EmergencyPolicy,
  isExiting,
  overfilled,
  turnedOver,
  type Unprotected,
  unmanaged,
} from './emergency.js';
export * from './keeper.js';
export * from './levels.js';
