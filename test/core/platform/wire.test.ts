import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHttp, ManualClock } from '../../../src/core/platform/index.js';
import { NotHttp, ResponseReader, TooLarge } from '../../../src/core/platform/wire/response.js';
import { listen, readRequest } from '../../fakes/loopback.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of open.splice(0)) await one.close();
});

/** Feeds an answer in pieces of `size` bytes, then ends. */
function read(text: string, { method = 'GET', size = 1_000_000, limit = 1000 } = {}) {
  const heads: number[] = [];
  const reader = new ResponseReader(method, limit, ({ status }) => heads.push(status));
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length && !reader.done; at += size) reader.push(bytes.subarray(at, at + size));
  const [early, whole] = [reader.done, reader.end()];
  return { heads, early, whole, body: whole ? reader.body().toString('latin1') : '', reusable: reader.reusable };
}

const OK = 'HTTP/1.1 200 OK\r\n';

describe('an answer, whole and byte by byte', () => {
  const good: [string, string, { method?: string }, { body: string; reusable: boolean; early?: boolean }][] = [
    ['a length', `${OK}Content-Length: 5\r\n\r\nhello`, {}, { body: 'hello', reusable: true }],
    ['no body by length', `${OK}content-length: 0\r\n\r\n`, {}, { body: '', reusable: true }],
    ['no reason', 'HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx', {}, { body: 'x', reusable: true }],
    ['the same length twice', `${OK}content-length: 2, 2\r\n\r\nok`, {}, { body: 'ok', reusable: true }],
    [
      'chunks with extension and trailer',
      `${OK}transfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nx: y\r\n\r\n`,
      {},
      { body: 'abc0123456789', reusable: true },
    ],
    ['until the end', `${OK}\r\nall of it`, {}, { body: 'all of it', reusable: false, early: false }],
    ['closing', `${OK}connection: close\r\ncontent-length: 1\r\n\r\nx`, {}, { body: 'x', reusable: false }],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx', {}, { body: 'x', reusable: false }],
    ['a head alone', `${OK}content-length: 5\r\n\r\n`, { method: 'HEAD' }, { body: '', reusable: true }],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', {}, { body: '', reusable: true }],
    [
      'after interim answers',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}content-length: 1\r\n\r\nx`,
      {},
      { body: 'x', reusable: true },
    ],
    [
      'chunks beside a length',
      `${OK}content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
      {},
      { body: 'x', reusable: false },
    ],
  ];
  test.each(good)('%s', (_, text, options, { early = true, ...expected }) => {
    for (const size of [1, 2, 7, 1_000_000])
      expect(read(text, { ...options, size })).toMatchObject({ ...expected, early, whole: true });
    expect(read(text, options).heads).toHaveLength(1);
  });

  test('what follows an answer is nobody’s: the connection is not used again', () => {
    expect(read(`${OK}content-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n`).reusable).toBe(false);
    expect(read(`${OK}transfer-encoding: chunked\r\n\r\n0\r\n\r\nmore`).reusable).toBe(false);
    expect(read('HTTP/1.1 204 No Content\r\n\r\nmore').reusable).toBe(false);
  });

  test.each([
    ['in the head', OK],
    ['in a body of known length', `${OK}content-length: 5\r\n\r\nhell`],
    ['in a chunk', `${OK}transfer-encoding: chunked\r\n\r\n5\r\nhel`],
    ['before the last chunk', `${OK}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n`],
  ])('cut off %s', (_, text) => {
    expect(read(text).whole).toBe(false);
  });

  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH\r\n'],
    ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['a folded header', `${OK}a: b\r\n c\r\n\r\n`],
    ['a header without a name', `${OK}: b\r\n\r\n`],
    ['two lengths', `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nx`],
    ['a length that is none', `${OK}content-length: -1\r\n\r\nx`],
    ['a chunk of no size', `${OK}transfer-encoding: chunked\r\n\r\nxyz\r\n`],
    ['a chunk that is longer than it says', `${OK}transfer-encoding: chunked\r\n\r\n1\r\nxy\r\n`],
    ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a head without end', `${OK}a: ${'b'.repeat(70_000)}`],
  ])('refused: %s', (_, text) => {
    for (const size of text.length > 1000 ? [4096] : [1, 4096]) expect(() => read(text, { size })).toThrow(NotHttp);
  });

  test.each([
    ['declared', `${OK}content-length: 1001\r\n\r\n`],
    ['in chunks', `${OK}transfer-encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`],
    ['until the end', `${OK}\r\n${'x'.repeat(1001)}`],
  ])('too large: %s', (_, text) => {
    expect(() => read(text)).toThrow(TooLarge);
  });
});

const client = (url: string, extra = {}) =>
  createHttp({ service: 'Venue', origins: [url], clock: new ManualClock(0), attempts: 1, ...extra });

describe('connections', () => {
  test('opened ahead they serve what leaves together; bodies and headers arrive as they were sent', async () => {
    const sockets = new Set<Socket>();
    const one = await listen(async (req, res) => {
      sockets.add(req.socket);
      res.end(
        JSON.stringify({ body: await readRequest(req), a: req.headers['x-a'], length: req.headers['content-length'] }),
      );
    });
    open.push(one);
    let opened = 0;
    one.server.on('connection', () => opened++);
    const http = client(one.url);
    await http.prepare(3);
    await http.prepare(3);
    const bodies = ['{"ü":1}', '{}', 'x'.repeat(100_000)];
    const post = (body: string | undefined) =>
      http.send({ method: 'POST', url: `${one.url}/?q=1`, headers: { 'X-A': 'b' }, body });
    const replies = await Promise.all(bodies.map(post));
    expect(replies.map(({ json }) => json)).toEqual(
      bodies.map((body) => ({ body, a: 'b', length: String(Buffer.byteLength(body)) })),
    );
    expect((await post(undefined)).json).toEqual({ body: '', a: 'b', length: '0' });
    expect([opened, sockets.size]).toEqual([3, 3]);
  });

  test('one that the server has closed meanwhile is not used', async () => {
    const one = await listen((req, res) => {
      res.end('{}');
      if (req.url === '/last') res.on('finish', () => setTimeout(() => req.socket.destroy()));
    });
    open.push(one);
    const http = client(one.url);
    await http.send({ method: 'POST', url: `${one.url}/last`, body: '{}' });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await http.send({ method: 'POST', url: one.url, body: '{}' })).status).toBe(200);
  });

  test('nobody listens: opening ahead says nothing, the request does', async () => {
    const one = await listen(() => {});
    await one.close();
    await client(one.url).prepare(2);
    await expect(client(one.url).send({ method: 'POST', url: one.url })).rejects.toThrow(/refused/);
  });

  test('a header cannot carry another one', async () => {
    const one = await listen((_, res) => res.end('{}'));
    open.push(one);
    for (const value of ['a\r\nx: y', 'ü', 'a\nb'])
      await expect(client(one.url).send({ method: 'GET', url: one.url, headers: { a: value } })).rejects.toThrow();
  });

  test('a compressed body counts by what it becomes', async () => {
    const one = await listen((_, res) =>
      res.setHeader('content-encoding', 'gzip').end(gzipSync(`"${'x'.repeat(9000)}"`)),
    );
    open.push(one);
    expect((await client(one.url).send({ method: 'GET', url: one.url })).text).toHaveLength(9002);
    await expect(client(one.url, { maxBytes: 5000 }).send({ method: 'GET', url: one.url })).rejects.toThrow(/larger/);
  });

  test('an answer before the question ends the connection', async () => {
    const tcp = createTcp((socket) => socket.write(`${OK}content-length: 2\r\n\r\n{}`));
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => tcp.close() });
    const url = `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`;
    const http = client(url);
    await http.prepare(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    // It was not taken for the answer to this one, which has a connection of its own.
    expect((await http.send({ method: 'GET', url })).text).toBe('{}');
  });

  test('TLS: opened ahead, and nothing is said to a certificate that nobody vouches for', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' });
    let asked = 0;
    let opened = 0;
    const server = createServer({ key, cert }, (_, res) => {
      asked++;
      res.end('{}');
    });
    server.on('connection', () => opened++);
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    open.push({ close: () => server.closeAllConnections() }, { close: () => server.close() });
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    await client(url).prepare(1);
    await expect(client(url).send({ method: 'POST', url, body: '{}' })).rejects.toThrow(/TLS/);
    expect(asked).toBe(0);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const http = client(url);
    await http.prepare(2);
    const ahead = opened;
    await Promise.all([1, 2].map(() => http.send({ method: 'POST', url, body: '{}' })));
    expect([asked, opened]).toEqual([2, ahead]);
  });
});
