import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { folders } from './test/support/temporary.js';

const tests = 'test/**/*.{test,contract.test,property.test,golden.test,e2e.test}.ts';
/** TensorFlow.js keeps one engine a process, in which several of its packages get into each other's way. */
const tensorflow = ['test/core/learning/networks/*.test.ts', 'test/core/stages/engines.test.ts'];

const env = folders(process.pid);

export default defineConfig({
  test: {
    pool: 'forks',
    // One more than cores: many tests wait for a socket or a process.
    maxWorkers: availableParallelism() + 1,
    // A young generation with room: collecting it was a seventh of all time.
    execArgv: ['--min-semi-space-size=32', '--max-semi-space-size=64'],
    // What was transformed is kept in node_modules for the next run, by the hash of its content.
    experimental: { fsModuleCache: true },
    env,
    globalSetup: 'test/support/temporary.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      // Files of a worker share their loaded modules: to load them anew for each takes half of all time.
      { extends: true, test: { name: 'shared', include: [tests], exclude: tensorflow, isolate: false } },
      { extends: true, test: { name: 'tensorflow', include: tensorflow, isolate: true } },
    ],
  },
});
