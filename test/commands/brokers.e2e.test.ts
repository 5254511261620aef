import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { errorResult, loginResult } from '../../src/shell/results/index.js';
import { FakeSchwab } from '../fakes/schwab/server.js';
import { FakeTws } from '../fakes/tws/server.js';
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

it('account shows what the venue says', async () => {
  const env = { IB_HOST: '127.0.0.1', IB_PORT: String(tws.port), IB_CLIENT_ID: '9' };
  const result = await quantline(['account', '--broker', 'ibkr', '--json'], { cwd: folder, env });
  expect(result.code, result.stderr).toBe(0);
  expect(JSON.stringify(JSON.parse(result.stdout))).toContain('DU1234567');
});
