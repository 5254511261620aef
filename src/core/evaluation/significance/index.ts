export * from './bootstrap.js';
export * from './montecarlo.js';
export * from './pbo.js';
export * from './sharpe.js';
export * from './spa.js';
