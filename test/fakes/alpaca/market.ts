export interface FakeBar {
  /** RFC 3339. */
  readonly t: string;
  readonly o: number;
  readonly h: number;
  readonly l: number;
  readonly c: number;
  readonly v: number;
}

export interface FakeQuote {
  readonly bid: number;
  readonly ask: number;
  readonly last: number;
  /** RFC 3339. */
  readonly t: string;
  /** When it traded last, where that is another time. */
  readonly traded?: string;
}

/** Bars by timeframe and symbol, corporate actions, and how pages are cut. */
export class FakeMarket {
  readonly bars = new Map<string, FakeBar[]>();
  /** Bid, ask and last trade by symbol; zero where there is none. */
  readonly quotes = new Map<string, FakeQuote>();
  readonly actions: Record<string, Record<string, unknown>[]> = {};
  /** Largest page, below what was asked: a page may be short although more follows. */
  pageSize = 10_000;
  /** Keys without the SIP subscription get an error for recent SIP data. */
  entitled = true;

  set(timeframe: string, symbol: string, bars: readonly FakeBar[]): void {
    this.bars.set(`${timeframe} ${symbol}`, [...bars]);
  }

  /** Sorted by symbol, then time, cut into pages; the token is the position. */
  page(query: URLSearchParams): { bars: Record<string, unknown[]>; next_page_token: string | null } {
    const timeframe = query.get('timeframe') ?? '';
    const start = Date.parse(query.get('start') ?? '1970-01-01');
    const end = Date.parse(query.get('end') ?? '2100-01-01');
    const all: [string, unknown][] = [];
    for (const symbol of (query.get('symbols') ?? '').split(',').sort())
      for (const bar of this.bars.get(`${timeframe} ${symbol}`) ?? []) {
        const t = Date.parse(bar.t);
        if (t >= start && t <= end) all.push([symbol, { ...bar, n: 10, vw: (bar.h + bar.l) / 2 }]);
      }
    const from = Number(query.get('page_token') ?? 0);
    const to = from + Math.min(this.pageSize, Number(query.get('limit') ?? 1000));
    const bars: Record<string, unknown[]> = {};
    for (const [symbol, bar] of all.slice(from, to)) (bars[symbol] ??= []).push(bar);
    return { bars, next_page_token: to < all.length ? String(to) : null };
  }

  /** What is known of each symbol, as the vendor shows it; ten cents around the last price where nothing else is set. */
  snapshots(query: URLSearchParams, crypto: boolean, prices: ReadonlyMap<string, number>, now: number) {
    const shown: Record<string, unknown> = {};
    for (const symbol of (query.get('symbols') ?? '').split(',')) {
      const price = prices.get(symbol);
      const around = price && {
        bid: price - 0.05,
        ask: price + 0.05,
        last: price,
        t: new Date(now - 1000).toISOString(),
      };
      const quote = this.quotes.get(symbol) ?? (around || undefined);
      if (quote === undefined) continue;
      const { bid, ask, last, t, traded = t } = quote as FakeQuote;
      const stock = { bx: 'V', ax: 'V', c: ['R'], z: 'C' };
      shown[symbol] = {
        latestQuote: { t, bp: bid, bs: 1, ap: ask, as: 1, ...(crypto ? {} : stock) },
        ...(last > 0 && {
          latestTrade: { t: traded, p: last, s: 10, i: 1, ...(crypto ? { tks: 'B' } : { x: 'V', c: ['@'], z: 'C' }) },
        }),
      };
    }
    return shown;
  }
}
