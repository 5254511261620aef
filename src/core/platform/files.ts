import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { QuantlineError } from '../errors/index.js';

/** Turns a file system error into one that says what to do; anything else passes through. */
export function storageError(error: unknown, path: string): unknown {
  const { code: given, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  // That a folder cannot be made because its name is taken says that a file has it.
  const code = given === 'EEXIST' && syscall === 'mkdir' ? 'ENOTDIR' : given;
  const hints: Record<string, [string, string]> = {
    ENOSPC: ['The disk is full', 'Free some space and run the same command again; nothing was changed.'],
    EDQUOT: ['The disk quota is used up', 'Free some space and run the same command again; nothing was changed.'],
    EROFS: ['The file system is read-only', 'Choose another --workspace.'],
    EACCES: ['No permission', 'Check the owner and mode of the path.'],
    EPERM: ['No permission', 'Check the owner and mode of the path.'],
    EISDIR: ['A folder stands where a file is needed', 'Name a file.'],
    ENOTDIR: ['A file stands where a folder is needed', 'Choose another path.'],
  };
  const known = code === undefined ? undefined : hints[code];
  if (known === undefined) return error;
  return new QuantlineError('STORAGE', `${known[0]}: ${path}`, { hint: known[1], cause: error, details: { path } });
}

/**
 * Writes a file so that under its final name it is absent or whole, and durable when this returns.
 * `exclusive` fails with EEXIST where the name is taken (the race is decided by link(2)).
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: { readonly mode?: number; readonly exclusive?: boolean } = {},
): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
      options.mode ?? 0o644,
    );
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    if (options.exclusive) {
      await link(temporary, path);
      await unlink(temporary);
    } else await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw storageError(error, path);
  }
}

/** Makes names in a folder durable. Windows has no such call; there it does nothing. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
