import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, isRequired } from '../support/require.js';

const FOLDER = join(
  process.env['TEST_EMULATORS'] ?? join(homedir(), '.cache', 'quantline-emulators'),
  'bqemulator-1.4.0-duckdb1.5.5',
);

/** Its tests take minutes: they run where they are asked for (`npm run test:emulators`, as CI does), not in `npm test`. */
export const describeOnBigQuery = describeWith('bigquery', isRequired('bigquery'));

export interface BigQueryEmulator {
  readonly rest: string;
  readonly grpcPort: number;
  /** Address of a store in a dataset. */
  address(dataset: string): string;
  stop(): Promise<void>;
}

/** Starts the emulator on free ports; ready when it answers. */
export async function startBigQuery(): Promise<BigQueryEmulator> {
  if (!existsSync(FOLDER))
    throw new Error('The BigQuery emulator is required here: run scripts/install-bigquery-emulator.sh.');
  process.env['METADATA_SERVER_DETECTION'] = 'none';
  const [restPort, grpcPort] = [await freePort(), await freePort()];
  const scratch = await mkdtemp(join(tmpdir(), 'quantline-bigquery-'));
  const child: ChildProcess = spawn(
    join(FOLDER, 'venv', 'bin', 'python'),
    [
      '-c',
      'from bqemulator.cli import main; main()',
      'start',
      '--rest-port',
      String(restPort),
      '--grpc-port',
      String(grpcPort),
      '--project',
      'test',
      '--log-level',
      'error',
    ],
    { env: { ...process.env, HOME: join(FOLDER, 'home') }, stdio: 'ignore', cwd: scratch },
  );
  const rest = `http://127.0.0.1:${restPort}`;
  const stop = async () => {
    child.kill('SIGKILL');
    await rm(scratch, { recursive: true, force: true });
  };
  for (let i = 0; ; i++) {
    if (child.exitCode !== null || i > 300) {
      await stop();
      throw new Error('The BigQuery emulator did not start.');
    }
    // The client waits long for a refused connection: it is not asked before the emulator listens.
    if (
      await fetch(`${rest}/bigquery/v2/projects/test/datasets`).then(
        (r) => r.ok,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    rest,
    grpcPort,
    address: (dataset) => `bigquery://test.${dataset}?endpoint=${encodeURIComponent(rest)}&storagePort=${grpcPort}`,
    stop,
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
