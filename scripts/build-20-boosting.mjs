// Compiles the gradient-boosting kernels to dist/core/learning/boosting/kernels/boosting.wasm.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'dist', 'core', 'learning', 'boosting', 'kernels');
mkdirSync(out, { recursive: true });
// Written under a temporary name: a process that loads the kernels meanwhile never sees half a file.
const temporary = `dist/core/learning/boosting/kernels/boosting.${process.pid}.tmp`;
execFileSync(
  process.execPath,
  [
    join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js'),
    'src/core/learning/boosting/kernels/index.ts',
    ...['-O3', '--noAssert', '--disableWarning', '112', '--runtime', 'stub', '--importMemory'],
    ...['--enable', 'simd', '--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'],
    ...['-o', temporary],
  ],
  { cwd: root, stdio: 'inherit' },
);
renameSync(join(root, temporary), join(out, 'boosting.wasm'));
