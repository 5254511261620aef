import { z } from 'zod';

/** Kinds of artefacts with the newest manifest schema of each that this version writes and reads. */
export const ARTIFACT_SCHEMAS = {
  dataset: 1,
  model: 1,
  run: 1,
  report: 1,
  session: 1,
  deployment: 1,
  study: 1,
} as const;
export type ArtifactKind = keyof typeof ARTIFACT_SCHEMAS;
export const ARTIFACT_KINDS = Object.keys(ARTIFACT_SCHEMAS) as readonly ArtifactKind[];
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export const artifactId = z.string().regex(/^[0-9a-f]{16}$/);
export const artifactKind = z.enum(ARTIFACT_KINDS as unknown as [ArtifactKind, ...ArtifactKind[]]);

export const artifactRefSchema = z.strictObject({ kind: artifactKind, id: artifactId });
export type ArtifactRef = z.infer<typeof artifactRefSchema>;
