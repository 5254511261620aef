import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { QuantlineError } from '../errors/index.js';
import { storageError, syncFolder } from '../platform/files.js';
import { MANIFEST_FILE, type Manifest } from './manifest.js';

/** sha256 and length of a file, streamed. */
export async function hashFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Makes all files below a folder durable and returns their hashes by relative name. */
export async function sealPayload(folder: string): Promise<Manifest['files']> {
  const files: Manifest['files'] = {};
  const visit = async (prefix: string): Promise<void> => {
    const entries = await readdir(join(folder, prefix), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      if (entry.isDirectory()) await visit(name);
      else if (!entry.isFile() || name === MANIFEST_FILE) {
        throw new QuantlineError('BUG', `A stage left what is no payload in its artefact: ${name}`);
      } else {
        const path = join(folder, name);
        const handle = await open(path, 'r+');
        try {
          await handle.sync();
        } finally {
          await handle.close();
        }
        files[name] = await hashFile(path);
      }
    }
    await syncFolder(join(folder, prefix));
  };
  await visit('');
  return files;
}

/** Throws ARTIFACT_CORRUPT naming the first file that is missing or differs from the manifest. */
export async function verifyPayload(folder: string, manifest: Manifest): Promise<void> {
  for (const [name, expected] of Object.entries(manifest.files)) {
    const path = join(folder, name);
    const corrupt = (what: string) =>
      new QuantlineError('ARTIFACT_CORRUPT', `${name} of ${manifest.kind} ${manifest.id} ${what}: ${path}`, {
        hint: 'Restore the file from a backup, or run the stage that wrote it again with --force.',
        details: { path, file: name, kind: manifest.kind, id: manifest.id },
      });
    let size: number;
    try {
      size = (await lstat(path)).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw corrupt('is missing');
      throw storageError(error, path);
    }
    if (size !== expected.bytes) throw corrupt(`has ${size} bytes instead of ${expected.bytes}`);
    let actual: { sha256: string };
    try {
      actual = await hashFile(path);
    } catch (error) {
      throw storageError(error, path);
    }
    if (actual.sha256 !== expected.sha256) throw corrupt('was changed after it was written (its hash does not match)');
  }
}
