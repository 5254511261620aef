import { z } from 'zod';
import { option } from '../option.js';
import { choice, integer, off } from './kinds.js';

export const FORMATS = ['table', 'csv', 'json'] as const;
export type Format = (typeof FORMATS)[number];

const format = option(
  { summary: 'How rows are printed.', value: 'format', choices: FORMATS },
  choice(...FORMATS).prefault('table'),
);

/** Options of `quantline <kind> list`. */
export const listOptions = z.strictObject({
  format,
  limit: option({ summary: 'Most rows, newest first.', value: 'n' }, integer(1).optional()),
});
export type ListOptions = z.output<typeof listOptions>;

/** Options of `quantline datasets|models|reports show`. */
export const showOptions = z.strictObject({ format });
export type ShowOptions = z.output<typeof showOptions>;

/** Options of `quantline runs show`. */
export const runShowOptions = z.strictObject({
  format,
  trades: option({ summary: 'The round trips.', switch: true }, off()),
  orders: option({ summary: 'The orders.', switch: true }, off()),
  equity: option({ summary: 'The equity curve.', switch: true }, off()),
  limit: option({ summary: 'Most rows.', value: 'n' }, integer(1).optional()),
});
export type RunShowOptions = z.output<typeof runShowOptions>;
