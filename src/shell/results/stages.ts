import { z } from 'zod';
import { reportSchema } from '../../core/evaluation/index.js';
import { sessionSchema } from '../../core/stages/trade.js';
import { artifactKind, artifactResult, id, path, time } from './common.js';

/** `ingest`. */
export const ingestResult = z.strictObject({
  ...artifactResult,
  symbols: z.array(z.strictObject({ symbol: z.string(), rows: z.int(), inserted: z.int(), updated: z.int() })),
  failures: z.array(z.strictObject({ symbol: z.string(), code: z.string(), message: z.string() })),
  followed: z
    .strictObject({ streamed: z.int(), restated: z.int(), backfilled: z.int(), refused: z.int() })
    .optional()
    .describe('--follow: bars kept, by where they came from, and bars that the checks refused'),
});

const figures = z.record(z.string(), z.unknown());

/** `train`. The metrics are those of scores on bars that the segment or fold was not trained on. */
export const trainResult = z.strictObject({
  ...artifactResult,
  summary: figures,
  segments: z.array(
    z.strictObject({
      rows: z.int(),
      train_from: time,
      train_to: time,
      valid_from: time,
      valid_to: time.nullable(),
      metrics: figures,
    }),
  ),
  folds: z.array(z.strictObject({ train_rows: z.int(), test_rows: z.int(), metrics: figures })),
  paths: figures.nullable().describe('Of cpcv: statistics of a backtest along each path'),
  kept: z.string().optional().describe('--if-older: why nothing was trained'),
});

/** `train --compare`: means over the folds; null where a trainer has no such metric. */
export const trainCompareResult = z.strictObject({
  cv: z.string(),
  folds: z.int(),
  rows: z.int(),
  from: time,
  to: time,
  trainers: z.array(
    z.strictObject({
      trainer: z.string(),
      engine: z.string().nullable(),
      metrics: z.record(z.string(), z.number().nullable()),
      folds: z.array(figures),
    }),
  ),
});

/** `tune`: the best settings and how many trials were run, from the study's manifest. */
export const tuneResult = z.strictObject({ ...artifactResult, summary: figures });

/** `backtest`: the figures of the run's manifest; `evaluate` computes the others. */
export const backtestResult = z.strictObject({ ...artifactResult, summary: figures });

/** `evaluate`: the report, with its verdict. */
export const evaluateResult = z.strictObject({
  ...artifactResult,
  html: path.nullable().describe('The page that --html asked for'),
  report: reportSchema,
});

const figure = z.number().nullable();

/** `evaluate --live`: what was traded against the same period replayed. */
export const driftResult = z.strictObject({
  ...{ strategy: z.string(), venue: z.string(), account: z.string() },
  sources: z.array(z.string()).describe('Reports or runs that decided, in turn'),
  ...{ from: time, to: time, slots: z.int(), missed_slots: z.array(time) },
  figures: z.record(z.string(), figure),
  verdict: reportSchema.shape.verdict,
  trades: z.array(
    z.strictObject({
      ...{ time, instrument: z.string(), leg: z.string(), side: z.enum(['buy', 'sell']) },
      outcome: z.enum(['matched', 'missing', 'extra']),
      ...{ expected_quantity: figure, expected_price: figure, expected_costs: figure },
      ...{ quantity: figure, price: figure, costs: figure },
      slippage: figure.describe('Of the price, positive = worse than the model'),
      cost: figure.describe('The same in money, with the difference of the costs'),
    }),
  ),
});

/** `reports show`. */
export const reportResult = z.strictObject({ kind: artifactKind, id, path, report: reportSchema });

/** `trade`: what this start did. */
export const tradeResult = z.strictObject({ ...artifactResult, session: sessionSchema });
