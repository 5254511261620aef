import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { type Clock, createHttp, httpFailureOf, type RateGate } from '../../platform/index.js';
import type { SchwabApp } from './settings.js';
import { appHash, loginHint, type SchwabTokens } from './tokens.js';

const DAY_MS = 86_400_000;
/** Life of a login; Schwab does not tell it in its reply. */
export const LOGIN_MS = 7 * DAY_MS;

export interface OAuthOptions {
  readonly app: SchwabApp;
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
  readonly gate?: RateGate;
}

/** Where a person logs in; Schwab then sends the browser to the callback with a code that lives half a minute. */
export function authorizeUrl(options: Pick<OAuthOptions, 'app' | 'baseUrl'>, callback: string, state: string): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: options.app.key,
    redirect_uri: callback,
    state,
  });
  return `${options.baseUrl}/v1/oauth/authorize?${query}`;
}

/** Tokens for the code of a login. */
export async function exchangeCode(options: OAuthOptions, code: string, callback: string): Promise<SchwabTokens> {
  const reply = await token(options, { grant_type: 'authorization_code', code, redirect_uri: callback });
  const now = options.clock.now();
  return {
    schema: 1,
    app: appHash(options.app),
    ...reply,
    refresh_expires_at: now + LOGIN_MS,
  };
}

/** A new access token; the login's end stays where it is. */
export async function refreshTokens(options: OAuthOptions, tokens: SchwabTokens): Promise<SchwabTokens> {
  const reply = await token(options, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
  return { ...tokens, ...reply };
}

type TokenReply = Pick<SchwabTokens, 'access_token' | 'access_expires_at' | 'refresh_token'>;

async function token(options: OAuthOptions, form: Record<string, string>): Promise<TokenReply> {
  const { app, baseUrl, clock } = options;
  const http = createHttp({
    service: 'Schwab login',
    origins: [baseUrl],
    clock,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    envelope: (json) => {
      const { error, error_description: said } = (json ?? {}) as { error?: unknown; error_description?: unknown };
      return {
        ...(typeof error === 'string' ? { code: error } : {}),
        message: typeof said === 'string' ? said : String(error ?? ''),
      };
    },
  });
  let json: unknown;
  try {
    const reply = await http.send({
      method: 'POST',
      url: `${baseUrl}/v1/oauth/token`,
      headers: {
        authorization: `Basic ${Buffer.from(`${app.key}:${app.secret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(form).toString(),
    });
    json = reply.json;
  } catch (error) {
    throw refused(error, form['grant_type'] === 'refresh_token');
  }
  const { access_token: access, refresh_token: refresh, expires_in: seconds } = (json ?? {}) as Record<string, unknown>;
  if (typeof access !== 'string' || typeof refresh !== 'string' || typeof seconds !== 'number')
    throw new QuantlineError('UNAVAILABLE', "Schwab's reply to the login lacks its tokens.", {
      hint: 'Try again in a moment.',
    });
  return { access_token: access, refresh_token: refresh, access_expires_at: clock.now() + seconds * 1000 };
}

/** 400 and 401 of the token endpoint are final: the code or the login is over, or the app is not the right one. */
function refused(error: unknown, refreshing: boolean): unknown {
  const http = httpFailureOf(error);
  if (!isQuantlineError(error) || http?.status === undefined || http.status >= 500 || http.status === 429) return error;
  const said = [http.vendorCode, http.vendorMessage].filter(Boolean).join(': ');
  return new QuantlineError(
    'CREDENTIALS',
    refreshing
      ? `Schwab does not renew the login (${http.status}${said === '' ? '' : `, ${said}`}).`
      : `Schwab does not accept the login (${http.status}${said === '' ? '' : `, ${said}`}).`,
    {
      hint: refreshing
        ? loginHint
        : 'The code lives half a minute: log in again. Key, secret and callback URL must be those of the app.',
      details: { outcome: 'not_sent' },
    },
  );
}
