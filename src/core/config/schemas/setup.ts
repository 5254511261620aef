import { z } from 'zod';
import { option } from '../option.js';
import { off, word } from './kinds.js';

/** Options of `quantline config`. */
export const configOptions = z.strictObject({
  command: option({ summary: 'Only the options of this command.', value: 'name' }, word().optional()),
});
export type ConfigOptions = z.output<typeof configOptions>;

/** Options of `quantline init`. */
export const initOptions = z.strictObject({
  source: option({ summary: 'Source to set up.', value: 'name', char: 's', adapter: 'source' }, word().optional()),
  broker: option({ summary: 'Venue to set up.', value: 'name', char: 'b', adapter: 'broker' }, word().optional()),
  overwrite: option({ summary: 'Replace files that exist.', switch: true, guard: true }, off()),
});
export type InitOptions = z.output<typeof initOptions>;
