import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountResult,
  errorResult,
  fillsResult,
  loginResult,
  ordersResult,
  positionsResult,
  standingsResult,
} from '../../src/shell/results/index.js';
import { FakeSchwab } from '../fakes/schwab/server.js';
import { FakeTws } from '../fakes/tws/server.js';
import * as wire from '../fakes/tws/wire.js';
import { quantline, quantlineProcess } from './cli.js';

/** Logging in at Schwab and looking at accounts through the built command line, against fakes on loopback. */
let folder: string;
let schwab: FakeSchwab;
let tws: FakeTws;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-brokers-'));
  [schwab, tws] = await Promise.all([FakeSchwab.start(), FakeTws.start()]);
});
afterAll(async () => {
  await Promise.all([schwab.close(), tws.close()]);
  rmSync(folder, { recursive: true, force: true });
});

it('login schwab --paste: the address on stderr, the redirect on stdin, the path of the token file on stdout', async () => {
  const result = await quantlineProcess(['login', 'schwab', '--paste', '--json'], {
    cwd: folder,
    env: schwab.secrets,
    stdin: true,
    started: (child) => {
      let shown = '';
      child.stderr!.on('data', (text: string) => {
        shown += text;
        const address = /https?:\/\/\S+authorize\S+/.exec(shown)?.[0];
        if (address === undefined || !shown.includes('what is needed here')) return;
        shown = '';
        const query = new URL(address).searchParams;
        schwab.codes.set('C0.abc@', query.get('redirect_uri')!);
        const redirect = new URLSearchParams({ code: 'C0.abc@', session: 's', state: query.get('state')! });
        child.stdin!.end(`${query.get('redirect_uri')}/?${redirect}\n`);
      });
    },
  });
  expect(result.code, result.stderr).toBe(0);
  const { token_file: file, accounts } = loginResult.parse(JSON.parse(result.stdout));
  expect(accounts).toBe(1);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const output = result.stdout + result.stderr;
  for (const secret of [schwab.app.secret, schwab.accessToken, schwab.refreshToken])
    expect(output).not.toContain(secret);
  expect(schwab.violations).toEqual([]);
});

it('without the app’s keys: exit code 3 and both names', async () => {
  const result = await quantline(['login', 'schwab', '--json'], { cwd: folder });
  const { error } = errorResult.parse(JSON.parse(result.stdout));
  expect([result.code, error.exit_code]).toEqual([3, 3]);
  expect(error.message).toContain('SCHWAB_APP_KEY and SCHWAB_APP_SECRET');
});

describe('what a venue shows, by --broker and --json, and as a table', () => {
  const rows = {
    account: [accountResult, [{ account: 'DU1234567', source: 'venue', paper: true }]],
    // A quote of a moment ago: 100 × 101.
    positions: [
      positionsResult,
      [{ strategy: null, quantity: '100', market_price: '101', bid: '100.95', price_kind: 'quote', value: '10100' }],
    ],
    orders: [ordersResult, [{ strategy: null, instrument: 'AAPL', limit_price: '90', venue_status: 'Submitted' }]],
    fills: [fillsResult, [{ strategy: null, instrument: 'AAPL', quantity: '100', price: '100' }]],
    status: [standingsResult, []],
  } as const;
  beforeAll(() => {
    const [contract] = tws.contracts;
    const hand = { orderId: 1, orderRef: '', action: 'BUY' as const, account: 'DU1234567', tif: 'DAY', transmit: true };
    const order = (more: object) => ({ ...wire.readOrder([]), ...hand, parentId: 0, outsideRth: false, ...more });
    tws.book.prices.set('AAPL', 100);
    tws.book.add(order({ total: 100, orderType: 'MKT' }), contract!, 0);
    tws.book.add(order({ orderId: 2, total: 5, orderType: 'LMT', lmtPrice: 90 }), contract!, 0);
    tws.book.prices.set('AAPL', 101);
  });

  it.each(Object.entries(rows))('%s', async (command, [schema, expected]) => {
    const env = { IB_HOST: '127.0.0.1', IB_PORT: String(tws.port), IB_CLIENT_ID: '9' };
    const run = (...more: string[]) => quantline([command, '--broker', 'ibkr', ...more], { cwd: folder, env });
    const result = await run('--json');
    expect(result.code, result.stderr).toBe(0);
    const shown = schema.parse(JSON.parse(result.stdout));
    expect(shown).toHaveLength(expected.length);
    expect(shown).toMatchObject(expected);
    const table = await run();
    expect([table.code, table.stdout.includes('AAPL') || table.stdout.includes('DU1234567')]).toEqual([
      0,
      expected.length > 0,
    ]);
  });
});
