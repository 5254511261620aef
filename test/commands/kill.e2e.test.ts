import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/domain/random.js';
import { FAULT_POINTS } from '../../src/core/execution/index.js';
import { quantline, quantlineProcess, root } from './cli.js';

/** A trading process that is killed anywhere and started again ends where one that was never killed does. */
let folder: string;
let run: string;
let expected: { equity: number; fills: number };
let orders: unknown[];

async function path(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await quantline(args, { cwd: folder });
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

const trade = (name: string) => [
  ...['trade', '--run', run, '--strategy', name, '--broker', 'sim', '--set', `account=${name}`, '--json'],
];
/** As a process of its own, which may be killed at a point or after a while, ms. */
const alone = (name: string, env: Record<string, string> = {}, killAfter?: number) =>
  quantlineProcess(trade(name), {
    cwd: folder,
    env,
    started: (child) => {
      if (killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter);
    },
  });

async function sessionOf(name: string): Promise<{ outcome: string; equity: number; fills: number }> {
  const { code, stdout, stderr } = await quantline(trade(name), { cwd: folder });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).session;
}

/** What was ordered and came of it, but for the names of the strategy. */
async function ordersOf(name: string): Promise<unknown[]> {
  const args = ['orders', '--all', '--limit', '1000', '--strategy', name, '--json'];
  const { stdout } = await quantline(args, { cwd: folder });
  const rows = JSON.parse(stdout) as Record<string, unknown>[];
  return rows
    .map(({ side, type, quantity, filled, average_price, status, reason }) =>
      JSON.stringify([side, type, quantity, filled, average_price, status, reason]),
    )
    .sort();
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
  const { finalEquity } = JSON.parse(await readFile(join(run, 'run.json'), 'utf8')) as { finalEquity: number };
  expected = { equity: finalEquity, fills: (await sessionOf('uninterrupted')).fills };
  orders = await ordersOf('uninterrupted');
  expect(expected.fills).toBeGreaterThan(10);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(FAULT_POINTS)('killed at %s', (point) => {
  test.each([3])('passing %i: a rerun converges', async (passing) => {
    const name = `${point}-${passing}`;
    const killed = await alone(name, { FAULT_POINT: `${point}:${passing}` });
    expect(killed.code).toBeNull();
    expect(killed.stdout).toBe('');
    expect(await sessionOf(name)).toMatchObject({ outcome: 'decided', ...expected });
    expect(await ordersOf(name)).toEqual(orders);
  });
});

test('killed again and again at random moments: it converges all the same', async () => {
  const random = seededRandom(42);
  for (let i = 0; i < 4; i++) await alone('random', {}, 250 + random.next() * 900);
  expect(await sessionOf('random')).toMatchObject(expected);
  expect(await ordersOf('random')).toEqual(orders);
});

test('two starts at once: one trades, the other finds the slot taken', async () => {
  const [a, b] = await Promise.all([alone('twice'), quantline(trade('twice'), { cwd: folder })]);
  expect([a.code, b.code], a.stderr + b.stderr).toEqual([0, 0]);
  const outcomes = [a, b].map(({ stdout }) => JSON.parse(stdout).session.outcome).sort();
  expect(outcomes[0]).toBe('decided');
  expect(['slot-taken', 'nothing']).toContain(outcomes[1]);
  expect(await sessionOf('twice')).toMatchObject(expected);
});
