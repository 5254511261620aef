// Throws random fault sequences at the live runner, at one strategy and at several that share an account with people, and
// prints the seeds that fail: npm run soak -- [sequences of each, 10000] [first seed, 1]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const [sequences = '10000', first = '1'] = process.argv.slice(2);
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/core/execution/soak'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, QUANTLINE_SOAK: sequences, QUANTLINE_SOAK_FIRST: first },
});
process.exit(status ?? 1);
