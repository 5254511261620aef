import { QuantlineError } from '../errors/index.js';
import { type Clock, isoTime } from './clock.js';
import { deadline, deadlineText } from './deadline.js';
import { type ExchangeReply, exchange, openAhead, Stop, TooLarge } from './exchange.js';
import { type HttpFailure, httpError, httpFailureOf, networkError, proxyError } from './http-failure.js';
import { retryAt } from './rate-headers.js';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Repeat after a failure. Only reads (GET, HEAD) ever are; this can switch it off. */
  readonly retry?: boolean;
  /** Repeat a write that was answered 429, which says that nothing was done. For writes with an idempotency key. */
  readonly retryRateLimit?: boolean;
  /** Longest wait for room in the request budget; beyond it the call fails unsent. Default: as long as it takes. */
  readonly maxQueueMs?: number;
  /** `json` (default) refuses web pages and broken JSON; `any` returns what came. */
  readonly expect?: 'json' | 'any';
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** The parsed body; undefined where it was empty or `expect` was `any`. */
  readonly json: unknown;
}

/** Permission to send one request; shared by every process that uses one key. */
export interface RateGate {
  /**
   * Waits for a free slot. Writes may use the part that reads leave free. Returns undefined, or, where the wait would
   * be longer than `maxWaitMs`, the instant from which there is room again, without waiting. `onWait` hears of a wait that
   * a person would notice, ms, once for all that wait together.
   */
  acquire(
    kind: 'read' | 'write',
    signal?: AbortSignal,
    maxWaitMs?: number,
    onWait?: (ms: number) => void,
  ): Promise<number | undefined>;
  /** Tells the gate what the service said in its headers. */
  observe(status: number, headers: Headers): void;
}

export interface HttpOptions {
  /** Name in messages: `Alpaca trading`. */
  readonly service: string;
  /** Origins that may be called (after `guardBaseUrl`); no other host ever gets a request. */
  readonly origins: readonly string[];
  readonly clock: Clock;
  /** For the whole call, body included. Default 30 s. */
  readonly timeoutMs?: number;
  /** Once it aborts, a request has a few seconds left and is not repeated: what was sent may still be answered. */
  readonly ending?: AbortSignal | undefined;
  /** Default 64 MiB. */
  readonly maxBytes?: number;
  /** Attempts in all, for reads. Default 4. */
  readonly attempts?: number;
  /** Longest single wait that a service may ask for. Default 75 s. */
  readonly maxWaitMs?: number;
  readonly gate?: RateGate;
  /** Reads the vendor's error envelope. `retryAfter`: seconds to wait, of a vendor that says so in the body. */
  readonly envelope?: (json: unknown) => { code?: string; message?: string; retryAfter?: number } | undefined;
  /** Called before each wait, so that a person sees why nothing happens. */
  readonly onWait?: (message: string) => void;
}

export interface Http {
  send(request: HttpRequest): Promise<HttpReply>;
  /** Has so many connections to each origin open and waiting, so that requests of the next seconds need not open any. */
  prepare(connections: number): Promise<void>;
}

const MAX_BYTES = 64 * 1024 * 1024;
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * The one policy for calls to services: an allow-list of hosts, no redirects, a deadline that a slow drip cannot
 * stretch, a size limit, retries of reads only, and errors that name the cause. Failures are QuantlineErrors whose
 * `details.http` is an {@link HttpFailure}; an abort rejects with the signal's reason.
 */
export function createHttp(options: HttpOptions): Http {
  const { clock, service, gate } = options;
  const attempts = options.attempts ?? 4;
  const maxWaitMs = options.maxWaitMs ?? 75_000;
  const allowed = new Set(options.origins.map((url) => new URL(url).origin));
  /** The last address, parsed: orders that leave together all go to one. */
  let last: { readonly text: string; readonly url: URL } | undefined;
  const parsed = (text: string): URL => {
    if (last?.text !== text) last = { text, url: new URL(text) };
    return last.url;
  };

  const onQueue = (ms: number) =>
    options.onWait?.(`${service}: the budget of requests is used up. Going on in ${Math.ceil(ms / 1000)} s.`);

  async function send(request: HttpRequest): Promise<HttpReply> {
    const url = parsed(request.url);
    if (!allowed.has(url.origin))
      throw new QuantlineError(
        'BUG',
        `${service}: a request to ${url.host} was stopped; only its own hosts are called.`,
      );
    const read = request.method === 'GET' || request.method === 'HEAD';
    for (let attempt = 1; ; attempt++) {
      request.signal?.throwIfAborted();
      const free = await gate?.acquire(read ? 'read' : 'write', request.signal, request.maxQueueMs, onQueue);
      if (free !== undefined) throw noRoom(service, url, free);
      try {
        return await once(options, url, request);
      } catch (error) {
        const failure = httpFailureOf(error);
        if (failure === undefined || attempt >= attempts || !mayRepeat(request, read, failure)) throw error;
        if (options.ending?.aborted) throw error;
        const wait = Math.max(0, (failure.retryAt ?? 0) - clock.now()) + backoff(attempt);
        if (wait > maxWaitMs) throw error;
        options.onWait?.(`${(error as Error).message} Trying again in ${Math.ceil(wait / 1000)} s.`);
        await clock.sleep(wait, either(request.signal, options.ending));
      }
    }
  }
  return {
    send,
    async prepare(connections) {
      await Promise.all([...allowed].map((origin) => openAhead(origin, connections)));
    },
  };
}

const noRoom = (service: string, url: URL, free: number): QuantlineError =>
  httpError(
    'UNAVAILABLE',
    `${service} (${url.host}): the budget of requests is used up; free again at ${isoTime(Math.ceil(free / 1000) * 1000)}. Nothing was sent.`,
    'Wait, or run fewer processes with this key.',
    { cause: 'rate-limit', ambiguous: false, retryAt: free },
  );

function mayRepeat(request: HttpRequest, read: boolean, failure: HttpFailure): boolean {
  if (!read) return failure.cause === 'rate-limit' && request.retryRateLimit === true;
  if (request.retry === false) return false;
  if (failure.cause === 'status') return RETRYABLE.has(failure.status ?? 0);
  return !['redirect', 'proxy', 'too-large', 'tls', 'protocol'].includes(failure.cause);
}

const either = (one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined =>
  one === undefined || other === undefined ? (one ?? other) : AbortSignal.any([one, other]);

/** 250 ms doubling, with jitter so that two processes do not march in step. */
const backoff = (attempt: number): number => 250 * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);

async function once(options: HttpOptions, url: URL, request: HttpRequest): Promise<HttpReply> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const stop = new Stop();
  const released = deadline(timeoutMs, options.ending, stop.now);
  request.signal?.addEventListener('abort', stop.now, { once: true });
  let reading = false;
  let status = 0;
  try {
    const { method, headers, body } = request;
    const maxBytes = options.maxBytes ?? MAX_BYTES;
    const onHead = (head: { status: number; headers: Headers }) => {
      reading = true;
      status = head.status;
      options.gate?.observe(head.status, head.headers);
    };
    return interpret(options, url, request, await exchange(url, { method, headers, body, stop, maxBytes, onHead }));
  } catch (error) {
    request.signal?.throwIfAborted();
    if (error instanceof QuantlineError) throw error;
    if (error instanceof TooLarge) throw tooLarge(options, url, status);
    if (stop.stopped)
      throw httpError(
        'UNAVAILABLE',
        `${options.service} (${url.host}): no complete answer ${deadlineText(timeoutMs, options.ending)}.`,
        'Try again in a moment.',
        { cause: 'timeout', ambiguous: true },
      );
    throw networkError(options.service, url.host, error, reading);
  } finally {
    released();
    request.signal?.removeEventListener('abort', stop.now);
  }
}

const tooLarge = (options: HttpOptions, url: URL, status: number): QuantlineError =>
  httpError(
    'UNAVAILABLE',
    `${options.service} (${url.host}): the answer is larger than ${Math.round((options.maxBytes ?? MAX_BYTES) / 1024)} KiB.`,
    'Ask for a smaller range.',
    { cause: 'too-large', status, ambiguous: true },
  );

const utf8 = new TextDecoder();

function interpret(
  options: HttpOptions,
  url: URL,
  request: HttpRequest,
  { status, headers, bytes }: ExchangeReply,
): HttpReply {
  const { service, clock } = options;
  const at = `${service} (${url.host})`;
  const text = utf8.decode(bytes);
  if (status === 407) throw proxyError(service, url.host);
  if (status >= 300 && status < 400) {
    const target = safeHost(headers.get('location'), url);
    throw httpError(
      'UNAVAILABLE',
      `${at}: it redirects to ${target}; redirects are not followed, so that no credentials leave for another host.`,
      'Check the configured address and whether a login page stands in between.',
      { cause: 'redirect', status, ambiguous: false },
    );
  }
  const html = /^\s*</.test(text.slice(0, 200)) || (headers.get('content-type') ?? '').includes('text/html');
  let json: unknown;
  let broken = false;
  if (text.trim() !== '' && !html) {
    try {
      json = JSON.parse(text);
    } catch {
      broken = true;
    }
  }
  if (status >= 400) {
    const { code, message, retryAfter } = options.envelope?.(json) ?? {};
    const said = message === undefined ? '' : `: ${printable(message)}`;
    const told = retryAfter === undefined ? undefined : clock.now() + retryAfter * 1000;
    const wait = status === 429 || status === 503 ? (told ?? retryAt(headers, clock.now())) : undefined;
    const failure: HttpFailure = {
      cause: status === 429 ? 'rate-limit' : 'status',
      status,
      // A refusal in the vendor's own words is definite; a gateway's error page or a server error is not.
      ambiguous: status >= 500 || status === 408 || (status !== 429 && json === undefined),
      ...(code === undefined ? {} : { vendorCode: code }),
      ...(message === undefined ? {} : { vendorMessage: printable(message) }),
      ...(wait === undefined ? {} : { retryAt: wait }),
    };
    if (status === 429)
      throw httpError(
        'UNAVAILABLE',
        `${at}: too many requests (429)${said}${wait === undefined ? '' : `; free again at ${isoTime(Math.ceil(wait / 1000) * 1000)}`}.`,
        'Wait, or run fewer processes with this key.',
        failure,
      );
    if (status === 401)
      throw httpError('CREDENTIALS', `${at}: the keys were not accepted (401)${said}.`, 'Check the keys.', failure);
    throw httpError('UNAVAILABLE', `${at}: answered ${status}${said}.`, 'Try again in a moment.', failure);
  }
  const empty = status === 200 && text.trim() === '' && request.method !== 'HEAD';
  if ((request.expect ?? 'json') === 'json' && (html || broken || empty))
    throw httpError(
      'UNAVAILABLE',
      html
        ? `${at}: answered a web page instead of data: a captive portal, proxy or maintenance page stands in between.`
        : `${at}: the answer is ${empty ? 'empty' : 'not JSON'}.`,
      html ? 'Open the address in a browser to see the page.' : 'Try again in a moment.',
      { cause: html ? 'web-page' : 'not-json', status, ambiguous: true },
    );
  return { status, headers, bytes, text, json };
}

/** Host only: a redirect target's path or query may carry tokens. */
function safeHost(location: string | null, base: URL): string {
  if (location === null) return 'nowhere';
  try {
    return new URL(location, base).host;
  } catch {
    return 'an unreadable address';
  }
}

/** Vendor text for a terminal: no control characters, at most 300 characters. */
export const printable = (text: string): string =>
  [...text]
    .map((c) => (c < ' ' || (c >= '\x7f' && c <= '\x9f') ? ' ' : c))
    .join('')
    .slice(0, 300);
