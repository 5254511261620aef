import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMMAND_RESULTS } from '../../src/shell/results/index.js';
import { quantline, quantlineProcess, root } from './cli.js';

/** Tuning through the built command line: the page's commands as they stand, and a kill in the middle. */
let folder: string;
const LEARNER = ['--trainer', 'logistic', '--features', 'ret(1),rsi(14)'];
const q = (...args: string[]) => quantline(args, { cwd: folder });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-tune-'));
  copyFileSync(join(root, 'fixtures/bars/spy-daily-2017-2018.csv'), join(folder, 'bars.csv'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const studyAt = (path: string) =>
  JSON.parse(readFileSync(join(path, 'study.json'), 'utf8')) as { trials: { number: number; state: string }[] };

const counted = async (): Promise<number> =>
  (JSON.parse((await q('trials', '--json')).stdout) as { readonly count: number }).count;

function bash(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const start = `set -euo pipefail\nquantline() { '${process.execPath}' '${join(root, 'bin/run.js')}' "$@"; }\n`;
  return new Promise((done, fail) => {
    const child = spawn('bash', ['-c', start + script], {
      cwd: folder,
      env: {
        ...{ PATH: process.env['PATH'], HOME: folder, XDG_DATA_HOME: join(folder, 'user-data') },
        QUANTLINE_THREADS: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', fail);
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
}

it('docs/tuning.md: its commands run as they stand', async () => {
  const page = readFileSync(join(root, 'docs/tuning.md'), 'utf8');
  const blocks = [...page.matchAll(/^```bash\n([\s\S]*?)^```/gm)].map(([, block]) => block!);
  expect(blocks).toHaveLength(2);
  const chain = await bash(`${blocks[0]}\necho "$study $model $run"`);
  expect(chain.code, chain.stderr).toBe(0);
  const [study, model, run] = chain.stdout.trim().split(' ');
  expect([study, model, run]).toEqual(['study', 'model', 'run'].map((kind) => expect.stringContaining(`/${kind}/`)));
  expect(chain.stderr).toContain('12 trials; the best by auc over purged(5):');
  expect(chain.stderr).toMatch(/^importance: (\w+ \d+%(, )?){4}$/m);
  expect(studyAt(study!).trials).toHaveLength(12);

  const pair = await bash(blocks[1]!);
  expect(pair.code, pair.stderr).toBe(0);
  const paths = pair.stdout.trim().split('\n');
  expect(paths).toHaveLength(2);
  expect(paths[0]).toBe(paths[1]);
  expect(studyAt(paths[0]!).trials.map(({ number }) => number)).toEqual(Array.from({ length: 24 }, (_, i) => i));
}, 120_000);

it('killed in the middle, the same command goes on to the study of a run that never stopped', async () => {
  writeFileSync(join(folder, 'linear.yaml'), 'lambda: {type: float, low: 1e-6, high: 0.01, log: true}\n');
  const args = ['tune', '--data', 'latest', ...LEARNER, '--space', 'linear.yaml', '--trials', '25'];
  const before = await counted();
  let killed = false;
  const first = await quantlineProcess(args, {
    cwd: folder,
    started: (child) =>
      child.stderr!.on('data', (text: string) => {
        if (killed || !/trial 4 of/.test(String(text))) return;
        killed = true;
        child.kill('SIGKILL');
      }),
  });
  expect([killed, first.code, first.stdout]).toEqual([true, null, '']);
  const second = await q(...args);
  expect(second.code, second.stderr).toBe(0);
  const so = Number(/study \w+: (\d+) trials so far/.exec(second.stderr)?.[1]);
  expect(so).toBeGreaterThanOrEqual(5);
  expect(so).toBeLessThan(25);
  expect(studyAt(second.stdout.trim()).trials.every(({ state }) => state === 'complete')).toBe(true);
  // Of the trials of both lives each is counted once.
  expect((await counted()) - before).toBe(25);
  const workspace = join(folder, 'other');
  const data = await quantline(
    ['ingest', '--source', 'csv', '--symbols', 'SPY', '--file', 'bars.csv', '--workspace', workspace],
    { cwd: folder },
  );
  expect(data.code, data.stderr).toBe(0);
  const whole = await q(...args, '--workspace', workspace);
  expect(whole.code, whole.stderr).toBe(0);
  expect(whole.stdout.trim().split('/').at(-1)).toBe(second.stdout.trim().split('/').at(-1));
}, 120_000);

it('one JSON document under --json; a mistake in the space is a configuration error with its line', async () => {
  const args = ['tune', '--data', 'latest', ...LEARNER, '--space', 'linear.yaml', '--trials', '25', '--json'];
  const document = COMMAND_RESULTS.tune.parse(JSON.parse((await q(...args)).stdout));
  expect(document).toMatchObject({ kind: 'study', reused: true, summary: { trials: 25, objective: 'auc' } });
  writeFileSync(join(folder, 'bad.yaml'), '# a comment\nlamda: {type: float, low: 0, high: 1}\n');
  const bad = await q('tune', '--data', 'latest', '--trainer', 'logistic', '--space', 'bad.yaml');
  expect([bad.code, bad.stdout]).toEqual([3, '']);
  expect(bad.stderr).toContain('bad.yaml:2 lamda');
  expect(bad.stderr).toContain('Did you mean "lambda"?');
});
