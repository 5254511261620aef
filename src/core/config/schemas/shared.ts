import { option } from '../option.js';
import { choice, off, pairs } from './kinds.js';

/** Options that several commands have. */

export const FORMATS = ['table', 'csv', 'json'] as const;
export type Format = (typeof FORMATS)[number];

export const format = option(
  { summary: 'How rows are printed.', value: 'format', choices: FORMATS },
  choice(...FORMATS).prefault('table'),
);
export const brokerSettings = option(
  { summary: 'Setting of the broker.', value: 'key=value', multiple: true },
  pairs().prefault({}),
);
export const liveVenue = option(
  { summary: 'Ask the environment with real money in place of the paper one.', switch: true, guard: true },
  off(),
);

const SERVICES = ['slack', 'discord', 'telegram', 'ntfy', 'webhook'] as const;
export const notify = option(
  {
    summary: 'Where news are sent; address and token come from the environment.',
    value: 'service',
    choices: SERVICES,
  },
  choice(...SERVICES).optional(),
);
