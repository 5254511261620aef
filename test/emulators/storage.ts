import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '../support/require.js';
import { freePort } from './bigquery.js';

const PROGRAM = join(
  process.env['TEST_EMULATORS'] ?? join(homedir(), '.cache', 'quantline-emulators'),
  'fake-gcs-server-1.56.1',
  'fake-gcs-server',
);

/** It starts in a tenth of a second: its tests run wherever it is installed. */
export const describeOnStorage = describeWith('storage', existsSync(PROGRAM));

export interface StorageEmulator {
  readonly url: string;
  /** Address of a place in a fresh bucket. */
  bucket(name: string, prefix?: string): Promise<string>;
  stop(): void;
}

/** Starts the emulator on a free port, in memory; ready when it answers. */
export async function startStorage(): Promise<StorageEmulator> {
  process.env['METADATA_SERVER_DETECTION'] = 'none';
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    PROGRAM,
    [
      '-scheme',
      'http',
      '-host',
      '127.0.0.1',
      '-port',
      String(port),
      '-backend',
      'memory',
      '-public-host',
      `127.0.0.1:${port}`,
      '-external-url',
      url,
    ],
    { stdio: 'ignore' },
  );
  for (let i = 0; ; i++) {
    if (child.exitCode !== null || i > 100) {
      child.kill('SIGKILL');
      throw new Error('The Cloud Storage emulator did not start.');
    }
    const answers = await fetch(`${url}/storage/v1/b?project=test`).then(
      (reply) => reply.ok,
      () => false,
    );
    if (answers) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    async bucket(name, prefix = '') {
      const reply = await fetch(`${url}/storage/v1/b?project=test`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      if (!reply.ok) throw new Error(await reply.text());
      return `gs://${name}/${prefix}?endpoint=${encodeURIComponent(url)}`;
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
