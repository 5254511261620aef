import { type ErrorCode, isQuantlineError, QuantlineError } from '../../errors/index.js';
import { printable } from '../../platform/index.js';
import type { BigQueryAddress } from './address.js';

const REASONS: readonly [RegExp, ErrorCode, (what: string, address: BigQueryAddress) => string, string][] = [
  [
    /could not load the default credentials|unable to read the credential file|could not refresh access token|invalid_grant|invalid_rapt/i,
    'CREDENTIALS',
    () => 'There are no valid Google credentials',
    'Run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account.',
  ],
  [
    /bytesBilledLimitExceeded|exceeded limit for bytes billed/i,
    'CONFIG',
    (_, { maximumBytesBilled }) =>
      `The query would be billed for more than ${Math.round(maximumBytesBilled / 1e9)} GB; it was not run`,
    'Narrow the range, or raise maxBytes in the address of the store.',
  ],
  [
    /not found: dataset .* in location/i,
    'CONFIG',
    (_, { dataset }) => `The dataset ${dataset} is not there, or in another region`,
    'Run quantline store init, or leave location out of the address.',
  ],
  [
    /in different locations/i,
    'CONFIG',
    (_, { dataset }) => `The dataset ${dataset} and what it is to read are in different regions`,
    'Use a staging bucket (and other tables) in the region of the dataset.',
  ],
  [/not found: dataset/i, 'CONFIG', (_, { dataset }) => `There is no dataset ${dataset}`, 'Run quantline store init.'],
  [
    /not found: table/i,
    'CONFIG',
    (_, { dataset }) => `A table of the dataset ${dataset} is missing`,
    'Run quantline store init.',
  ],
  [
    /quotaExceeded|rateLimitExceeded|quota exceeded|exceeded rate limits/i,
    'UNAVAILABLE',
    (what) => `A quota is used up (${what})`,
    'Wait, and run the same command again: what was stored stays.',
  ],
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET|socket hang up|UNAVAILABLE/i,
    'UNAVAILABLE',
    () => 'BigQuery does not answer',
    'Check the network connection and try again.',
  ],
];

/** Names what went wrong at BigQuery; an error of ours passes through. */
export function warehouseError(error: unknown, what: string, address: BigQueryAddress): QuantlineError {
  if (isQuantlineError(error)) return error;
  const {
    message = String(error),
    code,
    errors,
  } = (error ?? {}) as {
    message?: string;
    code?: unknown;
    errors?: { reason?: string }[];
  };
  const text = `${message} ${(errors ?? []).map(({ reason }) => reason ?? '').join(' ')} ${String(code ?? '')}`;
  const said = printable(message);
  for (const [pattern, kind, say, hint] of REASONS)
    if (pattern.test(text))
      return new QuantlineError(kind, `${say(what, address)} (${address.project}: ${said}).`, { hint, cause: error });
  if (code === 401 || code === 16)
    return new QuantlineError('CREDENTIALS', `Google did not accept the credentials (${said}).`, {
      hint: 'Run gcloud auth application-default login.',
      cause: error,
    });
  if (code === 403 || code === 7)
    return new QuantlineError('CREDENTIALS', `Permission is missing for ${what} in ${address.project} (${said}).`, {
      hint: 'The roles needed are BigQuery Data Editor, Job User and Read Session User.',
      cause: error,
    });
  return new QuantlineError('UNAVAILABLE', `BigQuery failed when ${what} (${said}).`, {
    hint: 'Run the same command again: what was stored stays.',
    cause: error,
  });
}
