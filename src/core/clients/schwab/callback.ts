import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { QuantlineError } from '../../errors/index.js';
import { type Clock, dateOf, isLoopback } from '../../platform/index.js';

/** The code out of a redirect. USAGE where the address is not one, CREDENTIALS where it is of another login or a refusal. */
export function codeFrom(address: string, callback: string, state: string): string {
  let url: URL;
  try {
    url = new URL(address.trim());
  } catch {
    throw new QuantlineError('USAGE', 'That is not an address.', {
      hint: `Paste the whole address of the page that the browser ended on; it begins with ${callback}.`,
    });
  }
  const given = Buffer.from(url.searchParams.get('state') ?? '');
  const expected = Buffer.from(state);
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new QuantlineError('CREDENTIALS', 'That redirect belongs to another login (its state differs).', {
      hint: 'Open the address that was printed last, and use the redirect that follows from it.',
    });
  const refusal = url.searchParams.get('error');
  if (refusal !== null)
    throw new QuantlineError('CREDENTIALS', `Schwab refused the login (${refusal.replace(/[^\w -]/g, '')}).`, {
      hint: 'Log in again and accept the terms.',
    });
  const code = url.searchParams.get('code') ?? '';
  if (code === '')
    throw new QuantlineError('USAGE', 'That address holds no code.', {
      hint: `Paste the whole address of the page that the browser ended on; it begins with ${callback}.`,
    });
  return code;
}

/** Where Schwab may send the browser: exactly what the app was registered with, on this machine. @throws USAGE */
export function callbackUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Named below.
  }
  if (url?.protocol !== 'https:' || !isLoopback(url.hostname))
    throw new QuantlineError('USAGE', `The callback ${text} is not an https address of this machine.`, {
      hint: 'Register and use one such as https://127.0.0.1:8182; with --paste nothing has to listen there.',
    });
  return url;
}

export interface Listener {
  /** The code of the login; rejects after a refusal. */
  readonly code: Promise<string>;
  readonly port: number;
  close(): void;
}

/**
 * Listens for the redirect with a certificate made for this one login; the browser warns about it once. A request with
 * another state is answered and changes nothing.
 */
export async function listenForCode(callback: URL, state: string, clock: Clock): Promise<Listener> {
  const { generate } = await import('selfsigned');
  const now = clock.now();
  const { private: key, cert } = await generate([{ name: 'commonName', value: callback.hostname }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: dateOf(now - 3_600_000),
    notAfterDate: dateOf(now + 86_400_000),
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 2, value: 'localhost' },
        ],
      },
    ],
  });
  let settle: { resolve: (code: string) => void; reject: (error: unknown) => void };
  const code = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject };
  });
  code.catch(() => {});
  const page = (response: ServerResponse, status: number, text: string): void => {
    response.writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'",
      'referrer-policy': 'no-referrer',
      connection: 'close',
    });
    response.end(`<!doctype html><title>Quantline</title><p>${text}</p>`);
  };
  const server = createServer({ key, cert }, (request: IncomingMessage, response) => {
    const url = new URL(request.url ?? '/', callback);
    if (request.method !== 'GET' || url.pathname !== callback.pathname) return page(response, 404, 'Nothing is here.');
    try {
      settle.resolve(codeFrom(url.href, callback.href, state));
      page(response, 200, 'Logged in. You can close this page.');
    } catch (error) {
      const foreign = /another login|holds no code/.test((error as Error).message);
      if (!foreign) settle.reject(error);
      page(response, 400, foreign ? 'This is not the login that Quantline waits for.' : 'Schwab refused the login.');
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new QuantlineError('CONFIG', `Nothing can listen on ${callback.host} (${error.code ?? error.message}).`, {
          hint: 'Stop what uses the port, or paste the redirect: --paste.',
        }),
      ),
    );
    server.listen(Number(callback.port || 443), callback.hostname.replace(/^\[|\]$/g, ''), resolve);
  });
  const address = server.address();
  return {
    code,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
