import { z } from 'zod';
import { option } from '../option.js';
import { duration, integer, off, word } from './kinds.js';
import { brokerSettings, format, liveVenue } from './shared.js';

/** Options of everything that shows what is traded. */
const view = {
  strategy: option({ summary: 'Only this strategy.', value: 'name' }, word().optional()),
  broker: option(
    { summary: 'Only this venue, which is asked itself.', value: 'name', char: 'b', adapter: 'broker' },
    word().optional(),
  ),
  live: liveVenue,
  format,
  watch: option(
    { summary: 'Show again every so often until stopped; with --json one document a line.', value: '2s' },
    duration()
      .refine((ms) => ms >= 100, 'expected at least 100ms')
      .optional(),
  ),
  set: brokerSettings,
};
/** Of everything that shows what positions are worth. */
const valued = {
  ...view,
  source: option(
    {
      summary: 'Price positions by this source, its quotes before its bars; its settings by --set source.key=value.',
      value: 'name',
      char: 's',
      adapter: 'source',
    },
    word().optional(),
  ),
};
const limit = option({ summary: 'Most rows, newest first.', value: 'n' }, integer(1).optional());

/** Options of `quantline positions`. */
export const positionsOptions = z.strictObject(valued);
export type PositionsOptions = z.output<typeof positionsOptions>;

/** Options of `quantline orders`. */
export const ordersOptions = z.strictObject({
  ...view,
  all: option({ summary: 'Also orders that are done.', switch: true, char: 'a' }, off()),
  limit,
});
export type OrdersOptions = z.output<typeof ordersOptions>;

/** Options of `quantline fills`. */
export const fillsOptions = z.strictObject({ ...view, limit });
export type FillsOptions = z.output<typeof fillsOptions>;

/** Options of `quantline account`. */
export const accountOptions = z.strictObject(valued);
export type AccountOptions = z.output<typeof accountOptions>;

/** Options of `quantline status`. */
const { strategy, broker, watch } = view;
export const statusOptions = z.strictObject({ strategy, broker, format, watch });
export type StatusOptions = z.output<typeof statusOptions>;
