import { z } from 'zod';
import { artifactResult } from './common.js';

/** `ingest`. */
export const ingestResult = z.strictObject({
  ...artifactResult,
  symbols: z.array(z.strictObject({ symbol: z.string(), rows: z.int(), inserted: z.int(), updated: z.int() })),
  failures: z.array(z.strictObject({ symbol: z.string(), code: z.string(), message: z.string() })),
});
