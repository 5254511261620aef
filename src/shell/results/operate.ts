import { z } from 'zod';
import { time } from './common.js';

const text = z.string();
const optional = z.string().nullable();
const place = { strategy: text, venue: text, account: text };
const state = z.enum(['active', 'reducing', 'halted']);

/** `halt` and `resume`: one row a strategy. */
export const standingResult = z.array(
  z.strictObject({
    ...place,
    before: state,
    state,
    reason: text,
    since: time,
    at_venue: optional.describe('blocked, allowed, or why not; null without --at-venue'),
    accepted: z
      .array(
        z.strictObject({
          instrument: text,
          order: optional.describe('client id of an order that the venue does not know; null for a holding'),
          owned: text,
          venue: text,
          before: optional.describe('what the strategy owns; null for an order'),
          after: optional.describe('what it owns once the difference is accepted'),
        }),
      )
      .nullable()
      .describe('differences accepted, or shown by --dry-run; null without --accept-venue'),
  }),
);

/** `flatten`: one row a strategy. Quantities are decimal text. */
export const flattenResult = z.array(
  z.strictObject({
    ...place,
    outcome: z.enum(['planned', 'flat', 'closing', 'problem']),
    steps: z.array(
      z.strictObject({
        action: z.enum(['cancel', 'close']),
        instrument: text,
        quantity: optional,
        external: z.boolean().describe('Bought or ordered by no strategy of this journal'),
        outcome: text,
      }),
    ),
    problems: z.array(text),
    opens_at: time.nullable().describe('When the market opens, where exits wait for that'),
  }),
);

const events = z.int().describe('Events of the journal');
const path = z.string().describe('Absolute path');

/** `journal backup`. */
export const journalBackupResult = z.strictObject({ path, events });

/** `journal restore`. */
export const journalRestoreResult = z.strictObject({
  path: text,
  events,
  kept: optional.describe('Where the journal went that was there'),
});

/** `journal export`. */
export const journalExportResult = z.strictObject({
  table: text,
  path: optional,
  rows: z
    .array(z.record(z.string(), z.union([z.string(), z.number(), z.null()])))
    .nullable()
    .describe('null where they went into a file'),
});

/** `journal verify`. */
export const journalVerifyResult = z.strictObject({ events });

/** `doctor`. */
export const doctorResult = z.array(
  z.strictObject({ check: text, status: z.enum(['ok', 'warn', 'fail', 'skip']), detail: text, hint: optional }),
);
