import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { QuantlineError } from '../errors/index.js';
import { storageError } from '../platform/files.js';
import type { ArtifactIdentity } from './identity.js';
import type { ArtifactKind } from './kinds.js';
import { MANIFEST_FILE, type Manifest, parseManifest } from './manifest.js';
import { verifyPayload } from './payload.js';
import { wrongKind } from './references.js';
import type { Artifact } from './store.js';

/** Reads the manifest of a folder and, with `payload`, verifies every file. */
export async function openFolder(path: string, payload = true, kinds?: readonly ArtifactKind[]): Promise<Artifact> {
  const at = join(path, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(at, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, at);
    throw new QuantlineError('ARTIFACT_NOT_FOUND', `${path} holds no artefact (it has no manifest.json).`);
  }
  const manifest = parseManifest(text, at);
  if (kinds !== undefined && !kinds.includes(manifest.kind)) throw wrongKind(manifest.kind, kinds, path);
  if (payload) await verifyPayload(path, manifest);
  return {
    ...{ kind: manifest.kind, id: manifest.id, path, manifest, workspace: dirname(dirname(path)) },
    file: (name) => fileOf(path, manifest, name),
  };
}

function fileOf(path: string, manifest: Manifest, name: string): string {
  if (Object.hasOwn(manifest.files, name)) return join(path, name);
  throw new QuantlineError('ARTIFACT_CORRUPT', `${manifest.kind} ${manifest.id} has no file ${name}.`, {
    hint: 'Run the stage that wrote it again with --force.',
    details: { path, file: name },
  });
}

export function describe(
  identity: ArtifactIdentity,
  id: string,
  summary: Manifest['summary'],
  files: Manifest['files'],
): Omit<Manifest, 'checksum'> {
  const { seed, engine, content, ...rest } = identity;
  return {
    ...rest,
    inputs: identity.inputs.map(({ kind, id }) => ({ kind, id })),
    ...(seed === undefined ? {} : { seed }),
    ...(engine === undefined ? {} : { engine }),
    ...(content === undefined ? {} : { content }),
    id,
    runtime: `node-${process.versions.node.split('.')[0]}/${process.arch}`,
    summary,
    files,
  };
}

/** The same identity has to give the same bytes on one Node major and architecture. */
export function compare(existing: Manifest, fresh: Omit<Manifest, 'checksum'>, path: string): void {
  const all = new Set([...Object.keys(existing.files), ...Object.keys(fresh.files)]);
  const different = [...all].filter((name) => existing.files[name]?.sha256 !== fresh.files[name]?.sha256);
  if (different.length === 0) return;
  const elsewhere = existing.runtime !== fresh.runtime;
  throw new QuantlineError(
    elsewhere ? 'MISMATCH' : 'BUG',
    `Computed again, ${fresh.kind} ${fresh.id} differs in ${different.join(', ')}: ${path}`,
    {
      hint: elsewhere
        ? `The stored one was computed on ${existing.runtime}, this one on ${fresh.runtime}; equal bytes are promised within one of them only. Remove it to replace it.`
        : 'The stored artefact is unchanged. Please report this with the command that you ran.',
      details: { path, files: different },
    },
  );
}

export const exists = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw storageError(error, path);
    },
  );

/** Modification time in nanoseconds; undefined where there is no such file. */
export const modified = (path: string): Promise<bigint | undefined> =>
  stat(path, { bigint: true }).then(
    (info) => info.mtimeNs,
    () => undefined,
  );

/** Sorted names in a folder; none where it does not exist. */
export async function names(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storageError(error, folder);
  }
}
