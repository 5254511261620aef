export interface FakeArticle {
  readonly id: number;
  readonly created: string;
  readonly updated?: string;
  readonly symbols: readonly string[];
  readonly headline: string;
  readonly summary?: string;
}

/** A page of articles by when they were changed, as the venue cuts them. */
export function newsPage(articles: readonly FakeArticle[], q: URLSearchParams): unknown {
  const wanted = (q.get('symbols') ?? '').split(',');
  const [start, end] = [q.get('start'), q.get('end')].map((text) => Date.parse(text ?? '')) as [number, number];
  const at = ({ updated, created }: FakeArticle) => Date.parse(updated ?? created);
  const found = articles
    .filter((one) => one.symbols.some((symbol) => wanted.includes(symbol)) && at(one) >= start && at(one) <= end)
    .sort((a, b) => (q.get('sort') === 'asc' ? at(a) - at(b) : at(b) - at(a)));
  const from = Number(q.get('page_token') ?? 0);
  const to = from + Number(q.get('limit') ?? 10);
  return {
    news: found
      .slice(from, to)
      .map(({ id, created, updated = created, symbols, headline, summary = 'A summary.' }) => ({
        ...{ id, headline, summary, author: 'A. Writer', content: '<p>Text</p>', images: [], source: 'benzinga' },
        ...{ created_at: created, updated_at: updated, symbols, url: `https://www.benzinga.com/${id}` },
      })),
    next_page_token: to < found.length ? String(to) : null,
  };
}
