import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.{test,contract.test,property.test,golden.test,e2e.test}.ts'],
    pool: 'forks',
    // The runner's own default leaves one core unused, half of a small machine.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
