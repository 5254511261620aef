import type { Contract } from '@stoqey/ib';
import { z } from 'zod';
import { dayStart, type IbkrSession, type openIbkr, serverLostError } from '../../clients/ibkr/index.js';
import { calendarOf, decimal, type Quote, TERMINAL_STATUSES } from '../../domain/index.js';
import { isQuantlineError, type QuantlineError } from '../../errors/index.js';
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
  sendOutcome,
} from '../broker.js';
import { hoursAt } from '../hours.js';
import { cancelOrder, changePrices, listed, requireOwn } from './ibkr-change.js';
import { IbkrConnection } from './ibkr-connection.js';
import { ibkrEvents } from './ibkr-events.js';
import { placeGroup } from './ibkr-place.js';
import { instrumentOf, type SeenOrder, symbolOf, withLegs } from './ibkr-read.js';
import * as reads from './ibkr-reads.js';
import { ordersFor, stockContract } from './ibkr-send.js';

export const name = 'ibkr';
export const summary = 'Interactive Brokers through TWS or IB Gateway; paper accounts only, unless --live.';

export const settings = z.strictObject({
  /** Host of TWS or IB Gateway; IB_HOST, or this machine. */
  host: z.string().optional(),
  /** Its port: Gateway 4002 (paper) or 4001 (live), TWS 7497 or 7496. IB_PORT; by default the Gateway's. */
  port: z.int().min(1).max(65535).optional(),
  /** Client id: orders belong to the one that placed them. IB_CLIENT_ID, or 17. */
  clientId: z.int().min(0).max(999_999).optional(),
  /** Account, where the login has several. */
  account: z.string().optional(),
  /** Messages a second; Interactive Brokers takes 50. */
  maxRequestsPerSecond: z.int().min(1).max(50).default(40),
  /** Seconds for one question, its answer included. */
  timeoutSeconds: z.number().min(0.1).max(120).default(15),
  /** Seconds between the reads that notice a mute connection. */
  pollSeconds: z.number().min(1).max(600).default(30),
  /** Time zone of TWS, for times that it sends without one, and for the day whose executions it keeps. */
  timezone: z.string().default('America/New_York'),
  /** Primary exchanges of symbols that are listed more than once: `SPY=ARCA,ABC=NYSE`. */
  primaryExchanges: z
    .string()
    .regex(/^(\s*[^=,]+=[A-Z.]+\s*(,|$))*$/, 'write SYMBOL=EXCHANGE, separated by commas')
    .default(''),
});
export type IbkrBrokerSettings = z.output<typeof settings>;

export const capabilities: BrokerCapabilities = {
  // orderRef is kept, but a second order with the same one is taken as well.
  clientOrderIds: false,
  orderTypes: new Set(['market', 'limit', 'stop', 'stop_limit', 'trailing_stop']),
  timesInForce: new Set(['day', 'gtc', 'opg', 'cls', 'ioc', 'fok']),
  notional: false,
  fractional: false,
  short: true,
  extendedHours: true,
  attachedProtection: true,
  oco: true,
  pairedEntries: 'two-orders',
  trailingStop: true,
  replace: true,
  stream: true,
};

/** An order sent a moment before midnight may not be listed yet. */
const JUST_SENT_MS = 3_600_000;

export function create(options: IbkrBrokerSettings, context: BrokerContext): Broker {
  return new IbkrBroker(options, context);
}

export class IbkrBroker implements Broker {
  readonly venue: string;
  readonly capabilities = capabilities;
  private readonly connection: IbkrConnection;
  private readonly contracts = new Map<string, Contract>();
  private readonly primary: ReadonlyMap<string, string>;
  /** Client order ids that this process has sent: looked for before they are sent once more. */
  private readonly attempted = new Set<string>();

  constructor(
    private readonly options: IbkrBrokerSettings,
    private readonly context: BrokerContext,
    open?: typeof openIbkr,
  ) {
    this.venue = `ibkr-${context.live ? 'live' : 'paper'}`;
    this.connection = new IbkrConnection(options, context, open);
    this.primary = new Map(
      options.primaryExchanges
        .split(',')
        .filter((pair) => pair.trim() !== '')
        .map((pair) => pair.trim().split('=') as [string, string]),
    );
  }

  async account(): Promise<BrokerAccount> {
    const session = await this.connection.session();
    const id = this.connection.accountOf(session);
    return { ...(await reads.accountSummary(session, id)), id, paper: !this.context.live };
  }

  async clock(): Promise<BrokerClock> {
    const now = await reads.serverTime(await this.connection.session());
    return hoursAt(now, this.context.calendar ?? calendarOf('XNYS'));
  }

  async asset(instrument: string): Promise<BrokerAsset> {
    const found = await this.contract(instrument, await this.connection.session());
    return {
      instrument,
      tradable: typeof found !== 'string',
      // Whether shares can be borrowed shows when the order is placed: it is refused or held.
      shortable: typeof found !== 'string',
      fractionable: false,
    };
  }

  async positions(): Promise<readonly BrokerPosition[]> {
    const session = await this.connection.session();
    const account = this.connection.accountOf(session);
    return (await reads.positions(session))
      .filter((row) => row.account === account && row.quantity !== 0)
      .map(({ contract, quantity, averageCost }) => ({
        instrument: instrumentOf(contract, 'position'),
        quantity: decimal.decimalText(quantity),
        averagePrice: averageCost === undefined ? undefined : decimal.decimalText(averageCost),
        marketPrice: undefined,
      }));
  }

  /** Live where the account subscribes to them, else delayed ones; an instrument that has neither is said and left out. */
  async quotes(instruments: readonly string[]): Promise<readonly Quote[]> {
    const session = await this.connection.session();
    const asked = instruments.map(async (instrument) => {
      try {
        const contract = await this.contract(instrument, session);
        if (typeof contract === 'string') return [];
        return await reads.quote(session, instrument, contract, this.context.clock.now());
      } catch (error) {
        if (!isQuantlineError(error) || session.ended !== undefined || session.lost) throw error;
        this.context.logger.warn(`${instrument}: ${error.message}`);
        return [];
      }
    });
    return (await Promise.all(asked)).flat();
  }

  async openOrders(): Promise<readonly BrokerOrder[]> {
    const open = await this.open(await this.connection.session());
    return withLegs(open)
      .filter(({ order }) => !TERMINAL_STATUSES.has(order.status))
      .map(({ order }) => order);
  }

  private open(session: IbkrSession): Promise<readonly SeenOrder[]> {
    return reads.openOrders(session, this.connection.accountOf(session));
  }

  /** Open orders and those completed today, exits hung on their entries; an order in both is the completed one. */
  private async all(session: IbkrSession): Promise<readonly SeenOrder[]> {
    const account = this.connection.accountOf(session);
    const [open, completed] = [
      await this.open(session),
      await reads.completedOrders(session, account, this.options.timezone),
    ];
    const byId = new Map([...open, ...completed].map((one) => [one.order.venueOrderId, one]));
    return withLegs([...byId.values()]);
  }

  async orderByClientId(clientOrderId: string, hint?: OrderHint): Promise<BrokerOrder | undefined> {
    const session = await this.connection.session();
    const all = await this.all(session);
    // What hangs on another order has its reference, and is known by its permId alone.
    const isMeant = (ref: string | undefined, venueOrderId: string) =>
      ref === clientOrderId || venueOrderId === hint?.venueOrderId;
    // An entry that was refused twice leaves two orders under one reference: the one that lives is meant.
    const ours = all.filter(({ ref, order }) => isMeant(ref, order.venueOrderId)).map(({ order }) => order);
    const found = ours.find(({ status }) => status !== 'rejected') ?? ours[0];
    if (found !== undefined) return found;
    return (
      (await this.fromExecutions((one) => isMeant(one.clientOrderId, one.venueOrderId), hint)) ??
      (hint === undefined ? undefined : this.presumed(hint, clientOrderId))
    );
  }

  async orderByVenueId(venueOrderId: string): Promise<BrokerOrder | undefined> {
    const session = await this.connection.session();
    const found = (await this.all(session)).find(({ order }) => order.venueOrderId === venueOrderId);
    return found?.order ?? this.fromExecutions((one) => one.venueOrderId === venueOrderId);
  }

  /** An order that only its executions still show; without its quantity it stays open. */
  private async fromExecutions(
    ofOrder: (execution: ExecutionPage['executions'][number]) => boolean,
    hint?: OrderHint,
  ): Promise<BrokerOrder | undefined> {
    const all = await this.executions(undefined);
    const voided = new Set(all.executions.map(({ refersTo }) => refersTo));
    const own = all.executions.filter((one) => ofOrder(one) && one.kind !== 'bust' && !voided.has(one.executionId));
    const first = own[0];
    if (first === undefined) return undefined;
    const filledQuantity = decimal.sum(own.map(({ quantity }) => quantity));
    const quantity = hint?.request.quantity;
    const filled = quantity !== undefined && decimal.compare(filledQuantity, quantity) >= 0;
    return {
      venueOrderId: first.venueOrderId,
      clientOrderId: first.clientOrderId,
      ...(first.attachedTo !== undefined && { attachedTo: first.attachedTo }),
      instrument: first.instrument,
      side: first.side,
      type: hint?.request.type ?? 'other',
      status: filled ? 'filled' : 'partially_filled',
      venueStatus: 'executed',
      quantity,
      notional: undefined,
      filledQuantity,
      averagePrice: undefined,
      limitPrice: hint?.request.limitPrice,
      stopPrice: hint?.request.stopPrice,
      submittedAt: undefined,
      updatedAt: undefined,
    };
  }

  /** What is not open and was sent before today's records begin is over; how it ended is not known any more. */
  private presumed(hint: OrderHint, clientOrderId: string): BrokerOrder | undefined {
    const { request, sentAt, venueOrderId } = hint;
    const now = this.context.clock.now();
    if (sentAt >= dayStart(now, this.options.timezone) || now - sentAt < JUST_SENT_MS) return undefined;
    return {
      venueOrderId: venueOrderId ?? `gone/${clientOrderId}`,
      clientOrderId,
      instrument: request.instrument,
      side: request.side,
      type: request.type,
      status: 'expired',
      venueStatus: 'gone',
      quantity: request.quantity,
      notional: undefined,
      filledQuantity: '0',
      averagePrice: undefined,
      limitPrice: request.limitPrice,
      stopPrice: request.stopPrice,
      submittedAt: sentAt,
      updatedAt: undefined,
      reason: 'sent before the day that TWS keeps records of; it is not open any more',
      presumed: true,
    };
  }

  async submit(request: OrderRequest, clientOrderId: string): Promise<BrokerOrder> {
    const { instrument } = request;
    const parts = ordersFor(request, clientOrderId, this.capabilities);
    const unsent = (error: unknown): QuantlineError => {
      if (isQuantlineError(error) && (error.code !== 'UNAVAILABLE' || sendOutcome(error) === 'duplicate')) return error;
      const { message, hint } = error as QuantlineError;
      return sendError('not_sent', `${instrument}: not sent. ${message}`, {
        cause: error,
        ...(hint === undefined ? {} : { hint }),
      });
    };
    let session: IbkrSession;
    let contract: Contract | string;
    try {
      session = await this.connection.session('orders');
      if (session.lost) throw serverLostError();
      contract = await this.contract(instrument, session);
      if (this.attempted.has(clientOrderId)) await this.refuseSecond(session, instrument, clientOrderId);
    } catch (error) {
      throw unsent(error);
    }
    if (typeof contract === 'string') throw sendError('rejected', `${instrument}: ${contract}. Nothing was sent.`);
    this.attempted.add(clientOrderId);
    return placeGroup(session, {
      instrument,
      contract,
      account: this.connection.accountOf(session),
      parts,
      timeoutMs: this.options.timeoutSeconds * 1000,
      ending: this.context.ending,
      logger: this.context.logger,
    });
  }

  /** TWS takes a second order with the same reference, so it is looked for here. */
  private async refuseSecond(session: IbkrSession, instrument: string, clientOrderId: string): Promise<void> {
    const again = (await this.all(session)).find(
      ({ ref, order }) => ref === clientOrderId && order.status !== 'rejected',
    );
    if (again !== undefined)
      throw sendError('duplicate', `${instrument}: an order with the reference ${clientOrderId} exists already.`);
  }

  async amend(venueOrderId: string, request: OrderRequest): Promise<BrokerOrder> {
    const { takeProfit: _, stopLoss: __, ...alone } = request;
    const [changed] = ordersFor(alone, '', this.capabilities);
    const session = await this.connection.session('orders');
    const found = listed(await this.all(session), venueOrderId, 'change');
    requireOwn(session, found, 'changed');
    return changePrices(session, found, changed!.order);
  }

  async cancel(venueOrderId: string): Promise<void> {
    const session = await this.connection.session('orders');
    const all = await this.all(session);
    const found = listed(all, venueOrderId, 'cancel');
    // An entry takes its exits along; of a pair of exits both are cancelled.
    const legIds = new Set(found.order.legs?.map((leg) => leg.venueOrderId));
    const group = [found, ...all.filter(({ order }) => legIds.has(order.venueOrderId))];
    const alive = group.filter(
      ({ order }) => !TERMINAL_STATUSES.has(order.status) && order.status !== 'pending_cancel',
    );
    for (const one of alive) {
      requireOwn(session, one, 'cancelled');
      await cancelOrder(session, one);
    }
  }

  async executions(_cursor: string | undefined): Promise<ExecutionPage> {
    const session = await this.connection.session();
    // Always the whole day: a correction carries the time of what it corrects, so no cursor would find it.
    const executions = await reads.executions(session, this.connection.accountOf(session), this.options.timezone);
    return { executions, cursor: String(executions.reduce((max, { time }) => Math.max(max, time), 0)) };
  }

  events(signal: AbortSignal): AsyncIterable<BrokerEvent> {
    return ibkrEvents({
      connection: this.connection,
      clock: this.context.clock,
      logger: this.context.logger,
      signal,
      pollMs: this.options.pollSeconds * 1000,
      timezone: this.options.timezone,
    });
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  /** The one contract of a symbol, or why there is none. */
  private async contract(instrument: string, session: IbkrSession): Promise<Contract | string> {
    const cached = this.contracts.get(instrument);
    if (cached !== undefined) return cached;
    const known = this.context.instruments?.find(({ id }) => id === instrument);
    const primary = this.primary.get(instrument) ?? known?.vendorIds['ibkr'];
    const query = stockContract(symbolOf(instrument), known?.currency ?? 'USD', primary);
    const found = await reads.contracts(session, query);
    const distinct = [...new Map(found.map((one) => [one.conId, one])).values()];
    if (distinct.length === 0) return 'it is not known at Interactive Brokers';
    if (distinct.length > 1) {
      const where = distinct.map(({ primaryExch, conId }) => primaryExch || String(conId)).join(', ');
      return `Interactive Brokers lists it more than once (${where}); name one: --set primaryExchanges=${instrument}=${distinct[0]!.primaryExch}`;
    }
    const contract = { ...distinct[0]!, exchange: 'SMART' };
    this.contracts.set(instrument, contract);
    return contract;
  }
}
