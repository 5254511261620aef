import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/domain/random.js';
import { FAULT_POINTS } from '../../src/core/execution/index.js';
import { quantlineProcess, root } from './cli.js';

/** A trading process that is killed anywhere and started again ends where one that was never killed does. */
let folder: string;
let run: string;
let expected: { equity: number; fills: number };

const q = async (args: string[], env: Record<string, string> = {}, killAfter?: number) =>
  quantlineProcess(args, {
    cwd: folder,
    env,
    started: (child) => {
      if (killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter);
    },
  });

async function path(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await q(args);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

const trade = (name: string, env: Record<string, string> = {}, killAfter?: number) =>
  q(
    ['trade', '--run', run, '--strategy', name, '--broker', 'sim', '--set', `account=${name}`, '--json'],
    env,
    killAfter,
  );

async function sessionOf(name: string): Promise<{ outcome: string; equity: number; fills: number }> {
  const { code, stdout, stderr } = await trade(name);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).session;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-kill-'));
  const csv = join(root, 'fixtures/bars/btc-daily-2017-2021.csv');
  const data = await path('ingest', '--source', 'csv', '--symbols', 'BTC', '--file', csv, '--calendar', '24/7');
  const model = await path('train', '--data', data, '--trainer', 'momentum(3,short)');
  run = await path(
    ...['backtest', '--data', data, '--model', model, '--from', '2020-12-10', '--commission', '0.1%'],
    ...['--stop-loss', '4%', '--take-profit', '6%', '--reentry', 'immediate'],
  );
  const { fills } = JSON.parse((await q(['runs', 'show', run, '--json'])).stdout) as { fills?: number };
  const file = JSON.parse(await readFile(join(run, 'run.json'), 'utf8')) as { finalEquity: number };
  expected = { equity: file.finalEquity, fills: fills ?? (await sessionOf('uninterrupted')).fills };
  expect(expected.fills).toBeGreaterThan(10);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(FAULT_POINTS)('killed at %s', (point) => {
  test.each([3])('passing %i: a rerun converges', async (passing) => {
    const name = `${point}-${passing}`;
    const killed = await trade(name, { FAULT_POINT: `${point}:${passing}` });
    expect(killed.code).toBeNull();
    expect(killed.stdout).toBe('');
    expect(await sessionOf(name)).toMatchObject({ outcome: 'decided', ...expected });
  });
});

test('killed again and again at random moments: it converges all the same', async () => {
  const random = seededRandom(42);
  for (let i = 0; i < 4; i++) await trade('random', {}, 250 + random.next() * 900);
  const session = await sessionOf('random');
  expect(session).toMatchObject(expected);
});

test('two starts at once: one trades, the other finds the slot taken', async () => {
  const [a, b] = await Promise.all([trade('twice'), trade('twice')]);
  expect([a.code, b.code], a.stderr + b.stderr).toEqual([0, 0]);
  const outcomes = [a, b].map(({ stdout }) => JSON.parse(stdout).session.outcome).sort();
  expect(outcomes[0]).toBe('decided');
  expect(['slot-taken', 'nothing']).toContain(outcomes[1]);
  expect(await sessionOf('twice')).toMatchObject(expected);
});
