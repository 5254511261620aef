import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { idOf } from '../platform/hash.js';
import type { ArtifactKind, ArtifactRef, Json } from './kinds.js';

/** What decides a result, and so its id. Threads, paths and output options are none of it. */
export interface ArtifactIdentity {
  readonly kind: ArtifactKind;
  readonly schema: number;
  /** The subcommand that computes it. */
  readonly stage: string;
  readonly settings: Json;
  readonly inputs: readonly ArtifactRef[];
  readonly seed?: number | undefined;
  readonly engine?: { readonly name: string; readonly version: string } | undefined;
  readonly build: string;
  /**
   * Hash of the logical content. Where given, kind, schema and content alone are the identity: two ways to the same
   * dataset give one dataset.
   */
  readonly content?: string | undefined;
}

/** The id: 16 hex digits. Input order counts. */
export function identityOf(identity: ArtifactIdentity): string {
  const { kind, schema, stage, settings, inputs, seed, engine, build, content } = identity;
  if (content !== undefined) return idOf({ kind, schema, content });
  return idOf({ kind, schema, stage, settings, inputs, seed, engine, build });
}

let cached: string | undefined;

/** `<package version>+<hash>` of the program's own code; no time in it, equal for equal builds. */
export function buildId(): string {
  cached ??= computeBuildId(
    fileURLToPath(new URL('../../../', import.meta.url)),
    fileURLToPath(new URL('../', import.meta.url)),
  );
  return cached;
}

/** `core` is the folder of this very code: dist/core, or src/core under a test runner. */
function computeBuildId(root: string, core: string): string {
  const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
  const recorded = readRecorded(join(core, 'build.json'));
  return `${version}+${recorded ?? hashCode(core)}`;
}

function readRecorded(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { code: string }).code;
  } catch {
    return undefined;
  }
}

/** Hash over names and bytes of all code below a folder, in name order. */
export function hashCode(folder: string): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:js|ts|wasm)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex').slice(0, 12);
}
