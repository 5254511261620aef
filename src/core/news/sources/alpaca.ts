import { z } from 'zod';
import { AlpacaRest, alpacaKeys, alpacaUrls } from '../../clients/alpaca/index.js';
import { QuantlineError } from '../../errors/index.js';
import type { Article, NewsContext, NewsRequest, NewsSource } from '../source.js';

export const name = 'alpaca';
export const summary = 'News of Benzinga through Alpaca, back to 2015; needs a free account.';
export const settings = z.strictObject({});

export const create = (_: z.output<typeof settings>, context: NewsContext): NewsSource => new AlpacaNews(context);

/** Articles a page; the vendor's maximum. */
const PAGE = 50;
/** Symbols a request: keeps addresses short. */
const SYMBOLS = 50;

/** The vendor writes pairs without a slash here. */
const vendorSymbol = (symbol: string): string => symbol.replaceAll('/', '');

class AlpacaNews implements NewsSource {
  private connection: Promise<AlpacaRest> | undefined;

  constructor(private readonly context: NewsContext) {}

  private rest(): Promise<AlpacaRest> {
    this.connection ??= (async () => {
      const { secrets, clock, logger, stateDir } = this.context;
      const keys = alpacaKeys(secrets);
      const urls = alpacaUrls(secrets, keys.keyId.startsWith('AK') ? 'live' : 'paper');
      return AlpacaRest.create({ keys, urls, clock, logger, stateDir });
    })();
    return this.connection;
  }

  async *articles({ symbols, from, to }: NewsRequest, signal: AbortSignal): AsyncIterable<readonly Article[]> {
    const rest = await this.rest();
    for (let at = 0; at < symbols.length; at += SYMBOLS) {
      const asked = new Map(symbols.slice(at, at + SYMBOLS).map((symbol) => [vendorSymbol(symbol), symbol]));
      const seen = new Set<string>();
      for (let pageToken: string | undefined; ; ) {
        const request = {
          ...{ symbols: [...asked.keys()].join(','), start: new Date(from), end: new Date(to - 1) },
          ...{ sort: 'asc' as const, limit: PAGE, ...(pageToken === undefined ? {} : { pageToken }) },
        };
        const reply = await rest.data('NewsApi', (api, init) => api.newsRaw(request, init), { signal });
        const { news, next_page_token: token } = pageOf(reply);
        const articles = news.map((one) => articleOf(one, asked)).filter(({ updatedAt }) => updatedAt < to);
        if (articles.length > 0) yield articles;
        if (token === undefined) break;
        if (seen.has(token)) throw unreadable('repeats its pages');
        seen.add(token);
        pageToken = token;
      }
    }
  }

  async close(): Promise<void> {
    (await this.connection?.catch(() => undefined))?.close();
    this.connection = undefined;
  }
}

const vendorArticle = z.looseObject({
  id: z.int(),
  headline: z.string(),
  summary: z.string().nullish(),
  url: z.string().nullish(),
  symbols: z.array(z.string()),
  created_at: z.iso.datetime({ offset: true }),
  updated_at: z.iso.datetime({ offset: true }),
});

const vendorPage = z.looseObject({ news: z.array(vendorArticle).nullable(), next_page_token: z.string().nullish() });

function pageOf(reply: unknown) {
  const page = vendorPage.safeParse(reply);
  if (!page.success) throw unreadable('does not have the form of news; it is not taken as empty');
  const { news, next_page_token: token } = page.data;
  return { news: news ?? [], next_page_token: token === null || token === '' ? undefined : token };
}

function articleOf(one: z.output<typeof vendorArticle>, asked: ReadonlyMap<string, string>): Article {
  const publishedAt = Date.parse(one.created_at);
  return {
    id: String(one.id),
    publishedAt,
    updatedAt: Math.max(publishedAt, Date.parse(one.updated_at)),
    instruments: one.symbols.flatMap((symbol) => asked.get(vendorSymbol(symbol)) ?? []),
    headline: one.headline,
    body: one.summary ?? '',
    url: one.url ?? '',
  };
}

const unreadable = (what: string): QuantlineError =>
  new QuantlineError('UNAVAILABLE', `Alpaca's answer ${what}.`, {
    hint: 'Run the same command again; what was stored stays.',
  });
