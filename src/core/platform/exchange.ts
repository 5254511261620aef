import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { Connections } from './connections.js';

/** An answer is larger than its reader takes. */
export class TooLarge extends Error {}

export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
}

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

const connections = new Map<string, Promise<Connections>>();

function connectionsTo(url: URL): Promise<Connections> {
  let found = connections.get(url.origin);
  if (found === undefined) {
    found = Connections.to(url);
    connections.set(url.origin, found);
  }
  return found;
}

/** Opens connections ahead of requests that are to leave together, TLS included; `count` of them wait then. */
export const openAhead = async (origin: string, count: number): Promise<void> =>
  (await connectionsTo(new URL(origin))).prepare(count);

const DEFAULT_HEADERS: Readonly<Record<string, string>> = {
  accept: '*/*',
  'user-agent': 'quantline',
  'accept-encoding': 'gzip, deflate, br',
};

/** A character that none may have in a header: Node would write another byte than this one. */
const FOREIGN = /[^\t\x20-\x7e]/;

/**
 * One request and its answer over a kept connection. Redirects are not followed, and nothing is sent twice. By undici's
 * pool, for half of the CPU of Node's own client, because orders of many instruments leave together. Rejects with the
 * connection's error or with `TooLarge`.
 */
export async function exchange(url: URL, request: ExchangeRequest): Promise<ExchangeReply> {
  const { pool } = await connectionsTo(url);
  const { method, headers, body = null, maxBytes } = request;
  const { head, bytes } = await new Promise<Received>((resolve, reject) => {
    const receiver = new Receiver(request, resolve, reject);
    pool.dispatch(
      { path: url.pathname + url.search, method: method as Dispatcher.HttpMethod, headers: named(headers), body },
      receiver,
    );
  });
  return { ...head, bytes: await decoded(head.headers.get('content-encoding'), bytes, maxBytes) };
}

/** Names and values in turn, as undici takes them with the least work. */
function named(headers: Readonly<Record<string, string>> = {}): string[] {
  const fields: string[] = [];
  const given: string[] = [];
  for (const name in headers) {
    const value = headers[name]!;
    if (FOREIGN.test(value)) throw new TypeError(`The header ${name} has a character that none may have.`);
    const lower = name.toLowerCase();
    given.push(lower);
    fields.push(lower, value);
  }
  for (const name in DEFAULT_HEADERS) if (!given.includes(name)) fields.push(name, DEFAULT_HEADERS[name]!);
  return fields;
}

interface Received {
  readonly head: ResponseHead;
  readonly bytes: Buffer;
}

/** Collects one answer. */
class Receiver implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private head: ResponseHead | undefined;
  private readonly parts: Buffer[] = [];
  private length = 0;
  private over = false;

  constructor(
    private readonly request: ExchangeRequest,
    private readonly resolve: (received: Received) => void,
    private readonly reject: (error: Error) => void,
  ) {
    request.stop.does(() => this.fail(new Error('stopped')));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // Stopped while it waited for its connection: it is not sent.
    if (this.over) controller.abort(new Error('stopped'));
  }

  onResponseStart(_: unknown, status: number, fields: Record<string, string | string[] | undefined>): void {
    // Interim answers; the one that counts follows.
    if (status < 200) return;
    const headers = new Headers();
    for (const name in fields) for (const value of [fields[name] ?? []].flat()) headers.append(name, value);
    this.head = { status, headers };
    this.request.onHead(this.head);
    if (Number(headers.get('content-length') ?? 0) > this.request.maxBytes) this.fail(new TooLarge());
  }

  onResponseData(_: unknown, bytes: Buffer): void {
    this.parts.push(bytes);
    this.length += bytes.length;
    if (this.length > this.request.maxBytes) this.fail(new TooLarge());
  }

  onResponseEnd(): void {
    if (this.over) return;
    this.over = true;
    // The connection is the next request's.
    this.request.stop.does(() => {});
    const [first] = this.parts;
    const bytes = this.parts.length === 1 ? first! : Buffer.concat(this.parts, this.length);
    this.resolve({ head: this.head!, bytes });
  }

  onResponseError(_: unknown, error: Error): void {
    if (this.over) return;
    this.over = true;
    this.reject(error);
  }

  private fail(error: Error): void {
    if (this.over) return;
    this.over = true;
    this.controller?.abort(error);
    this.reject(error);
  }
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
