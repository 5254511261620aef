export * from './codes.js';
export * from './open.js';
export * from './session.js';
export * from './time.js';
