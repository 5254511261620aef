import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHttp, ManualClock } from '../../../src/core/platform/index.js';
import { listen, readRequest } from '../../fakes/loopback.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of open.splice(0)) await one.close();
});

const OK = 'HTTP/1.1 200 OK\r\n';

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
