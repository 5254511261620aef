import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { Pool } from './wire/pool.js';
import { type ResponseHead, ResponseReader, TooLarge } from './wire/response.js';

export { TooLarge } from './wire/response.js';

export interface ExchangeRequest {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  readonly stop: Stop;
  /** Largest body, as it comes and decompressed. */
  readonly maxBytes: number;
  /** Told of the head before the body is read. */
  readonly onHead: (head: ResponseHead) => void;
}

/** Ends one exchange. An AbortSignal does the same for several times the CPU, which counts where fifty orders leave. */
export class Stop {
  stopped = false;
  private end: (() => void) | undefined;

  now = (): void => {
    this.stopped = true;
    this.end?.();
  };

  /** What to do, at once where it was stopped before. */
  does(end: () => void): void {
    this.end = end;
    if (this.stopped) end();
  }
}

export interface ExchangeReply extends ResponseHead {
  /** Decompressed. */
  readonly bytes: Uint8Array;
}

const pools = new Map<string, Pool>();

function poolOf(url: URL): Pool {
  let pool = pools.get(url.origin);
  if (pool === undefined) {
    pool = new Pool(url);
    pools.set(url.origin, pool);
  }
  return pool;
}

/** Opens connections ahead of requests that are to leave together, TLS included; `count` of them wait then. */
export const openAhead = (origin: string, count: number): Promise<void> => poolOf(new URL(origin)).prepare(count);

const DEFAULT_HEADERS = { accept: '*/*', 'user-agent': 'quantline', 'accept-encoding': 'gzip, deflate, br' };

/**
 * One request and its answer over a kept connection. Redirects are not followed. A client of its own: the request is one
 * write, for a quarter of the CPU of Node's own client, because orders of many instruments leave together. Rejects with the connection's error, `NotHttp` (code HPE_…) or `TooLarge`.
 */
export async function exchange(url: URL, request: ExchangeRequest): Promise<ExchangeReply> {
  const { method, stop, maxBytes } = request;
  let head: ResponseHead | undefined;
  const reader = new ResponseReader(method, maxBytes, (found) => {
    head = found;
    request.onHead(found);
  });
  const text = requestOf(url, request);
  const connection = poolOf(url).take();
  stop.does(() => connection.socket.destroy(new Error('stopped')));
  await connection.run(text, method, reader);
  // The connection is the next request's.
  stop.does(() => {});
  const { status, headers } = head!;
  return { status, headers, bytes: await decoded(headers.get('content-encoding'), reader.body(), maxBytes) };
}

function requestOf(url: URL, { method, headers, body }: ExchangeRequest): string | Uint8Array {
  const fields: Record<string, string> = { ...DEFAULT_HEADERS };
  for (const name in headers) fields[name.toLowerCase()] = headers[name]!;
  const length = body === undefined ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  if (body !== undefined || /^P/.test(method)) fields['content-length'] = String(length);
  let head = `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\nconnection: keep-alive\r\n`;
  for (const name in fields) head += `${name}: ${fields[name]!}\r\n`;
  // Whatever would end a line early, or be another byte on the wire than here.
  if (/[^\t\r\n\x20-\x7e]/.test(head) || head.split('\r\n').length !== Object.keys(fields).length + 4)
    throw new TypeError('A header of the request has a character that none may have.');
  head += '\r\n';
  if (typeof body === 'object') return Buffer.concat([Buffer.from(head, 'latin1'), body]);
  return body === undefined ? head : head + body;
}

const DECODERS: Readonly<Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>>> =
  {
    gzip: promisify(gunzip),
    'x-gzip': promisify(gunzip),
    deflate: promisify(inflate),
    br: promisify(brotliDecompress),
  };

async function decoded(coding: string | null, bytes: Buffer, limit: number): Promise<Uint8Array> {
  const decode = coding === null || bytes.length === 0 ? undefined : DECODERS[coding.trim().toLowerCase()];
  if (decode === undefined) return bytes;
  try {
    return await decode(bytes, { maxOutputLength: limit });
  } catch (error) {
    throw (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? new TooLarge() : error;
  }
}
