import { z } from 'zod';

/** JSON documents that commands print under --json: snake_case keys, fractions, times as ISO 8601 in UTC. */
export const id = z.string().regex(/^[0-9a-f]{16}$/);
export const time = z.string().describe('ISO 8601 in UTC');
export const path = z.string().describe('Absolute path');
export const artifactKind = z.enum(['dataset', 'model', 'run', 'report', 'session', 'deployment', 'study']);

/** What every document of a stage begins with. */
export const artifactResult = {
  kind: artifactKind,
  id,
  path,
  /** Whether a verified artefact of the same id was there already. */
  reused: z.boolean(),
};

export const errorResult = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    exit_code: z.int(),
    message: z.string(),
    hint: z.string().nullable(),
    details: z.record(z.string(), z.unknown()),
  }),
});
