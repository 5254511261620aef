/**
 * W10: start-up, whole-process wall time with a warm disk cache, output discarded, side by side with `node -e 0`:
 * the rounds go through all commands in turn, so that a busy moment hits each alike. `over_node` is the difference of
 * the minima; to reach: 0.15 s for --version, 0.35 s for --help of a command.
 * --reps=N.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { arg, emit, version } from './harness.mjs';

const bin = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const reps = arg('reps', 15);
const commands = {
  'node -e 0': ['-e', '0'],
  'quantline --version': [bin, '--version'],
  'quantline backtest --help': [bin, 'backtest', '--help'],
  'quantline --help': [bin, '--help'],
};

const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'BENCH_LOG'));
function once(args) {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore', env });
  if (status !== 0) throw new Error(`${args.join(' ')} exits ${status}`);
  return (performance.now() - started) / 1000;
}

const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
for (const args of Object.values(commands)) once(args);
for (let i = 0; i < reps; i++) for (const [name, args] of Object.entries(commands)) times[name].push(once(args));

const node = Math.min(...times['node -e 0']);
for (const [name, seconds] of Object.entries(times)) {
  const sorted = [...seconds].sort((a, b) => a - b);
  const b = { min: sorted[0], median: sorted[reps >> 1], cpu: 0, runs: reps };
  emit('W10', version, b, 1, { command: name, over_node: Number((b.min - node).toFixed(4)) });
}
