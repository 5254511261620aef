import { z } from 'zod';
import { time } from './common.js';

/** What names a stored series. */
const series = { symbol: z.string(), source: z.string(), feed: z.string(), session: z.string(), interval: z.string() };

/** `ingest status`. */
export const statusResult = z.array(
  z.strictObject({
    ...series,
    basis: z.string(),
    density: z.string(),
    rows: z.int(),
    from: time.nullable(),
    to: time.nullable().describe('Opening instant of the last bar'),
    gaps: z.int().describe('Bars missing between the first and the last; 0 for a sparse series'),
    gap_examples: z.array(z.string()),
    stale_sessions: z.array(z.string()).describe('Dates of finished sessions after the last bar'),
  }),
);

const damage = {
  ...series,
  file: z.string(),
  problem: z.string(),
  from: time.describe('Opening instant of the first bar that the file covered'),
  to: time.describe('Opening instant of the last one'),
};

/** `ingest verify`. */
export const verifyResult = z.strictObject({
  series: z.int().describe('Series that were read'),
  damages: z.array(z.strictObject(damage)),
});

/** `ingest repair`. */
export const repairResult = z.strictObject({
  series: z.int().describe('Series that were read'),
  repaired: z.array(z.strictObject(damage)),
  lost: z
    .array(z.strictObject({ ...damage, reason: z.string(), hint: z.string().nullable() }))
    .describe('Given up, but not fetched again'),
});

/** `ingest compare`. */
export const compareResult = z.strictObject({
  agree: z.boolean(),
  tolerance: z.number(),
  volume_tolerance: z.number().nullable(),
  symbols: z.array(
    z.strictObject({
      symbol: z.string(),
      source: z.string(),
      against: z.string(),
      from: time,
      to: time.describe('Last instant that was compared'),
      agree: z.boolean(),
      compared: z.int(),
      only_in_source: z.int(),
      only_in_against: z.int(),
      differing: z.int(),
      largest: z.record(z.string(), z.number()).describe('Largest relative difference per field'),
      differences: z.array(
        z.strictObject({ time, field: z.string(), source: z.number().nullable(), against: z.number().nullable() }),
      ),
    }),
  ),
});

/** `store init`. */
export const storeInitResult = z.strictObject({
  store: z.string(),
  created: z.boolean().describe('false where the dataset was there'),
});

/** `store prune`. */
export const pruneResult = z.strictObject({ files: z.int(), bytes: z.int() });
