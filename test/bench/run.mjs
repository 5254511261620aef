/**
 * npm run bench -- [workload …] [--flag=value …]
 * Runs test/bench/<workload>.mjs, each in a process of its own (so that peak memory and compiled code are its own),
 * one after another. Without a name: every workload that exists. Each prints JSON lines on stdout.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const HELPERS = new Set(['harness', 'inputs', 'run', 'peers', 'w1-setup', 'w5-turn']);
const here = new URL('./', import.meta.url);
const available = readdirSync(here)
  .filter((file) => file.endsWith('.mjs') && !file.startsWith('_'))
  .map((file) => file.slice(0, -4))
  .filter((name) => !HELPERS.has(name))
  .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

const args = process.argv.slice(2);
const flags = args.filter((a) => a.startsWith('--'));
const names = args.filter((a) => !a.startsWith('--')).map((a) => a.toLowerCase());
const unknown = names.filter((name) => !available.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`Unknown workload ${unknown.join(', ')}. There are: ${available.join(', ')}.\n`);
  process.exit(2);
}
if (!existsSync(new URL('../../dist/core', here))) {
  process.stderr.write('The benchmarks measure dist/: run "npm run build" first.\n');
  process.exit(2);
}
let failed = 0;
for (const name of names.length > 0 ? names : available) {
  const script = fileURLToPath(new URL(`${name}.mjs`, here));
  const { status } = spawnSync(process.execPath, ['--expose-gc', script, ...flags], { stdio: 'inherit' });
  if (status !== 0) {
    process.stderr.write(`${name} failed (exit ${status}).\n`);
    failed++;
  }
}
process.exit(failed > 0 ? 1 : 0);
