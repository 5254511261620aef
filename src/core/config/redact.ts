import type { Variable } from './environment.js';
import { VENDOR_VARIABLES } from './vendors.js';

export const REDACTED = '***';

/** Takes user and password out of a URL's text; other text passes through. */
export const redactUrl = (text: string): string =>
  text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, `$1${REDACTED}@`);

/** Replaces every secret that is known, and every URL's credentials, in a text meant for eyes or a file. */
export type Redactor = (text: string) => string;

/** A redactor for these vendor variables; only the secret ones are replaced, also where percent-encoded. */
export function redactor(variables: ReadonlyMap<string, Variable>): Redactor {
  const needles: string[] = [];
  for (const { name, secret } of VENDOR_VARIABLES) {
    const value = secret ? variables.get(name)?.value : undefined;
    if (value === undefined || value.length < 4) continue;
    needles.push(value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1));
  }
  needles.sort((a, b) => b.length - a.length);
  return (text) => redactUrl(needles.reduce((out, needle) => out.replaceAll(needle, REDACTED), text));
}
