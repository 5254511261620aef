import { z } from 'zod';
import { INTERVALS } from '../domain/interval.js';

/** Payload `model.json` of a model artefact: everything but the fitted models, which are files of their own. */
export const modelFileSchema = z.strictObject({
  schema: z.literal(1),
  kind: z.enum(['rule', 'learner']),
  trainer: z.strictObject({
    /** Name, or path of the user's module as given. */
    name: z.string(),
    /** The call as written, for people. */
    text: z.string(),
    settings: z.record(z.string(), z.unknown()),
    /** Hash of the user's module; null for ours. */
    sha256: z.string().nullable(),
  }),
  /** Whether the model itself asks for short positions. */
  short: z.boolean(),
  scoreKind: z.enum(['position', 'target', 'probability', 'return']),
  /** Canonical text of the feature set and of the label; null for a rule. */
  features: z.string().nullable(),
  label: z.string().nullable(),
  columns: z.array(z.string()),
  interval: z.enum(INTERVALS),
  scope: z.enum(['regular', 'extended']),
  instruments: z.array(z.string()),
  /** Milliseconds that the last segment stays valid after its training end; null: for ever. */
  maxModelAge: z.number().nullable(),
  segments: z.array(
    z.strictObject({
      trainFrom: z.number(),
      trainTo: z.number(),
      labelEnd: z.number(),
      validFrom: z.number(),
      validTo: z.number().nullable(),
      embargo: z.number(),
      folder: z.string(),
    }),
  ),
  warmup: z.number(),
  /** null: the start of the series always matters. */
  memory: z.number().nullable(),
});
export type ModelFile = z.output<typeof modelFileSchema>;
