export * from './bars.js';
export * from './builder.js';
export * from './calendar.js';
export * from './instrument.js';
export * from './interval.js';
export * from './math.js';
export * from './orders.js';
export * from './random.js';
