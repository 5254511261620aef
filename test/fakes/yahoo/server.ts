import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Loopback, listen } from '../loopback.js';

export interface FakeQuote {
  /** Seconds. */
  readonly t: number;
  readonly o: number | null;
  readonly h: number | null;
  readonly l: number | null;
  readonly c: number | null;
  readonly v: number | null;
}

export interface FakeTicker {
  readonly quotes: Record<string, FakeQuote[]>;
  readonly splits?: { date: number; numerator: number; denominator: number }[];
  readonly dividends?: { date: number; amount: number }[];
  readonly meta?: Record<string, unknown>;
}

type Answer = (response: ServerResponse) => void;

/**
 * Yahoo's chart route on loopback. No interface document exists for it: the shape of the replies is constructed after
 * what yahoo-finance2 3.15 and its issues describe, so this fake proves our reading of that shape, not Yahoo's behaviour.
 */
export class FakeYahoo {
  readonly tickers = new Map<string, FakeTicker>();
  readonly requests: { path: string; query: URLSearchParams; headers: IncomingMessage['headers'] }[] = [];
  readonly answers: Answer[] = [];
  private server!: Loopback;

  static async start(): Promise<FakeYahoo> {
    const fake = new FakeYahoo();
    fake.server = await listen((request, response) => fake.handle(request, response));
    return fake;
  }

  get url(): string {
    return this.server.url;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  /** The next `times` requests get this instead. */
  answer(times: number, status: number, body: string, headers: Record<string, string> = {}): void {
    for (let i = 0; i < times; i++) this.answers.push((response) => response.writeHead(status, headers).end(body));
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url);
    this.requests.push({ path: url.pathname, query: url.searchParams, headers: request.headers });
    const armed = this.answers.shift();
    if (armed !== undefined) {
      armed(response);
      return;
    }
    const symbol = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
    const ticker = this.tickers.get(symbol);
    const send = (status: number, chart: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json;charset=utf-8' }).end(JSON.stringify({ chart }));
    };
    if (ticker === undefined) {
      send(404, {
        result: null,
        error: { code: 'Not Found', description: 'No data found, symbol may be delisted' },
      });
      return;
    }
    const q = url.searchParams;
    const from = Number(q.get('period1'));
    const to = Number(q.get('period2'));
    const within = ({ t }: { t: number }) => t >= from && t < to;
    const rows = (ticker.quotes[q.get('interval') ?? '1d'] ?? []).filter(within);
    const keyed = <T extends { date: number }>(list: T[]) =>
      Object.fromEntries(list.filter(({ date }) => date >= from && date < to).map((one) => [one.date, one]));
    const events = {
      ...(ticker.dividends === undefined ? {} : { dividends: keyed(ticker.dividends) }),
      ...(ticker.splits === undefined ? {} : { splits: keyed(ticker.splits) }),
    };
    const column = (field: 'o' | 'h' | 'l' | 'c' | 'v') => rows.map((row) => row[field]);
    send(200, {
      result: [
        {
          meta: {
            currency: 'USD',
            symbol,
            exchangeName: 'NMS',
            instrumentType: 'EQUITY',
            firstTradeDate: 0,
            regularMarketTime: 0,
            gmtoffset: -18000,
            timezone: 'EST',
            exchangeTimezoneName: 'America/New_York',
            priceHint: 2,
            dataGranularity: q.get('interval'),
            ...ticker.meta,
          },
          ...(rows.length === 0 ? {} : { timestamp: rows.map(({ t }) => t) }),
          ...(Object.keys(events).length === 0 ? {} : { events }),
          indicators: {
            quote: [
              rows.length === 0
                ? {}
                : { open: column('o'), high: column('h'), low: column('l'), close: column('c'), volume: column('v') },
            ],
            ...(q.get('interval') === '1d' && rows.length > 0 ? { adjclose: [{ adjclose: column('c') }] } : {}),
          },
        },
      ],
      error: null,
    });
  }
}
