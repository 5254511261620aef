import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Contract } from '../contract.js';
import { type Loopback, listen, readRequest } from '../loopback.js';
import { FakeBook, type FakeFill, type FakeOrder, isRefusal } from './book.js';
import type { Fault, Reply } from './faults.js';
import { FakeMarket } from './market.js';
import { type FakeArticle, newsPage } from './news.js';
import { activityId, activityJson, assetId, listOrders, orderJson, positionJson, precise } from './render.js';
import { FakeStreams } from './streams.js';

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface FakeAsset {
  tradable?: boolean;
  shortable?: boolean;
  fractionable?: boolean;
  status?: 'active' | 'inactive';
  borrow_status?: string;
}

const KEYS = { id: 'PKFAKEFAKEFAKE000001', secret: 'fake-secret-never-to-be-printed' };

/**
 * A venue with Alpaca's interface on loopback: its own order book, ledger of accepted orders, bars and streams.
 * Every request and every honest reply is checked against the cut documents; `violations` must stay empty.
 */
export class FakeAlpaca {
  readonly violations: string[] = [];
  readonly requests: RecordedRequest[] = [];
  readonly market = new FakeMarket();
  readonly assets = new Map<string, FakeAsset>();
  readonly book: FakeBook;
  readonly streams: FakeStreams;
  /** Articles, in any order. */
  readonly news: FakeArticle[] = [];
  /** Fields to change in the account. */
  readonly account: Record<string, unknown> = {};
  readonly keys = { ...KEYS };
  readonly accountId = randomUUID();
  /** Connections that were opened to it. */
  connections = 0;
  /** The venue's own time. */
  now: () => number;
  isOpen = true;
  /** Trading hours by the venue's calendar; absent: open (or not) for the next hour. */
  hours: ((now: number) => { open: boolean; nextOpen: number; nextClose: number }) | undefined;
  /** Answer 429 with these headers once the allowance is used up; undefined = no limit. */
  limit: { remaining: number; headers: () => Record<string, string> } | undefined;
  /** Requests a minute that its replies name; undefined: they name none. */
  perMinute: number | undefined;
  private readonly faults: { route: string; fault: Fault; times: number }[] = [];
  private readonly trading = Contract.load('alpaca-trading');
  private readonly data = Contract.load('alpaca-market-data');
  private server!: Loopback;

  private constructor(now: () => number) {
    this.now = now;
    this.streams = new FakeStreams(this);
    this.book = new FakeBook(
      () => this.now(),
      (event, order, fill) => this.streams.tradeUpdate(event, order, fill),
    );
  }

  static async start(now: () => number = Date.now): Promise<FakeAlpaca> {
    const fake = new FakeAlpaca(now);
    fake.server = await listen((request, response) => void fake.handle(request, response));
    fake.server.server.on('connection', () => fake.connections++);
    fake.streams.attach(fake.server.server);
    return fake;
  }

  get url(): string {
    return this.server.url;
  }

  /** The environment that points a client here. */
  get secrets(): Record<string, string> {
    const ws = this.url.replace('http', 'ws');
    return {
      APCA_API_KEY_ID: this.keys.id,
      APCA_API_SECRET_KEY: this.keys.secret,
      APCA_API_BASE_URL: this.url,
      APCA_API_DATA_URL: this.url,
      APCA_API_STREAM_URL: `${ws}/stream`,
      APCA_API_DATA_STREAM_URL: ws,
    };
  }

  /** Arms a fault for the next `times` requests of a route such as `POST /v2/orders`. */
  arm(route: string, fault: Fault, times = 1): void {
    this.faults.push({ route, fault, times });
  }

  /** Ends all faults and the limit of requests. */
  disarm(): void {
    this.faults.length = 0;
    this.limit = undefined;
  }

  count(route: string): number {
    return this.requests.filter((one) => `${one.method} ${one.path}` === route).length;
  }

  async close(): Promise<void> {
    this.streams.close();
    await this.server.close();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? 'GET';
    const text = await readRequest(request);
    const body = text === '' ? undefined : (JSON.parse(text) as unknown);
    this.requests.push({ method, path: url.pathname, query: url.searchParams, headers: request.headers, body });
    const allowance = this.perMinute === undefined ? {} : { 'X-RateLimit-Limit': String(this.perMinute) };
    const send = (reply: Reply) => {
      response.writeHead(reply.status, { 'content-type': 'application/json', ...allowance, ...reply.headers });
      response.end(reply.status === 204 ? undefined : JSON.stringify(reply.body));
    };
    // Crypto data is public: the vendor's client sends no keys there.
    const open = url.pathname.startsWith('/v1beta3/crypto/');
    if (
      (!open && request.headers['apca-api-key-id'] !== this.keys.id) ||
      (!open && request.headers['apca-api-secret-key'] !== this.keys.secret)
    )
      return send({ status: 401, body: { code: 40110000, message: 'request is not authorized' } });
    if (this.limit !== undefined && this.limit.remaining-- <= 0)
      return send({
        status: 429,
        body: { code: 42910000, message: 'too many requests.' },
        headers: this.limit.headers(),
      });
    const process = (): Reply => {
      const { operation, contract, run } = this.route(method, url, body);
      this.violations.push(...contract.request(operation, url.searchParams, body));
      const reply = run();
      this.violations.push(...contract.reply(operation, reply.status, reply.body));
      return reply;
    };
    const armed = this.faults.find(
      (one) => one.times > 0 && one.route === `${method} ${url.pathname.replace(/\/[0-9a-f-]{36}$/, '/{id}')}`,
    );
    if (armed !== undefined) {
      armed.times--;
      return armed.fault({ process, send, response, destroy: () => request.socket.destroy() });
    }
    send(process());
  }

  private route(method: string, url: URL, body: unknown): { operation: string; contract: Contract; run: () => Reply } {
    const { book, trading, data } = this;
    const q = url.searchParams;
    const path = url.pathname;
    const ok = (value: unknown): Reply => ({ status: 200, body: value });
    const result = (value: unknown): Reply =>
      isRefusal(value)
        ? { status: value.status, body: { code: value.code, message: value.message } }
        : ok(orderJson(book, value as FakeOrder, true));
    const missing: Reply = { status: 404, body: { code: 40410000, message: 'order not found' } };
    const t = (operation: string, run: () => Reply) => ({
      operation: `${method} ${operation}`,
      contract: trading,
      run,
    });
    const id = /^\/v2\/orders\/([^/]+)$/.exec(path)?.[1];
    if (id !== undefined) {
      const order = book.orders.get(id);
      if (method === 'PATCH')
        return t('/v2/orders/{order_id}', () => result(book.replace(id, body as Record<string, unknown>)));
      if (method === 'DELETE')
        return t('/v2/orders/{order_id}', () => {
          const refused = book.cancel(id);
          return refused === undefined ? { status: 204, body: undefined } : result(refused);
        });
      return t('/v2/orders/{order_id}', () =>
        order === undefined ? missing : ok(orderJson(book, order, q.get('nested') === 'true')),
      );
    }
    const asset = /^\/v2\/assets\/(.+)$/.exec(path)?.[1];
    if (asset !== undefined) return t('/v2/assets/{symbol_or_asset_id}', () => this.asset(decodeURIComponent(asset)));
    switch (path) {
      case '/v2/orders':
        return method === 'POST'
          ? t(path, () => result(this.place(body as Record<string, unknown>)))
          : t(path, () => ok(listOrders(book, q)));
      case '/v2/orders:by_client_order_id':
        return t(path, () => {
          const wanted = q.get('client_order_id') ?? '';
          const left = book.hidden.get(wanted) ?? 0;
          if (left > 0) {
            book.hidden.set(wanted, left - 1);
            return missing;
          }
          const order = [...book.orders.values()].find((one) => one.client_order_id === wanted);
          // It takes no `nested`, without which no order shows its legs.
          return order === undefined ? missing : ok(orderJson(book, order, false));
        });
      case '/v2/positions':
        return t(path, () => ok([...book.positions.keys()].map((symbol) => positionJson(book, symbol))));
      case '/v2/account/activities':
        return t(path, () => ok(this.activities(q)));
      case '/v2/account':
        return t(path, () => ok(this.accountJson()));
      case '/v2/account/configurations':
        return t(path, () => {
          if (method === 'PATCH' && typeof (body as { suspend_trade?: unknown }).suspend_trade === 'boolean')
            this.account['trade_suspended_by_user'] = (body as { suspend_trade: boolean }).suspend_trade;
          return ok({
            suspend_trade: this.account['trade_suspended_by_user'] === true,
            no_shorting: false,
            fractional_trading: true,
          });
        });
      case '/v2/clock':
        return t(path, () => {
          const iso = (at: number) => new Date(at).toISOString();
          const now = this.now();
          const { open, nextOpen, nextClose } = this.hours?.(now) ?? {
            open: this.isOpen,
            nextOpen: now + 64_800_000,
            nextClose: now + 3_600_000,
          };
          return ok({ timestamp: iso(now), is_open: open, next_open: iso(nextOpen), next_close: iso(nextClose) });
        });
      case '/v2/stocks/bars':
      case '/v1beta3/crypto/us/bars':
        return { operation: `GET ${path.replace('/us/', '/{loc}/')}`, contract: data, run: () => this.barsPage(q) };
      case '/v2/stocks/snapshots':
        return {
          operation: `GET ${path}`,
          contract: data,
          run: () => ok(this.market.snapshots(q, false, book.prices, this.now())),
        };
      case '/v1beta3/crypto/us/snapshots':
        return {
          operation: 'GET /v1beta3/crypto/{loc}/snapshots',
          contract: data,
          run: () => ok({ snapshots: this.market.snapshots(q, true, book.prices, this.now()) }),
        };
      case '/v1beta1/news':
        return { operation: `GET ${path}`, contract: data, run: () => ok(newsPage(this.news, q)) };
      case '/v1/corporate-actions':
        return {
          operation: `GET ${path}`,
          contract: data,
          run: () => ok({ corporate_actions: this.market.actions, next_page_token: null }),
        };
      default:
        return {
          operation: `${method} ${path}`,
          contract: trading,
          run: () => ({ status: 404, body: { message: 'endpoint not found' } }),
        };
    }
  }

  private place(body: Readonly<Record<string, unknown>>): unknown {
    const symbol = String(body['symbol']);
    return this.assets.has(symbol) || symbol.includes('/')
      ? this.book.place(body)
      : { status: 422, code: 42210000, message: `asset "${symbol}" not found` };
  }

  private barsPage(q: URLSearchParams): Reply {
    const end = Date.parse(q.get('end') ?? '2100-01-01');
    if (!this.market.entitled && q.get('feed') !== 'iex' && end > this.now() - 15 * 60_000)
      return { status: 403, body: { message: 'subscription does not permit querying recent SIP data' } };
    return { status: 200, body: this.market.page(q) };
  }

  private activities(q: URLSearchParams): unknown[] {
    let list = [...this.book.fills].sort((a, b) => (activityId(a) < activityId(b) ? -1 : 1));
    const after = q.get('after');
    if (after !== null) list = list.filter((fill) => fill.time > Date.parse(after));
    if (q.get('direction') !== 'asc') list.reverse();
    const token = q.get('page_token');
    if (token !== null) list = list.slice(list.findIndex((fill) => activityId(fill) === token) + 1);
    return list.slice(0, Number(q.get('page_size') ?? 100)).map((fill: FakeFill) => activityJson(fill));
  }

  private asset(symbol: string): Reply {
    const asset = this.assets.get(symbol);
    if (asset === undefined) return { status: 404, body: { code: 40410000, message: `asset not found for ${symbol}` } };
    return {
      status: 200,
      body: {
        id: assetId(symbol),
        class: symbol.includes('/') ? 'crypto' : 'us_equity',
        exchange: 'NASDAQ',
        symbol,
        name: `${symbol} Inc.`,
        status: 'active',
        tradable: true,
        marginable: true,
        shortable: true,
        easy_to_borrow: true,
        fractionable: true,
        ...asset,
      },
    };
  }

  private accountJson(): Record<string, unknown> {
    return {
      id: this.accountId,
      account_number: 'PA3FAKE00001',
      status: 'ACTIVE',
      currency: 'USD',
      cash: '100000',
      equity: '100000',
      last_equity: '100000',
      buying_power: '200000',
      portfolio_value: '100000',
      multiplier: '2',
      trading_blocked: false,
      account_blocked: false,
      transfers_blocked: false,
      trade_suspended_by_user: false,
      shorting_enabled: true,
      created_at: precise(0),
      ...this.account,
    };
  }
}
