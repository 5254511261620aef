import { statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const tests = 'test/**/*.{test,contract.test,property.test,golden.test,e2e.test}.ts';
/** TensorFlow.js keeps one engine a process, in which several of its packages get into each other's way. */
const tensorflow = ['test/core/learning/networks/*.test.ts', 'test/core/stages/engines.test.ts'];

/** They trade with real money (of a fake), which no journal in memory may: their files lie on a disk. */
const disk = ['trade.brokers', 'trade.brokers-protection', 'trade.guards', 'trade.page', 'trade.pairs'].map(
  (name) => `test/core/stages/${name}.test.ts`,
);

/** Temporary files lie in memory where there is room: the journals of the tests flush to disk thousands of times otherwise. */
function temporaryFolder(): { TMPDIR?: string } {
  const memory = '/dev/shm';
  try {
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize > 2 ** 31 ? { TMPDIR: memory } : {};
  } catch {
    return {};
  }
}

const env = temporaryFolder();

export default defineConfig({
  test: {
    pool: 'forks',
    // One more than cores: many tests wait for a socket or a process.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      // Files of a worker share their loaded modules: to load them anew for each takes half of all time.
      {
        extends: true,
        test: { name: 'shared', include: [tests], exclude: [...tensorflow, ...disk], isolate: false, env },
      },
      { extends: true, test: { name: 'disk', include: disk, isolate: false } },
      { extends: true, test: { name: 'tensorflow', include: tensorflow, isolate: true, env } },
    ],
  },
});
