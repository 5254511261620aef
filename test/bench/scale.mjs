/**
 * A universe larger than a chart: symbols × one year of minutes of the synthetic market, ingested, read back verified,
 * and backtested by the command line, each in a process of its own, with its peak memory. --symbols=N (500 is the
 * figure in docs/data.md and takes minutes), --folder=PATH (kept; otherwise removed).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arg, emit, version } from './harness.mjs';

const n = arg('symbols', 20);
const kept = arg('folder', '');
const workspace = kept === '' ? mkdtempSync(join(tmpdir(), 'scale-')) : kept;
const symbols = Array.from({ length: n }, (_, i) => `S${String(i + 1).padStart(3, '0')}`);
const cli = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
/** Prints the peak memory of the process that runs the command line, last. */
const measured = `process.on('exit', () => process.stderr.write('\\npeak ' + process.resourceUsage().maxRSS + ' ' + process.cpuUsage().user + '\\n')); await import(process.argv[1]);`;

function step(name, args, bars) {
  const began = performance.now();
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', measured, cli, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, QUANTLINE_WORKSPACE: workspace, QUANTLINE_TRIAL_LEDGER: join(workspace, 'trials.sqlite') },
  });
  if (child.status !== 0) throw new Error(`${name}: ${child.stderr}`);
  const seconds = (performance.now() - began) / 1000;
  const [, peak, cpu] = /peak (\d+) (\d+)\s*$/.exec(child.stderr);
  const measure = { min: seconds, median: seconds, cpu: Number(cpu) / 1e6, runs: 1, result: { bars } };
  emit(`scale/${n}/${name}`, version, measure, bars, measure.result, { peak_rss_mb: Math.round(Number(peak) / 1024) });
  return child.stdout.trim();
}

try {
  const range = ['--interval', '1m', '--from', '2024-01-01', '--to', '2024-12-31'];
  const bars = n * 97_740;
  const data = step('ingest', ['ingest', '--source', 'synthetic', '--symbols', symbols.join(','), ...range], bars);
  step('verify', ['ingest', 'verify'], bars);
  const model = step('train', ['train', '--data', data, '--trainer', 'sma-cross(30,120)'], bars);
  step('backtest', ['backtest', '--data', data, '--model', model, '--commission', '1bp'], bars);
} finally {
  if (kept === '') rmSync(workspace, { recursive: true, force: true });
}
