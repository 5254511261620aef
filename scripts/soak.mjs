// Throws random fault sequences at the live runner, of every kind in test/core/execution/soak, and prints the seeds that fail:
// npm run soak -- [sequences, 10000] [first seed, 1]: as many of plain and of wide, a fifth of those at vendors. Each core
// takes every so manieth seed of all kinds, so that all are busy to the end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const [sequences, first] = [Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 1)];
const parts = Math.min(availableParallelism(), sequences);
const ends = await Promise.all(
  Array.from({ length: parts }, async (_, part) => {
    const soak = {
      QUANTLINE_SOAK: String(Math.ceil((sequences - part) / parts)),
      QUANTLINE_SOAK_FIRST: String(first + part),
      QUANTLINE_SOAK_STEP: String(parts),
    };
    const child = spawn(process.execPath, [vitest, 'run', '--maxWorkers=1', 'test/core/execution/soak'], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...soak },
    });
    const [status] = await once(child, 'exit');
    return status ?? 1;
  }),
);
process.exit(Math.max(...ends));
