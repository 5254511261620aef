import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

export interface ExchangeRequest {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  readonly stop: Stop;
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

/** The head of an answer; the body, decompressed, is still to be read. */
export interface ExchangeReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readable;
}

/** Connections are kept for the next request, for less time than servers keep them (5 s and more). */
const KEEP = { keepAlive: true, timeout: 4000 } as const;
const plain = new HttpAgent(KEEP);
const encrypted = new HttpsAgent(KEEP);

const DEFAULT_HEADERS = { accept: '*/*', 'user-agent': 'quantline', 'accept-encoding': 'gzip, deflate, br' };

/**
 * One request and its answer over a kept connection. Redirects are not followed. Node's own client rather than `fetch`,
 * which takes four times the CPU for a small request: orders of many instruments leave together. Rejects with the
 * connection's error.
 */
export function exchange(url: URL, { method, headers, body, stop }: ExchangeRequest): Promise<ExchangeReply> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const options = {
      ...{ method, agent: secure ? encrypted : plain },
      headers: { ...DEFAULT_HEADERS, ...lowerCased(headers) },
    };
    const outgoing = (secure ? requestHttps : requestHttp)(url, options, (incoming) => {
      const head = new Headers();
      const { rawHeaders } = incoming;
      for (let i = 0; i < rawHeaders.length; i += 2) head.append(rawHeaders[i]!, rawHeaders[i + 1]!);
      resolve({ status: incoming.statusCode ?? 0, headers: head, body: decoded(incoming, method) });
    });
    outgoing.on('error', reject);
    stop.does(() => outgoing.destroy(new Error('stopped')));
    outgoing.end(body);
  });
}

const lowerCased = (headers: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function decoded(incoming: IncomingMessage, method: string): Readable {
  const decoder = {
    gzip: createGunzip,
    'x-gzip': createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  }[incoming.headers['content-encoding']?.trim().toLowerCase() ?? ''];
  const empty = method === 'HEAD' || incoming.statusCode === 204 || incoming.statusCode === 304;
  // Whoever reads the result sees the error.
  return decoder === undefined || empty ? incoming : pipeline(incoming, decoder(), () => {});
}
