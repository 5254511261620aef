import { z } from 'zod';
import {
  AlpacaRest,
  type AlpacaUrls,
  alpacaKeys,
  alpacaQuotes,
  alpacaUrls,
  type CallOptions,
} from '../../clients/alpaca/index.js';
import { decimal, type Quote, TERMINAL_STATUSES } from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { dateOf, httpFailureOf, isoTime } from '../../platform/index.js';
import {
  type Broker,
  type BrokerAccount,
  type BrokerAsset,
  type BrokerCapabilities,
  type BrokerClock,
  type BrokerContext,
  type BrokerEvent,
  type BrokerOrder,
  type BrokerPosition,
  type ExecutionPage,
  type OrderHint,
  type OrderRequest,
  sendError,
} from '../broker.js';
import { alpacaEvents } from './alpaca-events.js';
import {
  accountFrom,
  asList,
  asObject,
  assetFrom,
  clockFrom,
  executionFrom,
  orderFrom,
  positionFrom,
  unreadable,
} from './alpaca-read.js';
import { orderBody, sendFailure } from './alpaca-send.js';

export const name = 'alpaca';
export const summary = 'Alpaca: US equities and crypto; its paper environment unless --live.';

export const settings = z.strictObject({
  /** Seconds between the reads that notice a mute stream. */
  pollSeconds: z.number().min(1).max(600).default(30),
  /** Seconds for one call, its answer included. */
  timeoutSeconds: z.number().min(0.1).max(120).default(30),
});
export type AlpacaBrokerSettings = z.output<typeof settings>;

export function create(options: AlpacaBrokerSettings, context: BrokerContext): Broker {
  return new AlpacaBroker(options, context);
}

const PAGE = 500;
const ACTIVITIES_PAGE = 100;
const MINUTE = 60_000;
const DAY = 86_400_000;
/** Activities of one instant may be listed in any order and appear late: each read starts before the last one's end. */
const OVERLAP_MS = 2 * MINUTE;
/** The first read goes back further than any order lives at Alpaca (90 days). */
const HISTORY_MS = 100 * DAY;

export const capabilities: BrokerCapabilities = {
  clientOrderIds: true,
  orderTypes: new Set(['market', 'limit', 'stop', 'stop_limit', 'trailing_stop']),
  timesInForce: new Set(['day', 'gtc', 'opg', 'cls', 'ioc', 'fok']),
  notional: true,
  notionalDecimals: 2,
  fractional: true,
  fractionalDayOnly: true,
  atTheOpen: { from: 14.5 * 60 * MINUTE, until: 2 * MINUTE }, // from 19:00 of the evening before to 9:28
  short: true,
  extendedHours: true,
  attachedProtection: true,
  oco: true,
  trailingStop: true,
  noExitsFor: new Set(['crypto']),
  feeInKind: new Map([['crypto', '0.003']]),
  replace: true,
  stream: true,
};

export class AlpacaBroker implements Broker {
  readonly venue: string;
  readonly capabilities = capabilities;
  private readonly urls: AlpacaUrls;
  private readonly keys;
  private connection: Promise<AlpacaRest> | undefined;
  /** Ids of orders seen, to name the order of an execution. */
  private readonly clientIds = new Map<string, string>();

  constructor(
    private readonly options: AlpacaBrokerSettings,
    private readonly context: BrokerContext,
  ) {
    const environment = context.live ? 'live' : 'paper';
    this.venue = `alpaca-${environment}`;
    this.keys = alpacaKeys(context.secrets, environment);
    this.urls = alpacaUrls(context.secrets, environment);
  }

  private rest(): Promise<AlpacaRest> {
    const { clock, logger, stateDir, ending } = this.context;
    this.connection ??= AlpacaRest.create({
      keys: this.keys,
      urls: this.urls,
      clock,
      logger,
      stateDir,
      timeoutMs: this.options.timeoutSeconds * 1000,
      ending,
    });
    return this.connection;
  }

  async account(): Promise<BrokerAccount> {
    const rest = await this.rest();
    const account = accountFrom(
      await rest.trading('AccountsApi', (api, init) => api.getAccountRaw(init)),
      !this.context.live,
    );
    if (this.context.live && account.id.startsWith('PA'))
      throw new QuantlineError(
        'CREDENTIALS',
        `Account ${account.id} is a paper account, but live trading was asked for.`,
        { hint: 'Use the keys of the live account.' },
      );
    return account;
  }

  async clock(): Promise<BrokerClock> {
    const rest = await this.rest();
    return clockFrom(asObject(await rest.trading('ClockApi', (api, init) => api.legacyClockRaw(init)), 'clock'));
  }

  async asset(instrument: string): Promise<BrokerAsset> {
    const rest = await this.rest();
    let json: Readonly<Record<string, unknown>>;
    try {
      const call = rest.trading('AssetsApi', (api, init) =>
        api.getV2AssetsSymbolOrAssetIdRaw({ symbolOrAssetId: instrument }, init),
      );
      json = asObject(await call, 'asset');
    } catch (error) {
      if (httpFailureOf(error)?.status !== 404) throw error;
      return { instrument, tradable: false, shortable: false, fractionable: false };
    }
    return assetFrom(instrument, json);
  }

  async positions(): Promise<readonly BrokerPosition[]> {
    const rest = await this.rest();
    const list = await rest.trading('PositionsApi', (api, init) => api.getAllOpenPositionsRaw(init));
    return asList(list, 'list of positions').map(positionFrom);
  }

  async quotes(instruments: readonly string[]): Promise<readonly Quote[]> {
    return alpacaQuotes(await this.rest(), instruments);
  }

  async openOrders(): Promise<readonly BrokerOrder[]> {
    const open: BrokerOrder[] = [];
    // Legs hang below an entry that may be filled already; a held stop is listed nowhere else.
    const take = (order: BrokerOrder): void => {
      if (!TERMINAL_STATUSES.has(order.status)) open.push(order);
      for (const leg of order.legs ?? []) take(leg);
    };
    for (const order of await this.listOrders({ status: 'open' })) take(order);
    return [...new Map(open.map((order) => [order.venueOrderId, order])).values()];
  }

  /** All pages, newest first, until an empty one: a short page proves nothing. */
  private async listOrders(query: { status: 'open' | 'all'; after?: number }): Promise<readonly BrokerOrder[]> {
    const rest = await this.rest();
    const seen = new Map<string, BrokerOrder>();
    for (let before: string | undefined; ; ) {
      const cursor = before === undefined ? {} : { beforeOrderId: before };
      const reply = await rest.trading('OrdersApi', (api, init) =>
        api.getAllOrdersRaw({ status: query.status, limit: PAGE, nested: true, direction: 'desc', ...cursor }, init),
      );
      const page = asList(reply, 'list of orders').map(orderFrom);
      for (const order of page) this.remember(order);
      const fresh = page.filter((order) => !seen.has(order.venueOrderId));
      if (page.length === 0) break;
      if (fresh.length === 0)
        throw new QuantlineError('UNAVAILABLE', "Alpaca's list of orders repeats itself; it was not read to its end.", {
          hint: 'Try again in a moment.',
        });
      for (const order of fresh) seen.set(order.venueOrderId, order);
      before = page.at(-1)!.venueOrderId;
      if (query.after !== undefined && (page.at(-1)!.submittedAt ?? 0) < query.after) break;
    }
    return [...seen.values()];
  }

  private remember(order: BrokerOrder): void {
    if (order.clientOrderId !== undefined) this.clientIds.set(order.venueOrderId, order.clientOrderId);
    for (const leg of order.legs ?? []) this.remember(leg);
  }

  async orderByClientId(clientOrderId: string, hint?: OrderHint): Promise<BrokerOrder | undefined> {
    const found = await this.find((api, init) => api.getOrderByClientOrderIdRaw({ clientOrderId }, init));
    if (found !== undefined || hint === undefined) return found;
    // The look-up lags behind acceptance; the list of recent orders is a second witness.
    const recent = await this.listOrders({ status: 'all', after: hint.sentAt - 5 * MINUTE });
    return recent.find((order) => order.clientOrderId === clientOrderId);
  }

  orderByVenueId(venueOrderId: string): Promise<BrokerOrder | undefined> {
    return this.find((api, init) => api.getOrderByOrderIDRaw({ orderId: venueOrderId, nested: true }, init));
  }

  private async find(call: OrdersCall): Promise<BrokerOrder | undefined> {
    const rest = await this.rest();
    try {
      const order = orderFrom(await rest.trading('OrdersApi', call));
      this.remember(order);
      return order;
    } catch (error) {
      const http = httpFailureOf(error);
      // A 404 without the venue's own words comes from something in between.
      if (http?.status === 404 && http.vendorMessage !== undefined) return undefined;
      throw error;
    }
  }

  async submit(request: OrderRequest, clientOrderId: string): Promise<BrokerOrder> {
    const postOrderRequest = orderBody(request, clientOrderId, this.capabilities);
    return this.send(request.instrument, clientOrderId, (api, init) => api.postOrderRaw({ postOrderRequest }, init));
  }

  /** One write, never repeated; what cannot be told from its reply is ambiguous. */
  private async send(instrument: string, clientOrderId: string, call: OrdersCall): Promise<BrokerOrder> {
    const rest = await this.rest();
    const once: CallOptions = { retry: false, maxQueueMs: 2000 };
    let reply: unknown;
    try {
      reply = await rest.trading('OrdersApi', call, once);
    } catch (error) {
      throw sendFailure(instrument, error);
    }
    try {
      const order = orderFrom(reply);
      if (order.clientOrderId !== clientOrderId || order.instrument !== instrument)
        throw unreadable('reply to the order', 'the id that was sent');
      this.remember(order);
      return order;
    } catch (error) {
      throw sendError(
        'ambiguous',
        `${instrument}: the order may or may not have been taken. ${(error as Error).message}`,
        {
          hint: 'It is looked up by its id before anything else is done.',
          cause: error,
        },
      );
    }
  }

  async cancel(venueOrderId: string): Promise<void> {
    const rest = await this.rest();
    for (let attempt = 1; ; attempt++) {
      try {
        await rest.trading('OrdersApi', (api, init) => api.deleteOrderByOrderIDRaw({ orderId: venueOrderId }, init), {
          retry: false,
        });
        return;
      } catch (error) {
        const http = httpFailureOf(error);
        if (http === undefined || error === undefined || (isQuantlineError(error) && error.code === 'CREDENTIALS'))
          throw error;
        const order = await this.orderByVenueId(venueOrderId);
        if (order === undefined)
          throw new QuantlineError('REFUSED', `Alpaca has no order ${venueOrderId} to cancel.`, { cause: error });
        if (TERMINAL_STATUSES.has(order.status) || order.status === 'pending_cancel') return;
        // Asking twice for a cancel is harmless; a refusal in words is not asked again.
        const again = http.ambiguous || http.cause === 'rate-limit' || http.status === undefined;
        if (!again || attempt >= 3)
          throw again
            ? error
            : new QuantlineError(
                'REFUSED',
                `Alpaca does not cancel order ${venueOrderId}: ${http.vendorMessage ?? http.status}.`,
                {
                  hint: 'It is open still; look at it again in a moment.',
                  cause: error,
                },
              );
        const wait = Math.max((http.retryAt ?? 0) - this.context.clock.now(), 250 * attempt);
        await this.context.clock.sleep(Math.min(wait, MINUTE));
      }
    }
  }

  async replace(venueOrderId: string, request: OrderRequest, clientOrderId: string): Promise<BrokerOrder> {
    const { instrument, quantity, limitPrice, stopPrice } = request;
    // The same rules as for a new order; only what changes is sent, because a fractional quantity may not be repeated.
    const { takeProfit: _, stopLoss: __, ...plain } = request;
    const body = orderBody(plain, clientOrderId, this.capabilities);
    const old = await this.orderByVenueId(venueOrderId);
    if (old === undefined)
      throw sendError('rejected', `${instrument}: Alpaca has no order ${venueOrderId} to replace.`);
    if (request.notional !== undefined)
      throw sendError('rejected', `${instrument}: an order by amount cannot be replaced.`);
    const changed = (now: string | undefined, before: string | undefined): boolean =>
      now !== undefined && (before === undefined || decimal.compare(now, before) !== 0);
    const patchOrderRequest = {
      clientOrderId,
      ...(changed(quantity, old.quantity) ? { qty: quantity as string } : {}),
      ...(changed(limitPrice, old.limitPrice) ? { limitPrice: limitPrice as string } : {}),
      ...(changed(stopPrice, old.stopPrice) ? { stopPrice: stopPrice as string } : {}),
      ...(request.trail === undefined ? {} : { trail: decimal.multiply(request.trail, '100') }),
      ...(body.timeInForce === undefined ? {} : { timeInForce: body.timeInForce }),
    };
    return this.send(instrument, clientOrderId, (api, init) =>
      api.patchOrderByOrderIdRaw({ orderId: venueOrderId, patchOrderRequest }, init),
    );
  }

  async executions(cursor: string | undefined): Promise<ExecutionPage> {
    const rest = await this.rest();
    const start = cursor === undefined ? this.context.clock.now() - HISTORY_MS : Number(cursor) - OVERLAP_MS;
    if (!Number.isFinite(start)) throw new QuantlineError('STATE', `"${cursor}" is no cursor of Alpaca's executions.`);
    const seen = new Map<string, ExecutionPage['executions'][number]>();
    for (let pageToken: string | undefined; ; ) {
      const token = pageToken === undefined ? {} : { pageToken };
      const reply = await rest.trading('AccountActivitiesApi', (api, init) =>
        api.getAccountActivitiesRaw(
          { activityTypes: ['FILL'], after: dateOf(start), direction: 'asc', pageSize: ACTIVITIES_PAGE, ...token },
          init,
        ),
      );
      const page = asList(reply, 'list of fills').map((one) => executionFrom(one, (id) => this.clientIds.get(id)));
      if (page.length === 0) break;
      const fresh = page.filter((one) => !seen.has(one.executionId));
      if (fresh.length === 0)
        throw new QuantlineError('UNAVAILABLE', "Alpaca's list of fills repeats itself; it was not read to its end.", {
          hint: 'Try again in a moment.',
        });
      for (const one of fresh) seen.set(one.executionId, one);
      // Whatever a short page left out comes with the next read, which starts where this one ended.
      if (page.length < ACTIVITIES_PAGE) break;
      pageToken = page.at(-1)!.executionId;
    }
    const executions = [...seen.values()];
    const latest = executions.reduce(
      (max, { time }) => Math.max(max, time),
      start + (cursor === undefined ? 0 : OVERLAP_MS),
    );
    return { executions, cursor: String(Math.floor(latest)) };
  }

  events(signal: AbortSignal): AsyncIterable<BrokerEvent> {
    const { clock, logger } = this.context;
    return alpacaEvents({
      keys: this.keys,
      url: this.urls.tradingStream,
      clock,
      logger,
      signal,
      pollMs: this.options.pollSeconds * 1000,
      executions: (cursor) => this.executions(cursor),
      remember: (order) => this.remember(order),
    });
  }

  async suspend(on: boolean): Promise<void> {
    const rest = await this.rest();
    const reply = await rest.trading('AccountConfigurationsApi', (api, init) =>
      api.patchAccountConfigRaw({ accountConfigurations: { suspendTrade: on } }, init),
    );
    if (asObject(reply, 'configuration')['suspend_trade'] !== on)
      throw new QuantlineError(
        'REFUSED',
        `Alpaca did not ${on ? 'suspend' : 'resume'} trading (${isoTime(this.context.clock.now())}).`,
        { hint: 'Do it at app.alpaca.markets.' },
      );
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

type OrdersCall = Parameters<typeof AlpacaRest.prototype.trading<'OrdersApi'>>[1];
