// Compiles the network kernels (AssemblyScript) twice into dist/core/learning/networks: kernels.wasm for every processor,
// kernels-fused.wasm with the fused multiply-add of relaxed SIMD.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = 'dist/core/learning/networks';
mkdirSync(join(root, folder), { recursive: true });
for (const [name, ...flags] of [['kernels'], ['kernels-fused', '--enable', 'relaxed-simd']]) {
  const target = join(root, folder, `${name}.wasm`);
  // Written under a temporary name: a process that loads the kernels meanwhile never sees half a file.
  const temporary = `${folder}/${name}.${process.pid}.wasm`;
  execFileSync(
    process.execPath,
    [
      join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js'),
      'src/core/learning/networks/kernels/index.ts',
      ...['-O3', '--noAssert', '--disableWarning', '112', '--runtime', 'stub', '--importMemory'],
      ...['--enable', 'simd', '--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'],
      ...[...flags, '-o', temporary],
    ],
    { cwd: root, stdio: 'inherit' },
  );
  renameSync(join(root, temporary), target);
  if (statSync(target).size < 1000) throw new Error(`${name}.wasm is empty: are the exports still there?`);
}
