import { z } from 'zod';
import {
  type SchwabCalls,
  SchwabRest,
  type SchwabRestOptions,
  schwabApp,
  schwabUrl,
  tokenFile,
} from '../../clients/schwab/index.js';
import { calendarOf, decimal, type Quote, TERMINAL_STATUSES } from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { dateOf, httpFailureOf } from '../../platform/index.js';
import {
  type Broker,
  type BrokerAccount,
  type BrokerAsset,
  type BrokerCapabilities,
  type BrokerClock,
  type BrokerContext,
  type BrokerOrder,
  type BrokerPosition,
  type ExecutionPage,
  type OrderHint,
  type OrderRequest,
  sendError,
} from '../broker.js';
import { hoursAt } from '../hours.js';
import {
  accountFrom,
  asList,
  asObject,
  executionsFrom,
  isOrder,
  orderFrom,
  ordersIn,
  positionsFrom,
  quoteFrom,
  unreadable,
} from './schwab-read.js';
import { ambiguous, orderFor, refusal, type SchwabOrder, sendFailure, symbolOf, wireOf } from './schwab-send.js';

export const name = 'schwab';
export const summary =
  'Charles Schwab, where TD Ameritrade went: US equities, real money only, after `quantline login schwab`.';

export const settings = z.strictObject({
  /** Account number, where the login has several. */
  account: z.string().optional(),
  /** Seconds for one call, its answer included. */
  timeoutSeconds: z.number().min(0.1).max(120).default(30),
});
export type SchwabBrokerSettings = z.output<typeof settings>;

export const capabilities: BrokerCapabilities = {
  clientOrderIds: false,
  orderTypes: new Set(['market', 'limit', 'stop', 'stop_limit', 'trailing_stop']),
  timesInForce: new Set(['day', 'gtc', 'cls', 'ioc', 'fok']),
  notional: false,
  fractional: false,
  short: true,
  extendedHours: true,
  attachedProtection: true,
  oco: true,
  pairedEntries: 'two-orders',
  trailingStop: true,
  replace: true,
  stream: false,
};

/** @throws QuantlineError GUARD without --live: there is no paper environment. CREDENTIALS without the app's keys. */
export function create(options: SchwabBrokerSettings, context: BrokerContext): Broker {
  if (!context.live)
    throw new QuantlineError('GUARD', 'Schwab has no paper environment: its orders are real.', {
      hint: 'Use --broker sim to trade without real money; real orders need --live and its guards.',
    });
  return new SchwabBroker(options, context);
}

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Schwab lists orders that were entered within this time. */
const HISTORY_MS = 60 * DAY;
const PAGE = 3000;
/** Symbols a request: keeps addresses short. */
const QUOTES_A_REQUEST = 100;
/** An order whose placing was left open was entered within this time of the attempt. */
const MATCH_BEFORE_MS = MINUTE;
const MATCH_AFTER_MS = 3 * MINUTE;

export class SchwabBroker implements Broker {
  readonly venue = 'schwab-live';
  readonly capabilities = capabilities;
  private connection: Promise<SchwabCalls> | undefined;
  private hash: Promise<string> | undefined;
  private readonly app;
  private readonly baseUrl: string;

  constructor(
    private readonly options: SchwabBrokerSettings,
    private readonly context: BrokerContext,
    private readonly connect: (options: SchwabRestOptions) => Promise<SchwabCalls> = SchwabRest.create,
  ) {
    this.app = schwabApp(context.secrets);
    this.baseUrl = schwabUrl(context.secrets);
  }

  private rest(): Promise<SchwabCalls> {
    const { clock, logger, stateDir, secrets, onExpiring, ending } = this.context;
    this.connection ??= this.connect({
      app: this.app,
      baseUrl: this.baseUrl,
      clock,
      logger,
      stateDir,
      file: tokenFile(secrets, stateDir),
      timeoutMs: this.options.timeoutSeconds * 1000,
      ending,
      onExpiring,
    });
    return this.connection;
  }

  private async get(path: string): Promise<unknown> {
    return (await (await this.rest()).call({ method: 'GET', path })).json;
  }

  /** Path of the account, which Schwab names by a hash. */
  private accountPath(): Promise<string> {
    this.hash ??= this.findAccount().catch((error: unknown) => {
      this.hash = undefined;
      throw error;
    });
    return this.hash;
  }

  private async findAccount(): Promise<string> {
    const rows = asList(await this.get('/trader/v1/accounts/accountNumbers'), 'list of accounts').map((row) => {
      const { accountNumber, hashValue } = row;
      if (typeof accountNumber !== 'string' || typeof hashValue !== 'string' || hashValue === '')
        throw unreadable('list of accounts', 'number or hash');
      return { accountNumber, hashValue };
    });
    const wanted = this.options.account ?? (rows.length === 1 ? rows[0]!.accountNumber : undefined);
    const found = rows.find(({ accountNumber }) => accountNumber === wanted);
    if (found === undefined) {
      const masked = rows.map(({ accountNumber }) => `…${accountNumber.slice(-4)}`).join(', ');
      throw new QuantlineError('CONFIG', `This login has ${rows.length} accounts (${masked}); one has to be named.`, {
        hint: 'Add --set account=<its number>.',
      });
    }
    return `/trader/v1/accounts/${encodeURIComponent(found.hashValue)}`;
  }

  async account(): Promise<BrokerAccount> {
    return { ...accountFrom(await this.get(await this.accountPath())), paper: false };
  }

  async clock(): Promise<BrokerClock> {
    const rest = await this.rest();
    const reply = await rest.call({ method: 'GET', path: '/trader/v1/accounts/accountNumbers' });
    const now = Date.parse(reply.headers.get('date') ?? '');
    if (Number.isNaN(now)) throw unreadable('reply', 'its date');
    return hoursAt(now, this.context.calendar ?? calendarOf('XNYS'));
  }

  async asset(instrument: string): Promise<BrokerAsset> {
    const symbol = symbolOf(instrument);
    const json = await this.quoted([symbol], 'quote,reference');
    const none = { instrument, tradable: false, shortable: false, fractionable: false };
    if (json[symbol] === undefined) return none;
    const { assetMainType, reference, quote } = asObject(json[symbol], 'quote');
    const { isShortable, isHardToBorrow } = asObject(reference ?? {}, 'quote');
    const halted = /halt/i.test(String(asObject(quote ?? {}, 'quote')['securityStatus'] ?? ''));
    return {
      ...none,
      tradable: assetMainType === 'EQUITY',
      shortable: isShortable === true && isHardToBorrow !== true,
      ...(halted ? { halted } : {}),
    };
  }

  private async quoted(symbols: readonly string[], fields: string): Promise<Readonly<Record<string, unknown>>> {
    const query = new URLSearchParams({ symbols: symbols.join(','), fields });
    return asObject(await this.get(`/marketdata/v1/quotes?${query}`), 'quote');
  }

  async quotes(instruments: readonly string[]): Promise<readonly Quote[]> {
    const quotes: Quote[] = [];
    for (let at = 0; at < instruments.length; at += QUOTES_A_REQUEST) {
      const part = instruments.slice(at, at + QUOTES_A_REQUEST);
      const json = await this.quoted(part.map(symbolOf), 'quote');
      for (const instrument of part) {
        const quote = quoteFrom(instrument, json[symbolOf(instrument)]);
        if (quote !== undefined) quotes.push(quote);
      }
    }
    return quotes;
  }

  async positions(): Promise<readonly BrokerPosition[]> {
    return positionsFrom(await this.get(`${await this.accountPath()}?fields=positions`)).filter(
      ({ quantity }) => !decimal.isZero(quantity),
    );
  }

  /** Orders entered in a span of time, whole: a list that is full may have been cut, and its span is read in halves. */
  private async list(from: number, to: number): Promise<readonly unknown[]> {
    const query = new URLSearchParams({
      fromEnteredTime: dateOf(from).toISOString(),
      toEnteredTime: dateOf(to).toISOString(),
      maxResults: String(PAGE),
    });
    const found = asList(await this.get(`${await this.accountPath()}/orders?${query}`), 'list of orders');
    if (found.length < PAGE) return found;
    if (to - from < 1000)
      throw new QuantlineError('UNAVAILABLE', "Schwab's list of orders is cut off; it was not read to its end.", {
        hint: 'Try again in a moment.',
      });
    const middle = Math.floor((from + to) / 2);
    const both = [...(await this.list(from, middle)), ...(await this.list(middle, to))];
    return [...new Map(both.map((one) => [orderFrom(one).venueOrderId, one])).values()];
  }

  private history(): Promise<readonly unknown[]> {
    const now = this.context.clock.now();
    return this.list(now - HISTORY_MS + MINUTE, now + MINUTE);
  }

  async openOrders(): Promise<readonly BrokerOrder[]> {
    return (await this.history())
      .map(orderFrom)
      .flatMap((order) => [order, ...(order.legs ?? [])])
      .filter(({ status }) => !TERMINAL_STATUSES.has(status));
  }

  /** By the id that Schwab gave it, or, before that is known, by what was sent and when. */
  async orderByClientId(_clientOrderId: string, hint?: OrderHint): Promise<BrokerOrder | undefined> {
    if (hint === undefined) return undefined;
    if (hint.venueOrderId !== undefined) return this.orderByVenueId(hint.venueOrderId);
    const sent = [hint.request, ...(hint.recorded === undefined ? [] : [hint.recorded])].map(wireOf);
    // A replacement stands within its group, which may have been entered long before.
    const candidates = (await this.history()).flatMap(ordersIn).filter(({ json, order: { submittedAt } }) => {
      const after = (submittedAt ?? Number.NaN) - hint.sentAt;
      return after >= -MATCH_BEFORE_MS && after <= MATCH_AFTER_MS && sent.some((wire) => isOrder(json, wire));
    });
    const matches: BrokerOrder[] = [];
    for (const { order } of candidates) if ((await hint.isOther?.(order.venueOrderId)) !== true) matches.push(order);
    if (matches.length > 1)
      throw new QuantlineError(
        'UNAVAILABLE',
        `${hint.request.instrument}: ${matches.length} orders at Schwab look like the one that was sent; none is taken for it.`,
        { hint: 'Look at the orders of the account and cancel the one that is too much.' },
      );
    return matches[0];
  }

  async orderByVenueId(venueOrderId: string): Promise<BrokerOrder | undefined> {
    if (!/^\d+$/.test(venueOrderId)) return undefined;
    try {
      return orderFrom(await this.get(`${await this.accountPath()}/orders/${venueOrderId}`));
    } catch (error) {
      const http = httpFailureOf(error);
      // A 404 without the venue's own words comes from something in between.
      if (http?.status === 404 && http.vendorMessage !== undefined) return undefined;
      throw error;
    }
  }

  submit(request: OrderRequest, _clientOrderId: string): Promise<BrokerOrder> {
    return this.send('POST', '', request);
  }

  /** Schwab makes a new order in the old one's place, a leg of a pair included, and ends the old one. */
  replace(venueOrderId: string, request: OrderRequest, _clientOrderId: string): Promise<BrokerOrder> {
    return this.send('PUT', `/${encodeURIComponent(venueOrderId)}`, request);
  }

  private async send(method: 'POST' | 'PUT', at: string, request: OrderRequest): Promise<BrokerOrder> {
    const { instrument } = request;
    const order = orderFor(request, this.capabilities);
    let path: string;
    let location: string | null;
    try {
      path = await this.accountPath();
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
      throw sendError('not_sent', `${instrument}: not sent. ${error.message}`, { cause: error });
    }
    try {
      const rest = await this.rest();
      const reply = await rest.call({ method, path: `${path}/orders${at}`, body: order, maxQueueMs: 2000 });
      if (reply.status !== 201) throw ambiguous(instrument, `Schwab answered ${reply.status}.`);
      location = reply.headers.get('location');
    } catch (error) {
      throw isQuantlineError(error) && error.details['outcome'] !== undefined ? error : sendFailure(instrument, error);
    }
    return this.confirm(instrument, order, /\/orders\/(\d+)\/?$/.exec(location ?? '')?.[1]);
  }

  /** Reads the order that Schwab says it made: the address has been seen to name another one. */
  private async confirm(instrument: string, order: SchwabOrder, id: string | undefined): Promise<BrokerOrder> {
    if (id === undefined) throw ambiguous(instrument, 'Schwab gave no id for it.');
    let json: unknown;
    let found: BrokerOrder;
    try {
      json = await this.get(`${await this.accountPath()}/orders/${id}`);
      found = orderFrom(json);
    } catch (error) {
      throw ambiguous(instrument, `It could not be read back (${(error as Error).message}).`, error);
    }
    if (!isOrder(json, order)) throw ambiguous(instrument, `Schwab names order ${id}, which is another one.`);
    if (found.status === 'rejected' && found.filledQuantity === '0')
      throw refusal(instrument, found.reason ?? 'rejected');
    return found;
  }

  async cancel(venueOrderId: string): Promise<void> {
    const rest = await this.rest();
    const path = `${await this.accountPath()}/orders/${encodeURIComponent(venueOrderId)}`;
    for (let attempt = 1; ; attempt++) {
      let failure: unknown;
      try {
        const reply = await rest.call({ method: 'DELETE', path });
        // A page in between also answers 200.
        if (reply.text.trim() === '') return;
      } catch (error) {
        if (isQuantlineError(error) && error.code === 'CREDENTIALS') throw error;
        failure = error;
      }
      const order = await this.orderByVenueId(venueOrderId);
      if (order === undefined)
        throw new QuantlineError('REFUSED', `Schwab has no order ${venueOrderId} to cancel.`, { cause: failure });
      if (TERMINAL_STATUSES.has(order.status) || order.status === 'pending_cancel') return;
      const http = httpFailureOf(failure);
      // Asking twice for a cancel is harmless; a refusal in words is not asked again.
      const refused = http !== undefined && !http.ambiguous && http.cause !== 'rate-limit' && http.status !== undefined;
      if (refused || attempt >= 3)
        throw new QuantlineError(
          refused ? 'REFUSED' : 'UNAVAILABLE',
          `Schwab does not cancel order ${venueOrderId}: ${http?.vendorMessage ?? http?.status ?? 'no clear answer'}.`,
          { hint: 'It is open still; look at it again in a moment.', cause: failure },
        );
      const wait = Math.max((http?.retryAt ?? 0) - this.context.clock.now(), 250 * attempt);
      await this.context.clock.sleep(Math.min(wait, MINUTE));
    }
  }

  async executions(_cursor: string | undefined): Promise<ExecutionPage> {
    // An order entered weeks ago may fill now, and executions can only be read with their orders.
    const executions = (await this.history()).flatMap(executionsFrom);
    executions.sort((a, b) => a.time - b.time);
    return { executions, cursor: String(executions.at(-1)?.time ?? 0) };
  }

  async prepare(orders: number): Promise<void> {
    await (await this.rest()).prepare(orders);
  }

  async close(): Promise<void> {
    const { connection } = this;
    this.connection = undefined;
    (await connection?.catch(() => undefined))?.close();
  }
}
