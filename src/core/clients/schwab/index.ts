export * from './callback.js';
export * from './oauth.js';
export * from './rest.js';
export * from './session.js';
export * from './settings.js';
export * from './tokens.js';
