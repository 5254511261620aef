import { z } from 'zod';
import { option } from '../option.js';
import { duration, off, word } from './kinds.js';
import { brokerSettings, format, liveVenue, notify } from './shared.js';

const strategy = option({ summary: 'Only this strategy; all by default.', value: 'name' }, word().optional());
const broker = option(
  { summary: 'Only at this venue; all by default.', value: 'name', char: 'b', adapter: 'broker' },
  word().optional(),
);
const reason = option({ summary: 'Why; recorded in the journal.', value: 'text' }, word().optional());
const atVenue = (what: string) =>
  option(
    {
      summary: `Also ${what} new orders at the venue itself, for its whole account, where it can do that.`,
      switch: true,
    },
    off(),
  );

/** Options of `quantline halt`. */
export const haltOptions = z.strictObject({
  strategy,
  broker,
  reason,
  reduce: option({ summary: 'Let exits go on, and halt once nothing is held.', switch: true }, off()),
  atVenue: atVenue('block'),
  set: brokerSettings,
});
export type HaltOptions = z.output<typeof haltOptions>;

/** Options of `quantline resume`. */
export const resumeOptions = z.strictObject({
  strategy,
  broker,
  reason,
  acceptVenue: option(
    {
      summary:
        'Reason for taking over what the venue holds of owned positions after a halt by reconciliation; recorded.',
      value: 'reason',
      guard: true,
    },
    word().optional(),
  ),
  dryRun: option({ summary: 'Show what would be done; do nothing.', switch: true }, off()),
  atVenue: atVenue('allow'),
  set: brokerSettings,
});
export type ResumeOptions = z.output<typeof resumeOptions>;

/** Options of `quantline flatten`. */
export const flattenOptions = z.strictObject({
  strategy,
  broker,
  reason,
  all: option(
    { summary: 'Everything in the account, also what no strategy here ordered or bought.', switch: true, guard: true },
    off(),
  ),
  dryRun: option({ summary: 'Show what would be cancelled and closed; send nothing.', switch: true }, off()),
  live: option({ summary: 'Also at a venue with real money.', switch: true, guard: true }, off()),
  wait: option({ summary: 'How long to wait for cancels and fills.', value: '30s' }, duration().prefault('30s')),
  atVenue: atVenue('block'),
  set: brokerSettings,
});
export type FlattenOptions = z.output<typeof flattenOptions>;

/** Options of `quantline doctor`. */
export const doctorOptions = z.strictObject({
  broker: option(
    { summary: 'Only this venue; all whose keys are set by default.', value: 'name', char: 'b', adapter: 'broker' },
    word().optional(),
  ),
  live: liveVenue,
  format,
  set: brokerSettings,
  notify,
});
export type DoctorOptions = z.output<typeof doctorOptions>;
