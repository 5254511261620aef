// Compiles the network kernels (AssemblyScript) three times into dist/core/learning/networks: kernels.wasm for every
// processor, kernels-fused.wasm with the fused multiply-add of relaxed SIMD, kernels-wide.wasm with blocks for 256 bits too.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = 'dist/core/learning/networks';
mkdirSync(join(root, folder), { recursive: true });
const fused = ['--enable', 'relaxed-simd'];
for (const [name, wide, ...flags] of [
  ['kernels', 0],
  ['kernels-fused', 0, ...fused],
  ['kernels-wide', 1, ...fused],
]) {
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
      ...[...flags, '--use', `WIDE_BLOCKS=${wide}`, '-o', temporary],
    ],
    { cwd: root, stdio: 'inherit' },
  );
  renameSync(join(root, temporary), target);
  if (statSync(target).size < 1000) throw new Error(`${name}.wasm is empty: are the exports still there?`);
}
