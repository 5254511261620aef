export * from './axis.js';
export * from './compute.js';
export * from './drawdown.js';
export * from './instruments.js';
export * from './names.js';
export * from './returns.js';
export * from './sessions.js';
export * from './trades.js';
