import { type Quote, quoteOf } from '../../domain/index.js';
import type { AlpacaRest, CallOptions } from './rest.js';

type Json = Readonly<Record<string, unknown>>;

/** Symbols a request: keeps addresses below 2 kB. */
const SYMBOLS = 100;
/** Somebody is looking: an older price now is better than a quote in a minute. */
const ONCE: CallOptions = { retry: false, maxQueueMs: 2000 };

/**
 * Best bid and ask, and the last trade, of stocks and crypto pairs. `feed` of stocks: by default the best one that the
 * keys are entitled to. A symbol without a quote is left out.
 */
export async function alpacaQuotes(
  rest: AlpacaRest,
  symbols: readonly string[],
  feed?: 'sip' | 'iex' | 'delayed_sip',
): Promise<readonly Quote[]> {
  const quotes: Quote[] = [];
  for (const crypto of [false, true]) {
    const asked = symbols.filter((symbol) => symbol.includes('/') === crypto);
    for (let at = 0; at < asked.length; at += SYMBOLS) {
      const part = asked.slice(at, at + SYMBOLS).join(',');
      const reply = crypto
        ? await rest.data('CryptoApi', (api, init) => api.cryptoSnapshotsRaw({ loc: 'us', symbols: part }, init), ONCE)
        : await rest.data(
            'StockApi',
            (api, init) => api.stockSnapshotsRaw({ symbols: part, ...(feed !== undefined && { feed }) }, init),
            ONCE,
          );
      const bySymbol = objectOf(crypto ? objectOf(reply)['snapshots'] : reply);
      for (const [symbol, snapshot] of Object.entries(bySymbol)) {
        const quote = asked.includes(symbol) ? fromSnapshot(symbol, objectOf(snapshot)) : undefined;
        if (quote !== undefined) quotes.push(quote);
      }
    }
  }
  return quotes;
}

const objectOf = (value: unknown): Json => (value !== null && typeof value === 'object' ? (value as Json) : {});

function fromSnapshot(symbol: string, snapshot: Json): Quote | undefined {
  const [quote, trade] = [objectOf(snapshot['latestQuote']), objectOf(snapshot['latestTrade'])];
  const [quoted, traded] = [Date.parse(String(quote['t'])), Date.parse(String(trade['t']))];
  const newest = Math.max(...[quoted, traded].filter((t) => !Number.isNaN(t)));
  return quoteOf(symbol, { bid: quote['bp'], ask: quote['ap'], last: trade['p'] }, newest, traded);
}
