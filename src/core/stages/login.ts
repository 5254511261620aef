import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  authorizeUrl,
  callbackUrl,
  codeFrom,
  exchangeCode,
  type Listener,
  listenForCode,
  SchwabRest,
  schwabApp,
  schwabUrl,
  tokenFile,
  withLock,
  writeTokens,
} from '../clients/schwab/index.js';
import type { LoginSchwabOptions } from '../config/index.js';
import { QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import type { Runtime } from './runtime.js';

/** The person in front of the login. */
export interface LoginPerson {
  /** Shows text that holds no secret but the address to open, which names the app. */
  readonly show: (text: string) => void;
  /** Asks for the address that the browser ended on. */
  readonly ask: () => Promise<string>;
}

export interface LoginResult {
  readonly token_file: string;
  /** When the login ends; it cannot be extended. */
  readonly expires_at: string;
  /** Accounts that it can see. */
  readonly accounts: number;
}

type Place = Pick<Runtime, 'workspace' | 'secrets' | 'clock' | 'logger' | 'signal'>;

/**
 * `quantline login schwab`: sends a person to Schwab's login, takes the code from the redirect (on this machine, or
 * pasted), and keeps the tokens in a file that only its owner can read.
 */
export async function loginSchwab(
  options: LoginSchwabOptions,
  runtime: Place,
  person: LoginPerson,
): Promise<LoginResult> {
  const { secrets, clock, logger, signal } = runtime;
  const oauth = { app: schwabApp(secrets), baseUrl: schwabUrl(secrets), clock };
  const callback = callbackUrl(options.callback);
  const state = randomBytes(24).toString('base64url');
  const stateDir = join(runtime.workspace, 'state');
  const listener = options.paste ? undefined : await listenForCode(callback, state, clock);
  try {
    person.show(
      `Open this address in a browser, log in at Schwab and accept:\n\n  ${authorizeUrl(oauth, options.callback, state)}\n\n${
        listener === undefined
          ? `The browser then ends on a page of ${callback.host} that may not open; its address is what is needed here.`
          : `The browser then comes back to ${callback.host}, whose certificate was made for this login: accept its warning once.`
      }`,
    );
    const code =
      listener === undefined
        ? codeFrom(await person.ask(), options.callback, state)
        : await waitForCode(listener, options.timeout, signal);
    const tokens = await exchangeCode(oauth, code, options.callback);
    const file = tokenFile(secrets, stateDir);
    await mkdir(dirname(file), { recursive: true });
    await withLock(file, clock, () => writeTokens(file, tokens));
    const rest = await SchwabRest.create({ ...oauth, logger, file, stateDir });
    try {
      const { json } = await rest.call({ method: 'GET', path: '/trader/v1/accounts/accountNumbers' });
      const accounts = Array.isArray(json) ? json.length : 0;
      return { token_file: file, expires_at: isoTime(tokens.refresh_expires_at), accounts };
    } finally {
      rest.close();
    }
  } finally {
    listener?.close();
  }
}

async function waitForCode(listener: Listener, timeoutMs: number, signal: AbortSignal): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => {};
  try {
    return await Promise.race([
      listener.code,
      new Promise<never>((_, reject) => {
        onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        timer = setTimeout(
          () =>
            reject(
              new QuantlineError('CREDENTIALS', `Nobody logged in within ${Math.round(timeoutMs / 1000)} s.`, {
                hint: 'Run the command again; on a machine without a browser use --paste.',
              }),
            ),
          timeoutMs,
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
