import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Loopback, listen } from '../loopback.js';
import { replyViolations, requestViolations } from './contract.js';

export interface FakeQuote {
  /** Seconds. */
  readonly t: number;
  readonly o: number | null;
  readonly h: number | null;
  readonly l: number | null;
  readonly c: number | null;
  readonly v: number | null;
  /** Adjusted close of daily bars; the close where it is left out. */
  readonly adjusted?: number | undefined;
}

export interface FakeTicker {
  readonly quotes: Record<string, FakeQuote[]>;
  readonly splits?: { date: number; numerator: number; denominator: number }[];
  readonly dividends?: { date: number; amount: number }[];
  readonly meta?: Record<string, unknown>;
}

type Answer = (response: ServerResponse) => void;

/**
 * Yahoo's chart route on loopback. Every request and every honest reply is checked against the schema that
 * yahoo-finance2 ships (`violations` must stay empty); loaded with recorded bars it gives the recorded reply.
 */
export class FakeYahoo {
  readonly tickers = new Map<string, FakeTicker>();
  readonly requests: { path: string; query: URLSearchParams; headers: IncomingMessage['headers'] }[] = [];
  readonly answers: Answer[] = [];
  readonly violations: string[] = [];
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
    this.violations.push(...requestViolations(url.searchParams));
    const { status, chart } = this.reply(decodeURIComponent(url.pathname.split('/').at(-1) ?? ''), url.searchParams);
    this.violations.push(...replyViolations(status, { chart }));
    response.writeHead(status, { 'content-type': 'application/json;charset=utf-8' }).end(JSON.stringify({ chart }));
  }

  private reply(symbol: string, query: URLSearchParams): { status: number; chart: unknown } {
    const failed = (status: number, code: string, description: string) => ({
      status,
      chart: { result: null, error: { code, description } },
    });
    const ticker = this.tickers.get(symbol);
    if (ticker === undefined) return failed(404, 'Not Found', 'No data found, symbol may be delisted');
    const from = Number(query.get('period1'));
    const to = Number(query.get('period2'));
    const interval = query.get('interval') ?? '1d';
    const meta = { ...META, symbol, dataGranularity: interval, ...ticker.meta };
    if (to <= meta.firstTradeDate)
      return failed(400, 'Bad Request', `Data doesn't exist for startDate = ${from}, endDate = ${to}`);
    // Both ends are inclusive, as recorded.
    const within = (t: number) => t >= from && t <= to;
    const rows = (ticker.quotes[interval] ?? []).filter(({ t }) => within(t));
    const asked = (query.get('events') ?? '').split('|');
    const keyed = <T extends { date: number }>(name: string, list: readonly T[] = []) =>
      Object.fromEntries(list.filter(({ date }) => asked.includes(name) && within(date)).map((one) => [one.date, one]));
    const events = Object.entries({
      dividends: keyed('div', ticker.dividends),
      splits: keyed(
        'split',
        ticker.splits?.map((one) => ({ ...one, splitRatio: `${one.numerator}:${one.denominator}` })),
      ),
    }).filter(([, list]) => Object.keys(list).length > 0);
    const column = (field: 'o' | 'h' | 'l' | 'c' | 'v') => rows.map((row) => row[field]);
    const some = rows.length > 0;
    const indicators = {
      quote: [
        some ? { open: column('o'), high: column('h'), low: column('l'), close: column('c'), volume: column('v') } : {},
      ],
      ...(interval === '1d' && some ? { adjclose: [{ adjclose: rows.map((row) => row.adjusted ?? row.c) }] } : {}),
    };
    const result = {
      meta,
      ...(some ? { timestamp: rows.map(({ t }) => t) } : {}),
      ...(events.length > 0 ? { events: Object.fromEntries(events) } : {}),
      indicators,
    };
    return { status: 200, chart: { result: [result], error: null } };
  }
}

const EST = { timezone: 'EST', gmtoffset: -18000 };
const META = {
  currency: 'USD',
  exchangeName: 'NMS',
  fullExchangeName: 'NasdaqGS',
  instrumentType: 'EQUITY',
  firstTradeDate: 0,
  regularMarketTime: 0,
  hasPrePostMarketData: true,
  ...EST,
  exchangeTimezoneName: 'America/New_York',
  regularMarketPrice: 100,
  priceHint: 2,
  currentTradingPeriod: {
    pre: { ...EST, start: 0, end: 0 },
    regular: { ...EST, start: 0, end: 0 },
    post: { ...EST, start: 0, end: 0 },
  },
  range: '',
  validRanges: ['1d', '5d', '1mo', '3mo', '6mo', '1y', '2y', '5y', '10y', 'ytd', 'max'],
};
