import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quantline, root } from './cli.js';

/**
 * The chain's results on shipped bars, held against recorded ones. Written again with UPDATE_GOLDEN=1; look at the
 * difference before it is committed: a change here is a change of what users get.
 */
let folder: string;

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await quantline(args, { cwd: folder });
  expect([0, 5], stderr).toContain(code);
  return stdout.trim();
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-golden-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function golden(name: string, text: string): void {
  const path = join(root, 'fixtures/golden', name);
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

/** Ids hold the build's hash, so they are left out; 12 digits are the same on every platform. */
const stable = (value: unknown): unknown => {
  if (typeof value === 'number') return Number(value.toPrecision(12));
  if (typeof value === 'string') return value.replace(/\b[0-9a-f]{16}\b/g, '<id>');
  if (Array.isArray(value)) return value.map(stable);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !['build', 'path', 'ledger', 'since', 'runtime', 'checksum'].includes(key))
      .map(([key, inner]) => [key, stable(inner)]),
  );
};

test.each([
  [
    'rule',
    ['--trainer', 'breakout(20,10,short)'],
    ['--stop-loss', '3%', '--take-profit', '6%', '--sizing', 'volatility(15%,20)'],
  ],
  [
    'learner',
    [
      '--trainer',
      'xgboost(30)',
      '--features',
      'ret(1),ret(5),rsi(14),zscore(20)',
      '--label',
      'direction(3)',
      '--cv',
      'walk-forward(3)',
      '--engine',
      'embedded',
      '--seed',
      '5',
    ],
    ['--lot', 'whole', '--slippage', 'volume-share(1%,0.1)', '--risk', 'max-position(50%)'],
  ],
])('%s', async (name, trainer, settings) => {
  const csv = join(root, 'fixtures/bars/spy-daily-2017-2018.csv');
  const data = await ok('ingest', '--source', 'csv', '--symbols', 'SPY', '--file', csv);
  const model = await ok('train', '--data', data, ...trainer);
  const run = await ok(
    'backtest',
    '--data',
    data,
    '--model',
    model,
    '--commission',
    '$0.005/share min $1',
    '--fees',
    'us',
    ...settings,
  );
  const trades = await ok('runs', 'show', run, '--trades', '--format', 'json');
  const file = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')) as object;
  golden(`${name}.json`, `${JSON.stringify({ run: stable(file), trades: stable(JSON.parse(trades)) }, null, 1)}\n`);
});
