import { type ErrorCode, isQuantlineError, QuantlineError } from '../errors/index.js';

/** Why a call failed, as far as this side can know. */
export type HttpCause =
  | 'dns'
  | 'refused'
  | 'tls'
  | 'reset'
  | 'timeout'
  | 'cut-off'
  | 'too-large'
  | 'redirect'
  | 'proxy'
  | 'web-page'
  | 'not-json'
  | 'rate-limit'
  | 'status'
  | 'protocol'
  | 'network';

/** What `details` of an error raised by the HTTP client holds. */
export interface HttpFailure {
  readonly cause: HttpCause;
  readonly status?: number;
  /** The vendor's own error code and text, where its envelope could be read. */
  readonly vendorCode?: string;
  readonly vendorMessage?: string;
  /**
   * Whether the other side may have acted on the request. False only where it provably did not:
   * the connection was never made, or it answered with a refusal.
   */
  readonly ambiguous: boolean;
  /** Earliest instant (epoch ms) at which another attempt makes sense. */
  readonly retryAt?: number;
}

export function httpError(
  code: ErrorCode,
  message: string,
  hint: string,
  failure: HttpFailure,
  cause?: unknown,
): QuantlineError {
  return new QuantlineError(code, message, { hint, details: { http: failure }, cause });
}

/** The facts of an HTTP failure, undefined for any other error. */
export function httpFailureOf(error: unknown): HttpFailure | undefined {
  return isQuantlineError(error) ? (error.details['http'] as HttpFailure | undefined) : undefined;
}

export function proxyError(service: string, host: string): QuantlineError {
  return httpError(
    'UNAVAILABLE',
    `${service} (${host}): a proxy asks for a login (407).`,
    'Give the proxy its credentials, or connect without it.',
    { cause: 'proxy', status: 407, ambiguous: false },
  );
}

const CAUSES: readonly [RegExp, HttpCause, string, string, boolean][] = [
  [
    /^(ENOTFOUND|EAI_)/,
    'dns',
    'its name cannot be resolved (DNS)',
    'Check the network connection and the DNS settings.',
    false,
  ],
  [
    /^ECONNREFUSED$/,
    'refused',
    'the connection was refused',
    'Check that the service runs and that a firewall lets the connection through.',
    false,
  ],
  [
    /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO|HOSTNAME_MISMATCH)/,
    'tls',
    'the TLS connection failed',
    "Check the machine's clock and whether a proxy rewrites certificates (NODE_EXTRA_CA_CERTS names its authority).",
    false,
  ],
  [
    /^(ENETUNREACH|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT)$/,
    'network',
    'no connection could be made',
    'Check the network connection.',
    false,
  ],
  [/^(ETIMEDOUT|UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT)$/, 'timeout', 'it did not answer in time', '', true],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET|ECONNABORTED)$/, 'reset', 'the connection was dropped', '', true],
  [/^(HPE_|UND_ERR_RES|UND_ERR_INVALID)/, 'protocol', 'what answered does not speak HTTP', 'Check the address.', true],
];

/** Names the cause of a failed request or body read. */
export function networkError(service: string, host: string, error: unknown, reading: boolean): QuantlineError {
  const code = deepCode(error);
  for (const [pattern, cause, what, hint, ambiguous] of CAUSES) {
    if (!pattern.test(code)) continue;
    const during = reading && cause === 'reset' ? 'the answer was cut off' : what;
    return httpError(
      'UNAVAILABLE',
      `${service} (${host}): ${during} [${code}].`,
      hint || 'Try again in a moment.',
      { cause: reading && cause === 'reset' ? 'cut-off' : cause, ambiguous },
      error,
    );
  }
  if (reading)
    return httpError(
      'UNAVAILABLE',
      `${service} (${host}): the answer was cut off.`,
      'Try again in a moment.',
      { cause: 'cut-off', ambiguous: true },
      error,
    );
  return httpError(
    'UNAVAILABLE',
    `${service} (${host}): the call failed${code === '' ? '' : ` [${code}]`}.`,
    'Check the network connection.',
    { cause: 'network', ambiguous: true },
    error,
  );
}

function deepCode(error: unknown): string {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && at !== null && typeof at === 'object'; depth++) {
    const { name, code, cause, errors } = at as { name?: unknown; code?: unknown; cause?: unknown; errors?: unknown };
    if (typeof code === 'string') return code;
    // Some versions of undici give its parser's errors no code.
    if (name === 'HTTPParserError') return 'HPE_INVALID';
    at = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return '';
}
