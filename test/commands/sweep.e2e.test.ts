import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMMAND_RESULTS } from '../../src/shell/results/index.js';
import { quantline, quantlineProcess, root } from './cli.js';

/** A sweep through the built command line, and what the next evaluation knows of it. */
let folder: string;
let model: string;
const q = (...args: string[]) => quantline(args, { cwd: folder });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-sweep-'));
  const csv = join(root, 'fixtures/bars/spy-daily-2017-2018.csv');
  const data = (await q('ingest', '--source', 'csv', '--symbols', 'SPY', '--file', csv)).stdout.trim();
  model = (await q('train', '--data', data, '--trainer', 'sma-cross(5,20)')).stdout.trim();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('prints the path of the study on stdout, the table and the heat map on stderr', async () => {
  const { code, stdout, stderr } = await q('backtest', '--model', model, '--sweep', 'fast=3..8,slow=6..40:2');
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^\/.+\/study\/[0-9a-f]{16}\n$/);
  expect(stderr).toContain('104 combinations, 4 skipped; the best by sharpe:');
  expect(stderr).toMatch(/^ *fast +slow +total_return +sharpe/m);
  expect(stderr).toMatch(/^ *8 {2}· ·[░▒▓█]{2}/m);
  const study = JSON.parse(readFileSync(join(stdout.trim(), 'sweep.json'), 'utf8'));
  expect(study.heatMap.values).toHaveLength(6);
});

it('one JSON document under --json; every combination is a trial of what is evaluated next', async () => {
  const args = ['backtest', '--model', model, '--sweep', 'fast=3..8,slow=6..40:2', '--json'];
  const document = COMMAND_RESULTS.backtest.parse(JSON.parse((await q(...args)).stdout));
  expect(document).toMatchObject({ kind: 'study', reused: true, summary: { combinations: 104 } });
  const run = (await q('backtest', '--model', model)).stdout.trim();
  const { stdout } = await q('evaluate', '--run', run, '--gate', 'trades>=1', '--json');
  const { report } = JSON.parse(stdout) as { report: { trials: { count: number } } };
  // 104 of the sweep; sma-cross(5,20) is one of them.
  expect(report.trials.count).toBe(104);
});

it('a mistake in the grid is a usage error that names it', async () => {
  const { code, stderr } = await q('backtest', '--model', model, '--sweep', 'fats=3..8');
  expect(code).toBe(2);
  expect(stderr).toContain('Did you mean "fast"?');
});

it('a real SIGINT ends the sweep and its threads with 130, and leaves no half study', async () => {
  const staging = join(folder, '.quantline/.staging');
  const studies = () => readdirSync(join(folder, '.quantline/study'));
  const before = studies();
  let timer: NodeJS.Timeout | undefined;
  const { code, stdout, stderr } = await quantlineProcess(
    ['backtest', '--model', model, '--sweep', 'fast=2..200,slow=201..400'],
    {
      cwd: folder,
      env: { QUANTLINE_THREADS: '2' },
      started(child) {
        // The staging folder appears when the combinations begin.
        timer = setInterval(() => {
          if (!child.killed && existsSync(staging) && readdirSync(staging).length > 0) child.kill('SIGINT');
        }, 20);
      },
    },
  );
  clearInterval(timer);
  expect([code, stdout]).toEqual([130, '']);
  expect(stderr).toContain('Interrupted by SIGINT.');
  expect([studies(), readdirSync(staging)]).toEqual([before, []]);
});
