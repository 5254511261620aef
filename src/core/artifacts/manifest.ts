import { z } from 'zod';
import { QuantlineError } from '../errors/index.js';
import { canonicalJson, sha256 } from '../platform/hash.js';
import { identityOf } from './identity.js';
import {
  ARTIFACT_SCHEMAS,
  type ArtifactKind,
  artifactId,
  artifactKind,
  artifactRefSchema,
  type Json,
} from './kinds.js';

export const MANIFEST_FILE = 'manifest.json';

const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;

/** File name inside an artefact: relative, forward slashes, no way out of the folder. */
const fileName = z
  .string()
  .regex(/^(?!\/)(?!.*\/$)[^\\\0]+$/)
  .refine((name) => name.split('/').every((part) => part !== '' && part !== '.' && part !== '..'));

/** `manifest.json`: what the artefact is, where it came from, and the hash of every file. No wall-clock time. */
export const manifestSchema = z.strictObject({
  kind: artifactKind,
  schema: z.int().positive(),
  id: artifactId,
  stage: z.string().min(1),
  /** Settings that can change the result. */
  settings: json,
  inputs: z.array(artifactRefSchema),
  seed: z.number().optional(),
  /** The engine that really ran. */
  engine: z.strictObject({ name: z.string(), version: z.string() }).optional(),
  build: z.string(),
  /** Hash of the logical content where that alone is the identity (datasets). */
  content: z.string().optional(),
  /** Node major and architecture within which equal bytes are promised; not part of the id. */
  runtime: z.string(),
  /** Small figures for listings. */
  summary: json,
  files: z.record(
    fileName,
    z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().nonnegative() }),
  ),
  /** sha256 of this manifest without this member, as canonical JSON. */
  checksum: z.string(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** The bytes of `manifest.json`; the checksum is added here. */
export function serializeManifest(manifest: Omit<Manifest, 'checksum'>): string {
  const checksum = sha256(canonicalJson(manifest));
  return print({ ...manifest, checksum });
}

const print = (value: unknown): string => `${JSON.stringify(JSON.parse(canonicalJson(value)), null, 2)}\n`;

/** Reads and verifies the text of a manifest; `where` names it in errors. */
export function parseManifest(text: string, where: string): Manifest {
  const corrupt = (what: string, cause?: unknown) =>
    new QuantlineError('ARTIFACT_CORRUPT', `The manifest ${what}: ${where}`, {
      hint: 'Restore the artefact from a backup, or run the stage that wrote it again with --force.',
      details: { path: where },
      cause,
    });
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw corrupt('is not JSON', cause);
  }
  if (value === null || typeof value !== 'object' || typeof value['checksum'] !== 'string') {
    throw corrupt('has no checksum');
  }
  const { checksum, ...rest } = value;
  if (sha256(canonicalJson(rest)) !== checksum || print(value) !== text) {
    throw corrupt('was changed after it was written (its checksum does not match)');
  }
  const newest = ARTIFACT_SCHEMAS[value['kind'] as ArtifactKind];
  if (newest === undefined || (typeof value['schema'] === 'number' && value['schema'] > newest)) {
    throw new QuantlineError(
      'ARTIFACT_KIND',
      `Written by a newer version of Quantline (${String(value['kind'])}, schema ${String(value['schema'])}; ` +
        `this one reads up to ${newest ?? 'none of that kind'}): ${where}`,
      { hint: 'Update Quantline, or write the artefact again with this version.', details: { path: where } },
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw corrupt(`does not follow its schema (${issue?.path.join('.')}: ${issue?.message})`, parsed.error);
  }
  const manifest = parsed.data;
  if (identityOf(manifest) !== manifest.id) throw corrupt('was changed: the id does not match its contents');
  return manifest;
}
