// Builds dist/: registry of adapters, TypeScript, WebAssembly kernels, oclif manifest.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const run = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });

// Each step is a file scripts/build-NN-name.mjs, run in order; a room that needs a build step adds one.
for (const step of readdirSync(join(root, 'scripts'))
  .filter((name) => /^build-\d\d-.*\.mjs$/.test(name))
  .sort()) {
  if (existsSync(join(root, 'scripts', step))) run(join('scripts', step));
}
