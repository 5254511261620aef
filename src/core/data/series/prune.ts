import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { storageError } from '../../platform/index.js';
import { indexName, readIndex } from './index.js';

/** Younger files may belong to a put that has not committed yet. */
const GRACE_MS = 3_600_000;

/**
 * Removes old generations of the index, data files that neither the newest index nor a pin names, and leftovers of
 * crashed writes; all only when older than an hour.
 */
export async function pruneFolder(
  folder: string,
  pinned: readonly string[],
  now: number,
): Promise<{ files: number; bytes: number }> {
  const freed = { files: 0, bytes: 0 };
  const index = await readIndex(folder);
  if (index === undefined) return freed;
  const needed = new Set([...pinned, ...index.files.map((file) => file.name), indexName(index.generation)]);
  for (const name of await readdir(folder)) {
    if (needed.has(name) || !/\.(parquet|json|tmp)$/.test(name)) continue;
    const path = join(folder, name);
    try {
      const { mtimeMs, size } = await stat(path);
      if (now - mtimeMs < GRACE_MS) continue;
      await unlink(path);
      freed.files++;
      freed.bytes += size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, path);
    }
  }
  return freed;
}
