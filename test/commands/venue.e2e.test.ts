import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULT_POINTS } from '../../src/core/execution/index.js';
import { openJournal } from '../../src/core/state/index.js';
import { FakeAlpaca } from '../fakes/alpaca/server.js';
import { walk } from '../support/venue.js';
import { quantline, quantlineProcess } from './cli.js';

/** The built command line against a venue on loopback, at the real time of day: markets that never close. */
const HOUR = 3_600_000;
const SYMBOLS = ['BTC/USD', 'ETH/USD', 'SOL/USD'];
let folder: string;
let venue: FakeAlpaca;
let report: string;

const env = () => ({ ...venue.secrets });
const q = (args: string[]) => quantline(args, { cwd: folder, env: env() });
/** As a process of its own, which may be killed; `signal` is sent once `when` is true. */
const alone = (args: string[], more: Record<string, string> = {}, signal?: NodeJS.Signals, when = () => false) =>
  quantlineProcess(args, {
    cwd: folder,
    env: { ...env(), ...more },
    started: (child) => {
      if (signal === undefined) return;
      const timer = setInterval(() => {
        if (!when()) return;
        clearInterval(timer);
        child.kill(signal);
      }, 50);
    },
  });

async function path(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await q(args);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

const tradeArgs = (name: string, ...more: string[]) => [
  ...['trade', '--report', report, '--strategy', name, '--broker', 'alpaca', '--max-decision-age', '24h'],
  ...['--journal', join(folder, `${name}.sqlite`), '--json', ...more],
];
const once = (name: string, ...more: string[]) => q(tradeArgs(name, '--once', ...more));

/** FAULTS.md, section 1: one order an intent, every fill booked once, nothing secret said. */
async function oracle(name: string, output: string): Promise<number> {
  const ids = venue.book.accepted.map((order) => order.client_order_id).filter((id) => id.startsWith(`ql-${name}-`));
  expect(new Set(ids).size).toBe(ids.length);
  const journal = await openJournal(join(folder, `${name}.sqlite`));
  try {
    const orders = await journal.orders();
    expect(
      orders
        .filter(({ venueOrderId }) => venueOrderId !== undefined)
        .map((one) => one.clientOrderId)
        .sort(),
    ).toEqual([...ids].sort());
    const booked = (await journal.fills()).map(({ executionId }) => executionId.split('::')[1]);
    const filled = venue.book.fills.filter(({ order }) => ids.includes(order.client_order_id)).map(({ id }) => id);
    expect(booked.sort()).toEqual(filled.sort());
  } finally {
    await journal.close();
  }
  expect(output).not.toContain(venue.keys.secret);
  expect(venue.violations).toEqual([]);
  return ids.length;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-venue-'));
  venue = await FakeAlpaca.start();
  // These processes share one budget, at the real time: with the vendor's usual 200 a minute they would wait for it.
  venue.perMinute = 10_000;
  const end = Math.floor(Date.now() / HOUR) * HOUR;
  for (const [i, symbol] of SYMBOLS.entries()) {
    const closes = walk(24 * 40, i + 1);
    venue.assets.set(symbol, {});
    venue.market.set(
      '1Hour',
      symbol,
      closes.map((c, k) => {
        const o = closes[k - 1] ?? c;
        const t = new Date(end - (closes.length - k) * HOUR).toISOString();
        return { t, o, h: Math.max(o, c), l: Math.min(o, c), c, v: 1000 };
      }),
    );
    venue.book.prices.set(symbol, closes.at(-1)!);
  }
  const from = new Date(end - 38 * 24 * HOUR).toISOString().slice(0, 10);
  const to = new Date(end - 2 * 24 * HOUR).toISOString().slice(0, 10);
  const data = await path('ingest', '--source', 'alpaca', '--symbols', SYMBOLS.join(','), '--from', from, '--to', to);
  const model = await path('train', '--data', data, '--trainer', 'buy-and-hold');
  const run = await path('backtest', '--data', data, '--model', model);
  report = await path('evaluate', '--run', run, '--gate', 'trades>=0');
}, 120_000);
afterAll(async () => {
  await venue.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(FAULT_POINTS)('F9, F10: killed at %s', (point) => {
  test('a rerun converges', { timeout: 180_000 }, async () => {
    const name = `kill-${point}`;
    const killed = await alone(tradeArgs(name, '--once'), { FAULT_POINT: point });
    expect(killed.code, killed.stderr).toBeNull();
    expect(killed.stdout).toBe('');
    const again = await once(name);
    expect(again.code, again.stderr).toBe(0);
    expect(JSON.parse(again.stdout).session.positions).toHaveLength(3);
    expect(await oracle(name, killed.stderr + again.stderr)).toBe(3);
  });
});

test('F12: two starts in one second: one trades, the other exits 8 under --strict-slot', {
  timeout: 180_000,
}, async () => {
  const args = tradeArgs('twice', '--once', '--strict-slot');
  const both = await Promise.all([alone(args), q(args)]);
  expect(both.map(({ code }) => code).sort(), both.map(({ stderr }) => stderr).join('\n')).toEqual([0, 8]);
  expect(await oracle('twice', both.map(({ stderr }) => stderr).join('\n'))).toBe(3);
});

test('F45: SIGTERM ends a resident session with its result and exit code 130', { timeout: 180_000 }, async () => {
  const count = () => venue.book.accepted.filter((one) => one.client_order_id.startsWith('ql-resident-')).length;
  const { code, stdout, stderr } = await alone(tradeArgs('resident'), {}, 'SIGTERM', () => count() === 3);
  expect(code, stderr).toBe(130);
  expect(JSON.parse(stdout).session).toMatchObject({ outcome: 'decided', slots: 1 });
  const again = await once('resident');
  expect(again.code, again.stderr).toBe(0);
  expect(await oracle('resident', stderr)).toBe(3);
});

test('F45: SIGINT ends it in the same way', { timeout: 180_000 }, async () => {
  const count = () => venue.book.accepted.filter((one) => one.client_order_id.startsWith('ql-keyboard-')).length;
  const { code, stdout, stderr } = await alone(tradeArgs('keyboard'), {}, 'SIGINT', () => count() === 3);
  expect(code, stderr).toBe(130);
  expect(JSON.parse(stdout).session).toMatchObject({ outcome: 'decided', slots: 1 });
  const again = await once('keyboard');
  expect(again.code, again.stderr).toBe(0);
  expect(await oracle('keyboard', stderr)).toBe(3);
});

test.each([
  ['--cash', 'NaN'],
  ['--cash', '-5'],
  ['--cash', '1,000'],
  ['--cash', 'Infinity'],
  ['--risk', 'max-order($-5)'],
  ['--risk', 'max-order($NaN)'],
])('F33: %s %s: exit 2, what is expected is said, the venue is not asked', async (flag, amount) => {
  const before = venue.requests.length;
  const { code, stderr } = await once('amount', flag, amount);
  expect(code, stderr).toBe(2);
  expect(stderr).toMatch(/expected|such as|--help/);
  expect(venue.requests.length).toBe(before);
});

test('F45: nobody reads the result any more: exit code 0, and all of it is on record', {
  timeout: 180_000,
}, async () => {
  const started: Parameters<typeof quantlineProcess>[1]['started'] = (child) => child.stdout!.destroy();
  const { code, stderr } = await quantlineProcess(tradeArgs('unread', '--once'), { cwd: folder, env: env(), started });
  expect(code, stderr).toBe(0);
  expect(stderr).not.toMatch(/EPIPE/);
  expect(JSON.parse((await once('unread')).stdout).session).toMatchObject({ orders: 0, positions: [{}, {}, {}] });
  expect(await oracle('unread', stderr)).toBe(3);
});

test('--live with the variable in .env alone: exit 3, nothing sent', async () => {
  writeFileSync(join(folder, '.env'), 'QUANTLINE_ALLOW_LIVE=PA3FAKE00001\n');
  const before = venue.requests.length;
  const { code, stderr } = await once('env', '--live');
  rmSync(join(folder, '.env'));
  expect(code).toBe(3);
  expect(stderr).toMatch(/\.env does not count/);
  expect(venue.requests.length).toBe(before);
});
