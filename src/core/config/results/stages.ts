import { z } from 'zod';
import { artifactResult } from './common.js';

/** `ingest`. */
export const ingestResult = z.strictObject({
  ...artifactResult,
  symbols: z.array(z.strictObject({ symbol: z.string(), rows: z.int(), inserted: z.int(), updated: z.int() })),
  failures: z.array(z.strictObject({ symbol: z.string(), code: z.string(), message: z.string() })),
});

/** `train`, `backtest`: the artefact and the figures of its manifest. */
const summarised = z.strictObject({ ...artifactResult, summary: z.record(z.string(), z.unknown()) });
export const trainResult = summarised;
export const backtestResult = summarised;
