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

/** `ingest news`. */
export const newsResult = z.strictObject({
  source: z.string(),
  from: time,
  to: time.describe('End of the range, exclusive'),
  symbols: z.array(
    z.strictObject({
      symbol: z.string(),
      articles: z.int().describe('Versions of articles that came'),
      added: z.int().describe('Of them, those that the store did not have'),
    }),
  ),
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

/** `store sync`. */
export const syncResult = z.strictObject({
  series: z.array(
    z.strictObject({
      ...series,
      rows: z.int(),
      inserted: z.int(),
      updated: z.int(),
      skipped: z.int().describe('Rows that were known to be there, without asking'),
    }),
  ),
  tables: z
    .array(z.strictObject({ table: z.string(), rows: z.int(), changed: z.boolean() }))
    .describe('Tables of --all'),
});

/** `store query`. */
export const queryResult = z.strictObject({
  rows: z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))),
  estimated_bytes: z.number(),
  billed_bytes: z.number().nullable().describe('null: not run'),
});

/** `store cost`. Dollars at on-demand prices of the US. */
export const costResult = z.strictObject({
  tables: z.array(
    z.strictObject({ table: z.string(), rows: z.number(), bytes: z.number(), dollars_per_month: z.number() }),
  ),
  storage_dollars_per_month: z.number(),
  queries: z.strictObject({ days: z.int(), jobs: z.int(), billed_bytes: z.number(), dollars: z.number() }),
});
