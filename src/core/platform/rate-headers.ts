/** Reads what a service says about waiting. All results are instants in epoch milliseconds. */

/** `Retry-After`: seconds or an HTTP date. Undefined where absent or unreadable. */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return now + Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date;
}

/**
 * `X-RateLimit-Reset`: Unix seconds (Alpaca, GitHub), Unix milliseconds, or seconds to go (Reddit).
 * Told apart by size: no service counts down from more than a day, and Unix seconds have ten digits.
 */
export function rateLimitReset(headers: Headers, now: number): number | undefined {
  const text = headers.get('x-ratelimit-reset')?.trim();
  if (text === undefined || !/^\d+(\.\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  if (value > 1e11) return value;
  return value > 1e8 ? value * 1000 : now + value * 1000;
}

/** Requests left in the window, and the window's size. */
export function rateLimitCount(headers: Headers, name: 'remaining' | 'limit'): number | undefined {
  const text = headers.get(`x-ratelimit-${name}`)?.trim();
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Math.floor(Number(text)) : undefined;
}

/** When to try again after a 429 or 503: the later of both headers, a second after a reset. */
export function retryAt(headers: Headers, now: number): number | undefined {
  const after = retryAfter(headers, now);
  const reset = rateLimitReset(headers, now);
  if (after === undefined && reset === undefined) return undefined;
  return Math.max(after ?? 0, reset === undefined ? 0 : reset + 1000, now);
}
