import { z } from 'zod';

export const REPORT_SCHEMA = 1;
export const REPORT_FILE = 'report.json';

const instant = z.string().describe('ISO 8601 in UTC');
const figure = z.number().nullable();

const gateResult = z.strictObject({
  figure: z.string(),
  op: z.enum(['>=', '<=', '>', '<']),
  threshold: z.number(),
  value: figure.describe('null: not defined on this run'),
  margin: figure.describe('Distance to the threshold, positive on the good side'),
  pass: z.boolean(),
  reason: z.string().optional(),
});

const check = z.strictObject({ name: z.string(), pass: z.boolean(), reason: z.string() });
const period = z.strictObject({ period: z.string(), return: z.number(), sessions: z.int() });

/** One artefact the report rests on, nearest first. */
const provenanceStep = z.strictObject({
  kind: z.string(),
  id: z.string(),
  stage: z.string(),
  build: z.string(),
  settings: z.unknown(),
  engine: z.strictObject({ name: z.string(), version: z.string() }).optional(),
  seed: z.number().optional(),
});

const honestyResult = z.strictObject({
  name: z.string(),
  pass: z.boolean(),
  detail: z.string().describe('What was done and what was seen'),
  broke_at: z.strictObject({ instrument: z.string(), time: instant }).optional(),
});

const spread = z.strictObject({
  mean: z.number(),
  deviation: z.number(),
  min: z.number(),
  median: z.number(),
  max: z.number(),
  below_zero: z.number().describe('Share of the paths'),
});

/** Payload `report.json` of a report artefact, and what `evaluate --json` prints of it. Fractions are fractions. */
export const reportSchema = z.strictObject({
  schema: z.literal(REPORT_SCHEMA),
  run: z.strictObject({
    id: z.string(),
    strategy: z.string().describe('The trainer as it was called'),
    instruments: z.array(z.string()),
    interval: z.string(),
    in_sample: z.boolean(),
    fill: z.string(),
    live_order: z.string().nullable().describe('The live order that realises the fill model'),
    only_at: z
      .array(z.string())
      .nullable()
      .default(null)
      .describe('The brokers that take its orders, where it enters by pairs of orders; null where all do'),
    largest_volume_share: figure.describe('Largest share of a bar’s volume that one fill used'),
    detail: z
      .strictObject({ interval: z.string(), bars: z.number(), detailed: z.number() })
      .nullable()
      .default(null)
      .describe('Finer bars inside the bars: bars in which something could fill, and how many of them were followed'),
    halted: z.boolean(),
  }),
  verdict: z.strictObject({
    gate: z.string().describe('Name and version, as default@1'),
    pass: z.boolean(),
    results: z.array(gateResult),
    checks: z.array(check),
    failed: z.array(z.string()),
  }),
  figures: z.record(z.string(), figure),
  reasons: z.record(z.string(), z.string()).describe('Why a figure is null'),
  convention: z.strictObject({
    periods_per_year: z.number(),
    risk_free: z.number(),
    calendar: z.string(),
    first_session: z.string(),
    last_session: z.string(),
    initial_equity: z.number(),
    sessions_without_mark: z.int(),
    ruined: z.string().nullable().describe('Session in which equity fell to zero'),
    benchmark: z.string(),
  }),
  months: z.array(period),
  years: z.array(period),
  drawdowns: z.array(
    z.strictObject({
      depth: z.number(),
      start: instant,
      trough: instant,
      end: instant.nullable(),
      sessions: z.int(),
    }),
  ),
  instruments: z.array(
    z.strictObject({
      instrument: z.string(),
      trades: z.int(),
      pnl: z.number(),
      costs: z.number(),
      contribution: z.number(),
      win_rate: figure,
      profit_factor: figure,
      expectancy: figure,
    }),
  ),
  trials: z
    .strictObject({
      ledger: z.string(),
      since: instant,
      count: z.int().describe('Distinct trials in the ledger, this one included'),
      comparable: z.int().describe('Those long enough to count in the variance'),
      sharpe_variance: z.number().describe('Variance of Sharpe ratios per session'),
    })
    .nullable(),
  selections: z
    .array(
      z.strictObject({
        of: z.enum(['trials', 'study']),
        trials: z.int(),
        sessions: z.int(),
        blocks: z.int(),
        pbo: z.number(),
        probability_of_loss: z.number(),
      }),
    )
    .default([])
    .describe(
      'CSCV over the trials on these bars, and over those of the study that chose the model’s parameters; pbo is the worst',
    ),
  costs: z.array(z.strictObject({ added: z.number(), total_return: z.number(), sharpe: figure })),
  delays: z.array(z.strictObject({ bars: z.number(), total_return: z.number(), sharpe: figure })),
  neighbours: z.array(z.strictObject({ strategy: z.string(), total_return: z.number(), sharpe: figure })),
  policies: z
    .array(z.strictObject({ strategy: z.string(), total_return: z.number(), sharpe: figure }))
    .default([])
    .describe('Of an agent: the policy of each seed and what they must beat, on the same bars and costs'),
  paths: z
    .strictObject({ count: z.int(), total_return: spread, sharpe: spread })
    .nullable()
    .default(null)
    .describe('Of a model validated by cpcv: each of its paths traded with the run’s strategy, fills and costs'),
  importance: z
    .strictObject({
      measure: z.enum(['logloss', 'rmse', 'position']),
      features: z.array(z.strictObject({ feature: z.string(), mean: z.number(), deviation: z.number() })),
    })
    .nullable()
    .default(null)
    .describe(
      'Of a learner: how much worse its scores on the traded bars get with one feature shuffled, largest first',
    ),
  honesty: z.array(honestyResult),
  provenance: z.array(provenanceStep),
});

export type ReportDocument = z.output<typeof reportSchema>;
export type HonestyResult = z.output<typeof honestyResult>;
export type ProvenanceStep = z.output<typeof provenanceStep>;
