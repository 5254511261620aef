import { QuantlineError } from '../../errors/index.js';
import { guardBaseUrl } from '../../platform/index.js';

export type AlpacaEnvironment = 'paper' | 'live';

export interface AlpacaKeys {
  readonly keyId: string;
  readonly secretKey: string;
}

export interface AlpacaUrls {
  readonly trading: string;
  readonly data: string;
  /** `wss:` address of trade updates. */
  readonly tradingStream: string;
  /** `wss:` address of market data, without the feed. */
  readonly dataStream: string;
}

export const PAPER_URL = 'https://paper-api.alpaca.markets';
export const LIVE_URL = 'https://api.alpaca.markets';
const DATA_URLS = ['https://data.alpaca.markets', 'https://data.sandbox.alpaca.markets'];
const DATA_STREAM_URLS = ['wss://stream.data.alpaca.markets', 'wss://stream.data.sandbox.alpaca.markets'];

/**
 * The key pair from the vendor's usual variables, both or neither.
 * @throws QuantlineError CREDENTIALS where one is missing or the pair belongs to the other environment.
 */
export function alpacaKeys(
  secrets: Readonly<Record<string, string>> | undefined,
  environment?: AlpacaEnvironment,
): AlpacaKeys {
  const keyId = secrets?.['APCA_API_KEY_ID']?.trim() ?? '';
  const secretKey = secrets?.['APCA_API_SECRET_KEY']?.trim() ?? '';
  const missing = [keyId === '' ? 'APCA_API_KEY_ID' : '', secretKey === '' ? 'APCA_API_SECRET_KEY' : ''].filter(
    Boolean,
  );
  if (missing.length > 0)
    throw new QuantlineError('CREDENTIALS', `Alpaca needs ${missing.join(' and ')}.`, {
      hint: 'Create a pair of keys at app.alpaca.markets (paper accounts are free) and put both into the environment or .env.',
    });
  if (/[\s\p{Cc}]/u.test(keyId + secretKey))
    throw new QuantlineError('CREDENTIALS', 'An Alpaca key contains white space.', {
      hint: 'Copy both keys again, without line breaks.',
    });
  const belongsTo = keyEnvironment(keyId);
  if (environment !== undefined && belongsTo !== undefined && belongsTo !== environment)
    throw new QuantlineError(
      'CREDENTIALS',
      `The keys in APCA_API_KEY_ID belong to the ${belongsTo} environment, but ${environment} was asked for.`,
      {
        hint:
          environment === 'paper'
            ? 'Use the keys of the paper account; live keys are used with --live only.'
            : 'Use the keys of the live account.',
      },
    );
  return { keyId, secretKey };
}

/** Alpaca's key ids begin with PK (paper) or AK (live); other forms are left to the venue to judge. */
export function keyEnvironment(keyId: string): AlpacaEnvironment | undefined {
  if (/^PK[A-Z0-9]{10,}$/.test(keyId)) return 'paper';
  return /^AK[A-Z0-9]{10,}$/.test(keyId) ? 'live' : undefined;
}

/**
 * Addresses for an environment. `APCA_API_BASE_URL` may name the environment's own host or a loopback address;
 * the host of the other environment is refused, because it would change what is real money.
 */
export function alpacaUrls(
  secrets: Readonly<Record<string, string>> | undefined,
  environment: AlpacaEnvironment,
): AlpacaUrls {
  const own = environment === 'paper' ? PAPER_URL : LIVE_URL;
  const other = environment === 'paper' ? LIVE_URL : PAPER_URL;
  // Older tools wrote the version into the variable.
  const base = secrets?.['APCA_API_BASE_URL']?.trim().replace(/\/v2\/?$/, '');
  if (base?.replace(/\/+$/, '') === other)
    throw new QuantlineError(
      'CREDENTIALS',
      `APCA_API_BASE_URL names the ${environment === 'paper' ? 'live' : 'paper'} host, but ${environment} was asked for.`,
      { hint: environment === 'paper' ? 'Remove the variable; live trading needs --live.' : 'Remove the variable.' },
    );
  const trading = guardBaseUrl(base, [own], 'APCA_API_BASE_URL');
  const stream = secrets?.['APCA_API_STREAM_URL']?.trim();
  return {
    trading,
    data: guardBaseUrl(secrets?.['APCA_API_DATA_URL']?.trim(), DATA_URLS, 'APCA_API_DATA_URL'),
    tradingStream: guardBaseUrl(
      stream,
      [`${trading.replace(/^http/, 'ws')}/stream`, ...streamOf(own)],
      'APCA_API_STREAM_URL',
    ),
    dataStream: guardBaseUrl(
      secrets?.['APCA_API_DATA_STREAM_URL']?.trim(),
      DATA_STREAM_URLS,
      'APCA_API_DATA_STREAM_URL',
    ),
  };
}

const streamOf = (own: string): string[] => [`${own.replace(/^http/, 'ws')}/stream`];
