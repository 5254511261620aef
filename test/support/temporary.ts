import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const project = resolve(import.meta.dirname, '../..');

/**
 * Temporary files of one run of the tests, in folders that are removed after it: in memory where there is room (the
 * journals of the tests flush to disk thousands of times otherwise), and on a disk for the journals that want one.
 */
export const folders = (process: number): { readonly TMPDIR: string; readonly TEST_DISK: string } => ({
  TMPDIR: join(hasRoom('/dev/shm') ? '/dev/shm' : tmpdir(), `quantline-tests-${process}`),
  TEST_DISK: join(project, 'node_modules', '.cache', `quantline-tests-${process}`),
});

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > 2 ** 31;
  } catch {
    return false;
  }
}

/** Vitest's global set-up, once a project. */
export default function setup({ config: { env } }: { readonly config: { readonly env: Record<string, unknown> } }) {
  const paths = ['TMPDIR', 'TEST_DISK'].map((name) => String(env[name]));
  for (const path of paths) mkdirSync(path, { recursive: true });
  return () => {
    for (const path of paths) rmSync(path, { recursive: true, force: true, maxRetries: 4 });
  };
}
