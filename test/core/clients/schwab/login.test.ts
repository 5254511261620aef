import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeFrom, readTokens, withLock } from '../../../../src/core/clients/schwab/index.js';
import { currentOwner, systemClock } from '../../../../src/core/platform/index.js';
import { loginSchwab } from '../../../../src/core/stages/login.js';
import { createRuntime } from '../../../../src/core/stages/runtime.js';
import { type RigParts, rigParts, T0 } from '../../../fakes/rig.js';
import { FakeSchwab } from '../../../fakes/schwab/server.js';

let venue: FakeSchwab;
let parts: RigParts;
beforeEach(async () => {
  parts = await rigParts();
  venue = await FakeSchwab.start(() => parts.clock.now());
});
afterEach(async () => {
  await venue.close();
  await parts.folder.remove();
});

const runtime = (signal = new AbortController().signal) =>
  createRuntime({
    workspace: parts.folder.path,
    clock: parts.clock,
    logger: parts.logger,
    secrets: venue.secrets,
    signal,
  });

/** What a person's browser does: Schwab's page redirects it to the callback. */
const redirect = (shown: string, change: (query: URLSearchParams) => void = () => {}): string => {
  const address = new URL(/https?:\/\/\S+authorize\S+/.exec(shown)![0]);
  expect(address.searchParams.get('client_id')).toBe(venue.app.key);
  const callback = address.searchParams.get('redirect_uri')!;
  const code = `C0.${venue.codes.size}abc@`;
  venue.codes.set(code, callback);
  const query = new URLSearchParams({ code, session: 's1', state: address.searchParams.get('state')! });
  change(query);
  return `${callback}/?${query}`;
};

/** Opens an address as a browser that accepts the certificate. */
const open = (address: string, port?: number): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const url = new URL(address);
    if (port !== undefined) url.port = String(port);
    get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, body }));
    }).on('error', reject);
  });

/** A port that is free now. */
async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const options = { callback: 'https://127.0.0.1:8182', paste: true, timeout: 5000 };

describe('quantline login schwab', () => {
  it('receives the redirect over https on this machine and keeps the tokens for their owner alone', async () => {
    const callback = `https://127.0.0.1:${await freePort()}`;
    let answered: Promise<unknown> = Promise.resolve();
    const result = await loginSchwab({ ...options, callback, paste: false }, runtime(), {
      ask: () => Promise.reject(new Error('nothing is asked')),
      show: (text) => {
        answered = (async () => {
          const foreign = await open(redirect(text, (query) => query.set('state', 'of-somebody-else')));
          expect(foreign.status).toBe(400);
          expect((await open(`${callback}/other`)).status).toBe(404);
          const page = await open(redirect(text));
          expect(page).toMatchObject({ status: 200, body: expect.stringContaining('close this page') });
        })();
      },
    });
    await answered;
    expect(result).toEqual({
      token_file: `${parts.folder.path}/state/schwab-token.json`,
      expires_at: '2026-11-30T15:00:00Z',
      accounts: 1,
    });
    expect((await stat(result.token_file)).mode & 0o777).toBe(0o600);
    expect(await readTokens(result.token_file, venue.app)).toMatchObject({
      access_token: venue.accessToken,
      refresh_token: venue.refreshToken,
      access_expires_at: T0 + 1_800_000,
    });
    expect(venue.violations).toEqual([]);
    await expect(open(callback)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('takes the address that the browser ended on, pasted', async () => {
    let address = '';
    const result = await loginSchwab(options, runtime(), {
      show: (text) => {
        address = redirect(text);
      },
      ask: () => Promise.resolve(`  ${address}\n`),
    });
    expect(result.accounts).toBe(1);
    const text = parts.said.join('\n');
    for (const secret of [venue.app.secret, venue.accessToken, venue.refreshToken]) expect(text).not.toContain(secret);
  });

  it.each<[string, (address: string) => string, string, RegExp]>([
    ['of another login', (a) => a.replace(/state=[^&]+/, 'state=x'), 'CREDENTIALS', /another login/],
    ['without a state', (a) => a.replace(/&state=[^&]+/, ''), 'CREDENTIALS', /another login/],
    ['without a code', (a) => a.replace(/code=[^&]+&/, ''), 'USAGE', /no code/],
    ['with a refusal', (a) => `${a}&error=access_denied`, 'CREDENTIALS', /refused the login \(access_denied\)/],
    ['that is none', () => 'yes', 'USAGE', /not an address/],
    ['with a code that was used', (a) => a.replace(/code=[^&]+/, 'code=old'), 'CREDENTIALS', /bad authorization code/],
  ])('refuses an address %s; nothing is kept', async (_name, change, code, message) => {
    let address = '';
    const login = loginSchwab(options, runtime(), {
      show: (text) => {
        address = change(redirect(text));
      },
      ask: () => Promise.resolve(address),
    });
    await expect(login).rejects.toMatchObject({ code, message });
    await expect(stat(`${parts.folder.path}/state/schwab-token.json`)).rejects.toThrow(/ENOENT/);
  });

  it('refuses a callback elsewhere, a port in use, and waits no longer than it was told', async () => {
    const person = { show: () => {}, ask: () => Promise.resolve('') };
    for (const callback of ['http://127.0.0.1:8182', 'https://example.com', 'no'])
      await expect(loginSchwab({ ...options, callback }, runtime(), person)).rejects.toMatchObject({ code: 'USAGE' });
    const busy = venue.url.replace('http:', 'https:');
    await expect(loginSchwab({ ...options, callback: busy, paste: false }, runtime(), person)).rejects.toMatchObject({
      code: 'CONFIG',
      hint: expect.stringMatching(/--paste/),
    });
    const callback = `https://127.0.0.1:${await freePort()}`;
    await expect(loginSchwab({ callback, paste: false, timeout: 30 }, runtime(), person)).rejects.toMatchObject({
      code: 'CREDENTIALS',
      message: expect.stringMatching(/Nobody logged in/),
    });
    const stop = new AbortController();
    const waiting = loginSchwab({ ...options, callback, paste: false }, runtime(stop.signal), {
      ...person,
      show: () => setTimeout(() => stop.abort(new Error('stopped')), 10),
    });
    await expect(waiting).rejects.toThrow('stopped');
  });

  it('a browser’s code is read whole, with what has to be encoded in it', () => {
    expect(codeFrom('https://127.0.0.1/?code=C0.b2F1%40&session=x&state=s', 'https://127.0.0.1', 's')).toBe('C0.b2F1@');
  });
});

describe('the token file', () => {
  const path = () => `${parts.folder.path}/state/token.json`;

  it('damaged, of another app: log in again', async () => {
    await mkdir(`${parts.folder.path}/state`, { recursive: true });
    await writeFile(path(), '{"schema":1', { mode: 0o600 });
    await expect(readTokens(path(), venue.app)).rejects.toMatchObject({
      code: 'CREDENTIALS',
      message: expect.stringMatching(/damaged/),
    });
    let address = '';
    const { token_file: file } = await loginSchwab(options, runtime(), {
      show: (text) => {
        address = redirect(text);
      },
      ask: () => Promise.resolve(address),
    });
    await expect(readTokens(file, { ...venue.app, key: 'another' })).rejects.toThrow(/another app key/);
    expect(await readFile(file, 'utf8')).not.toContain(venue.app.key);
  });

  it('its lock is held by one at a time, and taken over from one that died', async () => {
    await mkdir(`${parts.folder.path}/state`, { recursive: true });
    let inside = 0;
    await Promise.all(
      Array.from({ length: 5 }, () =>
        withLock(path(), systemClock, async () => {
          expect(++inside).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 5));
          inside--;
        }),
      ),
    );
    await writeFile(`${path()}.lock`, '');
    const old = Date.now() / 1000 - 120;
    await utimes(`${path()}.lock`, old, old);
    expect(await withLock(path(), systemClock, async () => 'taken over')).toBe('taken over');
    // Of this machine, a moment ago: it is not waited for.
    const [host, place] = currentOwner().split('|');
    await writeFile(`${path()}.lock`, [host, place, 999_999_999, 1].join('|'));
    let asked = 0;
    const impatient = { ...systemClock, monotonic: () => 60_000 * asked++ };
    expect(await withLock(path(), impatient, async () => 'taken over')).toBe('taken over');
  });
});
