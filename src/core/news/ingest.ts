import type { NewsRequest, NewsSource } from './source.js';
import type { NewsStore } from './store.js';

export interface NewsIngestContext {
  readonly store: NewsStore;
  readonly signal: AbortSignal;
  /** After each block: articles received so far. */
  readonly onBlock?: (received: number) => void;
}

export interface NewsCounts {
  readonly symbol: string;
  readonly articles: number;
  /** Of them, those that the store did not have. */
  readonly added: number;
}

/**
 * Source → store, block by block; whatever ends it leaves whole blocks, and only a whole answer is noted as one: the
 * same request once more asks again and adds what was lacking.
 */
export async function ingestNews(
  source: { readonly name: string; readonly news: NewsSource },
  request: NewsRequest,
  { store, signal, onBlock }: NewsIngestContext,
): Promise<readonly NewsCounts[]> {
  const counts = new Map(request.symbols.map((symbol) => [symbol, { articles: 0, added: 0 }]));
  let received = 0;
  for await (const block of source.news.articles(request, signal)) {
    signal.throwIfAborted();
    for (const [symbol, added] of await store.put(source.name, block)) counts.get(symbol)!.added += added;
    for (const { instruments } of block) for (const symbol of instruments) counts.get(symbol)!.articles++;
    received += block.length;
    onBlock?.(received);
  }
  await store.noteAnswered(source.name, request.symbols, request.to);
  return [...counts].map(([symbol, count]) => ({ symbol, ...count }));
}
