import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault, Reply } from '../alpaca/faults.js';
import { Contract } from '../contract.js';
import { type Loopback, listen, readRequest } from '../loopback.js';
import { type BookOrder, DONE, quantityOf, SchwabBook, type WireOrder } from './book.js';

const ACCOUNT = '12345678';
const HASH = 'A1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3D4E5F60718293A4B5C6D7E8F90';
const stamp = (at: number): string => new Date(at).toISOString().replace('Z', '+0000');

/**
 * Schwab's host on loopback: OAuth, accounts, orders, quotes, its own book and ledger of accepted orders. Every request
 * and every honest reply is checked against our transcription of the interface; `violations` must stay empty.
 */
export class FakeSchwab {
  readonly violations: string[] = [];
  readonly requests: { readonly route: string; readonly url: URL; readonly body: unknown }[] = [];
  readonly book: SchwabBook;
  readonly app = { key: 'fake-app-key-0001', secret: 'fake-app-secret-never-printed' };
  readonly account: Record<string, unknown> = {};
  readonly symbols = new Map<string, { shortable?: boolean; hard?: boolean; halted?: boolean }>([
    ['AAPL', {}],
    ['MSFT', {}],
    ['BRK/B', {}],
  ]);
  accounts = [{ accountNumber: ACCOUNT, hashValue: HASH }];
  /** Codes that a login has given out, with the callback they were for. */
  readonly codes = new Map<string, string>();
  refreshToken = `refresh-${randomBytes(8).toString('hex')}`;
  accessToken = `access-${randomBytes(8).toString('hex')}`;
  /** Seconds that an access token lives. */
  tokenSeconds = 1800;
  /** The 201 of an order names no order, or another one. */
  location: 'right' | 'none' | 'other' = 'right';
  /** What a PUT on one leg of a pair does, of which no public description says anything. */
  legPut: 'moves' | 'refused' | 'ends the pair' = 'moves';
  /** An order is not listed yet. */
  hidden = false;
  /** Connections that were opened to it. */
  connections = 0;
  now: () => number;
  /** Departures from the vendor's messages that a test wants. */
  lies: RegExp | undefined;
  /** Orders that were sent here, other than those by hand. */
  readonly accepted: BookOrder[] = [];
  private readonly faults: { route: string; fault: Fault; times: number }[] = [];
  private readonly contract = Contract.load('schwab');
  private server!: Loopback;

  private constructor(now: () => number) {
    this.now = now;
    this.book = new SchwabBook(() => this.now());
  }

  static async start(now: () => number = Date.now): Promise<FakeSchwab> {
    const fake = new FakeSchwab(now);
    fake.server = await listen((request, response) => void fake.handle(request, response));
    fake.server.server.on('connection', () => fake.connections++);
    return fake;
  }

  get url(): string {
    return this.server.url;
  }

  get secrets(): Record<string, string> {
    return { SCHWAB_APP_KEY: this.app.key, SCHWAB_APP_SECRET: this.app.secret, SCHWAB_BASE_URL: this.url };
  }

  arm(route: string, fault: Fault, times = 1): void {
    this.faults.push({ route, fault, times });
  }

  disarm(): void {
    this.faults.length = 0;
  }

  count(route: string): number {
    return this.requests.filter((one) => one.route === route).length;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const text = await readRequest(request);
    const route = `${request.method} ${url.pathname.replace(/\/accounts\/(?!accountNumbers)[^/]+/, '/accounts/{hash}').replace(/\/orders\/[^/]+$/, '/orders/{id}')}`;
    const form = (request.headers['content-type'] ?? '').includes('form-urlencoded');
    const body = text === '' ? undefined : form ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text);
    this.requests.push({ route, url, body });
    const date = { date: new Date(this.now()).toUTCString() };
    const send = (reply: Reply) => {
      response.writeHead(reply.status, { 'content-type': 'application/json', ...date, ...reply.headers });
      response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
    };
    if (route !== 'POST /v1/oauth/token' && request.headers.authorization !== `Bearer ${this.accessToken}`)
      return send({ status: 401, body: { message: 'unauthorized', errors: [{ title: 'Unauthorized' }] } });
    const process = (): Reply => {
      this.violations.push(...this.contract.request(route, url.searchParams, body));
      const reply = this.answer(route, url, body, request.headers.authorization);
      if (route !== 'POST /v1/oauth/token' || reply.status < 400)
        this.violations.push(...this.contract.reply(route, reply.status, reply.body));
      return reply;
    };
    const armed = this.faults.find((one) => one.times > 0 && one.route === route);
    if (armed === undefined) return send(process());
    armed.times--;
    armed.fault({ process, send, response, destroy: () => request.socket.destroy() });
  }

  private answer(route: string, url: URL, body: unknown, authorization: string | undefined): Reply {
    const ok = (value: unknown): Reply => ({ status: 200, body: value });
    const missing: Reply = { status: 404, body: { message: 'Order not found' } };
    const account = /\/accounts\/([^/?]+)/.exec(url.pathname)?.[1];
    if (account !== undefined && account !== 'accountNumbers' && !this.accounts.some((a) => a.hashValue === account))
      return { status: 400, body: { message: 'Invalid account number' } };
    const order = this.book.all.find(({ id }) => String(id) === url.pathname.split('/').at(-1));
    switch (route) {
      case 'POST /v1/oauth/token':
        return this.token(body as Record<string, string>, authorization);
      case 'GET /trader/v1/accounts/accountNumbers':
        return ok(this.accounts);
      case 'GET /trader/v1/accounts/{hash}':
        return ok(this.accountJson(url.searchParams.get('fields') === 'positions'));
      case 'POST /trader/v1/accounts/{hash}/orders':
        return this.place(body as WireOrder);
      case 'PUT /trader/v1/accounts/{hash}/orders/{id}':
        if (order === undefined) return missing;
        if (DONE.has(order.status)) return { status: 400, body: { message: `Order is ${order.status}` } };
        return this.putOrder(body as WireOrder, order);
      case 'GET /trader/v1/accounts/{hash}/orders': {
        const from = Date.parse(url.searchParams.get('fromEnteredTime')!);
        const to = Date.parse(url.searchParams.get('toEnteredTime')!);
        const listed = this.book.roots.filter(({ entered }) => entered >= from && entered <= to);
        return ok(
          this.hidden ? [] : listed.slice(0, Number(url.searchParams.get('maxResults') ?? 3000)).map(orderJson),
        );
      }
      case 'GET /trader/v1/accounts/{hash}/orders/{id}':
        return order === undefined || this.hidden ? missing : ok(orderJson(order));
      case 'DELETE /trader/v1/accounts/{hash}/orders/{id}':
        if (order === undefined) return missing;
        if (DONE.has(order.status)) return { status: 400, body: { message: `Order is ${order.status}` } };
        this.book.cancel(order);
        return { status: 200, body: undefined };
      case 'GET /marketdata/v1/quotes':
        return ok(this.quotes((url.searchParams.get('symbols') ?? '').split(',')));
      default:
        return { status: 404, body: { message: 'no such path' } };
    }
  }

  private token(form: Record<string, string>, authorization: string | undefined): Reply {
    const basic = `Basic ${Buffer.from(`${this.app.key}:${this.app.secret}`).toString('base64')}`;
    if (authorization !== basic)
      return { status: 401, body: { error: 'invalid_client', error_description: 'Unauthorized' } };
    if (form['grant_type'] === 'authorization_code') {
      const callback = this.codes.get(form['code'] ?? '');
      this.codes.delete(form['code'] ?? '');
      if (callback === undefined || callback !== form['redirect_uri'])
        return { status: 400, body: { error: 'invalid_grant', error_description: 'bad authorization code' } };
      this.refreshToken = `refresh-${randomBytes(8).toString('hex')}`;
    } else if (form['refresh_token'] !== this.refreshToken)
      return {
        status: 400,
        body: { error: 'unsupported_token_type', error_description: 'refresh token is invalid or expired' },
      };
    this.accessToken = `access-${randomBytes(8).toString('hex')}`;
    return {
      status: 200,
      body: {
        expires_in: this.tokenSeconds,
        token_type: 'Bearer',
        scope: 'api',
        refresh_token: this.refreshToken,
        access_token: this.accessToken,
      },
    };
  }

  private putOrder(wire: WireOrder, order: BookOrder): Reply {
    const { parent } = order;
    const ofPair = parent?.wire.orderStrategyType === 'OCO';
    if (ofPair && this.legPut === 'refused')
      return { status: 400, body: { message: 'This order cannot be replaced.' } };
    const reply = this.place(wire, order);
    if (ofPair && this.legPut === 'ends the pair')
      for (const leg of parent.children) if (!DONE.has(leg.status)) this.book.end(leg, 'CANCELED');
    return reply;
  }

  private place(wire: WireOrder, replaces?: BookOrder): Reply {
    const symbols = [wire, ...(wire.childOrderStrategies ?? [])].flatMap((one) =>
      (one.orderLegCollection ?? []).map((leg) => leg.instrument.symbol),
    );
    if (symbols.some((symbol) => !this.symbols.has(symbol)))
      return {
        status: 400,
        body: { message: 'A validation error occurred while processing the request.', errors: ['Symbol not found'] },
      };
    const order = replaces === undefined ? this.book.place(wire) : this.book.replace(replaces, wire);
    this.accepted.push(order);
    const id = this.location === 'other' ? (this.book.roots.at(-2)?.id ?? order.id + 7) : order.id;
    return {
      status: 201,
      body: undefined,
      ...(this.location === 'none'
        ? {}
        : { headers: { location: `${this.url}/trader/v1/accounts/${HASH}/orders/${id}` } }),
    };
  }

  /** Ten cents around the last price, of a second ago. */
  private quoted(symbol: string) {
    const last = this.book.prices.get(symbol) ?? 100;
    const at = this.now() - 1000;
    return { lastPrice: last, bidPrice: last - 0.05, askPrice: last + 0.05, quoteTime: at, tradeTime: at };
  }

  private quotes(symbols: readonly string[]): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    const invalid: string[] = [];
    for (const symbol of symbols) {
      const known = this.symbols.get(symbol);
      if (known === undefined) invalid.push(symbol);
      else
        out[symbol] = {
          assetMainType: 'EQUITY',
          symbol,
          quote: {
            ...this.quoted(symbol),
            securityStatus: known.halted === true ? 'Halted' : 'Normal',
          },
          reference: {
            exchangeName: 'NASDAQ',
            isShortable: known.shortable ?? true,
            isHardToBorrow: known.hard ?? false,
          },
        };
    }
    if (invalid.length > 0) out['errors'] = { invalidSymbols: invalid };
    return out;
  }

  private accountJson(withPositions: boolean): unknown {
    const positions = [...this.book.positions]
      .filter(([, { quantity }]) => quantity !== 0)
      .map(([symbol, { quantity, average }]) => ({
        shortQuantity: Math.max(0, -quantity),
        longQuantity: Math.max(0, quantity),
        averagePrice: average,
        marketValue: quantity * (this.book.prices.get(symbol) ?? average),
        instrument: { assetType: 'EQUITY', symbol },
      }));
    return {
      securitiesAccount: {
        type: 'MARGIN',
        accountNumber: ACCOUNT,
        roundTrips: 0,
        isDayTrader: false,
        isClosingOnlyRestricted: false,
        initialBalances: { liquidationValue: 99_000.5, cashBalance: 99_000.5 },
        currentBalances: {
          cashBalance: 100_000.25,
          liquidationValue: 100_000.25,
          buyingPower: 200_000.5,
          equity: 100_000.25,
        },
        ...(withPositions && positions.length > 0 ? { positions } : {}),
        ...this.account,
      },
    };
  }
}

export function orderJson(order: BookOrder): Record<string, unknown> {
  const { wire } = order;
  const numbers = (field: 'price' | 'stopPrice') => (wire[field] === undefined ? {} : { [field]: Number(wire[field]) });
  const nested = order.children.length === 0 ? {} : { childOrderStrategies: order.children.map(orderJson) };
  const common = {
    orderStrategyType: wire.orderStrategyType,
    orderId: order.id,
    cancelable: !DONE.has(order.status),
    editable: !DONE.has(order.status),
    status: order.status,
    ...(order.reason === undefined ? {} : { statusDescription: order.reason }),
    enteredTime: stamp(order.entered),
    ...(order.closed === undefined ? {} : { closeTime: stamp(order.closed) }),
    accountNumber: Number(ACCOUNT),
    ...nested,
  };
  if (wire.orderStrategyType === 'OCO') return common;
  const leg = wire.orderLegCollection![0]!;
  return {
    ...common,
    session: wire.session,
    duration: wire.duration,
    orderType: wire.orderType,
    complexOrderStrategyType: 'NONE',
    quantity: quantityOf(order),
    filledQuantity: order.filled,
    remainingQuantity: quantityOf(order) - order.filled,
    requestedDestination: 'AUTO',
    ...numbers('price'),
    ...numbers('stopPrice'),
    orderLegCollection: [{ orderLegType: 'EQUITY', legId: 1, ...leg }],
    ...(order.fills.length === 0
      ? {}
      : {
          orderActivityCollection: order.fills.map(({ quantity, price, left, time }) => ({
            activityType: 'EXECUTION',
            executionType: 'FILL',
            quantity,
            orderRemainingQuantity: left,
            executionLegs: [{ legId: 1, quantity, mismarkedQuantity: 0, price, time: stamp(time) }],
          })),
        }),
  };
}
