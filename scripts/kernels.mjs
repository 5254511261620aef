// Compiles WebAssembly kernels (AssemblyScript) to `targets`, by the flags of each. The compiler takes seconds a file, so
// what it made is kept in node_modules/.cache by the hash of sources, flags and compiler, and copied as long as those stay.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const compiler = join(root, 'node_modules', 'assemblyscript');
const cache = join(root, 'node_modules', '.cache', 'quantline-kernels');
const COMMON = [
  ...['-O3', '--noAssert', '--disableWarning', '112', '--runtime', 'stub', '--importMemory'],
  ...['--enable', 'simd', '--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'],
];

/** `folder` holds index.ts and whatever it imports; `targets` are paths below the root with flags of their own. */
export async function compileKernels(folder, targets) {
  mkdirSync(cache, { recursive: true });
  await Promise.all(Object.entries(targets).map(([target, flags]) => compile(folder, target, [...COMMON, ...flags])));
}

async function compile(folder, target, flags) {
  const kept = join(cache, `${keyOf(folder, flags)}.wasm`);
  // Written under a temporary name: a process that loads the kernels meanwhile never sees half a file.
  const temporary = (path) => `${path}.${process.pid}.tmp`;
  if (!existsSync(kept)) {
    const out = temporary(kept);
    const asc = join(compiler, 'bin', 'asc.js');
    // The compiler takes paths below its working directory only.
    const args = [asc, `${folder}/index.ts`, ...flags, '-o', relative(root, out)];
    await promisify(execFile)(process.execPath, args, { cwd: root });
    if (statSync(out).size < 1000) throw new Error(`${target} is empty: are the exports still there?`);
    renameSync(out, kept);
  }
  const path = join(root, target);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(kept, temporary(path));
  renameSync(temporary(path), path);
}

function keyOf(folder, flags) {
  const { version } = JSON.parse(readFileSync(join(compiler, 'package.json'), 'utf8'));
  const hash = createHash('sha256').update(JSON.stringify([version, flags]));
  for (const name of readdirSync(join(root, folder)).sort())
    hash.update(`\0${name}\0`).update(readFileSync(join(root, folder, name)));
  return hash.digest('hex').slice(0, 32);
}
