export * from './bootstrap.js';
export * from './fan.js';
export * from './figures.js';
export * from './montecarlo.js';
export * from './names.js';
export * from './pbo.js';
export * from './sharpe.js';
export * from './spa.js';
