import { createServer as createTcp } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { isQuantlineError, type QuantlineError } from '../../../src/core/errors/index.js';
import {
  createHttp,
  guardBaseUrl,
  type HttpOptions,
  httpFailureOf,
  ManualClock,
  rateLimitReset,
  retryAfter,
  retryAt,
} from '../../../src/core/platform/index.js';
import { type Loopback, listen } from '../../fakes/loopback.js';

const NOW = Date.UTC(2026, 10, 23, 15);
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
const server = async (...args: Parameters<typeof listen>): Promise<Loopback> => {
  const one = await listen(...args);
  open.push(one);
  return one;
};
const client = (url: string, extra: Partial<HttpOptions> = {}) =>
  createHttp({ service: 'Venue', origins: [url], clock: new ManualClock(NOW), ...extra });
const failed = async (promise: Promise<unknown>): Promise<QuantlineError> => {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!isQuantlineError(error)) throw new Error(`expected a QuantlineError, got ${String(error)}`);
  return error;
};

describe('F36 the network lies', () => {
  it('names DNS failure and knows that nothing was sent', async () => {
    const error = await failed(
      client('http://no-such-host.invalid', { attempts: 1 }).send({
        method: 'GET',
        url: 'http://no-such-host.invalid/',
      }),
    );
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toMatch(/DNS/);
    expect(httpFailureOf(error)).toMatchObject({ cause: 'dns', ambiguous: false });
  });

  it('names a refused connection', async () => {
    const one = await listen(() => {});
    await one.close();
    const error = await failed(client(one.url, { attempts: 2 }).send({ method: 'POST', url: one.url, body: '{}' }));
    expect(error.message).toMatch(/refused/);
    expect(httpFailureOf(error)).toMatchObject({ cause: 'refused', ambiguous: false });
  });

  it('names a TLS failure', async () => {
    const one = await server((_, res) => res.end('plain'));
    const url = one.url.replace('http:', 'https:');
    const error = await failed(client(url).send({ method: 'GET', url }));
    expect(error.message).toMatch(/TLS/);
    expect(httpFailureOf(error)?.ambiguous).toBe(false);
  });

  it('names a proxy that wants a login', async () => {
    const one = await server((_, res) => res.writeHead(407).end('<html>'));
    const error = await failed(client(one.url).send({ method: 'GET', url: one.url }));
    expect(error.message).toMatch(/proxy asks for a login \(407\)/);
  });

  it.each([
    ['text/html', '<html><body>Welcome to Hotel WiFi</body></html>'],
    ['application/json', '\n <!doctype html>'],
  ])('names a captive portal that answers 200 with a page (%s)', async (type, body) => {
    const one = await server((_, res) => res.writeHead(200, { 'content-type': type }).end(body));
    const error = await failed(client(one.url, { attempts: 1 }).send({ method: 'POST', url: one.url, body: '{}' }));
    expect(error.message).toMatch(/captive portal/);
    expect(httpFailureOf(error)).toMatchObject({ cause: 'web-page', ambiguous: true });
  });

  it('follows no redirect, so that secrets reach no other host', async () => {
    const seen: string[] = [];
    const other = await server((req, res) => {
      seen.push(JSON.stringify(req.headers));
      res.end('{}');
    });
    const one = await server((_, res) => res.writeHead(307, { location: `${other.url}/x?token=abc` }).end());
    const error = await failed(
      client(one.url).send({ method: 'GET', url: one.url, headers: { 'APCA-API-SECRET-KEY': 'hush-hush' } }),
    );
    expect(error.message).toContain(new URL(other.url).host);
    expect(`${error.message}${error.hint}${JSON.stringify(error.details)}`).not.toMatch(/hush|token=abc/);
    expect(seen).toEqual([]);
  });

  it('stops a slow drip at the deadline of the whole call', async () => {
    const one = await server((_, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => res.write(' '), 10);
      res.on('close', () => clearInterval(timer));
    });
    const error = await failed(client(one.url, { timeoutMs: 120, attempts: 1 }).send({ method: 'GET', url: one.url }));
    expect(httpFailureOf(error)).toMatchObject({ cause: 'timeout', ambiguous: true });
  });

  it('calls a body that ends early cut off', async () => {
    const one = await server((_, res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      res.write('{"a":');
      setTimeout(() => res.destroy(), 20);
    });
    const error = await failed(client(one.url, { attempts: 1 }).send({ method: 'POST', url: one.url, body: '{}' }));
    expect(httpFailureOf(error)).toMatchObject({ cause: 'cut-off', ambiguous: true });
  });

  it.each([
    ['', /empty/],
    ['{"a":', /not JSON/],
  ])('refuses the body %j', async (body, message) => {
    const one = await server((_, res) => res.end(body));
    const error = await failed(client(one.url, { attempts: 1 }).send({ method: 'GET', url: one.url }));
    expect(error.message).toMatch(message);
  });

  it('says that what answers does not speak HTTP', async () => {
    const tcp = createTcp((socket) => {
      socket.on('error', () => {});
      socket.end('SSH-2.0-OpenSSH\r\n', () => setTimeout(() => socket.destroy(), 50));
    });
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => tcp.close(resolve)) });
    const url = `http://127.0.0.1:${(tcp.address() as { port: number }).port}`;
    const error = await failed(client(url).send({ method: 'GET', url }));
    expect(error.message).toMatch(/does not speak HTTP/);
  });

  it('stops reading at the size limit, declared or not', async () => {
    const one = await server((req, res) => {
      // Two writes: the second kind of answer states no length.
      if (req.url === '/declared') res.writeHead(200, { 'content-length': '5000' });
      res.write('x'.repeat(2500));
      res.end('x'.repeat(2500));
    });
    for (const path of ['/declared', '/chunked']) {
      const error = await failed(client(one.url, { maxBytes: 1024 }).send({ method: 'GET', url: `${one.url}${path}` }));
      expect(httpFailureOf(error)?.cause).toBe('too-large');
    }
  });

  it('never calls a host outside its list', async () => {
    const one = await server((_, res) => res.end('{}'));
    const error = await failed(client('https://api.example.com').send({ method: 'GET', url: one.url }));
    expect(error.code).toBe('BUG');
  });
});

describe('retries', () => {
  const failing = (statuses: number[], headers: Record<string, string> = {}) => {
    let calls = 0;
    return server((_, res) => {
      const status = statuses[calls++] ?? 200;
      res.writeHead(status, { 'content-type': 'application/json', ...(status === 200 ? {} : headers) });
      res.end(JSON.stringify({ calls }));
    });
  };

  it('repeats a read after 500, 503 and a dropped connection', async () => {
    const one = await failing([500, 503]);
    expect((await client(one.url).send({ method: 'GET', url: one.url })).json).toEqual({ calls: 3 });
    let calls = 0;
    const two = await server((req, res) => (++calls === 1 ? req.socket.destroy() : res.end('{}')));
    await client(two.url).send({ method: 'GET', url: two.url });
    expect(calls).toBe(2);
  });

  it.each(['POST', 'PATCH', 'DELETE', 'PUT'] as const)('never repeats a %s', async (method) => {
    for (const status of [429, 500, 504]) {
      const one = await failing([status, 200]);
      const error = await failed(client(one.url).send({ method, url: one.url }));
      expect(httpFailureOf(error)).toMatchObject({ status, ambiguous: status !== 429 });
    }
  });

  it('waits until the limit resets, then a second more', async () => {
    const clock = new ManualClock(NOW);
    const one = await failing([429], { 'X-RateLimit-Reset': String(NOW / 1000 + 20) });
    await client(one.url, { clock }).send({ method: 'GET', url: one.url });
    expect(clock.now() - NOW).toBeGreaterThanOrEqual(21_000);
    expect(clock.now() - NOW).toBeLessThan(22_000);
  });

  it('honours Retry-After as seconds and as a date, also for a write that allows it (F7)', async () => {
    for (const value of ['7', new Date(NOW + 7000).toUTCString()]) {
      const clock = new ManualClock(NOW);
      const one = await failing([429], { 'Retry-After': value });
      await client(one.url, { clock }).send({ method: 'POST', url: one.url, retryRateLimit: true });
      expect(clock.now() - NOW).toBeGreaterThanOrEqual(7000);
    }
  });

  it('gives up when the wait is longer than allowed, and says when', async () => {
    const one = await failing([429], { 'Retry-After': '600' });
    const error = await failed(client(one.url).send({ method: 'GET', url: one.url }));
    expect(error.message).toContain('free again at 2026-11-23T15:10:00Z');
  });

  it('gives up after the last attempt', async () => {
    const one = await failing([500, 500, 500, 500, 500]);
    const error = await failed(client(one.url, { attempts: 3 }).send({ method: 'GET', url: one.url }));
    expect(httpFailureOf(error)?.status).toBe(500);
  });

  it('stops at once when aborted, with the signal’s reason', async () => {
    const one = await server(() => {});
    const controller = new AbortController();
    const sent = client(one.url).send({ method: 'GET', url: one.url, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('stop')), 30);
    await expect(sent).rejects.toThrow('stop');
  });
});

describe('headers', () => {
  const h = (entries: Record<string, string>) => new Headers(entries);
  it('reads Retry-After', () => {
    expect(retryAfter(h({ 'retry-after': '3' }), 1000)).toBe(4000);
    expect(retryAfter(h({ 'retry-after': 'Mon, 23 Nov 2026 15:00:00 GMT' }), 0)).toBe(NOW);
    expect(retryAfter(h({ 'retry-after': 'soon' }), 0)).toBeUndefined();
    expect(retryAfter(h({}), 0)).toBeUndefined();
  });
  it('reads X-RateLimit-Reset in its three spellings', () => {
    expect(rateLimitReset(h({ 'x-ratelimit-reset': String(NOW / 1000) }), 5)).toBe(NOW);
    expect(rateLimitReset(h({ 'x-ratelimit-reset': String(NOW) }), 5)).toBe(NOW);
    expect(rateLimitReset(h({ 'x-ratelimit-reset': '30' }), NOW)).toBe(NOW + 30_000);
  });
  it('takes the later of both and never the past', () => {
    expect(retryAt(h({ 'retry-after': '1', 'x-ratelimit-reset': '9' }), NOW)).toBe(NOW + 10_000);
    expect(retryAt(h({ 'x-ratelimit-reset': String(NOW / 1000 - 50) }), NOW)).toBe(NOW);
  });
});

describe('guardBaseUrl', () => {
  const official = ['https://paper-api.alpaca.markets', 'https://api.alpaca.markets'];
  it('accepts the vendor and this machine', () => {
    expect(guardBaseUrl(undefined, official, 'X')).toBe(official[0]);
    expect(guardBaseUrl('https://api.alpaca.markets/', official, 'X')).toBe(official[1]);
    for (const url of ['http://127.0.0.1:9', 'http://localhost:9', 'http://[::1]:9', 'ws://127.9.9.9:1/x'])
      expect(guardBaseUrl(url, official, 'X')).toBe(url);
  });
  it.each([
    'https://api.alpaca.markets.evil.example',
    'http://api.alpaca.markets',
    'https://127.0.0.1.evil.example',
    'https://10.0.0.1',
    'https://user:pass@api.alpaca.markets',
    'http://127.0.0.1@evil.example',
    'file:///etc/passwd',
    'nonsense',
    'ftp://127.0.0.1',
  ])('refuses %s', (url) => {
    expect(() => guardBaseUrl(url, official, 'APCA_API_BASE_URL')).toThrow(/APCA_API_BASE_URL/);
  });
});
