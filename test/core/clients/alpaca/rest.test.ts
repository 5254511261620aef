import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AlpacaRest, alpacaKeys, alpacaUrls } from '../../../../src/core/clients/alpaca/index.js';
import { isQuantlineError } from '../../../../src/core/errors/index.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import { reply } from '../../../fakes/alpaca/faults.js';
import { FakeAlpaca } from '../../../fakes/alpaca/server.js';

const NOW = Date.UTC(2026, 10, 23, 15);
let venue: FakeAlpaca;
beforeEach(async () => {
  venue = await FakeAlpaca.start(() => NOW);
});
afterEach(() => venue.close());

const connect = (clock = new ManualClock(NOW)) =>
  AlpacaRest.create({
    keys: alpacaKeys(venue.secrets, 'paper'),
    urls: alpacaUrls(venue.secrets, 'paper'),
    clock,
    logger: silentLogger,
  });
const caught = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.catch((e: unknown) => e);
  if (!isQuantlineError(error)) throw new Error(`expected a QuantlineError, got ${String(error)}`);
  return error;
};

describe('AlpacaRest', () => {
  it('reads through the vendor’s client and returns the vendor’s own JSON', async () => {
    const rest = await connect();
    const account = await rest.trading('AccountsApi', (api, init) => api.getAccountRaw(init));
    expect(account).toMatchObject({ status: 'ACTIVE', cash: '100000' });
    expect(venue.requests[0]?.headers).toMatchObject({ 'apca-api-key-id': venue.keys.id });
    expect(venue.violations).toEqual([]);
  });

  it('waits for the reset of the rate limit, which the vendor’s client ignores', async () => {
    const clock = new ManualClock(NOW);
    const rest = await connect(clock);
    venue.arm(
      'GET /v2/account',
      reply(429, { message: 'too many requests.' }, { 'X-RateLimit-Reset': String(NOW / 1000 + 9) }),
    );
    await rest.trading('AccountsApi', (api, init) => api.getAccountRaw(init));
    expect(clock.now() - NOW).toBeGreaterThanOrEqual(10_000);
    expect(venue.count('GET /v2/account')).toBe(2);
  });

  it('says that keys were not accepted (F21, F38), and keeps them out of the message', async () => {
    const rest = await connect();
    venue.keys.secret = 'another';
    const error = await caught(rest.trading('AccountsApi', (api, init) => api.getAccountRaw(init)));
    expect(error.code).toBe('CREDENTIALS');
    expect(error.message).toMatch(/does not accept these keys \(401: request is not authorized\)/);
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('fake-secret');
    expect(venue.requests).toHaveLength(1);
  });

  it('F30 an error or a page is never an empty answer', async () => {
    const rest = await connect();
    for (const [status, body] of [
      [500, { message: 'internal server error occurred' }],
      [200, '<html>'],
      [200, ''],
    ] as const) {
      venue.arm('GET /v2/positions', reply(status, body), 4);
      const error = await caught(rest.trading('PositionsApi', (api, init) => api.getAllOpenPositionsRaw(init)));
      expect(error.code).toBe('UNAVAILABLE');
    }
  });

  it('stops when aborted', async () => {
    const rest = await connect();
    venue.arm('GET /v2/account', () => {});
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('stop')), 20);
    await expect(
      rest.trading('AccountsApi', (api, init) => api.getAccountRaw(init), { signal: controller.signal }),
    ).rejects.toThrow('stop');
  });
});

describe('keys and addresses', () => {
  const keys = (id: string) => ({ APCA_API_KEY_ID: id, APCA_API_SECRET_KEY: 's' });
  it('F38 refuses keys of the other environment before anything is sent', () => {
    expect(() => alpacaKeys(keys('AKABCDEFGHIJKLMNOPQR'), 'paper')).toThrow(/belong to the live environment/);
    expect(() => alpacaKeys(keys('PKABCDEFGHIJKLMNOPQR'), 'live')).toThrow(/belong to the paper environment/);
    expect(alpacaKeys(keys('PKABCDEFGHIJKLMNOPQR'), 'paper').keyId).toMatch(/^PK/);
    expect(alpacaKeys(keys('something-new'), 'live').keyId).toBe('something-new');
  });
  it('names the variable that is missing', () => {
    expect(() => alpacaKeys({ APCA_API_KEY_ID: 'x' })).toThrow('Alpaca needs APCA_API_SECRET_KEY.');
    expect(() => alpacaKeys(undefined)).toThrow(/APCA_API_KEY_ID and APCA_API_SECRET_KEY/);
    expect(() => alpacaKeys({ APCA_API_KEY_ID: 'a b', APCA_API_SECRET_KEY: 'c' })).toThrow(/white space/);
  });
  it('F38 refuses the host of the other environment, and any host that is not the vendor’s', () => {
    expect(() => alpacaUrls({ APCA_API_BASE_URL: 'https://api.alpaca.markets' }, 'paper')).toThrow(/live host/);
    expect(() => alpacaUrls({ APCA_API_BASE_URL: 'https://paper-api.alpaca.markets/v2' }, 'live')).toThrow(
      /paper host/,
    );
    for (const name of ['APCA_API_BASE_URL', 'APCA_API_DATA_URL', 'APCA_API_STREAM_URL', 'APCA_API_DATA_STREAM_URL'])
      expect(() => alpacaUrls({ [name]: 'https://alpaca.example.com' }, 'paper')).toThrow(new RegExp(name));
  });
  it('uses the vendor’s addresses by default', () => {
    expect(alpacaUrls({}, 'live')).toEqual({
      trading: 'https://api.alpaca.markets',
      data: 'https://data.alpaca.markets',
      tradingStream: 'wss://api.alpaca.markets/stream',
      dataStream: 'wss://stream.data.alpaca.markets',
    });
  });
});

describe('F8 429 on reads, in a burst from two processes', () => {
  const built = new URL('../../../../dist/core/clients/alpaca/index.js', import.meta.url);
  it.skipIf(!existsSync(built))('both back off and both finish', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quantline-burst-'));
    try {
      // Five requests, then none until the second that the replies name; the server keeps to its own word.
      let left = 5;
      let reset = Number.POSITIVE_INFINITY;
      venue.limit = {
        get remaining() {
          return Date.now() / 1000 < reset ? left : 1000;
        },
        set remaining(value) {
          left = value;
        },
        headers: () => {
          if (reset === Number.POSITIVE_INFINITY) reset = Math.ceil(Date.now() / 1000);
          return { 'X-RateLimit-Limit': '1000', 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(reset) };
        },
      };
      const script = `
        const { AlpacaRest, alpacaKeys, alpacaUrls } = await import(${JSON.stringify(built.href)});
        const { systemClock, silentLogger } = await import(${JSON.stringify(new URL('../../platform/index.js', built).href)});
        const secrets = JSON.parse(process.env.SECRETS);
        const rest = await AlpacaRest.create({ keys: alpacaKeys(secrets), urls: alpacaUrls(secrets, 'paper'), clock: systemClock, logger: silentLogger, stateDir: process.env.FOLDER });
        await Promise.all(Array.from({ length: 6 }, () => rest.trading('AccountsApi', (api, init) => api.getAccountRaw(init))));
        rest.close();`;
      const run = () =>
        new Promise<string>((resolve) => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
            env: { ...process.env, SECRETS: JSON.stringify(venue.secrets), FOLDER: folder },
          });
          let out = '';
          child.stderr.on('data', (data: Buffer) => {
            out += data.toString();
          });
          child.on('close', (code) => resolve(`${code} ${out}`));
        });
      expect(await Promise.all([run(), run()])).toEqual(['0 ', '0 ']);
      const limited = venue.requests.length - 12;
      expect(limited).toBeGreaterThan(0);
      // Without the shared budget each process would run into the limit again and again.
      expect(limited).toBeLessThanOrEqual(12);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
