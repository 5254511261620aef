import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StudyEvent } from '../../src/core/learning/tuning/index.js';
import { startPostgres } from '../core/state/postgresServer.js';
import { describeWith } from '../support/require.js';
import { quantline, quantlineProcess, type Result, root } from './cli.js';

const server = await startPostgres();

describeWith('postgres', server !== undefined)('tasks of a batch job on one PostgreSQL server', () => {
  const TRIALS = 30;
  let folder: string;
  let journal: string;
  let ledger: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quantline-tasks-'));
    journal = await server!.create('tasks');
    ledger = await server!.create('ledger');
    copyFileSync(join(root, 'fixtures/bars/spy-daily-2017-2018.csv'), join(folder, 'bars.csv'));
    writeFileSync(join(folder, 'space.yaml'), 'lambda: {type: float, low: 1e-6, high: 0.01, log: true}\n');
    const ingested = await quantline(['ingest', '--source', 'csv', '--symbols', 'SPY', '--file', 'bars.csv'], {
      cwd: folder,
    });
    expect(ingested.code, ingested.stderr).toBe(0);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server!.stop();
  });

  const learner = ['--trainer', 'logistic', '--features', 'ret(1),rsi(14)', '--space', 'space.yaml'];
  const study = ['tune', '--data', 'latest', ...learner, '--trials', String(TRIALS), '--study', 'job'];
  const task = (
    env: Readonly<Record<string, string>>,
    more: readonly string[] = [],
    killAt?: RegExp,
  ): Promise<Result> =>
    quantlineProcess([...study, ...more], {
      cwd: folder,
      env: { QUANTLINE_JOURNAL: journal, QUANTLINE_TRIAL_LEDGER: ledger, ...env },
      started: (child) =>
        child.stderr!.on('data', (text: string) => {
          if (killAt?.test(String(text))) child.kill('SIGKILL');
        }),
    });
  const trialsAt = ({ stdout }: Result) =>
    (
      JSON.parse(readFileSync(join(stdout.trim(), 'study.json'), 'utf8')) as {
        trials: { number: number; state: string }[];
      }
    ).trials;

  test('one killed in the middle and started again: no trial lost or run twice', { timeout: 120_000 }, async () => {
    const first = { CLOUD_RUN_TASK_INDEX: '0', CLOUD_RUN_TASK_COUNT: '2' };
    const [killed, other] = await Promise.all([
      task(first, [], /trial [2468] of/),
      task({ JOB_COMPLETION_INDEX: '1' }, ['--tasks', '2']),
    ]);
    expect([killed.code, killed.stdout]).toEqual([null, '']);
    // The other task ends with its own half and leaves the rest to whoever is started for it.
    expect(other.code, other.stderr).toBe(0);
    expect(other.stderr).toMatch(/this task is done; 1\d of 30 trials of the study are/);
    const again = await task(first);
    expect(again.code, again.stderr).toBe(0);
    expect(trialsAt(again)).toEqual(
      Array.from({ length: TRIALS }, (_, number) => expect.objectContaining({ number, state: 'complete' })),
    );
    // In a ledger that all tasks share each trial stands once; one that knows nothing of them gets them all by one look.
    const entered = 'SELECT trial_key, sharpe, sessions FROM trials ORDER BY trial_key';
    expect(await server!.query(ledger, entered)).toHaveLength(TRIALS);
    const own = await server!.create('own');
    const looked = await task({ QUANTLINE_TRIAL_LEDGER: own }, ['--tasks', '1']);
    expect(looked.stderr).toContain(`trial ledger: ${TRIALS} new trials`);
    expect(await server!.query(own, entered)).toEqual(await server!.query(ledger, entered));
    // By number: ended once, begun once, but for the one that the kill cut off, begun twice with the same parameters.
    const rows = await server!.query<{ body: string }>(journal, 'SELECT body FROM study_events ORDER BY sequence');
    const events = rows.map(({ body }) => JSON.parse(body) as StudyEvent);
    const numbers = (type: string) => events.flatMap((event) => (event.type === type ? [event.trial] : []));
    const ascending = (list: number[]) => list.sort((a, b) => a - b);
    expect(ascending(numbers('finished'))).toEqual(Array.from({ length: TRIALS }, (_, i) => i));
    const begun = numbers('started');
    expect(new Set(begun).size).toBe(TRIALS);
    expect(begun.length - TRIALS).toBeLessThanOrEqual(1);
    // Each task worked on its own half.
    const done = ({ stderr }: Result) => [...stderr.matchAll(/trial (\d+) of/g)].map(([, n]) => Number(n));
    expect(done(other).every((n) => n % 2 === 1)).toBe(true);
    expect([...done(killed), ...done(again)].every((n) => n % 2 === 0)).toBe(true);
    expect(done(other)).toHaveLength(TRIALS / 2);
  });
});
