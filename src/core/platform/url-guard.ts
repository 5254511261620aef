import { QuantlineError } from '../errors/index.js';

/** Whether a host name means this machine. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * The base URL to use for a service: the vendor's own origin, or a loopback address (a local gateway or a fake).
 * Anything else is refused, because credentials would be sent there.
 *
 * @param given The configured URL; undefined or empty means `official[0]`.
 * @param official The vendor's own origins, the default first, for example `https://api.example.com`.
 * @param setting Name of the setting or variable, for the message.
 * @returns The URL without a trailing slash.
 * @throws QuantlineError CONFIG
 */
export function guardBaseUrl(given: string | undefined, official: readonly string[], setting: string): string {
  if (given === undefined || given === '') return official[0]!;
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw new QuantlineError('CONFIG', `${setting} is not a URL.`, { hint: `Leave it out, or use ${official[0]}.` });
  }
  if (url.username !== '' || url.password !== '')
    throw new QuantlineError('CONFIG', `${setting} must not contain a user name or password.`, {
      hint: 'Put credentials into their own variables.',
    });
  const local = isLoopback(url.hostname) && ['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol);
  if (!local && !official.some((origin) => new URL(origin).origin === originOf(url)))
    throw new QuantlineError(
      'CONFIG',
      `${setting} points to ${url.host || url.protocol}, which is not the vendor's host; credentials are not sent there.`,
      { hint: `Use ${official.join(' or ')}, or an address on this machine.` },
    );
  return url.href.replace(/\/+$/, '');
}

/** `URL.origin` is "null" for ws: in some runtimes' view of special schemes; build it by hand. */
const originOf = (url: URL): string => `${url.protocol}//${url.host}`;
