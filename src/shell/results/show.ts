import { z } from 'zod';
import { artifactKind, id, path, time } from './common.js';

/** `datasets`, `models`, `runs`, `reports`. */
export const listResult = z.array(
  z.strictObject({
    kind: artifactKind,
    id,
    path,
    tags: z.array(z.string()),
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

/** `config`. */
export const configResult = z.strictObject({
  file: path.nullable(),
  values: z.array(z.strictObject({ key: z.string(), value: z.string().nullable(), origin: z.string() })),
});

/** `init`. */
export const initResult = z.strictObject({ files: z.array(path) });
