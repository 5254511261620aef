import { z } from 'zod';
import { artifactKind, id, path, time } from './common.js';

/** `datasets`, `models`, `runs`, `reports`. */
export const listResult = z.array(
  z.strictObject({
    kind: artifactKind,
    id,
    path,
    tags: z.array(z.string()),
    inputs: z.array(z.string()).describe('Kind and id of what it was made from'),
    verdicts: z.array(z.string()).optional().describe('Of models: what gates said of their runs'),
    summary: z.record(z.string(), z.unknown()),
    problem: z.string().nullable().describe('Why the artefact cannot be read'),
  }),
);

/** `models show`, and `runs show` without a part of it. */
export const showResult = z.strictObject({
  kind: artifactKind,
  id,
  path,
  stage: z.string(),
  settings: z.unknown(),
  inputs: z.array(z.strictObject({ kind: artifactKind, id })),
  seed: z.number().nullable(),
  engine: z.strictObject({ name: z.string(), version: z.string() }).nullable(),
  build: z.string(),
  summary: z.unknown(),
  files: z.array(z.strictObject({ name: z.string(), bytes: z.int(), sha256: z.string() })),
});

/** `models compare`: one row an evaluated run of a model. */
export const modelsCompareResult = z.array(
  z.strictObject({
    id,
    tags: z.array(z.string()),
    trainer: z.string().nullable(),
    label: z.string().nullable(),
    engine: z.string().nullable().describe('null for a rule'),
    valid_from: time.nullable(),
    inputs: z.array(z.string()).describe('Kind and id of what it was made from'),
    run: id.nullable(),
    total_return: z.number().nullable(),
    sharpe: z.number().nullable(),
    max_drawdown: z.number().nullable(),
    report: id.nullable(),
    gate: z.string().nullable(),
    pass: z.boolean().nullable().describe('null where it was not evaluated'),
  }),
);

const explained = {
  model: z.strictObject({ id, path }),
  data: z.strictObject({ id, path }),
  trainer: z.string(),
};

/** `models importance`. */
export const modelsImportanceResult = z.strictObject({
  ...explained,
  train_to: time.describe('Of the last segment, which is described: where its training range ends'),
  valid_from: time,
  measure: z.enum(['logloss', 'rmse', 'position']).describe('What shuffling a feature makes worse'),
  features: z.array(
    z.strictObject({
      feature: z.string(),
      training: z
        .record(z.string(), z.number())
        .describe('xgboost: gain, cover, weight, total_gain, total_cover; logistic: coefficient'),
      permutation: z.number().nullable().describe('Mean over shuffles; null with too few bars after training'),
      permutation_deviation: z.number().nullable(),
    }),
  ),
});

/** `models explain`. */
export const modelsExplainResult = z.strictObject({
  ...explained,
  scale: z.enum(['log_odds', 'return']).describe('Of margins and contributions'),
  predictions: z.array(
    z.strictObject({
      time: time.describe('The bar opens'),
      known_at: time.describe('Its score can be acted on'),
      instrument: z.string(),
      segment: z.int().describe('Which segment of the model scored it, from 0'),
      score: z.number().describe('As a backtest sees it, calibrated where the model is'),
      margin: z.number().describe('expected and all contributions in sum'),
      expected: z.number().describe('Margin that the model expects without knowing the features'),
      features: z.array(
        z.strictObject({
          feature: z.string(),
          value: z.number().nullable().describe('null: missing'),
          contribution: z.number().describe('Shapley value on the margin'),
        }),
      ),
    }),
  ),
});

/** `models tag`. */
export const modelsTagResult = z.strictObject({ id, path, tag: z.string() });

/** `models prune`. */
export const modelsPruneResult = z.strictObject({
  removed: z.array(id),
  needed: z.array(id).describe('Too old to keep, but a tag or another artefact needs them'),
  dry_run: z.boolean(),
});

/** `datasets show`. */
export const datasetResult = z.strictObject({
  kind: z.literal('dataset'),
  id,
  path,
  interval: z.string(),
  session: z.string(),
  store: z.string(),
  delay_ms: z.number(),
  series: z.array(
    z.strictObject({
      instrument: z.string(),
      class: z.string(),
      calendar: z.string(),
      source: z.string(),
      feed: z.string(),
      basis: z.string(),
      density: z.string(),
      rows: z.int(),
      from: time,
      to: time,
      actions: z.int(),
      quality: z.array(
        z.strictObject({ check: z.string(), policy: z.string(), count: z.int(), examples: z.array(z.string()) }),
      ),
    }),
  ),
});

/** Rows of a table: `runs show --trades`, `--orders`, `--equity`. */
export const rowsResult = z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])));

/** `trials`. Sharpe ratios are per session, not annualised. */
export const trialsResult = z.strictObject({
  ledger: z.string().nullable().describe('null where nothing was ever tried'),
  since: time.nullable(),
  count: z.int().describe('Distinct trials in the ledger'),
  matching: z.int().describe('Those that the filter lets through'),
  shown: z.int().describe('The newest of these, listed here'),
  sharpe_variance: z.number().describe('Sample variance over those let through'),
  trials: z.array(
    z.strictObject({
      id,
      first_seen: time,
      strategy: z.string(),
      source: z.string(),
      instruments: z.array(z.string()),
      interval: z.string(),
      seed: z.number().nullable(),
      sharpe: z.number().nullable(),
      sessions: z.int(),
      runs: z.int().describe('How often it was run; it counts once'),
    }),
  ),
});

/** `config`. */
export const configResult = z.strictObject({
  file: path.nullable(),
  values: z.array(z.strictObject({ key: z.string(), value: z.string().nullable(), origin: z.string() })),
});

/** `init`. */
export const initResult = z.strictObject({ files: z.array(path) });
